//! Subscriptions in the engine: R6, R7, R10 to R15, R35, I7, I8.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use super::disk::Disk;
use super::plan_words::plans;
use super::world::{account, compare_wallets, hold_id, instant};
use super::{World, check};
use crate::bucket::Sources;
use crate::credits::Credits;
use crate::engine::{Engine, Run};
use crate::ids::{CommandId, Now, Period, PlanId, Tier, Timestamp, WorkerId};
use crate::outcome::Outcome;
use crate::record::{Attribution, CycleRoll, OverCommit, Record, SubscriptionKind};
use crate::request::{Command, CommandRequest, Operation, ReserveRequest};
use crate::settings::Settings;
use crate::subscription::{ChangeMode, PendingChange};

fn rolls(world: &World) -> Vec<CycleRoll> {
    let rolls = world.disk.records().into_iter().filter_map(|record| match record {
        Record::CycleRoll(rolls) => Some(rolls),
        _ => None,
    });
    rolls.flatten().collect()
}

#[test]
fn r11_subscribing_opens_a_period_and_needs_that_there_is_none() {
    check(
        "open a
         join a 2                      => done split=0/3000/0 left=100/3000/0 top_up_allowed next_at=2026-04-10T12:00:00Z
         join a 3                      => already_subscribed
         join a 99                     => already_subscribed
         open b
         join b 99                     => unknown_plan
         join b 0                      => bad_request field=Plan
         join b 1 paid=2026-03-10T12:00:00Z => bad_request field=PaidThrough
         join z 1                      => unknown_account
         at 2026-03-11T00:00:00Z
         balance a                     => done left=0/3000/0 tier=2",
    );
}

#[test]
fn r11_commands_need_a_subscription() {
    check(
        "open a
         renew a 2026-05-01T00:00:00Z  => not_subscribed
         renew a 2026-03-01T00:00:00Z  => bad_request field=PaidThrough
         cancel a                      => not_subscribed
         cancel a now                  => not_subscribed
         lapse a                       => not_subscribed
         change a 1                    => not_subscribed
         change a 99                   => not_subscribed
         join a 1
         change a 99                   => unknown_plan
         change a 0                    => bad_request field=Plan",
    );
}

#[test]
fn r11_cycles_roll_on_until_told_otherwise() {
    let world = check(
        "open a
         join a 1
         reserve h1 a 600              => granted split=100/500/0
         at 2026-04-10T11:59:59Z
         balance a                     => done left=0/500/0
         at 2026-04-10T12:00:00Z
         reserve h2 a 1                => granted left=0/999/0 next_at=2026-05-10T12:00:00Z
         cancel a                      => done left=0/999/0
         at 2026-05-10T12:00:00Z
         balance a                     => done left=0/0/0 tier=0 next_at=2026-05-11T00:00:00Z
         at 2026-05-11T00:00:00Z
         balance a                     => done left=100/0/0",
    );
    let rolls = rolls(&world);
    assert_eq!((rolls[0].plan, rolls[0].cycle, rolls[0].allocation), (PlanId(1), 1, Credits::from_whole(1_000)));
    assert_eq!((rolls[1].tier, rolls[1].at), (Tier::NONE, instant("2026-05-10T12:00:00Z")));
}

#[test]
fn r11_without_renewal_it_lapses_at_what_is_paid_for() {
    check(
        "open a
         join a 4 once                 => done next_at=2026-04-10T12:00:00Z
         topup a 20
         renew a 2026-04-20T00:00:00Z  => done
         at 2026-04-15T00:00:00Z
         balance a                     => done left=0/3000/20 next_at=2026-04-20T00:00:00Z
         at 2026-04-20T00:00:00Z
         reserve h1 a 130              => insufficient left=100/0/20 detail=500
         reserve h1 a 5 tier=1         => tier_required
         topup a 1                     => subscription_required
         reserve h1 a 120              => granted split=100/0/20",
    );
}

