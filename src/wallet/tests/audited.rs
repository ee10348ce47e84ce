//! Records that the engine never writes, after a journal that it wrote: the audit names what each breaks.

use super::check;
use super::disk::Maps;
use super::world::{World, account, hold_id};
use crate::audit::{Invariant, Sums, check_record};
use crate::bucket::{Bucket, Slices, Sources, Split};
use crate::credits::Credits;
use crate::hold::Hold;
use crate::ids::{AccountId, CommandId, Day, HoldId, PaymentId, Period, Tier, Timestamp, WorkerId};
use crate::record::{
    Attribution, CaptureRequest, Correct, Grant, Issuer, LateCapture, Record, Refund, RefundReason, Reserve, Return,
    SetSubscription, SubscriptionChange, SubscriptionKind, Terms, TopUp,
};

/// An open hold, one that was captured, and one that has expired, of a subscribed wallet on its second day.
fn a_world() -> World {
    check(
        "open a
         open b
         join a 2
         topup a 500
         reserve open a 30 ttl=24h
         reserve captured a 150
         reserve expired a 20 ttl=1m
         commit captured 150
         at 2026-03-10T12:02:00Z
         expire
         at 2026-03-11T12:00:00Z
         charge today a 1",
    )
}

fn audited(books: &Maps, record: &Record) -> Vec<Invariant> {
    let mut found = Vec::new();
    check_record(&mut books.clone(), record, &mut |violation| found.push(violation.invariant));
    found
}

fn issuer(now: Timestamp) -> Issuer {
    Issuer { command: CommandId(999), by: String::new(), reason: String::new(), at: now }
}

/// What a reserve of one credit out of one bucket would be now.
fn reserve(world: &World, books: &Maps, bucket: Bucket, millis: u64) -> Reserve {
    let row = &books.rows[&account("a")];
    let split = Split::only(bucket, Credits::from_millis(millis));
    Reserve {
        account: account("a"),
        hold: hold_id(world.now.wall, 900),
        taken: Slices { split, day: row.day, period: row.period },
        attribution: Attribution::default(),
        worker: WorkerId::NONE,
        settings: 0,
        terms: Terms { hold_ms: 60_000, ..Terms::NONE },
        at: world.now.daemon,
        ends_at: world.now.daemon.plus_millis(60_000),
    }
}

#[test]
fn a_take_is_checked_against_every_bucket_and_its_terms() {
    let world = a_world();
    let books = world.disk.replayed();
    let row = books.rows[&account("a")].clone();
    for (bucket, there) in [(Bucket::Subscription, row.subscription), (Bucket::TopUp, row.available().top_up)] {
        let whole = reserve(&world, &books, bucket, there.millis());
        assert_eq!(audited(&books, &Record::Reserve(whole)), [], "{bucket:?}");
        let over = reserve(&world, &books, bucket, there.millis() + 1);
        assert_eq!(audited(&books, &Record::Reserve(over)), [Invariant::NoOvershoot], "{bucket:?}");
        let charge = Reserve { ends_at: over.at, ..over };
        assert_eq!(audited(&books, &Record::Charge(charge)), [Invariant::NoOvershoot], "{bucket:?}");
    }
    let narrow = reserve(&world, &books, Bucket::TopUp, 1);
    let terms = Terms { sources: Sources::NO_TOP_UP, ..narrow.terms };
    assert_eq!(audited(&books, &Record::Reserve(Reserve { terms, ..narrow })), [Invariant::NoOvershoot]);
    let nobody = Reserve { hold: HoldId::NONE, ..narrow };
    assert_eq!(audited(&books, &Record::Reserve(nobody)), [Invariant::Prefix]);
}

/// R5: a day that nothing was drawn from had its allowance all the same: a record of it may come after the day's end.
#[test]
fn r5_a_take_of_a_day_that_was_left_alone_has_its_allowance() {
    let world = check("open b\nat 2026-03-12T12:00:00Z\ncharge h b 1");
    let books = world.disk.replayed();
    let row = books.rows[&account("b")].clone();
    let of = |day: Day, millis| {
        let taken = Slices { split: Split::only(Bucket::Free, Credits::from_millis(millis)), day, period: row.period };
        let reserve = Reserve { account: account("b"), taken, ..reserve_of_b(&world) };
        audited(&books, &Record::Reserve(reserve))
    };
    assert_eq!(of(Day(row.day.0 - 1), 100_000), []);
    assert_eq!(of(Day(row.day.0 - 1), 100_001), [Invariant::NoOvershoot]);
    assert_eq!((of(row.day, 99_000), of(row.day, 99_001)), (vec![], vec![Invariant::NoOvershoot]));
    assert_eq!(of(Day(row.day.0 - 64), 1), [Invariant::Periods]);
}

fn reserve_of_b(world: &World) -> Reserve {
    let books = check("open a").disk.replayed();
    reserve(world, &books, Bucket::Free, 1)
}

