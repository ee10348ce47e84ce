//! The slot: its frames keep the mix, settle only what was granted, and wrong answers are noticed.

use protocol::{Operations, PerBucket};

use super::*;
use crate::bench::keys::Spread;

fn script(mix: &str, batch: u32) -> Script {
    Script { accounts_from: 100, batch, mix: mix.parse().unwrap(), amount: 1000, ttl_ms: 60_000 }
}

/// A slot with its own ids, and a daemon that answers every frame.
struct Bench {
    script: Script,
    slot: Slot,
    source: Source,
    tally: Tally,
}

impl Bench {
    fn new(mix: &str, batch: u32) -> Self {
        Self {
            script: script(mix, batch),
            slot: Slot::default(),
            source: Source { ids: HoldIds { seed: 1, made: 0 }, random: Random(7), keys: Keys::of(Spread::Uniform, 5) },
            tally: Tally::new().unwrap(),
        }
    }

    fn frame(&mut self) -> Vec<Operation> {
        let mut buffer = Vec::new();
        let Self { script, slot, source, .. } = self;
        slot.write_frame(script, u32::MAX, 1, 1_700_000_000_000, source, &mut buffer).unwrap();
        Operations::of_body(&buffer[protocol::limits::HEADER_BYTES..]).map(Result::unwrap).collect()
    }

    fn answer(&mut self, answers: impl Iterator<Item = Answer>) {
        let body: Vec<u8> = answers.flat_map(|answer| answer.encode()).collect();
        self.slot.take_answers(&self.script, &body, &mut self.tally);
    }
}

fn success(operation: &Operation) -> Answer {
    let outcome = match operation.kind {
        OperationKind::Reserve | OperationKind::Charge => Outcome::Granted,
        _ => Outcome::Done,
    };
    Answer { split: PerBucket { free: 0, subscription: 1000, top_up: 0 }, ..Answer::of(outcome) }
}

#[test]
fn the_second_frame_commits_what_the_first_was_granted() {
    let mut bench = Bench::new("reserve=50,commit=50", 8);
    let first = bench.frame();
    assert_eq!(first.len(), 4);
    assert!(first.iter().all(|operation| operation.kind == OperationKind::Reserve && operation.check().is_ok()));
    bench.answer(first.iter().map(success));
    let second = bench.frame();
    let (reserves, commits) = second.split_at(4);
    assert!(reserves.iter().all(|operation| operation.kind == OperationKind::Reserve));
    for (commit, reserve) in commits.iter().zip(&first) {
        assert_eq!(commit.kind, OperationKind::Commit);
        assert_eq!((commit.hold, commit.account), (reserve.hold, reserve.account));
    }
    bench.answer(second.iter().map(success));
    assert_eq!(bench.tally.errors, 0, "{:?}", bench.tally.first_error);
    assert_eq!(bench.tally.of(Outcome::Granted), 8);
    assert_eq!(bench.tally.of(Outcome::Done), 4);
}

#[test]
fn refused_reserves_are_not_settled() {
    let mut bench = Bench::new("reserve=50,commit=50", 8);
    let first = bench.frame();
    bench.answer(first.iter().map(|_| Answer::of(Outcome::Insufficient)));
    assert!(bench.frame().iter().all(|operation| operation.kind == OperationKind::Reserve));
    assert_eq!((bench.tally.errors, bench.tally.refused()), (0, 4));
}

#[test]
fn every_kind_is_sent_and_checked() {
    let mut bench = Bench::new("reserve=4,commit=2,release=1,refund=1,charge=1,balance=1", 10);
    for _ in 0..10 {
        let frame = bench.frame();
        assert!(frame.iter().all(|operation| operation.check().is_ok()));
        bench.answer(frame.iter().map(success));
    }
    assert_eq!(bench.tally.errors, 0, "{:?}", bench.tally.first_error);
}

#[test]
fn wrong_answers_are_noticed() {
    let done = Answer { split: PerBucket { free: 1000, subscription: 0, top_up: 0 }, ..Answer::of(Outcome::Done) };
    let less = Answer { split: PerBucket { free: 999, subscription: 0, top_up: 0 }, ..done };
    let granted = Answer { outcome: Outcome::Granted, ..done };
    for (kind, answer, sane) in [
        (OperationKind::Reserve, granted, true),
        (OperationKind::Reserve, done, false),
        (OperationKind::Reserve, Answer { outcome: Outcome::Granted, ..less }, false),
        (OperationKind::Reserve, Answer::of(Outcome::Insufficient), true),
        (OperationKind::Reserve, Answer::of(Outcome::Replayed), false),
        (OperationKind::Reserve, Answer::of(Outcome::Overloaded), true),
        (OperationKind::Commit, done, true),
        (OperationKind::Commit, less, false),
        (OperationKind::Commit, Answer::of(Outcome::UnknownHold), false),
        (OperationKind::Release, done, true),
        (OperationKind::Release, Answer { forfeited: 1, ..less }, true),
        (OperationKind::Refund, less, false),
    ] {
        assert_eq!(is_sane(kind, &answer, 1000), sane, "{kind}: {answer:?}");
    }
}

#[test]
fn a_missing_answer_is_an_error() {
    let mut bench = Bench::new("balance=1", 2);
    bench.frame();
    bench.answer(std::iter::once(Answer::of(Outcome::Done)));
    assert_eq!(bench.tally.errors, 1);
}

#[test]
fn accounts_are_picked_from_all_of_them() {
    let mut random = Random(7);
    let mut seen = [0_u32; 5];
    for _ in 0..5000 {
        seen[random.below(5) as usize] += 1;
    }
    assert!(seen.iter().all(|count| (800..1200).contains(count)), "{seen:?}");
}
