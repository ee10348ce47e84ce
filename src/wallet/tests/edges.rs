//! Edges that mutants have shown to be without a test: limits at their last value, and what is only told.

use super::world::{account, only};
use super::{World, check};
use crate::accounts::AccountScan;
use crate::audit::{Invariant, Totals, check_record};
use crate::bucket::{Bucket, Slices, Sources};
use crate::command::TEXT_BYTES_MAX;
use crate::credits::Credits;
use crate::cycles::CycleCount;
use crate::engine::{CHUNK_OPERATIONS_MAX, Run};
use crate::hold::HoldState;
use crate::holds::{Place, UnitNumber};
use crate::ids::{AccountId, CommandId, Day, HoldId, PaymentId, Position, Tier, Timestamp, WorkerId};
use crate::outcome::{Field, Outcome};
use crate::record::{Attribution, OverCommit, PendingTopUp, Record};
use crate::request::{Command, CommandRequest, Operation, ReserveRequest};
use crate::row::PENDING_TOP_UPS_MAX;
use crate::settings::Settings;

/// A request for nothing.
fn request(account: AccountId, hold: HoldId) -> ReserveRequest {
    ReserveRequest {
        account,
        hold,
        amount: Credits::ZERO,
        sources: Sources::ALL,
        pro_model: false,
        priced: false,
        min_tier: Tier::NONE,
        ttl_ms: 0,
        over_commit: OverCommit::Reject,
        attribution: Attribution::default(),
        worker: WorkerId::NONE,
        settings: 0,
    }
}

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

/// R2: a command names an account.
#[test]
fn r2_a_command_without_an_account_is_refused() {
    let mut world = World::new(Settings::default());
    let answer = world.command(Command::OpenAccount { account: AccountId::NONE, zone: String::new() });
    assert_eq!((answer.outcome, answer.detail), (Outcome::BadRequest, Field::Account as u32));
}

/// R2: all 128 bits of an account's id count, in the directory and in listings.
#[test]
fn r2_an_account_is_known_by_all_bits_of_its_id() {
    let mut world = World::new(Settings::default());
    let ids = [1_u128 << 127 | 5, 1 << 96 | 5, 1 << 64 | 5, 1 << 32 | 5, 5].map(AccountId);
    for id in ids {
        let answer = world.command(Command::OpenAccount { account: id, zone: String::new() });
        assert_eq!(answer.outcome, Outcome::Done, "{id}");
    }
    let mut scan = AccountScan::new(AccountId::NONE, 10);
    while !world.engine.scan_accounts(&mut scan, 2) {}
    assert_eq!(scan.accounts().collect::<Vec<_>>(), ids.iter().rev().copied().collect::<Vec<_>>());
    world.check_replay();
}

/// R2: a reserve without an account is refused as such, and not as one of an account that nobody knows.
#[test]
fn r2_a_reserve_without_an_account_is_refused() {
    let mut world = World::new(Settings::default());
    let hold = world.hold("h1");
    let answer = world.run(Operation::Reserve(ReserveRequest { ttl_ms: 1, ..request(AccountId::NONE, hold) }));
    assert_eq!((answer.outcome, answer.detail), (Outcome::BadRequest, Field::Account as u32));
}

/// I3: what leaves rests on the last of its answers' records; a chunk without one rests on nothing.
#[test]
fn i3_a_chunk_rests_on_the_latest_of_its_answers() {
    let mut world = check("open a\nopen b");
    let mut chunk = world.engine.chunk();
    assert_eq!(chunk.needs(), Position::NONE);
    let [first, second] = ["h1", "h2"].map(|name| world.hold(name));
    let charge = |name, hold| Operation::Charge(request(account(name), hold));
    let asked = [charge("a", first), charge("b", second), Operation::Balance { account: account("a") }];
    assert_eq!(world.engine.run(&mut chunk, &asked, world.now), Run::Done);
    let [_, last, balance] = [0, 1, 2].map(|index| chunk.answers()[index].needs);
    assert!(last > Position::NONE && balance < last);
    assert_eq!(chunk.needs(), last);
}

