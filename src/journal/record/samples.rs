//! One record of every kind for tests, and the comparison with the golden bytes under `golden/`.

use std::fmt::Write as _;
use std::path::Path;

use wallet::bucket::{Bucket, Slices, Sources, Split};
use wallet::credits::Credits;
use wallet::ids::{AccountId, CommandId, Day, HoldId, MemberId, PaymentId, Period, PlanId, Tier, Timestamp, WorkerId};
use wallet::record::*;
use wallet::subscription::{PendingChange, Subscription};

pub(crate) const ACCOUNT: AccountId = AccountId(0x0190_a000_0000_7000_8000_0000_0000_0001);
/// An own time of 2026-11-22T12:00:00Z.
pub(crate) const HOLD_TIME_MS: u64 = 1_795_348_800_000;

/// A UUIDv7 with this own time.
pub(crate) fn hold_id(time_ms: u64, number: u64) -> HoldId {
    HoldId(u128::from(time_ms) << 80 | 7 << 76 | 0b10 << 62 | u128::from(number))
}

pub(crate) fn credits(free: u64, subscription: u64, top_up: u64) -> Split {
    Split {
        free: Credits::from_millis(free),
        subscription: Credits::from_millis(subscription),
        top_up: Credits::from_millis(top_up),
    }
}

pub(crate) fn slices(free: u64, subscription: u64, top_up: u64) -> Slices {
    Slices { split: credits(free, subscription, top_up), day: Day(20_779), period: Period(3) }
}

pub(crate) fn attribution() -> Attribution {
    Attribution { member: MemberId(0x0190_b000_0000_7000_8000_0000_0000_0002), tool: 3, model: 1_042, count: 1 }
}

pub(crate) fn issuer(command: u128) -> Issuer {
    Issuer {
        command: CommandId(command),
        by: "billing".to_owned(),
        reason: "contract".to_owned(),
        at: Timestamp(HOLD_TIME_MS),
    }
}

pub(crate) fn reserve(hold: HoldId, taken: Slices) -> Reserve {
    let at = hold.own_time().unwrap_or(Timestamp(HOLD_TIME_MS)).plus_millis(37);
    Reserve {
        account: ACCOUNT,
        hold,
        taken,
        attribution: attribution(),
        worker: WorkerId::NONE,
        settings: 70_000,
        terms: Terms {
            sources: Sources::ALL,
            pro_model: false,
            min_tier: Tier::NONE,
            over_commit: OverCommit::Reject,
            ttl_ms: 300_000,
            priced: None,
            hold_ms: 300_000,
        },
        at,
        ends_at: at.plus_millis(300_000),
    }
}

pub(crate) fn capture(of: &Reserve) -> Capture {
    Capture {
        account: of.account,
        hold: of.hold,
        request: CaptureRequest { number: 1, amount: None, last: true },
        captured: of.taken.split,
        drawn: Slices::default(),
        returned: Split::ZERO,
        forfeited: Split::ZERO,
        late: false,
        attribution: of.attribution,
        at: of.at.plus_millis(42_000),
    }
}

/// The first refund of a hold, all of it in time.
pub(crate) fn refund(of: &Reserve, undone: Slices, at: Timestamp) -> Refund {
    Refund {
        account: of.account,
        hold: of.hold,
        number: 1,
        requested: None,
        reason: RefundReason::Timeout,
        undone: vec![undone],
        returned: vec![undone],
        forfeited: Split::ZERO,
        attribution: of.attribution,
        at,
    }
}

pub(crate) fn release(of: &Reserve) -> Return {
    Return {
        account: of.account,
        hold: of.hold,
        returned: of.taken.split,
        forfeited: Split::ZERO,
        at: of.at.plus_millis(42_000),
    }
}

/// One of every kind, by the name of its golden file.
/// Two that are alike, a lapse, and one like the first.
fn rolls(roll: CycleRoll) -> Vec<CycleRoll> {
    let other = |number| AccountId(ACCOUNT.0 + number);
    let lapse = CycleRoll {
        account: other(2),
        allocation: Credits::ZERO,
        tier: Tier::NONE,
        ends_at: Timestamp::NONE,
        plan: PlanId::NONE,
        cycle: 0,
        ..roll
    };
    let alike = CycleRoll { account: other(1), period: Period(300), cycle: 2, ..roll };
    vec![roll, alike, lapse, CycleRoll { account: other(3), ..roll }]
}

