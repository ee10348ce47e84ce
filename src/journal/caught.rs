//! Panics that are caught: an invariant that a record breaks outright becomes the words of an error or of a finding.
//!
//! A daemon whose panics end the process asks [`note`] in its hook: that runs before anything is caught.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};

thread_local! {
    /// Whether a panic of this thread is caught by what has called.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
    /// Where the last such panic was, if a hook has noted it.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs something; of a panic come its words, and where it was if the hook has noted that. What was changed half is not
/// used any more.
pub(crate) fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    let outer = CAUGHT.replace(true);
    assert!(outer || PLACE.take().is_none(), "a place belongs to one panic");
    let outcome = catch_unwind(AssertUnwindSafe(run));
    assert!(CAUGHT.replace(outer), "it is known all the while that a panic is caught");
    outcome.map_err(|panic| {
        let words = words(panic.as_ref());
        PLACE.take().map_or_else(|| words.clone(), |place| format!("{words} ({place})"))
    })
}

/// For the hook of a process that a panic ends: whether this one is caught, and ends nothing. Where it was is kept.
pub fn note(panic: &PanicHookInfo<'_>) -> bool {
    // A thread that is ending catches nothing any more.
    let caught = CAUGHT.try_with(Cell::get).unwrap_or(false);
    if caught {
        let place = panic.location().map(ToString::to_string);
        assert!(place.is_some(), "a panic has a place");
        PLACE.set(place);
    }
    caught
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").to_owned()
}

#[cfg(test)]
mod tests;