/// I5: the place of a record that was pushed is never that of one that waits, whatever its number.
#[test]
fn i5_what_was_pushed_waits_in_no_unit() {
    let unit = UnitNumber(5);
    assert!(Place::pending(unit, 3).is_in(unit));
    assert!(!Place::pending(UnitNumber(4), 3).is_in(unit));
    assert!(!Place::pushed(Position(5 << 16 | 3)).is_in(unit));
}

/// R1: amounts and positions are shown as numbers, in logs too.
#[test]
fn amounts_and_positions_are_shown_as_numbers() {
    assert_eq!(format!("{:?} {}", Credits::from_millis(73_500), Position(12)), "73.5 12");
}

/// R23, R28: the numbers of a hold's states are for ever.
#[test]
fn states_of_holds_keep_their_numbers() {
    for code in 1..=6 {
        assert_eq!(HoldState::from_code(code).map(|state| state as u8), Some(code));
    }
    assert_eq!((HoldState::from_code(0), HoldState::from_code(7)), (None, None));
}

/// R1: the largest amount may be named, and no larger one.
#[test]
fn r1_an_amount_has_a_limit() {
    check(
        "open a
         reserve h1 a 274877906.943   => insufficient
         reserve h1 a 274877906.944   => bad_request field=Amount",
    );
}

/// R6: holds of a wallet that is ahead of its zone after a move to the west are settled and end as others do.
#[test]
fn r6_a_wallet_that_is_ahead_settles_its_holds() {
    let mut world = World::new(Settings::default());
    world.check(
        "open a zone=Pacific/Kiritimati
         reserve h1 a 30
         reserve h2 a 20              => granted left=50/0/0
         move a Pacific/Pago_Pago
         commit h1 30                 => done
         release h2                   => done left=70/0/0",
    );
}

/// R12, R40: what a larger plan adds to a bucket that is nearly full is refused, and a change that adds nothing is not.
#[test]
fn r12_a_change_of_plan_fits_the_bucket() {
    check(
        "open a
         join a 2                              => done left=100/3000/0
         grant a subscription 137435953        => done
         change a 3 prorated                   => balance_limit amount=0.471
         change a 3 renewal                    => done",
    );
}

/// R35: a wallet whose subscription lapsed and that nobody asked for in years is on its day after a start.
#[test]
fn r35_a_start_after_years_without_a_record_is_in_the_present_day() {
    let mut world = World::new(Settings::default());
    world.check("open a\njoin a 2 once");
    world.now = crate::ids::Now::at(super::world::instant("2029-01-01T00:00:00Z"));
    let mut started = world.restarted();
    started.check("balance a                  => done left=100/0/0");
}

/// R31: the oldest open hold is one that is open.
#[test]
fn r31_the_oldest_open_hold_is_open() {
    let mut world = World::new(Settings::default());
    world.check_line("open a");
    world.check_line("reserve h1 a 30");
    let opened = world.now.daemon;
    world.advance(10_000);
    assert_eq!(world.engine.gauges().oldest_open_hold_at, Some(opened));
    world.check_line("release h1               => done");
    assert_eq!(world.engine.gauges().oldest_open_hold_at, None);
    world.check_line("reserve h2 a 30");
    assert_eq!(world.engine.gauges().oldest_open_hold_at, Some(world.now.daemon));
}