pub(crate) fn records() -> Vec<(&'static str, Record)> {
    let hold = hold_id(HOLD_TIME_MS, 9);
    let reserved = reserve(hold, slices(24_000, 0, 0));
    let charged = Reserve {
        worker: WorkerId(5),
        terms: Terms { ttl_ms: 0, hold_ms: 0, pro_model: true, min_tier: Tier(2), ..reserved.terms },
        ends_at: reserved.at,
        ..reserved
    };
    let captured = capture(&reserved);
    let drawn = Capture {
        request: CaptureRequest { number: 2, amount: Some(Credits::from_whole(30)), last: true },
        drawn: slices(0, 6_000, 0),
        returned: credits(0, 0, 500),
        forfeited: credits(100, 0, 0),
        late: true,
        ..captured
    };
    let roll = CycleRoll {
        account: ACCOUNT,
        day: Day(20_779),
        period: Period(4),
        allocation: Credits::from_whole(4_500),
        tier: Tier(3),
        ends_at: Timestamp(HOLD_TIME_MS + 2_592_000_000),
        at: Timestamp(HOLD_TIME_MS),
        plan: PlanId(300),
        cycle: 14,
        skipped: 1,
        changed: true,
    };
    let pending = PendingTopUp {
        account: ACCOUNT,
        payment: PaymentId(79),
        amount: Credits::from_whole(1_000),
        bundle: "starter".to_owned(),
        by: "billing".to_owned(),
        at: Timestamp(HOLD_TIME_MS),
        ends_at: Timestamp(HOLD_TIME_MS + 2_592_000_000),
    };
    let late = LateCapture {
        account: ACCOUNT,
        hold,
        request: captured.request,
        taken: slices(0, 20_000, 0),
        shortfall: Credits::from_whole(4),
        attribution: attribution(),
        at: Timestamp(HOLD_TIME_MS + 400_000),
    };
    let refund = Refund {
        account: ACCOUNT,
        hold,
        number: 1,
        requested: None,
        reason: RefundReason::SafetyBlock,
        undone: vec![slices(24_000, 0, 0)],
        returned: vec![slices(20_000, 0, 0)],
        forfeited: credits(4_000, 0, 0),
        attribution: attribution(),
        at: Timestamp(HOLD_TIME_MS + 600_000),
    };
    vec![
        (
            "01-policy",
            Record::Policy(FreePolicy { from: Day(20_780), allowance: Credits::from_whole(100), all_accounts: false }),
        ),
        ("02-id-bound", Record::IdBound { bound: Timestamp(HOLD_TIME_MS) }),
        (
            "03-open",
            Record::Open(Open {
                account: ACCOUNT,
                zone: "Europe/Berlin".to_owned(),
                day: Day(20_779),
                issuer: issuer(1),
            }),
        ),
        ("04-freeze", Record::Freeze(Freeze { account: ACCOUNT, frozen: true, issuer: issuer(2) })),
        (
            "05-set-subscription",
            Record::SetSubscription(SetSubscription {
                account: ACCOUNT,
                day: Day(20_779),
                period: Period(3),
                amount: Credits::from_whole(4_500),
                tier: Tier(3),
                ends_at: roll.ends_at,
                issuer: issuer(3),
            }),
        ),
        (
            "06-grant",
            Record::Grant(Grant {
                account: ACCOUNT,
                bucket: Bucket::TopUp,
                amount: Credits::from_whole(50),
                day: Day(20_779),
                period: Period(3),
                issuer: issuer(4),
            }),
        ),
        (
            "07-top-up",
            Record::TopUp(TopUp {
                account: ACCOUNT,
                payment: PaymentId(77),
                amount: Credits::from_whole(1_000),
                bundle: String::new(),
                by: "billing".to_owned(),
                at: Timestamp(HOLD_TIME_MS),
            }),
        ),
        (
            "26-clawback-told",
            Record::Clawback(Clawback {
                account: ACCOUNT,
                amount: Credits::from_whole(1_000),
                taken: Credits::from_whole(950),
                debt: Credits::from_whole(50),
                issuer: issuer(5),
            }),
        ),
        ("28-alike-rolls", Record::CycleRoll(rolls(roll))),
        ("10-reserve", Record::Reserve(reserved)),
        ("10-reserve-priced", Record::Reserve(priced(&reserved))),
        ("11-charge", Record::Charge(charged)),
        ("12-capture", Record::Capture(captured)),
        ("12-capture-drawn", Record::Capture(drawn)),
        ("13-late-capture", Record::LateCapture(late)),
        ("14-release", Record::Release(release(&reserved))),
        ("15-expire", Record::Expire(release(&reserved))),
        ("16-refund", Record::Refund(refund)),
        ("17-extend", Record::Extend(Extend { hold, ends_at: Timestamp(HOLD_TIME_MS + 600_000) })),
        ("18-tombstone", Record::Tombstone { hold, at: Timestamp(HOLD_TIME_MS + 5) }),
        ("19-subscription", Record::Subscription(Box::new(upgrade()))),
        ("19-subscription-zone", Record::Subscription(Box::new(move_of_zone()))),
        ("20-pending-top-up", Record::PendingTopUp(pending.clone())),
        (
            "21-confirm-top-up",
            Record::ConfirmTopUp(ConfirmTopUp {
                account: ACCOUNT,
                payment: pending.payment,
                amount: pending.amount,
                bundle: pending.bundle.clone(),
                by: pending.by.clone(),
                at: Timestamp(HOLD_TIME_MS + 86_400_000),
            }),
        ),
        (
            "22-drop-top-up",
            Record::DropTopUp(DropTopUp {
                account: ACCOUNT,
                payment: pending.payment,
                amount: pending.amount,
                bundle: pending.bundle.clone(),
                at: Timestamp(pending.ends_at.0 + 17),
            }),
        ),
        (
            "23-correct",
            Record::Correct(Correct {
                account: ACCOUNT,
                bucket: Bucket::Subscription,
                requested: Credits::from_whole(50),
                amount: Credits::from_whole(30),
                day: Day(20_779),
                period: Period(3),
                issuer: issuer(6),
            }),
        ),
        ("24-release-worker", Record::ReleaseWorker(release(&reserved))),
        (
            "25-top-up-bundle",
            Record::TopUp(TopUp {
                account: ACCOUNT,
                payment: PaymentId(78),
                amount: pending.amount,
                bundle: pending.bundle.clone(),
                by: pending.by.clone(),
                at: Timestamp(HOLD_TIME_MS),
            }),
        ),
    ]
}