#[test]
fn r11_cancel_and_lapse_end_it_at_once_and_leave_top_up_credits() {
    check(
        "open a
         join a 1
         topup a 20
         cancel a now                  => done left=100/0/20
         join a 1                      => done left=100/1000/20
         lapse a                       => done left=100/0/20
         balance a                     => done tier=0
         at 2026-03-11T00:00:00Z
         balance a                     => done left=100/0/20",
    );
}

#[test]
fn r12_each_mode_of_a_plan_change() {
    check(
        "open a
         join a 1
         at 2026-03-26T00:00:00Z
         change a 2                    => done split=0/1000/0 left=0/2000/0
         change a 1                    => done split=0/0/0 left=0/2000/0
         balance a                     => done tier=2
         at 2026-04-10T12:00:00Z
         balance a                     => done left=0/1000/0 tier=1
         change a 3 renewal            => done left=0/1000/0
         change a 2 cycle              => done split=0/3000/0 left=0/3000/0 next_at=2026-05-10T12:00:00Z
         at 2026-05-10T12:00:00Z
         balance a                     => done left=0/3000/0 tier=2",
    );
}

#[test]
fn r12_up_and_down_in_turn_gains_nothing() {
    check(
        "open a
         join a 1
         at 2026-03-26T00:00:00Z
         change a 2 prorated           => done split=0/1000/0 left=0/2000/0
         change a 1 prorated           => done split=0/0/0
         change a 2 prorated           => done split=0/0/0 left=0/2000/0
         change a 3 prorated           => done split=0/1500/0 left=0/3500/0",
    );
}

#[test]
fn r12_a_later_command_replaces_a_pending_change_and_an_end_deletes_it() {
    let pending = |world: &World| world.engine.wallet_view(account("a"), world.now).unwrap().pending;
    let mut world = check("open a\njoin a 3\nchange a 2 => done\nchange a 1 => done");
    let basic = PendingChange { plan: PlanId(1), tier: Tier(1), allocation: Credits::from_whole(1_000) };
    assert_eq!(pending(&world), Some(basic));
    world.check("move a Asia/Tokyo => done\nrenew a 2027-01-01T00:00:00Z => done\nrestart");
    assert_eq!(pending(&world), Some(basic), "neither a move nor a renewal touches it");
    world.check("cancel a => done");
    assert_eq!(pending(&world), None);
    world.check("change a 2 => done\nlapse a => done\njoin a 3 => done");
    assert_eq!(pending(&world), None);
    world.check("change a 1 => done\nat 2026-04-10T12:00:00Z\nbalance a => done left=0/1000/0 tier=1");
    assert_eq!(pending(&world), None);
    assert!(rolls(&world).last().unwrap().changed);
}

#[test]
fn r13_a_retry_is_told_again_and_another_command_names_the_field() {
    check(
        "open a
         open b
         join a 1 id=90                => done split=0/1000/0
         join a 1 id=90                => replayed:done split=0/1000/0
         join b 1 id=90                => command_id_reused field=Account
         join a 2 id=90                => command_id_reused field=Plan
         join a 1 once id=90           => command_id_reused field=AutoRenew
         join a 1 id=90 paid=2027-01-01T00:00:00Z => command_id_reused field=PaidThrough
         lapse a id=90                 => command_id_reused field=Command
         freeze a id=90                => command_id_reused field=Command
         change a 2 id=91              => done
         change a 2 id=91              => replayed:done
         change a 2 prorated id=91     => command_id_reused field=Mode
         renew a 2027-01-01T00:00:00Z id=92 => done
         renew a 2027-01-02T00:00:00Z id=92 => command_id_reused field=PaidThrough
         cancel a id=93                => done
         cancel a now id=93            => command_id_reused field=AtPeriodEnd
         move a UTC id=94              => done
         move a Asia/Tokyo id=94       => command_id_reused field=Zone
         move a UTC id=94              => replayed:done
         move a Mars/Olympus           => bad_request field=Zone
         restart
         at 2030-01-01T00:00:00Z
         renew a 2027-01-01T00:00:00Z id=92 => replayed:done",
    );
}

