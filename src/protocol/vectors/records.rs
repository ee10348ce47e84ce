//! Frames of operations and answers: every kind, and answers with every shape of content.

use super::valid::{ACCOUNT, HOLD, MADE_AT_MS, MEMBER, MIDNIGHT_MS, WORKER, frame};
use super::{Meaning, Value, Vector};
use crate::{
    Answer, AnswerFlags, BadField, Expecting, Field, FrameWriter, Operation, OperationFlags, Outcome, OverCommit,
    PerBucket, RefundReason, Sources,
};

pub(super) fn operations() -> Vec<Vector> {
    let one = |name: &str, about, operation| {
        frame(name, about, Expecting::FromClient, 42, Value::Operations(vec![Ok(operation)]))
    };
    let reserve = Operation::reserve(HOLD, ACCOUNT, 73_500, 60_000);
    let full = Operation {
        flags: OperationFlags::PRICED.with(OperationFlags::PRO_MODEL),
        sources: Sources::SUBSCRIPTION.with(Sources::TOP_UP),
        member: MEMBER,
        worker: WORKER,
        model: 70_001,
        tool: 513,
        count: 4,
        min_tier: 3,
        over_commit: OverCommit::Draw,
        settings: 0x0102_0304,
        ..reserve
    };
    let part = Operation { flags: OperationFlags::NONE, ..Operation::commit(HOLD, ACCOUNT, 20_000, 1) };
    let several = vec![Ok(reserve), Ok(Operation::commit(HOLD, ACCOUNT, 50_000, 0)), Ok(Operation::balance(ACCOUNT))];
    vec![
        one("operation-reserve", "A reserve of 73.5 credits for a minute.", reserve),
        one("operation-reserve-full", "A reserve that states every field it may.", full),
        one("operation-charge", "A charge of one millicredit.", Operation::charge(HOLD, ACCOUNT, 1)),
        one(
            "operation-commit",
            "The last capture of a hold; the rest goes back.",
            Operation::commit(HOLD, ACCOUNT, 50_000, 0),
        ),
        one("operation-commit-part", "Capture number 1 of several.", part),
        one("operation-commit-all", "The last capture, of everything held.", Operation::commit_all(HOLD, ACCOUNT, 255)),
        one("operation-release", "A release.", Operation::release(HOLD, ACCOUNT)),
        one(
            "operation-refund",
            "Refund number 2, because the provider failed.",
            Operation::refund(HOLD, ACCOUNT, 50_000, 2, RefundReason::ProviderError),
        ),
        one(
            "operation-refund-all",
            "Refund number 0, of everything captured and not refunded.",
            Operation { flags: OperationFlags::ALL, ..Operation::refund(HOLD, ACCOUNT, 0, 0, RefundReason::Duplicate) },
        ),
        one("operation-extend", "Another ten minutes.", Operation::extend(HOLD, ACCOUNT, 600_000)),
        one("operation-balance", "A look at the wallet.", Operation::balance(ACCOUNT)),
        frame(
            "operations-three",
            "Reserve, commit and balance in one frame.",
            Expecting::FromClient,
            0x0102_0304_0506_0708,
            Value::Operations(several),
        ),
        bad_fields(),
    ]
}

/// A frame with operations that are refused one by one: each is answered `bad_request`, the connection goes on.
fn bad_fields() -> Vector {
    let release = Operation::release(HOLD, ACCOUNT).encode();
    let changed: [(usize, u8, Field); 8] = [
        (0, 0, Field::Kind),
        (1, 0b1_0000, Field::Flags),
        (3, 1, Field::Number),
        (4, 1, Field::TtlMs),
        (40, 1, Field::Amount),
        (89, 7, Field::Reason),
        (90, 3, Field::OverCommit),
        (91, 1, Field::Reserved),
    ];
    let mut bytes = Vec::new();
    let frame = FrameWriter::operations(&mut bytes, 43);
    let mut results = Vec::new();
    for (at, byte, field) in changed {
        let mut record = release;
        record[at] = byte;
        bytes.extend_from_slice(&record);
        results.push(Err(BadField { field }));
    }
    bytes.extend_from_slice(&release);
    results.push(Ok(Operation::release(HOLD, ACCOUNT)));
    frame.finish(&mut bytes).unwrap();
    Vector {
        name: "operations-bad-fields".to_owned(),
        about: "Eight releases with one bad field each, and a good one: the frame is taken, each bad one is answered bad_request.",
        expecting: Expecting::FromClient,
        bytes,
        meaning: Meaning::Frame(43, Value::Operations(results)),
    }
}

pub(super) fn answers() -> Vec<Vector> {
    let list = |name: &str, about, answers| frame(name, about, Expecting::FromServer, 42, Value::Answers(answers));
    let granted = Answer {
        flags: AnswerFlags::DURABLE,
        position: 1001,
        split: PerBucket { free: 50_000, subscription: 23_500, top_up: 0 },
        available: PerBucket { free: 0, subscription: 976_500, top_up: 120_000 },
        next_reset_at_ms: MIDNIGHT_MS,
        time_ms: MADE_AT_MS + 60_000,
        ..Answer::of(Outcome::Granted)
    };
    let done = Answer {
        flags: AnswerFlags::DURABLE,
        position: 1002,
        split: PerBucket { free: 50_000, subscription: 0, top_up: 0 },
        available: PerBucket { free: 0, subscription: 1_000_000, top_up: 120_000 },
        next_reset_at_ms: MIDNIGHT_MS,
        amount: 50_000,
        forfeited: 3,
        ..Answer::of(Outcome::Done)
    };
    let balance = Answer {
        position: 0,
        split: PerBucket::default(),
        amount: 0,
        detail: 3,
        time_ms: MIDNIGHT_MS,
        forfeited: 0,
        ..done
    };
    let late = Answer {
        flags: AnswerFlags::DURABLE.with(AnswerFlags::LATE),
        ..Answer { outcome: Outcome::LateUncovered, amount: 7, ..done }
    };
    let replayed = Answer { outcome: Outcome::Replayed, detail: u32::from(Outcome::Granted.number()), ..granted };
    let insufficient = Answer {
        flags: AnswerFlags::DURABLE.with(AnswerFlags::TOP_UP_ALLOWED),
        detail: 4,
        available: PerBucket { free: 0, subscription: 20, top_up: 0 },
        next_reset_at_ms: MIDNIGHT_MS,
        amount: 73_500,
        ..Answer::of(Outcome::Insufficient)
    };
    let every = Outcome::ALL.iter().map(|outcome| Answer::of(*outcome)).collect();
    vec![
        list("answer-granted", "A reserve that was granted.", vec![granted]),
        list("answers-three", "The answers to reserve, commit and balance.", vec![granted, done, balance]),
        list("answer-late-uncovered", "A late commit that was paid in part: 7 millicredits are missing.", vec![late]),
        list("answer-replayed", "A retry: the first outcome is in detail.", vec![replayed]),
        list("answer-insufficient", "A refusal with its three ways out.", vec![insufficient]),
        list("answer-bad-request", "A refusal that names the field amount.", vec![Answer::bad_request(Field::Amount)]),
        list(
            "answer-overloaded",
            "Send the same id again after 250 ms.",
            vec![Answer { detail: 250, ..Answer::of(Outcome::Overloaded) }],
        ),
        list(
            "answer-hold-id-expired",
            "The id is too old; the daemon's time is given.",
            vec![Answer { time_ms: MADE_AT_MS, ..Answer::of(Outcome::HoldIdExpired) }],
        ),
        list("answers-every-outcome", "Every outcome of this version, in the order of their numbers.", every),
    ]
}
