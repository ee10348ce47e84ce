//! Words of panics, and for how long they are caught.

use std::panic::{set_hook, take_hook};
use std::sync::mpsc::channel;

use super::*;

#[test]
fn a_panic_becomes_its_words() {
    assert_eq!(caught(|| 7), Ok(7));
    let number = 3;
    assert_eq!(caught(|| assert!(number == 4, "I2: {number} is not 4")), Err("I2: 3 is not 4".to_owned()));
    assert_eq!(caught(|| panic!("words alone")), Err::<(), _>("words alone".to_owned()));
    assert_eq!(caught(|| std::panic::panic_any(1)), Err::<(), _>("a panic without words".to_owned()));
}

#[test]
fn a_panic_counts_as_caught_only_within() {
    let is_caught = || CAUGHT.get();
    assert!(!is_caught());
    let within = caught(|| {
        let deeper = caught(|| panic!("deeper"));
        (deeper, is_caught(), std::thread::scope(|scope| scope.spawn(is_caught).join().expect("no panic")))
    });
    assert_eq!(within, Ok((Err::<(), _>("deeper".to_owned()), true, false)));
    assert!(!is_caught());
}

#[test]
fn a_hook_can_ask_which_panics_are_caught_and_their_place_is_told() {
    // Other tests panic meanwhile, on threads of their own.
    let own = std::thread::current().id();
    let (sender, noted) = channel();
    let otherwise = take_hook();
    set_hook(Box::new(move |panic| {
        let caught = std::thread::current().id() == own && note(panic);
        if std::thread::current().id() == own {
            sender.send(caught).expect("the test goes on");
        }
        if !caught {
            otherwise(panic);
        }
    }));
    let within = caught(|| panic!("within")).map_err(|words| words.contains("within (") && words.contains("tests.rs:"));
    assert_eq!(within, Err::<(), _>(true));
    let outside = catch_unwind(|| panic!("outside")).map_err(|panic| words(panic.as_ref()));
    assert_eq!(outside, Err::<(), _>("outside".to_owned()));
    assert_eq!(noted.try_iter().collect::<Vec<_>>(), [true, false]);
    assert_eq!(caught(|| ()), Ok(()));
}
