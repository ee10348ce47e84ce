//! Large gifts look at all open holds, and every command at the disk: before anybody is kept out.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;

use super::disk::Disk;
use super::threads::{engine, id, open, start};
use super::world::account;
use crate::bucket::Bucket;
use crate::credits::Credits;
use crate::engine::{Archive, ArchiveError, Engine, Journal};
use crate::hold::Hold;
use crate::ids::{CommandId, HoldId, PaymentId, Position};
use crate::ledger::{CommandKey, CommandRow};
use crate::outcome::Outcome;
use crate::request::{Answer, Command, CommandRequest};
use crate::settings::Settings;

fn grant(bucket: Bucket, millis: u64) -> Command {
    Command::Grant { account: account("a"), bucket, amount: Credits::from_millis(millis) }
}

fn request(id: u128, command: Command) -> CommandRequest {
    CommandRequest { id: CommandId(id), command, by: "test".into(), reason: String::new() }
}

fn ask<A: Archive>(engine: &Engine<impl Journal, A>, id: u128, command: Command) -> Answer {
    engine.command(&request(id, command), start())
}

/// A request about the same id takes its turn while the walk over the holds of a large gift stands still.
#[test]
fn r13_a_large_gift_keeps_nobody_out_while_it_looks_at_all_holds() {
    let (engine, _) = engine();
    open(&engine, &["a"]);
    let (small, large) = thread::scope(|scope| {
        let shard = engine.holds.vacant(id(1));
        let large = scope.spawn(|| ask(&engine, 7, grant(Bucket::Free, 50_000_000)));
        // Long enough to stand before the shard; if it does not yet, what follows holds all the more.
        thread::sleep(Duration::from_millis(200));
        let (told, answer) = mpsc::channel();
        let engine = &engine;
        scope.spawn(move || told.send(ask(engine, 7, grant(Bucket::Free, 1_000))));
        let small = answer.recv_timeout(Duration::from_secs(20));
        drop(shard);
        (small, large.join().unwrap())
    });
    assert_eq!(small.map(|answer| answer.outcome), Ok(Outcome::Done));
    assert_eq!(large.outcome, Outcome::CommandIdReused);
}

#[test]
fn what_looks_at_all_holds_is_known_before() {
    let (engine, _) = engine();
    open(&engine, &["a"]);
    let top_up = |millis| Command::TopUp { account: account("a"), amount: Credits::from_millis(millis) };
    let pending = |millis| Command::PendingTopUp { account: account("a"), amount: Credits::from_millis(millis) };
    let looks = |id, command| engine.looks_at_all_holds(&request(id, command));
    // A sixteenth of half a field, and one more.
    let (free, wide) = (((1 << 28) - 1) / 2 / 16, ((1 << 38) - 1) / 2 / 16);
    for (command, large) in [
        (grant(Bucket::Free, free), false),
        (grant(Bucket::Free, free + 1), true),
        (grant(Bucket::Subscription, wide), false),
        (grant(Bucket::Subscription, wide + 1), true),
        (top_up(wide), false),
        (top_up(wide + 1), true),
        (pending(wide), false),
        (pending(wide + 1), true),
        (top_up(u64::MAX), false),
        (Command::Clawback { account: account("a"), amount: Credits::from_millis(wide + 1) }, false),
        (Command::Freeze { account: account("a"), frozen: true }, false),
    ] {
        assert_eq!(looks(9, command.clone()), large, "{command:?}");
    }
    let confirm = || Command::ConfirmTopUp { account: account("a") };
    assert!(!looks(20, confirm()), "nobody announced it");
    let subscription = Command::SetSubscription {
        account: account("a"),
        amount: Credits::ZERO,
        tier: crate::ids::Tier(1),
        ends_at: crate::ids::Timestamp::NONE,
    };
    assert_eq!(ask(&engine, 8, subscription).outcome, Outcome::Done);
    for (payment, amount, large) in [(20, wide, false), (21, wide + 1, true)] {
        assert_eq!(ask(&engine, payment, pending(amount)).outcome, Outcome::Done, "{payment}");
        assert_eq!(request(payment, confirm()).payment(), PaymentId(payment));
        assert_eq!(looks(payment, confirm()), large, "{payment}");
        assert_eq!(ask(&engine, payment, confirm()).outcome, Outcome::Done, "{payment}");
    }
}

/// A disk whose first look-up of a command takes until the test lets it go on: twice at the barrier.
struct Slow {
    disk: Disk,
    passed: AtomicBool,
    barrier: Arc<Barrier>,
}

impl Archive for Slow {
    fn hold(&self, id: HoldId) -> Result<Option<Hold>, ArchiveError> {
        self.disk.hold(id)
    }

    fn command(&self, key: CommandKey) -> Result<Option<CommandRow>, ArchiveError> {
        let found = self.disk.command(key);
        if key == CommandKey::Command(CommandId(7)) && !self.passed.swap(true, Ordering::AcqRel) {
            self.barrier.wait();
            self.barrier.wait();
        }
        found
    }

    fn reached(&self) -> Position {
        self.disk.reached()
    }

    fn flushed(&self) -> Position {
        self.disk.flushed()
    }
}

/// While a request looks at the disk, the same command takes effect, is flushed, and leaves memory.
#[test]
fn r13_a_command_that_leaves_memory_meanwhile_is_known_all_the_same() {
    let (disk, barrier) = (Disk::default(), Arc::new(Barrier::new(2)));
    let slow = Slow { disk: disk.clone(), passed: AtomicBool::new(false), barrier: Arc::clone(&barrier) };
    let engine = Engine::new(Settings::default(), disk.clone(), slow);
    engine.ensure_policy(Credits::from_whole(100), false, start());
    ask(&engine, 1, Command::OpenAccount { account: account("a"), zone: String::new() });
    let again = thread::scope(|scope| {
        let again = scope.spawn(|| ask(&engine, 7, grant(Bucket::Free, 5_000)));
        barrier.wait();
        assert_eq!(ask(&engine, 7, grant(Bucket::Free, 5_000)).outcome, Outcome::Done);
        disk.flush();
        engine.forget(start());
        assert!(engine.commands.is_empty(), "it has left memory");
        barrier.wait();
        again.join().unwrap()
    });
    assert_eq!((again.outcome, again.available.free), (Outcome::Replayed, Credits::from_whole(105)));
}