#[test]
fn r13_the_answer_shows_the_state_before_and_after_also_to_a_retry() {
    let mut world = check("open a\njoin a 1");
    let command = Command::ChangePlan { account: account("a"), plan: PlanId(3), mode: ChangeMode::Default };
    let request = CommandRequest { id: CommandId(77), command, by: "test".into(), reason: String::new() };
    let first = world.engine.command_outcome(&request, world.now);
    let change = first.change.unwrap();
    assert_eq!((change.kind, change.asked.plan), (SubscriptionKind::ChangePlan, PlanId(3)));
    assert_eq!(change.before.map(|before| before.plan), Some(PlanId(1)));
    assert_eq!(change.after.map(|after| after.plan), Some(PlanId(3)));
    world.check("lapse a");
    let again = world.engine.command_outcome(&request, world.now);
    assert_eq!((again.answer.outcome, again.change), (Outcome::Replayed, Some(change)));
    let refused = world.engine.command_outcome(&CommandRequest { id: CommandId(78), ..request }, world.now);
    assert_eq!((refused.answer.outcome, refused.change), (Outcome::NotSubscribed, None));
}

#[test]
fn r14_a_plan_may_refuse_top_ups() {
    let mut world = check(
        "open a
         join a 500                    => done top_up_allowed=false
         topup a 5                     => subscription_required
         balance a                     => done top_up_allowed=false
         clawback a 5                  => done debt=5
         topup a 5                     => done
         change a 1 cycle              => done top_up_allowed=true
         topup a 5                     => done",
    );
    world.engine.set_plans(std::sync::Arc::default());
    world.check("balance a => done top_up_allowed=true\nchange a 2 => unknown_plan");
}

#[test]
fn r35_a_request_after_missed_periods_rolls_over_all_of_them_once() {
    let world = check(
        "open a
         join a 1
         change a 500                  => done
         reserve h1 a 900              => granted
         at 2026-07-01T00:00:00Z
         reserve h2 a 1                => granted split=0/1/0 left=0/499/0 next_at=2026-07-10T12:00:00Z",
    );
    let rolls = rolls(&world);
    assert_eq!(rolls.len(), 1);
    assert_eq!((rolls[0].cycle, rolls[0].skipped, rolls[0].changed), (3, 2, true));
    assert_eq!((rolls[0].period, rolls[0].at), (Period(2), instant("2026-06-10T12:00:00Z")));
    let row = &world.disk.replayed().rows[&account("a")];
    assert_eq!(row.counters[1].granted, Credits::from_whole(1_500), "grants in between are left out");
}

#[test]
fn r10_cycle_and_lapse_come_before_the_day_at_one_instant() {
    let world = check(
        "at 2026-03-10T00:00:00Z
         open a
         open b
         open c
         join a 1
         join b 1 once
         join c 1
         change c 500                  => done
         at 2026-04-10T00:00:00Z
         balance a                     => done left=0/1000/0 tier=1
         balance b                     => done left=100/0/0 tier=0
         balance c                     => done left=0/500/0",
    );
    let day = crate::ids::Day(u32::try_from(world.now.daemon.0 / 86_400_000).unwrap());
    assert!(rolls(&world).iter().all(|roll| roll.day < day), "a roll carries the day before it");
}

#[test]
fn r7_after_a_lapse_the_allowance_comes_back_at_the_next_boundary() {
    check(
        "open a
         join a 1 once
         at 2026-04-10T18:00:00Z
         balance a                     => done left=0/0/0 tier=0 next_at=2026-04-11T00:00:00Z
         at 2026-04-11T00:00:00Z
         balance a                     => done left=100/0/0",
    );
}

#[test]
fn r10_a_move_to_the_east_can_end_the_running_cycle_at_once() {
    let world = check(
        "at 2026-01-30T23:30:00Z
         open a
         join a 1                      => done next_at=2026-02-28T23:30:00Z
         at 2026-02-28T10:00:00Z
         reserve h1 a 400              => granted left=0/600/0
         move a Asia/Tokyo             => done left=0/1000/0 next_at=2026-03-30T23:30:00Z
         release h1                    => done lost=400 left=0/1000/0
         move a UTC                    => done left=0/1000/0
         at 2026-02-28T23:30:00Z
         balance a                     => done left=0/1000/0",
    );
    assert_eq!(rolls(&world).len(), 1, "the boundary is not repeated");
}