/// I9: a count looks at as many wallets at a time as it was told.
#[test]
fn i9_a_count_looks_at_so_many_wallets_at_a_time() {
    let mut world = World::new(Settings::default());
    world.check("open a\nopen b\nopen c");
    let mut count = CycleCount::new(Timestamp::NONE, Timestamp::NEVER);
    let calls = std::iter::from_fn(|| (!world.engine.count_cycles(&mut count, 1)).then_some(())).count();
    assert_eq!(calls, 3, "one a wallet, and then one that finds no more");
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
    assert_eq!(world.engine.day_boundaries(world.now).len(), 0);
    world.check(
        "open a
         open b zone=America/New_York
         open c zone=Asia/Kathmandu
         move b UTC",
    );
    assert_eq!(world.engine.day_boundaries(world.now).len(), 2, "nobody is in New York any more");
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

/// R12: credits of a plan may fill the bucket to its half, now and with the next cycle.
#[test]
fn r12_a_plan_may_fill_the_bucket_to_its_half() {
    let mut world = World::new(Settings::default());
    let plans = "version = 1\nretired = []\n[[plan]]\nid = 9\nname = \"most\"\ntier = 1\ncredits = \"137438953.471\"";
    world.engine.set_plans(std::sync::Arc::new(crate::plan::parse::plan_catalog("plans.toml", plans).unwrap()));
    world.check(
        "open a
         join a 9                 => done left=100/137438953.471/0
         change a 9 renewal       => done",
    );
}

/// R27: a hold takes so many refunds, and says which limit the next one meets.
#[test]
fn r27_refunds_of_a_hold_have_a_limit() {
    let mut world = World::new(Settings::default());
    world.check("open a\ncharge h a 1");
    for number in 0..255 {
        world.check_line(&format!("refund h 0.001 n={number}   => done"));
    }
    world.check_line("refund h 0.001 n=255   => limit detail=2");
}

/// R32, R40: what is refused under pressure are the requests that take new credits.
#[test]
fn reserves_and_charges_take_new_credits_and_nothing_else_does() {
    let request = request(account("a"), HoldId(1));
    let (account, hold) = (account("a"), HoldId(1));
    assert!(Operation::Reserve(request).takes_new_credits() && Operation::Charge(request).takes_new_credits());
    assert!(!Operation::Release { account, hold }.takes_new_credits());
    assert!(!Operation::Extend { account, hold, ttl_ms: 1 }.takes_new_credits());
}

/// R10: what several rolls came to is their sum.
#[test]
fn r10_sums_of_resets_add_up() {
    use crate::resets::ResetTotals;
    let amount = Credits::from_millis;
    let one = ResetTotals {
        days: 1,
        cycles: 2,
        lapses: 3,
        free_granted: amount(4),
        free_expired: amount(5),
        subscription_granted: amount(6),
        subscription_expired: amount(7),
    };
    let both = one.plus(&one);
    assert_eq!((both.days, both.cycles, both.lapses), (2, 4, 6));
    assert_eq!((both.free_granted, both.free_expired), (amount(8), amount(10)));
    assert_eq!((both.subscription_granted, both.subscription_expired), (amount(12), amount(14)));
    assert_eq!(both.since(&one), one);
}

/// R2: a directory finds each of many accounts, whatever their tags and its growth.
#[test]
fn r2_each_of_many_accounts_is_found() {
    use crate::slot::{Cold, NewWallet, Wallets};
    let wallets = Wallets::new();
    let id = |number: u128| AccountId(number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835) | 1 << 127);
    let new = || NewWallet {
        word: crate::word::Snapshot::default(),
        cohort: crate::calendar::Cohort(0),
        period: crate::ids::Period(0),
        subscription: None,
        cold: Cold::default(),
    };
    let added: Vec<_> = (0..30_000).map(|number| wallets.add(id(number), new).unwrap()).collect();
    for (number, index) in (0..).zip(added) {
        assert_eq!(wallets.find(id(number)), Some(index));
    }
    assert_eq!(wallets.find(id(30_000)), None);
}

/// R6: days that are too far away to be kept for the next who asks are computed each time.
#[test]
fn r6_days_of_far_years_end_as_others_do() {
    let cohorts = crate::calendar::Cohorts::new();
    let utc = cohorts.of("UTC").unwrap();
    for year in [2026_u64, 4146, 4147, 5000, 9000] {
        let day = super::world::instant(&format!("{year}-03-10T00:00:00Z"));
        for _ in 0..2 {
            assert_eq!(cohorts.end_of_day_at(utc, day.plus_millis(5)), day.plus_millis(86_400_000), "{year}");
        }
    }
}

