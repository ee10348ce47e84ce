//! A client that dies at any step of a hold: the hold ends by itself, no credit stays held and none is made (I1).

use protocol::limits::HEADER_BYTES;
use protocol::{BucketView, Command, Operation, RefundReason, View};

use super::super::daemon::Daemon;
use super::super::requests::{ACCOUNT, hold_id, open_account};
use super::super::wire::{Wire, hello, operations_frame};
use super::raw::Raw;
use super::until;

/// What is held each time, in millicredits.
const AMOUNT: u64 = 10;
/// How long each hold lives.
const TTL_MS: u32 = 300;

/// Where the client dies.
#[derive(Clone, Copy, Debug)]
enum Death {
    /// After so many bytes of this frame.
    Within(usize, usize),
    /// With the frame sent whole, and its answer not read.
    Unread(usize),
    /// With the answer read.
    Read(usize),
}

/// The frames of a hold's life: reserve, extend, commit, refund; or reserve and release.
fn lives() -> [Vec<Operation>; 2] {
    let (one, other) = (hold_id(), hold_id());
    let reserve = |hold| Operation::reserve(hold, ACCOUNT, AMOUNT, TTL_MS);
    [
        vec![
            reserve(one),
            Operation::extend(one, ACCOUNT, TTL_MS),
            Operation::commit(one, ACCOUNT, AMOUNT / 2, 1),
            Operation::refund(one, ACCOUNT, 1, 1, RefundReason::Goodwill),
        ],
        vec![reserve(other), Operation::release(other, ACCOUNT)],
    ]
}

fn deaths(frames: usize) -> Vec<Death> {
    let within = [1, HEADER_BYTES - 1, HEADER_BYTES, HEADER_BYTES + 50, HEADER_BYTES + 95];
    let mut all = Vec::new();
    for frame in 0..frames {
        all.extend(within.map(|bytes| Death::Within(frame, bytes)));
        all.extend([Death::Unread(frame), Death::Read(frame)]);
    }
    all
}

/// Lives until its death, and dies by a close or by a reset.
fn live_and_die(daemon: &Daemon, life: &[Operation], death: Death, reset: bool) {
    let mut raw = Raw::shaken(daemon);
    let (Death::Within(last, _) | Death::Unread(last) | Death::Read(last)) = death;
    for (number, operation) in life.iter().enumerate().take(last + 1) {
        let frame = operations_frame(1, std::slice::from_ref(operation));
        match death {
            Death::Within(_, bytes) if number == last => raw.send(&frame[..bytes]),
            _ => raw.send(&frame),
        };
        if number < last || matches!(death, Death::Read(_)) {
            assert!(raw.read_frame().is_some(), "an answer before the death");
        }
    }
    if reset {
        raw.reset();
    }
}

fn account(wire: &mut Wire) -> (BucketView, u64) {
    let View::Account(view) = wire.command(&Command::ShowAccount { account: ACCOUNT }).view else {
        panic!("an account is shown")
    };
    (view.free, view.open_holds)
}

#[test]
fn a_client_that_dies_at_any_step_of_a_hold_leaves_nothing_held() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::on(folder.path(), &[("CREDITD_RECOVERY__HOLD_GRACE_MS", "0")]);
    let mut wire = Wire::connect(&daemon);
    open_account(&mut wire);
    for bytes in [1, HEADER_BYTES, HEADER_BYTES + 3] {
        let mut raw = Raw::connect(&daemon);
        raw.send(&hello(1, 1, 0)[..bytes]);
        raw.reset();
    }
    let (mut died, mut spent_least, mut spent_most) = (0_u64, 0, 0);
    for reset in [false, true] {
        for place in 0..lives().len() {
            for death in deaths(lives()[place].len()) {
                let life = &lives()[place];
                live_and_die(&daemon, life, death, reset);
                died += 1;
                if place == 0 {
                    // What is captured for certain, and what is if the last frame has arrived.
                    let (least, most) = match death {
                        Death::Read(3) => (AMOUNT / 2 - 1, AMOUNT / 2 - 1),
                        Death::Unread(3) => (AMOUNT / 2 - 1, AMOUNT / 2),
                        Death::Read(2) | Death::Within(3, _) => (AMOUNT / 2, AMOUNT / 2),
                        Death::Unread(2) => (0, AMOUNT / 2),
                        _ => (0, 0),
                    };
                    spent_least += least;
                    spent_most += most;
                }
            }
        }
    }
    until("every hold has ended", || account(&mut wire).1 == 0);
    let (free, open_holds) = account(&mut wire);
    println!("{died} clients died: {free:?}");
    assert_eq!((free.held, open_holds), (0, 0));
    assert_eq!(free.granted, free.available + free.held + free.spent + free.expired + free.clawed_back, "I1");
    assert!((spent_least..=spent_most).contains(&free.spent), "{} within {spent_least}..={spent_most}", free.spent);
    let listed = wire.command(&Command::ListHolds {
        account: ACCOUNT,
        worker: protocol::WorkerId::NIL,
        older_than_ms: 0,
        limit: 1,
        after: protocol::HoldId(0),
    });
    assert!(matches!(&listed.view, View::Holds(holds) if holds.as_slice().is_empty()), "{:?}", listed.view);
    drop(wire);
    daemon.kill();

    // And the journal says the same.
    let daemon = Daemon::on(folder.path(), &[("CREDITD_RECOVERY__HOLD_GRACE_MS", "0")]);
    let mut wire = Wire::connect(&daemon);
    assert_eq!(account(&mut wire), (free, 0));
}
