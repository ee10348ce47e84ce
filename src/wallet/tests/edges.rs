//! Edges that mutants have shown to be without a test: limits at their last value, and what is only told.

use super::World;
use super::world::account;
use crate::audit::{Invariant, Totals, check_record};
use crate::bucket::{Bucket, Sources};
use crate::command::TEXT_BYTES_MAX;
use crate::credits::Credits;
use crate::ids::{CommandId, PaymentId, Timestamp};
use crate::outcome::{Field, Outcome};
use crate::record::{PendingTopUp, Record};
use crate::request::{Command, CommandRequest};
use crate::row::PENDING_TOP_UPS_MAX;
use crate::settings::Settings;

/// R33: a reason and a name may be as long as the limit, and no longer.
#[test]
fn r33_texts_of_commands_have_a_limit() {
    let world = World::new(Settings::default());
    let told = |id: u128, by: usize, reason: usize| {
        let command = Command::OpenAccount { account: account("a"), zone: String::new() };
        let request = CommandRequest { id: CommandId(id), command, by: "x".repeat(by), reason: "x".repeat(reason) };
        let answer = world.engine.command(&request, world.now);
        (answer.outcome, answer.detail)
    };
    assert_eq!(told(1, 0, TEXT_BYTES_MAX + 1), (Outcome::BadRequest, Field::Reason as u32));
    assert_eq!(told(1, TEXT_BYTES_MAX + 1, 0), (Outcome::BadRequest, Field::Reason as u32));
    assert_eq!(told(1, TEXT_BYTES_MAX, TEXT_BYTES_MAX).0, Outcome::Done);
}

/// R3: a mask of sources is what it was made from; bits that stand for no bucket are none.
#[test]
fn r3_a_mask_of_sources_keeps_its_bits() {
    for bits in 1..8 {
        let sources = Sources::from_bits(bits);
        assert_eq!(sources.map(Sources::bits), Some(bits));
        let buckets = Bucket::ALL.map(|bucket| sources.is_some_and(|sources| sources.contains(bucket)));
        assert_eq!(buckets, [bits & 1 != 0, bits & 2 != 0, bits & 4 != 0]);
    }
    assert_eq!(Sources::from_bits(0), Some(Sources::ALL), "none named: all");
    assert_eq!(Sources::from_bits(8), None);
}

/// R6: only zones that have wallets count.
#[test]
fn r6_zones_with_wallets_are_counted() {
    let mut world = World::new(Settings::default());
    assert_eq!(world.engine.zones_with_wallets(), 0);
    world.check(
        "open a
         open b zone=America/New_York
         open c zone=Asia/Kathmandu
         move b UTC",
    );
    assert_eq!(world.engine.zones_with_wallets(), 2, "nobody is in New York any more");
}

/// R4, R5: beside a wallet of the new day its row shows the new day's credits, and what it had spent of the old day is gone.
#[test]
fn r4_a_row_is_shown_on_the_day_of_its_wallet() {
    let mut world = World::new(Settings::default());
    world.check("open a\ncharge h a 30\nat 2026-03-12T08:00:00Z");
    let mut row = world.disk.replayed().rows[&account("a")].clone();
    assert_eq!((row.free, row.spent_in_period.free), (Credits::from_whole(70), Credits::from_whole(30)));
    let view = world.engine.wallet_view(account("a"), world.now).unwrap();
    world.engine.roll_row(&mut row, &view);
    assert_eq!((row.day, row.free, row.spent_in_period.free), (view.day, Credits::from_whole(100), Credits::ZERO));
    assert_eq!(row.counters[0].expired, Credits::from_whole(70));
}

/// R14: the audit takes as many waiting top-ups as there may be; those that have ended do not count.
#[test]
fn r14_the_audit_counts_the_top_ups_that_still_wait() {
    let mut world = World::new(Settings::default());
    world.check("open a\nsubscribe a 0");
    let mut books = world.disk.replayed();
    let pending = |number: usize, at: u64| PendingTopUp {
        account: account("a"),
        payment: PaymentId(900 + u128::try_from(number).unwrap()),
        amount: Credits::from_whole(1),
        bundle: String::new(),
        by: String::new(),
        at: Timestamp(at),
        ends_at: Timestamp(at + 10),
    };
    let audited = |books: &mut super::disk::Maps, record: &PendingTopUp| {
        let mut found = Vec::new();
        check_record(books, &Record::PendingTopUp(record.clone()), &mut |violation| found.push(violation.invariant));
        found
    };
    for number in 0..PENDING_TOP_UPS_MAX {
        let record = pending(number, 100);
        assert_eq!(audited(&mut books, &record), []);
        let row = books.rows.get_mut(&account("a")).unwrap();
        row.add_pending(crate::row::Pending::of(&record));
    }
    assert_eq!(audited(&mut books, &pending(99, 109)), [Invariant::PendingTopUps]);
    assert_eq!(audited(&mut books, &pending(99, 110)), [], "at that instant the others have ended");
}

/// I1: what all wallets were granted is what has become of it, bucket by bucket.
#[test]
fn i1_the_sums_over_all_wallets_are_compared_by_bucket() {
    let mut world = World::new(Settings::default());
    world.check("open a\nopen b\ncharge h a 30\nreserve g b 20");
    let mut books = world.disk.replayed();
    let violations = |books: &super::disk::Maps| {
        let mut totals = Totals::default();
        books.rows.values().for_each(|row| totals.add(row));
        assert_eq!(totals.rows(), 2);
        let mut found = Vec::new();
        totals.finish(&mut |violation| found.push(violation.to_string()));
        found
    };
    assert!(violations(&books).is_empty());
    books.rows.get_mut(&account("a")).unwrap().counters[1].granted += Credits::from_whole(1);
    let found = violations(&books);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("Subscription: granted 1 is not 0"), "{found:?}");
}

/// R7: a subscription that begins and ends within a day leaves the day what it was when it began.
#[test]
fn r7_a_day_in_which_a_subscription_began_and_ended_began_without_one() {
    let mut world = World::new(Settings::default());
    world.check(
        "open a
         join a 2
         cancel a now
         charge h a 30             => granted left=70/0/0
         at 2026-03-11T00:00:00Z
         balance a                 => done left=100/0/0",
    );
    let totals = world.engine.reset_totals();
    assert_eq!((totals.free_granted, totals.free_expired), (Credits::from_whole(100), Credits::from_whole(70)));
}
