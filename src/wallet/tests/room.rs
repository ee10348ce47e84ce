//! Returns and gifts near the most that a word holds (R24, R40, I8): what has no place in the word waits beside it.
//! [`World::check`] compares each wallet with its row, live and after a start.

use std::thread;

use super::threads::{engine, id, request, run, start};
use super::world::{World, account, compare_wallets};
use super::{check, check_with};
use crate::bucket::Sources;
use crate::credits::Credits;
use crate::outcome::Outcome;
use crate::record::RefundReason;
use crate::request::{Command, CommandRequest, Operation};
use crate::settings::Settings;

/// Refunds whole holds of `a`, as one frame.
fn refunds(world: &mut World, names: &[String], reason: RefundReason) -> Vec<(Credits, Credits)> {
    let account = account("a");
    let refund = |hold| Operation::Refund { account, hold, number: 1, amount: None, reason };
    let operations: Vec<_> = names.iter().map(|name| refund(world.hold(name))).collect();
    let answers = world.run_all(&operations);
    assert!(answers.iter().all(|answer| answer.outcome == Outcome::Done), "{answers:?}");
    answers.iter().map(|answer| (answer.split.total(), answer.forfeited)).collect()
}

#[test]
fn r24_refunds_of_one_frame_that_are_more_than_a_word_holds_come_back_whole() {
    let mut world = check(
        "open a
         subscribe a 0
         topup a 137438953
         charge c1 a 137438953 sources=4
         topup a 137438953
         charge c2 a 137438953 sources=4
         topup a 137438953
         charge c3 a 137438953 sources=4  => granted left=100/0/0",
    );
    let names = ["c1", "c2", "c3"].map(str::to_owned);
    let whole = (Credits::from_whole(137_438_953), Credits::ZERO);
    assert_eq!(refunds(&mut world, &names, RefundReason::Goodwill), [whole; 3]);
    world.check(
        "balance a                        => done left=100/0/412316859
         restart
         balance a                        => done left=100/0/412316859
         topup a 0.001                    => balance_limit amount=0
         charge d1 a 274877906.943 sources=4 => granted left=100/0/137438952.057
         restart
         charge d2 a 137438952.057 sources=4 => granted left=100/0/0
         charge d3 a 0.001 sources=4      => insufficient",
    );
}

#[test]
fn r24_what_a_hold_brings_back_beside_a_refund_comes_back_whole() {
    let table = "open a
         grant a free 134117              => done left=134217/0/0
         charge c1 a 134217
         grant a free 134217
         reserve h a 134217 ttl=24h
         grant a free 134217              => done left=134217/0/0
         refund c1 all                    => done split=134217/0/0 lost=0 left=268434/0/0
         release h                        => done split=134217/0/0 lost=0 left=402651/0/0";
    let mut world = check(table);
    // A charge of free credits only, and one of any, meet the same bucket.
    world.check(
        "charge x a 200000 free_only      => granted split=200000/0/0 left=202651/0/0
         charge y a 202651                => granted split=202651/0/0 left=0/0/0",
    );
    // What was not spent ends with its day, wherever it stood.
    let mut world = check(table);
    world.check(
        "at 2026-03-11T00:00:00Z
         balance a                        => done left=100/0/0
         charge x a 100.001               => insufficient",
    );
    let mut world = check(table);
    world.check(
        "restart
         at 2026-03-11T00:00:00Z
         balance a                        => done left=100/0/0
         correct a free 200               => done amount=100 left=0/0/0",
    );
}

/// Nobody may ever ask for a wallet again: the sweep behind the end of its day looks at what waits beside it too.
#[test]
fn r7_what_waits_beside_a_word_ends_with_its_day_though_nobody_asks() {
    let mut world = World::new(Settings::default());
    for line in
        ["open a", "grant a free 134117", "charge c1 a 134217", "grant a free 134217", "reserve h a 134217 ttl=24h"]
    {
        world.check_line(line);
    }
    world.check_line("grant a free 134217               => done left=134217/0/0");
    world.check_line("refund c1 all                     => done left=268434/0/0");
    world.check_line("release h                         => done left=402651/0/0");
    assert!(!world.engine.beside.is_empty(), "the word holds less");
    world.check_line("at 2026-03-11T00:00:01Z");
    let mut sweep = world.engine.begin_day_sweep(world.now).unwrap();
    while !world.engine.sweep_days(&mut sweep, 3, world.now) {}
    assert!(world.engine.beside.is_empty(), "no request looks for it any more");
    world.check("balance a                         => done left=100/0/0");
}

#[test]
fn r24_holds_that_many_small_gifts_have_filled_bring_back_everything() {
    let mut world = check("open a");
    for hold in 0..40 {
        world.check_line("grant a free 8000             => done");
        world.check_line(&format!("reserve h{hold} a 8000 ttl=2h => granted"));
    }
    for hold in 0..40 {
        world.check_line(&format!("release h{hold}        => done split=8000/0/0 lost=0"));
    }
    world.check("balance a => done left=320100/0/0\nrestart\nbalance a => done left=320100/0/0");
}

#[test]
fn r24_what_is_restored_in_one_frame_fits_half_a_field_together() {
    let settings = Settings { restore_on: vec![RefundReason::ProviderError], ..Settings::default() };
    let mut world = check_with(settings, "open a");
    let names: Vec<String> = (1..=27).map(|day| format!("c{day}")).collect();
    for (day, name) in (2..).zip(&names) {
        world.check_line(&format!("at 2026-05-{day:02}T12:00:00Z"));
        world.check_line("grant a free 9900 => done left=10000/0/0");
        world.check_line(&format!("charge {name} a 10000 => granted left=0/0/0"));
    }
    world.check_line("at 2026-05-29T12:00:00Z");
    let told = refunds(&mut world, &names, RefundReason::ProviderError);
    let whole = Credits::from_whole(10_000);
    // 100 of the day, and 13 times 10,000: half a field is 134,217.727.
    assert_eq!(told[..13], [(whole, Credits::ZERO); 13]);
    assert_eq!(told[13..], [(Credits::ZERO, whole); 14]);
    world.check("balance a => done left=130100/0/0");
}

