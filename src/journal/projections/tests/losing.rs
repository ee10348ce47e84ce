//! A store that loses with an error what was not flushed, and takes nothing more before it was recovered.

use std::sync::Arc;

use parking_lot::Mutex;

use super::*;
use crate::projections::store::Show;

/// The store; clones are the same store.
#[derive(Clone, Default)]
struct Losing {
    state: Arc<Mutex<State>>,
    recovers: bool,
}

#[derive(Default)]
struct State {
    store: MemoryProjections,
    loses: bool,
    lost: bool,
}

impl Losing {
    /// An empty store, which comes back after an error or not.
    fn new(recovers: bool) -> Self {
        Self { recovers, ..Self::default() }
    }

    /// The next flush fails.
    fn lose(&self) {
        self.state.lock().loses = true;
    }

    /// What a start would find.
    fn on_disk(&self) -> MemoryProjections {
        self.state.lock().store.crashed()
    }

    fn store(&self) -> MemoryProjections {
        self.state.lock().store.clone()
    }
}

impl State {
    fn check(&self) -> Result<(), StoreError> {
        if self.lost { Err(StoreError("lost what was written".to_owned())) } else { Ok(()) }
    }
}

impl ProjectionStore for Losing {
    fn value(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.store().value(family, key)
    }

    fn last_up_to(&self, family: Family, key: &[u8], show: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), StoreError> {
        self.store().last_up_to(family, key, show)
    }

    fn scan(&self, family: Family, from: &[u8], show: &mut Show<'_>) -> Result<(), StoreError> {
        self.store().scan(family, from, show)
    }

    fn write(&self, fill: &mut dyn FnMut(&mut dyn BatchWriter)) -> Result<(), StoreError> {
        self.state.lock().check()?;
        self.store().write(fill)
    }

    fn freeze(&self, read: &mut dyn FnMut(&dyn Frozen)) {
        self.store().freeze(read);
    }

    fn flush(&self) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        if std::mem::take(&mut state.loses) {
            state.store = state.store.crashed();
            state.lost = true;
        }
        state.check()?;
        state.store.flush()
    }

    fn recover(&self, _from: &StoreError) -> bool {
        let mut state = self.state.lock();
        if self.recovers {
            state.lost = false;
        }
        self.recovers
    }
}

#[test]
fn what_a_store_lost_with_an_error_is_written_again_at_once_where_it_has_recovered() {
    let script = script(20);
    for recovers in [false, true] {
        let store = Losing::new(recovers);
        let mut projector = open(store.clone());
        follow(&mut projector, &script, 20, 9);
        projector.flush().unwrap();
        follow(&mut projector, &script, script.len(), 9);
        store.lose();
        assert_eq!(projector.flush().is_ok(), recovers);
        let flushed = if recovers { script.len() } else { 20 };
        assert_eq!(usize::try_from(projector.archive().flushed().0).unwrap(), flushed);
        let again = open(store.on_disk());
        assert!(again.archive().canonical().unwrap() == in_one_go(&script[..flushed]), "I8");
    }
}
