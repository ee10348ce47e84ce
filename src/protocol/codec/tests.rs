//! Bodies come back; what is malformed is refused before anything is allocated.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::limits::HEADER_BYTES;
use crate::vectors::{self, Meaning, Value};
use crate::{Command, Hello, HoldView, View};

/// The bodies of all good vectors that bincode writes.
fn bodies() -> Vec<(String, FrameKind, Vec<u8>)> {
    vectors::all()
        .into_iter()
        .filter(|vector| matches!(vector.meaning, Meaning::Frame(..)))
        .map(|vector| {
            (vector.name, FrameKind::from_u8(vector.bytes[6]).unwrap(), vector.bytes[HEADER_BYTES..].to_vec())
        })
        .filter(|(_, kind, _)| !kind.is_counted() && kind.body_bytes_max() > 0)
        .collect()
}

#[test]
fn a_body_cut_at_any_byte_or_longer_by_one_is_malformed() {
    for (name, kind, mut body) in bodies() {
        for cut in 0..body.len() {
            assert!(Value::decode(kind, &body[..cut]).is_err(), "{name} cut at {cut}");
        }
        body.push(0);
        assert!(Value::decode(kind, &body).is_err(), "{name} with a byte too much");
    }
}

/// A body has one form: no two byte strings mean the same, so a signature or hash of one is one of its meaning.
#[test]
fn a_changed_byte_is_malformed_or_means_something_else() {
    for (name, kind, body) in bodies() {
        let value = Value::decode(kind, &body).unwrap();
        for at in 0..body.len() {
            for flip in [1, 0x80, 0xff] {
                let mut changed = body.clone();
                changed[at] ^= flip;
                assert_ne!(Value::decode(kind, &changed).as_ref(), Ok(&value), "{name} at {at}");
            }
        }
    }
}

#[test]
fn every_length_is_checked_before_it_is_believed() {
    for length in [65, 1 << 20, 1 << 40, u64::MAX / 2, u64::MAX] {
        let mut body = [0; 4].to_vec();
        body[..4].copy_from_slice(&[1, 0, 1, 0]);
        body.extend_from_slice(&length.to_le_bytes());
        body.extend_from_slice(&[b'x'; 200]);
        assert_eq!(Hello::decode(&body), Err(MalformedBody { kind: FrameKind::Hello }));
    }
}

/// Lists are the only thing that allocates by a count; theirs stands at the end of a hold's view.
#[test]
fn a_list_beyond_its_limit_is_malformed_whatever_follows() {
    let vector = vectors::all().into_iter().find(|vector| vector.name == "command-answer-hold").unwrap();
    let Meaning::Frame(_, Value::CommandAnswer(answer)) = vector.meaning else { panic!("an answer") };
    let View::Hold(view) = &answer.view else { panic!("a hold") };
    let body = &vector.bytes[HEADER_BYTES..];
    let refunds = 8 + view.refunds.as_slice().len() * 18 + 8;
    let at = body.len() - refunds - view.captures.as_slice().len() * 17 - 8;
    assert_eq!(body[at..at + 8], 2_u64.to_le_bytes(), "the count of captures");
    for count in [3, 255, 256, 1 << 16, 1 << 40, u64::MAX] {
        let mut changed = body.to_vec();
        changed[at..at + 8].copy_from_slice(&count.to_le_bytes());
        changed.resize(body.len() + 40_000, 0);
        assert!(crate::CommandAnswer::decode(&changed).is_err(), "{count} captures");
    }
}