#[test]
fn r10_a_move_to_the_west_moves_the_end_and_repeats_no_boundary() {
    let world = check(
        "at 2026-01-31T03:00:00Z
         open a
         open b
         join a 1
         join b 1
         move b America/New_York       => done next_at=2026-03-01T03:00:00Z
         at 2026-02-28T10:00:00Z
         reserve h1 a 400              => granted left=0/600/0
         move a America/New_York       => done left=0/600/0 next_at=2026-03-31T02:00:00Z
         at 2026-03-01T03:00:00Z
         balance a                     => done left=0/600/0
         balance b                     => done left=0/1000/0",
    );
    assert_eq!(rolls(&world).len(), 2);
}

#[test]
fn r6_after_a_move_the_next_grant_comes_with_a_later_date() {
    check(
        "open a zone=Pacific/Kiritimati
         open b zone=Pacific/Pago_Pago
         reserve h1 a 30
         reserve h2 b 30
         move a Pacific/Pago_Pago      => done left=70/0/0 next_at=2026-03-12T11:00:00Z
         move b Pacific/Kiritimati     => done left=100/0/0 next_at=2026-03-11T10:00:00Z
         reserve h3 a 10               => granted left=60/0/0
         restart
         at 2026-03-12T10:59:59Z
         balance a                     => done left=60/0/0
         at 2026-03-12T11:00:00Z
         balance a                     => done left=100/0/0",
    );
}

#[test]
fn i7_subscribe_hold_cancel_subscribe_release_gives_nothing_into_the_new_period() {
    let world = check(
        "open a
         join a 1
         reserve h1 a 600              => granted split=100/500/0
         cancel a now                  => done left=0/0/0
         join a 1                      => done left=0/1000/0
         release h1                    => done split=100/0/0 lost=500 left=100/1000/0
         renew a 2027-01-01T00:00:00Z  => done
         change a 2                    => done
         change a 2 cycle              => done left=100/3000/0",
    );
    let periods: Vec<u32> = world.disk.records().iter().filter_map(opened_period).collect();
    assert_eq!(periods, [1, 2, 3, 3, 3, 4], "it goes up where a period opens or ends, and only there");
}

fn opened_period(record: &Record) -> Option<u32> {
    match record {
        Record::Subscription(change) => Some(change.period.0),
        _ => None,
    }
}

#[test]
fn r11_a_subscription_set_by_hand_takes_plan_commands() {
    check(
        "open a
         subscribe a 50 until=2026-03-20T12:00:00Z => done next_at=2026-03-21T00:00:00Z
         renew a 2026-03-25T12:00:00Z  => done next_at=2026-03-26T00:00:00Z
         join a 1                      => already_subscribed
         change a 1                    => done left=100/1000/0 next_at=2026-03-26T00:00:00Z
         at 2026-03-25T12:00:00Z
         balance a                     => done tier=0
         subscribe a 50                => done
         cancel a                      => done
         at 2027-03-25T12:00:00Z
         balance a                     => done left=0/50/0
         subscribe a 60                => done left=0/60/0
         lapse a                       => done left=0/0/0",
    );
}

#[test]
fn i8_a_replay_reads_no_catalogue_and_a_subscription_keeps_what_it_was_journaled_with() {
    let mut world = World::new(Settings::default());
    world.check("open a\njoin a 3\nchange a 2 => done");
    world.engine.set_plans(std::sync::Arc::default());
    world.check("restart\nat 2026-04-10T12:00:00Z\nbalance a => done left=0/3000/0 tier=2");
}