#[test]
fn r12_what_a_larger_plan_adds_leaves_a_place_for_what_open_holds_bring_back() {
    let mut world = World::new(Settings::default());
    let plans = "version = 1\nretired = []\n[[plan]]\nid = 8\nname = \"least\"\ntier = 1\ncredits = 1000\n[[plan]]\nid = 9\n\
                 name = \"most\"\ntier = 2\ncredits = \"137438953.471\"";
    world.engine.set_plans(std::sync::Arc::new(crate::plan::parse::plan_catalog("plans.toml", plans).unwrap()));
    world.check(
        "open a
         join a 8                          => done left=100/1000/0
         grant a subscription 137437953    => done left=100/137438953/0
         reserve h1 a 137438953 sources=2  => granted left=100/0/0
         grant a subscription 137438953    => done
         reserve h2 a 137438953 sources=2  => granted left=100/0/0
         change a 9 prorated               => balance_limit amount=0.943
         release h1                        => done lost=0
         change a 9 prorated               => balance_limit amount=0.471
         release h2                        => done lost=0 left=100/274877906/0
         change a 9 cycle                  => done left=100/137438953.471/0",
    );
}

/// R14, R16: what waits beside the word is taken back, and repays, like everything else in the bucket.
#[test]
fn r16_a_chargeback_meets_what_waits_beside_the_word() {
    let mut world = check(
        "open a
         subscribe a 0
         topup a 137438953
         charge c1 a 137438953 sources=4
         topup a 137438953
         charge c2 a 137438953 sources=4
         topup a 137438953",
    );
    refunds(&mut world, &["c1", "c2"].map(str::to_owned), RefundReason::Goodwill);
    world.check(
        "freeze a                          => done left=100/0/412316859
         clawback a 274877906              => done debt=0 left=100/0/137438953
         clawback a 137438952              => done debt=0 left=100/0/1
         clawback a 2                      => done debt=1 left=100/0/0
         unfreeze a
         topup a 3                         => done left=100/0/2",
    );
}

/// R40: a refusal says what would fit; a top-up repays debt first.
#[test]
fn r40_a_gift_that_does_not_fit_is_told_what_would() {
    check(
        "open a
         grant a free 134000               => done left=134100/0/0
         grant a free 117.728              => balance_limit amount=117.727
         grant a free 117.727              => done
         subscribe a 137438953.472         => balance_limit amount=137438953.471
         subscribe a 0
         clawback a 100                    => done debt=100
         topup a 137439053.472             => balance_limit amount=137439053.471
         announce a 137439053.472 id=900   => balance_limit amount=137439053.471
         announce a 137439053.471 id=901   => done
         topup a 137439053.471             => done left=134217.727/0/137438953.471
         confirm a id=901                  => balance_limit amount=0",
    );
}

/// I1, I2, I8: whoever takes and gives beside one another at the most that a word holds, nothing is lost or made.
#[test]
fn i8_refunds_and_charges_beside_each_other_lose_nothing() {
    for _ in 0..20 {
        let (engine, disk) = engine();
        let command = |id: u128, command| {
            let request = CommandRequest { id: crate::ids::CommandId(id), command, by: "".into(), reason: "".into() };
            assert_eq!(engine.command(&request, start()).outcome, Outcome::Done);
        };
        command(1, Command::OpenAccount { account: account("a"), zone: String::new() });
        let mut chunk = engine.chunk();
        let take = |hold, amount| {
            Operation::Charge(crate::request::ReserveRequest {
                ttl_ms: 0,
                sources: Sources::FREE_ONLY,
                ..request(account("a"), id(hold), amount)
            })
        };
        for hold in 0..8 {
            let bucket = crate::bucket::Bucket::Free;
            command(
                2 + u128::from(hold),
                Command::Grant { account: account("a"), bucket, amount: Credits::from_whole(80_000) },
            );
            assert_eq!(run(&engine, &mut chunk, &[take(hold, 80_000)], start())[0].outcome, Outcome::Granted);
        }
        let taken = thread::scope(|scope| {
            let task = |task: u64| {
                let engine = &engine;
                move || {
                    let mut chunk = engine.chunk();
                    let mut taken = 0;
                    for step in 0..4 {
                        let hold = id(step * 2 + task);
                        let reason = RefundReason::Goodwill;
                        let back = Operation::Refund { account: account("a"), hold, number: 1, amount: None, reason };
                        let answer = run(engine, &mut chunk, &[back], start())[0];
                        assert_eq!((answer.outcome, answer.forfeited), (Outcome::Done, Credits::ZERO));
                        for number in 0..3 {
                            let operation = take(100 + task * 100 + step * 10 + number, 5_000);
                            let answer = run(engine, &mut chunk, &[operation], start())[0];
                            taken += if answer.outcome == Outcome::Granted { 5_000 } else { 0 };
                        }
                    }
                    taken
                }
            };
            let tasks = [0, 1].map(|number| scope.spawn(task(number)));
            tasks.map(|task| task.join().unwrap()).iter().sum::<u64>()
        });
        let mut replayed = disk.replayed();
        compare_wallets(&engine, &mut replayed, start());
        let left = replayed.rows[&account("a")].free;
        assert_eq!(left + Credits::from_whole(taken), Credits::from_whole(640_100), "I1");
    }
}