#[test]
fn the_longest_bodies_fit_their_kinds() {
    use crate::{
        AccountId, Bucket, CaptureView, CommandAnswer, CommandId, List, Outcome, RefundReason, RefundView, Text,
    };
    let mut buffer = Vec::new();
    let reason = Text::new(&"r".repeat(crate::limits::REASON_BYTES_MAX)).unwrap();
    let grant =
        Command::Grant { command: CommandId(1), account: AccountId(1), bucket: Bucket::Free, amount: 1, reason };
    grant.encode(&mut buffer, 1).unwrap();
    let hello = Hello {
        version_min: 1,
        version_max: 1,
        client_name: Text::new(&"n".repeat(64)).unwrap(),
        in_flight_wanted: 1,
        auth_token: crate::Secret::new(&[0; 256]).unwrap(),
    };
    hello.encode(&mut buffer, 1).unwrap();
    crate::Close::new(crate::CloseReason::Draining, &"t".repeat(999)).encode(&mut buffer, 1).unwrap();

    let vector = vectors::all().into_iter().find(|vector| vector.name == "command-answer-hold").unwrap();
    let Meaning::Frame(_, Value::CommandAnswer(answer)) = vector.meaning else { panic!("an answer") };
    let View::Hold(view) = answer.view else { panic!("a hold") };
    let capture = CaptureView { number: 1, amount: 2, position: 3 };
    let refund = RefundView { number: 1, reason: RefundReason::Goodwill, amount: 2, position: 3 };
    let captures = List::new(vec![capture; 255]).unwrap();
    let refunds = List::new(vec![refund; 255]).unwrap();
    let view = View::Hold(Box::new(HoldView { captures, refunds, ..*view }));
    let longest = CommandAnswer { view, ..CommandAnswer::of(Outcome::Done) };
    let start = buffer.len();
    longest.encode(&mut buffer, 1).unwrap();
    assert_eq!(CommandAnswer::decode(&buffer[start + HEADER_BYTES..]), Ok(longest));
}

/// The longest views of catalogues and lists, with all texts as long as they may be.
#[test]
fn the_longest_views_fit_an_answer() {
    use crate::limits::{ACCOUNTS_LISTED_MAX, BUNDLES_MAX, CHANGES_MAX, ESTIMATE_LINES_MAX, HOLDS_LISTED_MAX};
    use crate::limits::{MODELS_MAX, PLANS_MAX, TOOLS_MAX};
    use crate::{
        AccountId, BillingTerm, BundleView, CommandAnswer, EstimateLine, HoldId, HoldLine, List, MemberId, ModelView,
        Outcome, PlanView, PlansView, RatesView, ReloadView, Text, ToolView, WorkerId,
    };
    fn full<const MAX: usize>() -> Text<MAX> {
        Text::new(&"x".repeat(MAX)).unwrap()
    }
    fn all<T: Clone, const MAX: usize>(entry: T) -> List<T, MAX> {
        List::new(vec![entry; MAX]).unwrap()
    }
    let plan =
        PlanView { plan: 1, name: full(), title: full(), tier: 1, credits: 1, term: BillingTerm::Yearly, top_up: true };
    let tool = ToolView { tool: 1, key: full(), name: full() };
    let model = ModelView { model: 1, key: full(), name: full(), min_tier: 1, pro: true, price: 1, unit: full() };
    let line = HoldLine {
        hold: HoldId(1),
        account: AccountId(1),
        worker: WorkerId(1),
        member: MemberId(1),
        amount: 1,
        created_at_ms: 1,
        ends_at_ms: 1,
        model: 1,
        tool: 1,
        count: 1,
    };
    let views = [
        View::Holds(all::<_, HOLDS_LISTED_MAX>(line)),
        View::Accounts(all::<_, ACCOUNTS_LISTED_MAX>(AccountId(1))),
        View::Plans(Box::new(PlansView {
            version: 1,
            plans: all::<_, PLANS_MAX>(plan),
            bundles: all::<_, BUNDLES_MAX>(BundleView { name: full(), credits: 1 }),
        })),
        View::Rates(Box::new(RatesView {
            version: 1,
            tools: all::<_, TOOLS_MAX>(tool),
            models: all::<_, MODELS_MAX>(model),
        })),
        View::Reload(Box::new(ReloadView {
            plans_version: 1,
            rates_version: 1,
            changed: all::<_, CHANGES_MAX>(full()),
            needs_restart: all::<_, CHANGES_MAX>(full()),
            error: full(),
        })),
    ];
    for view in views {
        let mut buffer = Vec::new();
        let answer = CommandAnswer { view, ..CommandAnswer::of(Outcome::Done) };
        answer.encode(&mut buffer, 1).unwrap();
        assert_eq!(CommandAnswer::decode(&buffer[HEADER_BYTES..]), Ok(answer));
    }
    let lines = all::<_, ESTIMATE_LINES_MAX>(EstimateLine { tool: 1, model: 1, settings: 1, per_day: 1 });
    let estimate = Command::Estimate { lines, days: 1, buffer_percent_min: 1, buffer_percent_max: 1 };
    estimate.encode(&mut Vec::new(), 1).unwrap();
}
