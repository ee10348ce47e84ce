//! Answers as they look, in both forms.

use super::*;
use crate::exit::Exit;

fn granted() -> Answer {
    Answer {
        flags: AnswerFlags::DURABLE,
        position: 12,
        split: PerBucket { free: 28_500, subscription: 45_000, top_up: 0 },
        available: PerBucket { free: 0, subscription: 1_455_000, top_up: 500_000 },
        next_reset_at_ms: 1_795_392_000_000,
        time_ms: 1_795_384_800_000,
        ..Answer::of(Outcome::Granted)
    }
}

#[test]
fn a_granted_reserve() {
    let shown = operation(&[("hold", "h1".to_owned())], "drawn", &granted(), None);
    let text = "\
outcome     granted
hold        h1
record      12, durable
ends at     2026-11-22T22:00:00Z
drawn       73.5 (free 28.5, subscription 45)
available   1955 (subscription 1455, top-up 500)
next reset  2026-11-23T00:00:00Z
";
    assert_eq!(shown.text, text);
    assert_eq!(shown.exit, Exit::Ok);
    assert_eq!(
        shown.json,
        json!({
            "outcome": "granted", "replayed": false, "durable": true, "late": false, "position": 12, "hold": "h1",
            "drawn": { "free": "28.5", "subscription": "45", "top_up": "0", "total": "73.5" },
            "available": { "free": "0", "subscription": "1455", "top_up": "500", "total": "1955" },
            "forfeited": "0", "next_reset_at": "2026-11-23T00:00:00Z", "ends_at": "2026-11-22T22:00:00Z",
        })
    );
}

#[test]
fn a_replayed_decision_is_that_decision() {
    let detail = u32::from(Outcome::Granted.number());
    let answer = Answer { outcome: Outcome::Replayed, detail, ..granted() };
    let shown = operation(&[], "drawn", &answer, None);
    assert!(shown.text.starts_with("outcome     granted (decided before)\n"), "{}", shown.text);
    assert_eq!(shown.exit, Exit::Ok);
    assert_eq!(shown.json["outcome"], "granted");
    assert_eq!(shown.json["replayed"], true);
}

#[test]
fn a_refusal_says_what_to_do() {
    let answer = Answer { amount: 40_000, ..Answer::of(Outcome::ExceedsHold) };
    let shown = operation(&[("hold", "h1".to_owned())], "captured", &answer, None);
    let text = "\
refused         exceeds_hold
hold            h1
most to commit  40
what to do      commit at most that
";
    assert_eq!(shown.text, text);
    assert_eq!(shown.exit, Exit::Refused);
    assert_eq!(shown.json["max"], "40");
}

#[test]
fn a_command_that_is_done() {
    let answer = CommandAnswer { position: 3, flags: AnswerFlags::DURABLE, ..CommandAnswer::of(Outcome::Done) };
    let shown = command(&[("command_id", "c1".to_owned())], &answer);
    assert_eq!(shown.text, "outcome  done\ncommand  c1\nrecord   3, durable\n");
    assert_eq!(shown.json["command_id"], "c1");
}

#[test]
fn a_command_that_is_refused() {
    let shown = command(&[], &CommandAnswer::of(Outcome::SubscriptionRequired));
    assert_eq!(shown.text, "refused     subscription_required\nwhat to do  subscribe first\n");
    assert_eq!(shown.exit, Exit::Refused);
}