#[test]
fn gifts_and_corrections_are_checked_against_their_periods() {
    let world = a_world();
    let books = world.disk.replayed();
    let row = books.rows[&account("a")].clone();
    let grant = |account: AccountId, bucket, day, period| {
        let amount = Credits::from_whole(1);
        Record::Grant(Grant { account, bucket, amount, day, period, issuer: issuer(world.now.daemon) })
    };
    let a = account("a");
    assert_eq!(audited(&books, &grant(a, Bucket::Subscription, row.day, row.period)), []);
    assert_eq!(audited(&books, &grant(a, Bucket::Subscription, row.day, row.period.next())), [Invariant::Periods]);
    assert_eq!(audited(&books, &grant(a, Bucket::Free, Day(row.day.0 - 64), row.period)), [Invariant::Periods]);
    let b = account("b");
    assert_eq!(audited(&books, &grant(b, Bucket::Subscription, row.day, Period(0))), [Invariant::Periods]);
    let correct = |requested, amount| {
        let [requested, amount] = [requested, amount].map(Credits::from_whole);
        let (day, period, bucket) = (row.day, row.period, Bucket::TopUp);
        let issuer = issuer(world.now.daemon);
        Record::Correct(Correct { account: a, bucket, requested, amount, day, period, issuer })
    };
    assert_eq!(audited(&books, &correct(5, 5)), []);
    assert_eq!(audited(&books, &correct(4, 5)), [Invariant::NoOvershoot]);
    assert_eq!(audited(&books, &correct(9_999, 9_999)), [Invariant::NoOvershoot]);
}

#[test]
fn commands_of_a_subscription_are_checked_against_the_row() {
    let world = a_world();
    let books = world.disk.replayed();
    let row = books.rows[&account("a")].clone();
    let now = world.now.daemon;
    let set = |period, tier, ends_at| {
        let (account, day, amount) = (account("a"), row.day, Credits::from_whole(5));
        let issuer = issuer(now);
        Record::SetSubscription(SetSubscription { account, day, period, amount, tier, ends_at, issuer })
    };
    assert_eq!(audited(&books, &set(row.period.next(), Tier(1), Timestamp::NONE)), []);
    assert_eq!(audited(&books, &set(row.period, Tier(1), Timestamp::NONE)), [Invariant::Periods]);
    assert_eq!(audited(&books, &set(row.period.next(), Tier(0), Timestamp::NONE)), [Invariant::Periods]);
    assert_eq!(audited(&books, &set(row.period.next(), Tier(16), Timestamp::NONE)), [Invariant::Periods]);
    assert_eq!(audited(&books, &set(row.period.next(), Tier(1), now)), [Invariant::Periods]);

    let kept = SubscriptionChange {
        account: account("a"),
        kind: SubscriptionKind::Renew,
        asked: crate::record::Asked::default(),
        day: row.day,
        before: row.subscribed,
        after: row.subscribed,
        pending: None,
        period: row.period,
        amount: Credits::ZERO,
        zone: String::new(),
        issuer: issuer(now),
    };
    let change = |change: &dyn Fn(&mut SubscriptionChange)| {
        let mut changed = kept.clone();
        change(&mut changed);
        audited(&books, &Record::Subscription(Box::new(changed)))
    };
    assert_eq!(change(&|_| {}), []);
    assert_eq!(change(&|of| of.period = row.period.next()), []);
    assert_eq!(change(&|of| of.period = Period(row.period.0 - 1)), [Invariant::Periods]);
    assert_eq!(change(&|of| of.day = Day(row.day.0 - 1)), [Invariant::Periods]);
    assert_eq!(change(&|of| of.amount = Credits::from_whole(1)), [Invariant::Conservation]);
    assert_eq!(change(&|of| of.before = None), [Invariant::Replay]);
    let pending = crate::subscription::PendingChange {
        plan: crate::ids::PlanId(1),
        tier: Tier(1),
        allocation: Credits::from_whole(1),
    };
    let ends = |of: &mut SubscriptionChange| {
        (of.kind, of.after, of.period) = (SubscriptionKind::Lapse, None, row.period.next());
    };
    assert_eq!(change(&ends), []);
    assert_eq!(change(&|of| of.kind = SubscriptionKind::Lapse), [Invariant::Periods]);
    let ends_in_its_period = |of: &mut SubscriptionChange| (of.after, of.period) = (None, row.period);
    assert_eq!(change(&ends_in_its_period), [Invariant::Periods]);
    let waits_for_nothing = |of: &mut SubscriptionChange| {
        ends(of);
        of.pending = Some(pending);
    };
    assert_eq!(change(&waits_for_nothing), [Invariant::Periods]);
    let not_granted = |of: &mut SubscriptionChange| {
        of.after.as_mut().unwrap().granted_max = Credits::ZERO;
    };
    assert_eq!(change(&not_granted), [Invariant::Periods]);
}