pub(crate) fn subscription() -> Subscription {
    Subscription {
        plan: PlanId(300),
        tier: Tier(3),
        allocation: Credits::from_whole(4_500),
        granted_max: Credits::from_whole(6_000),
        anchor: Timestamp(HOLD_TIME_MS - 2_592_000_000),
        cycle: 1,
        starts_at: Timestamp(HOLD_TIME_MS),
        ends_at: Timestamp(HOLD_TIME_MS + 2_592_000_000),
        paid_through: Timestamp(HOLD_TIME_MS + 7_776_000_000),
        auto_renew: true,
    }
}

pub(crate) const PENDING: PendingChange =
    PendingChange { plan: PlanId(2), tier: Tier(1), allocation: Credits::from_whole(500) };

fn upgrade() -> SubscriptionChange {
    let before = subscription();
    let after = Subscription { plan: PlanId(301), tier: Tier(4), allocation: Credits::from_whole(9_000), ..before };
    SubscriptionChange {
        account: ACCOUNT,
        kind: SubscriptionKind::ChangePlan,
        asked: Asked { plan: PlanId(301), mode: 2, paid_through: Timestamp::NONE },
        day: Day(20_779),
        before: Some(before),
        after: Some(Subscription { granted_max: after.allocation, ..after }),
        pending: None,
        period: Period(4),
        amount: Credits::from_millis(1_499_999),
        zone: String::new(),
        issuer: issuer(6),
    }
}

fn move_of_zone() -> SubscriptionChange {
    let after = Subscription { ends_at: Timestamp(HOLD_TIME_MS + 2_588_400_000), ..subscription() };
    SubscriptionChange {
        kind: SubscriptionKind::SetZone,
        asked: Asked::default(),
        after: Some(after),
        pending: Some(PENDING),
        amount: Credits::ZERO,
        zone: "Asia/Tokyo".to_owned(),
        issuer: issuer(7),
        ..upgrade()
    }
}

/// A reserve that the rate card priced, with the card's hold time.
pub(crate) fn priced(of: &Reserve) -> Reserve {
    let priced = PricedTerms { version: 12, expected: true, pro_model: true, over_commit: OverCommit::Draw };
    Reserve { terms: Terms { ttl_ms: 0, priced: Some(priced), ..of.terms }, ..*of }
}

/// Compares bytes with the golden file of this name; `UPDATE_GOLDEN=1` writes the file.
pub(crate) fn check_golden(name: &str, bytes: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(format!("{name}.hex"));
    let mut text = String::new();
    for line in bytes.chunks(32) {
        for byte in line {
            write!(text, "{byte:02x}").unwrap();
        }
        text.push('\n');
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(golden, text, "{name}: persisted bytes never change ({})", path.display());
}
