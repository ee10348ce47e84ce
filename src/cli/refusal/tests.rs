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

/// R40: wait, top up, upgrade; each is said to be open or not.
#[test]
fn insufficient_says_of_each_way_out_whether_it_is_open() {
    let (reset, allowed, none) = (1_795_392_000_000, AnswerFlags::TOP_UP_ALLOWED, AnswerFlags::NONE);
    let closed = "not allowed without a subscription that allows it";
    for (told, wait, top_up, upgrade) in [
        (insufficient(0, none, 0), "no reset that brings credits is ahead", closed, "no larger plan"),
        (insufficient(reset, none, 0), "until 2026-11-23T00:00:00Z", closed, "no larger plan"),
        (insufficient(reset, allowed, 2), "until 2026-11-23T00:00:00Z", "allowed", "to plan number 2"),
        (
            Told { upgrade_to: Some("pro".to_owned()), ..insufficient(reset, allowed, 2) },
            "until 2026-11-23T00:00:00Z",
            "allowed",
            "to plan pro",
        ),
    ] {
        let expected = [
            ("required", "210".to_owned()),
            ("available", "28.5 (free 28.5)".to_owned()),
            ("1 wait", wait.to_owned()),
            ("2 top up", top_up.to_owned()),
            ("3 upgrade", upgrade.to_owned()),
        ];
        assert_eq!(told.rows(), expected);
    }
}

/// R8: a Pro model is refused although the free credits would be enough.
#[test]
fn credits_that_may_not_pay_are_said_to() {
    let told = Told { amount: 20_000, ..insufficient(0, AnswerFlags::NONE, 0) };
    let but = "not all of it may pay for this: free credits never pay for a Pro model";
    assert_eq!(told.rows()[2], ("but", but.to_owned()));
}

#[test]
fn insufficient_in_json() {
    let json = |told: Told| -> Value {
        told.json().into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<serde_json::Map<_, _>>().into()
    };
    assert_eq!(
        json(insufficient(1_795_392_000_000, AnswerFlags::TOP_UP_ALLOWED, 0)),
        json!({
            "required": "210",
            "next_reset_at": "2026-11-23T00:00:00Z",
            "top_up_allowed": true,
            "upgrade_to": null,
            "upgrade_to_plan": null,
            "advice": "wait until 2026-11-23T00:00:00Z, or top up",
        })
    );
    let told = Told { upgrade_to: Some("pro".to_owned()), ..insufficient(0, AnswerFlags::NONE, 31) };
    assert_eq!(
        json(told),
        json!({
            "required": "210",
            "next_reset_at": null,
            "top_up_allowed": false,
            "upgrade_to": 31,
            "upgrade_to_plan": "pro",
            "advice": "upgrade to plan pro",
        })
    );
    assert_eq!(json(insufficient(0, AnswerFlags::NONE, 0))["advice"], "ask an operator for credits");
}

#[test]
fn every_outcome_has_advice() {
    for outcome in Outcome::ALL {
        let told = Told::from(&Answer::of(*outcome));
        assert!(!told.advice().is_empty() && !told.rows().is_empty(), "{outcome}");
    }
}

#[test]
fn fields_and_limits_are_named() {
    let bad = Told::from(&Answer::bad_request(Field::TtlMs));
    assert_eq!(bad.rows()[0], ("field", "ttl_ms".to_owned()));
    let limit = Answer { detail: u32::from(LimitKind::Refunds.number()), ..Answer::of(Outcome::Limit) };
    assert_eq!(Told::from(&limit).rows()[0], ("limit", "refunds".to_owned()));
}

/// R23, R22: a time that is told is shown, and nothing is made up where none is.
#[test]
fn a_time_is_shown_where_it_is_told() {
    for (outcome, label, member) in [
        (Outcome::HoldAgeLimit, "latest end", "latest_end"),
        (Outcome::HoldIdExpired, "the daemon's time", "server_time"),
    ] {
        let told = Told::from(&Answer { time_ms: 1_795_392_000_000, ..Answer::of(outcome) });
        assert_eq!(told.rows()[0], (label, "2026-11-23T00:00:00Z".to_owned()), "{outcome}");
        assert_eq!(told.json()[0], (member, json!("2026-11-23T00:00:00Z")), "{outcome}");
        let told = Told::from(&Answer::of(outcome));
        assert_eq!(told.rows(), [("what to do", told.advice())], "{outcome}: no time was told");
        assert!(!told.advice().contains("latest"), "{outcome}: {}", told.advice());
        assert_eq!(told.json()[0], (member, Value::Null), "{outcome}");
    }
}

/// R40: what would still fit is told where it is known, and no zero is made up where it is not.
#[test]
fn what_would_fit_is_shown_where_it_is_told() {
    let told = Told::from(&Answer { amount: 1_500, ..Answer::of(Outcome::BalanceLimit) });
    assert_eq!(told.rows()[0], ("would still fit", "1.5".to_owned()));
    assert_eq!(told.json()[0], ("max", json!("1.5")));
    let told = Told::from(&Answer::of(Outcome::BalanceLimit));
    assert_eq!(told.rows(), [("what to do", told.advice())]);
    assert_eq!(told.json(), [("advice", json!(told.advice()))]);
}