#[test]
fn settlements_are_checked_against_their_hold() {
    let mut world = a_world();
    let books = world.disk.replayed();
    let (open, captured, expired) = (world.hold("open"), world.hold("captured"), world.hold("expired"));
    let now = world.now.daemon;
    let late = |hold: HoldId, by: &str, millis, requested| {
        let hold_of: &Hold = &books.holds[&hold];
        Record::LateCapture(LateCapture {
            account: account(by),
            hold,
            request: CaptureRequest { number: 7, amount: requested, last: true },
            taken: Slices { split: Split::only(Bucket::TopUp, Credits::from_millis(millis)), ..hold_of.taken },
            shortfall: Credits::ZERO,
            attribution: Attribution::default(),
            at: now,
        })
    };
    assert_eq!(audited(&books, &late(expired, "a", 20_000, None)), []);
    assert_eq!(audited(&books, &late(expired, "a", 20_001, None)), [Invariant::LateCommit]);
    assert_eq!(audited(&books, &late(expired, "a", 20_000, Some(Credits::from_whole(19)))), [Invariant::NoOvershoot]);
    assert_eq!(audited(&books, &late(open, "a", 1, None)), [Invariant::LateCommit]);
    assert_eq!(audited(&books, &late(expired, "b", 1, None)), [Invariant::Prefix], "of another account");

    let taken = books.holds[&captured].taken;
    let refund = |undone: &[Slices]| {
        Record::Refund(Refund {
            account: account("a"),
            hold: captured,
            number: 1,
            requested: None,
            reason: RefundReason::Goodwill,
            undone: undone.to_vec(),
            returned: undone.to_vec(),
            forfeited: Split::ZERO,
            attribution: Attribution::default(),
            at: now,
        })
    };
    let of = |bucket, whole| Slices { split: Split::only(bucket, Credits::from_whole(whole)), ..taken };
    // 150 credits: what was left of the day, and the rest of the subscription.
    let free = taken.split.free.millis() / 1_000;
    assert_eq!(audited(&books, &refund(&[of(Bucket::Free, free)])), []);
    assert_eq!(audited(&books, &refund(&[of(Bucket::Free, free + 1)])), [Invariant::Conservation]);
    assert_eq!(audited(&books, &refund(&[of(Bucket::TopUp, 1)])), [Invariant::Conservation]);
    let other_day = Slices { day: Day(taken.day.0 + 1), ..of(Bucket::Free, 1) };
    assert_eq!(audited(&books, &refund(&[other_day])), [Invariant::Conservation]);

    let rest = books.holds[&open].rest();
    let end = |returned, forfeited, at| Return { account: account("a"), hold: open, returned, forfeited, at };
    let ends_at = books.holds[&open].ends_at;
    assert_eq!(audited(&books, &Record::Expire(end(Split::ZERO, rest, ends_at))), []);
    let early = Timestamp(ends_at.0 - 1);
    assert_eq!(audited(&books, &Record::Expire(end(Split::ZERO, rest, early))), [Invariant::OneEnd]);
    assert_eq!(audited(&books, &Record::Release(end(Split::ZERO, Split::ZERO, now))), [Invariant::Conservation]);
    let nothing = TopUp {
        account: account("a"),
        payment: PaymentId(77),
        amount: Credits::ZERO,
        bundle: String::new(),
        by: String::new(),
        at: now,
    };
    assert_eq!(audited(&books, &Record::TopUp(nothing)), [Invariant::PendingTopUps]);
}

/// I9: sums are of so many wallets with open holds, and the next ones begin where they end.
#[test]
fn i9_sums_of_open_holds_are_of_so_many_wallets() {
    let world = check("open a\nopen b\nopen c\nreserve h1 a 1\nreserve h2 b 2\nreserve h3 c 3\nreserve h4 a 4");
    let books = world.disk.replayed();
    let sums = |low: AccountId, most| {
        let mut sums = Sums::from(low, most);
        books.holds.values().for_each(|hold| sums.add_hold(hold));
        sums
    };
    assert_eq!(sums(AccountId::NONE, 3).next(), None);
    assert_eq!(sums(AccountId::NONE, 2).next(), Some(account("c")));
    let mut first = sums(AccountId::NONE, 2);
    let mut found = Vec::new();
    for name in ["a", "b"] {
        first.compare(&books.rows[&account(name)], &mut |violation| found.push(violation));
    }
    first.finish(&mut |violation| found.push(violation));
    assert_eq!(found, []);
    let mut last = sums(account("c"), 2);
    assert_eq!(last.next(), None);
    last.compare(&books.rows[&account("c")], &mut |violation| found.push(violation));
    last.finish(&mut |violation| found.push(violation));
    assert_eq!(found, []);
}
