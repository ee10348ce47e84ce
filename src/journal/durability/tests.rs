//! Waiting and waking.

use super::*;
use std::sync::Arc;
use std::sync::mpsc;

const LONG: Duration = Duration::from_secs(20);

#[test]
fn a_waiter_is_woken_by_the_position_it_waits_for() {
    let durability = Arc::new(Durability::new(Position(3), DurabilityMode::Sync));
    assert_eq!(durability.wait_past(Position(2), Duration::ZERO), Position(3));
    assert_eq!(durability.wait_past(Position(3), Duration::from_millis(1)), Position(3));
    let waiter = {
        let durability = Arc::clone(&durability);
        std::thread::spawn(move || {
            let mut reached = Position(3);
            while reached < Position(2000) {
                let now = durability.wait_past(reached, LONG);
                assert!(now > reached, "it woke for nothing");
                reached = now;
            }
        })
    };
    for position in 4..=2000 {
        durability.publish_synced(Position(position));
    }
    waiter.join().unwrap();
}

#[test]
fn a_failure_wakes() {
    let durability = Arc::new(Durability::new(Position::NONE, DurabilityMode::Sync));
    let waiter = {
        let durability = Arc::clone(&durability);
        std::thread::spawn(move || durability.wait_past(Position::NONE, LONG))
    };
    durability.publish_failed();
    assert_eq!(waiter.join().unwrap(), Position::NONE);
    assert!(durability.has_failed());
}

#[test]
fn who_has_nothing_to_wait_for_does_not_sleep() {
    let durability = Arc::new(Durability::new(Position(3), DurabilityMode::Sync));
    let ask = |position| {
        let durability = Arc::clone(&durability);
        let (told, answer) = mpsc::channel();
        std::thread::spawn(move || told.send(durability.wait_past(position, 30 * LONG)));
        answer.recv_timeout(LONG)
    };
    assert_eq!(ask(Position(2)), Ok(Position(3)), "it is synced");
    durability.publish_failed();
    assert_eq!(ask(Position(3)), Ok(Position(3)), "it will never be");
}

#[test]
fn trimming_is_only_ever_allowed_further() {
    let durability = Durability::new(Position(9), DurabilityMode::Memory);
    durability.allow_trim(Position(5));
    durability.allow_trim(Position(2));
    assert_eq!(durability.trim_allowed(), Position(5));
    assert!(DurabilityMode::Sync.is_durable() && !durability.mode().is_durable());
}

#[test]
fn who_waits_is_woken_without_a_change() {
    let durability = Arc::new(Durability::new(Position(3), DurabilityMode::Sync));
    let waiting = Arc::clone(&durability);
    let waiter = std::thread::spawn(move || waiting.wait_past(Position(3), LONG));
    let mut calls = 0;
    while !waiter.is_finished() && calls < 2_000 {
        durability.wake();
        std::thread::sleep(Duration::from_millis(5));
        calls += 1;
    }
    assert!(calls < 2_000, "nobody was woken");
    assert_eq!(waiter.join().unwrap(), Position(3));
}