/// What the parser of TOML says stays as it is said: only unknown keys are told as such.
#[test]
fn what_is_no_toml_is_told_without_a_key() {
    for text in ["a = [1", "a = {b = 1", "a = \"x", "= 1", "[a", "a = 1 b = 2", "a = 1\na = 2", "a = 1x"] {
        let error = crate::plan::parse::plan_catalog("plans.toml", text).unwrap_err();
        assert_eq!((error.key.as_str(), error.hint), ("", None), "{text:?}: {}", error.message);
        assert!(!error.message.is_empty());
    }
}

/// R33: what was captured of an open hold does not come back, so that it takes no room from a gift.
#[test]
fn r33_a_gift_has_room_beside_what_open_holds_have_left() {
    check(
        "open a
         join a 2
         topup a 137438953         => done
         reserve h1 a 137438953 sources=4 => granted
         commit h1 100000000 more  => done
         topup a 137438953         => done
         reserve h2 a 137438953 sources=4 => granted
         topup a 90000000          => done",
    );
}

/// R8: a request may name every tier that a wallet can have, and no other.
#[test]
fn r8_the_least_tier_has_a_limit() {
    check(
        "open a
         reserve h1 a 1 tier=15   => tier_required
         reserve h1 a 1 tier=16   => bad_request field=MinTier",
    );
}

/// R25: a hold is settled where something was captured of it, or all of nothing; who captures nothing has released it.
#[test]
fn r25_a_hold_is_released_where_nothing_was_charged_and_nothing_asked_for() {
    let mut world = World::new(Settings::default());
    world.check(
        "open a
         reserve part a 30
         commit part 10 n=1 more    => done
         commit part 0 n=2          => done
         reserve nothing a 0
         commit nothing all         => done
         reserve unused a 30
         commit unused 0            => done",
    );
    let books = world.disk.replayed();
    let states = ["part", "nothing", "unused"].map(|name| books.holds[&world.hold(name)].state);
    assert_eq!(states, [HoldState::Settled, HoldState::Settled, HoldState::Released]);
}

/// R11: what is left of a subscription that a command ends counts as expired.
#[test]
fn r11_what_is_left_of_a_cancelled_subscription_counts_as_expired() {
    let world = check("open a\njoin a 1\ncharge h a 130 => granted split=100/30/0\ncancel a now");
    assert_eq!(world.engine.reset_totals().subscription_expired, Credits::from_whole(970));
}

/// R5: a row places 64 days; what was drawn on the day before those is nothing of today's.
#[test]
fn r5_a_row_that_has_not_moved_for_64_days_begins_its_day() {
    for days in [63, 64, 65] {
        check(&format!("open a\ncharge h1 a 30\nafter {days}d\ncharge h2 a 10 => granted left=90/0/0"));
    }
}

/// R35: a wallet that nobody asked for while the short form of a day went round once is not taken for one of today.
#[test]
fn r35_a_start_after_exactly_as_many_days_as_a_word_tells_apart_is_in_the_present_day() {
    let mut world = World::new(Settings::default());
    world.check("open a\ncharge h a 30\njoin a 2 once");
    world.advance(1024 * 86_400_000);
    world.restarted().check("balance a            => done left=100/0/0");
}

/// R5: an allowance that is changed twice before it holds is the last one.
#[test]
fn r5_a_policy_replaces_one_that_would_have_begun_on_the_same_date() {
    check(
        "open a
         policy 50                => 1
         policy 60                => 1
         at 2026-03-13T00:00:00Z
         balance a                => done left=60/0/0",
    );
}

/// I1: a row that does not add up says so.
#[test]
fn i1_a_row_that_is_wrong_says_what_is_wrong() {
    let mut row = check("open a\ncharge h a 30").disk.replayed().rows[&account("a")].clone();
    assert_eq!(row.check(), Ok(()));
    row.counters_mut(Bucket::Free).granted += Credits::from_whole(1);
    assert!(row.check().is_err_and(|told| told.contains("I1")));
}