#[test]
fn i2_rolls_against_reserves_on_two_threads_draw_no_credit_of_an_ended_period() {
    let disk = Disk::default();
    let engine = Engine::new(Settings::default(), disk.clone(), disk.clone());
    let start = instant("2026-03-10T12:00:00Z");
    let (clock, done, together) = (AtomicU64::new(start.0), AtomicBool::new(false), Barrier::new(3));
    let now = || Now { daemon: Timestamp(clock.load(Ordering::SeqCst)), wall: start };
    engine.ensure_policy(Credits::from_whole(100), false, now());
    engine.set_plans(plans());
    let command = |id: u128, command: Command| {
        let request = CommandRequest { id: CommandId(id), command, by: "test".into(), reason: String::new() };
        engine.command(&request, now())
    };
    command(1, Command::OpenAccount { account: account("a"), zone: "Europe/Berlin".into() });
    let plan = PlanId(1);
    let join = Command::Subscribe { account: account("a"), plan, auto_renew: true, paid_through: Timestamp::NONE };
    assert_eq!(command(2, join.clone()).outcome, Outcome::Done);
    // An operation is under way for days, not for months: its record must find its day in the row.
    let progress = [AtomicU64::new(0), AtomicU64::new(0)];
    let wait_for_traffic = || {
        for task in &progress {
            let seen = task.load(Ordering::SeqCst);
            while task.load(Ordering::SeqCst) < seen + 2 {
                thread::yield_now();
            }
        }
    };
    let traffic = |task: u128| {
        let mut chunk = engine.chunk();
        together.wait();
        for number in (0_u128..).take_while(|_| !done.load(Ordering::SeqCst)) {
            let hold = hold_id(start, number * 2 + task);
            let reserve = Operation::Reserve(request(hold));
            let settle = Operation::Release { account: account("a"), hold };
            chunk.clear();
            let operations = [reserve, settle];
            let operations = if number % 3 == 0 { &operations[..] } else { &operations[..1] };
            while engine.run(&mut chunk, operations, now()) != Run::Done {
                engine.archive().catch_up();
            }
            progress[usize::try_from(task).unwrap()].fetch_add(1, Ordering::SeqCst);
            thread::yield_now();
        }
    };
    thread::scope(|scope| {
        for task in [0, 1] {
            let traffic = &traffic;
            scope.spawn(move || traffic(task));
        }
        scope.spawn(|| {
            together.wait();
            for id in 10..700_u128 {
                clock.fetch_add(5 * 86_400_000, Ordering::SeqCst);
                let account = account("a");
                let next = match id % 6 {
                    0 => Command::ChangePlan { account, plan: PlanId(2), mode: ChangeMode::NowProrated },
                    1 => Command::ChangePlan { account, plan: PlanId(1), mode: ChangeMode::AtRenewal },
                    2 => Command::SetZone { account, zone: "Pacific/Kiritimati".into() },
                    3 => Command::SetZone { account, zone: "Pacific/Pago_Pago".into() },
                    4 if id % 5 == 0 => Command::Lapse { account },
                    _ => join.clone(),
                };
                command(id, next);
                if id % 6 == 0 {
                    wait_for_traffic();
                }
            }
            done.store(true, Ordering::SeqCst);
        });
    });
    // Every record was applied by the same ledger, which panics where a debit is not covered (I2, I7).
    let mut replayed = disk.replayed();
    compare_wallets(&engine, &mut replayed, now());
    assert_eq!(replayed.rows[&account("a")].check(), Ok(()));
    assert!(replayed.rows[&account("a")].period > Period(50), "it has rolled");
}

fn request(hold: crate::ids::HoldId) -> ReserveRequest {
    ReserveRequest {
        account: account("a"),
        hold,
        amount: Credits::from_whole(7),
        sources: Sources::ALL,
        pro_model: false,
        priced: false,
        min_tier: Tier::NONE,
        ttl_ms: 86_400_000,
        over_commit: OverCommit::Reject,
        attribution: Attribution::default(),
        worker: WorkerId::NONE,
        settings: 0,
    }
}

/// R11: a change of plan leaves a subscription that was set by hand without an end paid for without an end; cancelled, it
/// ends with its cycle all the same.
#[test]
fn r11_a_plan_after_an_endless_subscription_by_hand_ends_with_its_cycle() {
    check(
        "open a
         subscribe a 50 tier=3
         change a 1                       => done tier=0
         cancel a                         => done
         at 2026-04-10T11:59:59.999Z
         balance a                        => done tier=1
         at 2026-04-10T12:00:00Z
         balance a                        => done tier=0",
    );
}
