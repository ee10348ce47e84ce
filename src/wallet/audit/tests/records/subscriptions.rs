//! What begins, moves and ends the periods of a subscription.

use super::*;

#[test]
fn i7_a_subscription_set_by_hand_opens_a_period_with_a_tier_and_an_end() {
    let (books, wrong) = (books(), Some(Invariant::Periods));
    planted(
        &books,
        &set_subscription(),
        Record::SetSubscription,
        &[
            (|set| set.ends_at = later(set.issuer.at), None),
            (|set| set.ends_at = set.issuer.at, wrong),
            (|set| set.ends_at = earlier(set.issuer.at), wrong),
            (|set| set.tier = Tier::MAX, None),
            (|set| set.tier = Tier(16), wrong),
            (|set| set.tier = Tier::NONE, wrong),
            (|set| (set.tier, set.amount) = (Tier::NONE, Credits::ZERO), wrong),
            (|set| set.period = Period(2), wrong),
            (|set| set.period = Period(1), wrong),
            (|set| set.day = day(1), None),
            (|set| set.day = day(-1), wrong),
            (|set| (set.account, set.period) = (B, Period(1)), None),
            (|set| (set.account, set.period) = (B, Period(0)), wrong),
        ],
    );
}

#[test]
fn i7_a_cycle_follows_its_subscription_and_a_lapse_leaves_nothing() {
    let (books, wrong) = (books(), Some(Invariant::Periods));
    planted(
        &books,
        &roll(),
        rolled,
        &[
            (|roll| roll.ends_at = later(roll.at), None),
            (|roll| roll.ends_at = roll.at, wrong),
            (|roll| roll.ends_at = earlier(roll.at), wrong),
            (|roll| roll.tier = Tier(1), None),
            (|roll| roll.tier = Tier::MAX, None),
            (|roll| roll.tier = Tier(16), wrong),
            (|roll| roll.period = Period(4), None),
            (|roll| roll.period = Period(2), wrong),
            (|roll| roll.period = Period(1), wrong),
            (|roll| roll.day = day(1), None),
            (|roll| roll.day = day(-1), wrong),
            (|roll| (roll.account, roll.allocation) = (B, Credits::ZERO), wrong),
        ],
    );
    planted(
        &books,
        &lapse(A),
        rolled,
        &[
            (|roll| roll.account = B, None),
            (|roll| roll.allocation = millis(1), wrong),
            (|roll| roll.period = Period(2), wrong),
            (|roll| roll.day = day(-1), wrong),
        ],
    );
}

#[test]
fn i7_a_packed_roll_is_checked_roll_by_roll_and_rolls_a_wallet_once() {
    let books = books();
    let packed = |rolls: &[CycleRoll]| {
        let found = found_in(&books, &Record::CycleRoll(rolls.to_vec()));
        assert!(found.iter().all(|of| of.invariant == Invariant::Periods && of.hold.is_none()), "{found:?}");
        found.into_iter().map(|of| of.account.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(packed(&[roll(), lapse(B)]), []);
    met(&books, &Record::CycleRoll(vec![roll(), lapse(B)]), None);
    let [old_a, old_b] = [roll(), lapse(B)].map(|roll| CycleRoll { period: Period(0), ..roll });
    assert_eq!(packed(&[old_a, lapse(B)]), [A]);
    assert_eq!(packed(&[roll(), old_b]), [B]);
    assert_eq!(packed(&[old_b, old_a]), [B, A], "the first does not hide the second");
    assert_eq!(packed(&[roll(), roll()]), [A]);
    assert_eq!(packed(&[roll(), lapse(B), roll()]), [A], "wherever the two stand");
    assert_eq!(packed(&[roll(), roll(), lapse(B), roll(), lapse(B)]), [A, A, B]);
}

#[test]
fn a_change_of_a_subscription_is_checked_against_what_it_changes() {
    use SubscriptionKind as Kind;
    let (books, wrong) = (books(), Some(Invariant::Periods));
    planted(
        &books,
        &renewed(),
        changed,
        &[
            (|of| of.day = day(1), None),
            (|of| of.day = day(-1), wrong),
            (|of| of.after.as_mut().unwrap().granted_max = millis(999), wrong),
            (|of| of.after.as_mut().unwrap().paid_through = END, None),
            (|of| of.after.as_mut().unwrap().tier = Tier(16), wrong),
            (|of| of.before = None, Some(Invariant::Replay)),
            (|of| of.before.as_mut().unwrap().paid_through = END, Some(Invariant::Replay)),
            (|of| of.period = Period(3), None),
            (|of| of.period = Period(1), wrong),
            (|of| of.pending = Some(PendingChange { plan: PlanId(1), tier: Tier(1), allocation: millis(1) }), None),
            // What brings credits, and what does not.
            (|of| of.amount = millis(1), Some(Invariant::Conservation)),
            (|of| (of.kind, of.amount) = (Kind::Cancel, millis(1)), Some(Invariant::Conservation)),
            (|of| (of.kind, of.amount) = (Kind::SetZone, millis(1)), Some(Invariant::Conservation)),
            (|of| (of.kind, of.amount) = (Kind::ChangePlan, millis(1)), None),
            (|of| of.kind = Kind::ChangePlan, None),
            (|of| of.kind = Kind::SetZone, None),
            (|of| of.kind = Kind::Cancel, None),
            // A lapse leaves no subscription, in whatever period.
            (|of| of.kind = Kind::Lapse, wrong),
            (|of| (of.kind, of.period) = (Kind::Lapse, Period(3)), wrong),
            // Whoever subscribes opens a period.
            (|of| (of.kind, of.amount) = (Kind::Subscribe, millis(1)), wrong),
            (|of| (of.kind, of.amount, of.period) = (Kind::Subscribe, millis(1), Period(3)), None),
            (|of| (of.kind, of.period) = (Kind::Subscribe, Period(3)), None),
        ],
    );
    let lapsed = SubscriptionChange { kind: Kind::Lapse, after: None, period: Period(3), ..renewed() };
    planted(
        &books,
        &lapsed,
        changed,
        &[
            (|of| of.kind = Kind::Cancel, None),
            (|of| of.period = Period(2), wrong),
            (|of| (of.kind, of.period) = (Kind::Cancel, Period(2)), wrong),
            (|of| of.amount = millis(1), Some(Invariant::Conservation)),
            (|of| of.kind = Kind::ChangePlan, None),
            (|of| (of.kind, of.amount) = (Kind::ChangePlan, millis(1)), wrong),
            (|of| of.pending = Some(PendingChange { plan: PlanId(1), tier: Tier(1), allocation: millis(1) }), wrong),
        ],
    );
}

#[test]
fn a_subscription_that_begins_opens_a_period() {
    let (books, wrong) = (books(), Some(Invariant::Periods));
    planted(
        &books,
        &subscribed(B, 900),
        changed,
        &[
            (|of| of.period = Period(0), wrong),
            (|of| of.kind = SubscriptionKind::ChangePlan, None),
            (|of| (of.kind, of.period) = (SubscriptionKind::ChangePlan, Period(0)), wrong),
            (|of| of.account = A, Some(Invariant::Replay)),
        ],
    );
    // A move to another zone begins nothing, with a subscription or without.
    let moved = SubscriptionChange { account: B, kind: SubscriptionKind::SetZone, before: None, ..renewed() };
    let moved = SubscriptionChange { after: None, period: Period(0), zone: "Asia/Tokyo".to_owned(), ..moved };
    planted(&books, &moved, changed, &[(|of| of.period = Period(1), None)]);
}