/// D3: an account that a look ahead takes for another one, whose tag is the same, pays for itself all the same.
#[test]
fn d3_in_a_long_run_of_requests_each_account_pays_for_itself() {
    let mut world = World::new(Settings::default());
    let accounts: Vec<AccountId> = (1..=4_000).map(AccountId).collect();
    for account in accounts.iter().copied() {
        world.command(Command::OpenAccount { account, zone: String::new() });
    }
    let amount = Credits::from_whole(1);
    for some in accounts.chunks(CHUNK_OPERATIONS_MAX) {
        let reserve = |account: &AccountId| {
            let hold = super::world::hold_id(world.now.wall, account.0);
            Operation::Reserve(ReserveRequest { amount, ..request(*account, hold) })
        };
        let operations: Vec<Operation> = some.iter().map(reserve).collect();
        assert!(world.run_all(&operations).iter().all(|answer| answer.outcome == Outcome::Granted));
    }
    for account in accounts {
        let left = world.run(Operation::Balance { account }).available;
        assert_eq!(left.free, Credits::from_whole(99), "{account}");
    }
}

/// R27: an id is within the refund window up to its last millisecond.
#[test]
fn r27_an_unknown_hold_is_too_old_to_be_refunded_after_the_window() {
    check(
        "open a
         refund h1@-2592000000 1  => unknown_hold
         refund h2@-2592000001 1  => refund_window_passed",
    );
}

/// R5: a day counts where something was drawn from it, whatever was drawn from the one before.
#[test]
fn r5_a_day_that_ended_before_a_start_counts_as_one_that_did_not() {
    let world = check("open a\ncharge h1 a 10\nafter 1d\ncharge h2 a 30\nafter 1d");
    let totals = world.restarted().engine.reset_totals();
    assert_eq!((totals.free_granted, totals.free_expired), (Credits::from_whole(100), Credits::from_whole(70)));
}

/// R5: a row on a later day counts the day that something was drawn from as granted, once, and what is left as expired.
#[test]
fn r5_a_debit_of_a_day_that_has_ended_comes_out_of_what_expired() {
    for (table, expired) in [("open a", [70, 40]), ("open a\ncharge h a 10", [60, 30])] {
        let books = check(table).disk.replayed();
        let mut row = books.rows[&account("a")].clone();
        let ended = Slices { day: row.day, period: row.period, ..only(Bucket::Free, 30) };
        row.roll_day(Day(ended.day.0 + 3), &books.policies);
        for expired in expired.map(Credits::from_whole) {
            row.take(&ended, &books.policies);
            row.counters_mut(Bucket::Free).spent += ended.split.free;
            let counted = row.counters[Bucket::Free as usize];
            assert_eq!((counted.granted, counted.expired), (Credits::from_whole(100), expired), "{table}");
            assert_eq!((row.free, row.check()), (Credits::from_whole(100), Ok(())));
        }
    }
}

/// R1: an amount is decimal.
#[test]
fn r1_an_amount_in_a_file_is_decimal() {
    let read = |amount: &str| {
        let text = format!("version = 1\nretired = []\n[[plan]]\nid = 1\nname = \"p\"\ntier = 1\ncredits = {amount}");
        crate::plan::parse::plan_catalog("plans.toml", &text)
    };
    assert!(read("10").is_ok());
    for amount in ["0x10", "0o10", "0b10"] {
        assert!(read(amount).unwrap_err().message.contains("such as 73.5"), "{amount}");
    }
}

/// R11: who subscribes may say until when it is paid for.
#[test]
fn r11_a_subscription_may_begin_with_the_end_of_what_is_paid_for() {
    check(
        "open a
         join a 2 once paid=2026-04-01T12:00:00Z  => done left=100/3000/0
         at 2026-04-01T11:59:59Z
         balance a                                => done left=0/3000/0 tier=2
         at 2026-04-01T12:00:00Z
         balance a                                => done left=0/0/0 tier=0",
    );
}

/// I8: a hold of which a part was captured is so after a start.
#[test]
fn i8_a_hold_that_was_captured_in_part_is_loaded_with_that() {
    check(
        "open a
         reserve h1 a 30
         commit h1 10 n=1 more    => done
         flush
         restart
         commit h1 25 n=2         => exceeds_hold amount=20
         commit h1 10 n=1 more    => replayed:done amount=10
         commit h1 all n=2        => done amount=20",
    );
}
