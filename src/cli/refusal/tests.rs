//! Refusals: every outcome has its advice, and the ways out are those that there are.

use super::*;

fn insufficient(next_reset_at_ms: u64, flags: AnswerFlags, plan: u32) -> Told {
    let available = PerBucket { free: 28_500, subscription: 0, top_up: 0 };
    let answer = Answer {
        amount: 210_000,
        available,
        next_reset_at_ms,
        flags,
        detail: plan,
        ..Answer::of(Outcome::Insufficient)
    };
    Told::from(&answer)
}

#[test]
fn insufficient_names_the_ways_out_that_there_are() {
    for (reset, flags, plan, advice) in [
        (0, AnswerFlags::NONE, 0, "ask an operator for credits"),
        (1_795_392_000_000, AnswerFlags::NONE, 0, "wait until 2026-11-23T00:00:00Z"),
        (0, AnswerFlags::TOP_UP_ALLOWED, 2, "top up, or upgrade to plan 2"),
        (
            1_795_392_000_000,
            AnswerFlags::TOP_UP_ALLOWED,
            2,
            "wait until 2026-11-23T00:00:00Z, or top up, or upgrade to plan 2",
        ),
    ] {
        let rows = insufficient(reset, flags, plan).rows();
        let expected =
            [("required", "210".to_owned()), ("available", "28.5".to_owned()), ("what to do", advice.to_owned())];
        assert_eq!(rows, expected);
    }
}

#[test]
fn insufficient_in_json() {
    let told = insufficient(1_795_392_000_000, AnswerFlags::TOP_UP_ALLOWED, 0);
    let json: serde_json::Map<String, Value> =
        told.json().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    assert_eq!(
        Value::Object(json),
        json!({
            "required": "210",
            "next_reset_at": "2026-11-23T00:00:00Z",
            "top_up_allowed": true,
            "upgrade_to": null,
            "advice": "wait until 2026-11-23T00:00:00Z, or top up",
        })
    );
}

#[test]
fn every_outcome_has_advice() {
    for outcome in Outcome::ALL {
        let rows = Told::from(&Answer::of(*outcome)).rows();
        assert!(rows.iter().any(|(label, text)| *label == "what to do" && !text.is_empty()), "{outcome}");
    }
}

#[test]
fn fields_and_limits_are_named() {
    let bad = Told::from(&Answer::bad_request(Field::TtlMs));
    assert_eq!(bad.rows()[0], ("field", "ttl_ms".to_owned()));
    let limit = Answer { detail: u32::from(LimitKind::Refunds.number()), ..Answer::of(Outcome::Limit) };
    assert_eq!(Told::from(&limit).rows()[0], ("limit", "refunds".to_owned()));
}
