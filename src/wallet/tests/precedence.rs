//! R40: when two refusals apply, the earlier one of the operation's table wins.

use super::{World, check, check_with};
use crate::outcome::{
    Outcome, PRECEDENCE_COMMANDS, PRECEDENCE_EVERY, PRECEDENCE_GATES, PRECEDENCE_IDENTITY, PRECEDENCE_SETTLEMENTS,
};
use crate::settings::Settings;

/// Runs the lines in order, and checks that their outcomes follow the table: each line removes one reason more.
#[track_caller]
fn check_ranks(world: &mut World, table: &[Outcome], lines: &str) {
    let mut last = None;
    for line in lines.lines().map(str::trim) {
        world.check_line(line);
        let Some((_, expected)) = line.split_once("=>") else { continue };
        let name = expected.split_whitespace().next().unwrap();
        let rank = table.iter().position(|outcome| outcome.name() == name);
        assert!(rank > last || rank.is_none(), "{line}: out of order");
        last = rank.max(last);
    }
}

#[test]
fn r40_the_gates_of_a_reserve_in_order() {
    for verb in ["reserve", "charge"] {
        let mut world = check("open a\nclawback a 5\nfreeze a");
        let lines = format!(
            "{verb} h1 a 101 priced tier=1   => account_frozen
             unfreeze a
             {verb} h1 a 101 priced tier=1   => unpriced
             {verb} h1 a 101 tier=1          => debt debt=5
             topup a 5
             {verb} h1 a 101 tier=1          => tier_required tier=1
             {verb} h1 a 101                 => insufficient amount=101
             {verb} h1 a 100                 => granted"
        );
        check_ranks(&mut world, PRECEDENCE_GATES, &lines);
        world.check_replay();
    }
}

#[test]
fn r40_what_every_operation_checks_first_and_identity_before_the_gates() {
    let mut world = World::new(Settings { holds_max: 1, ..Settings::default() });
    world.check("open a");
    let order = [PRECEDENCE_EVERY, PRECEDENCE_IDENTITY, PRECEDENCE_GATES].concat();
    check_ranks(
        &mut world,
        &order,
        "reserve h0@-1h z 101 ttl=2d          => bad_request field=TtlMs
         reserve h0 z 101                     => unknown_account",
    );
    world.check("reserve full a 1\nfreeze a");
    check_ranks(&mut world, &order, "reserve h2@-1h a 101 => overloaded");
    let mut world = check("open a\nreserve known a 10\nrelease spent\nclawback a 5\nfreeze a");
    check_ranks(&mut world, &order, "reserve known a 10 => replayed:granted");
    check_ranks(&mut world, &order, "reserve known a 11 => hold_id_reused field=Amount");
    check_ranks(&mut world, &order, "reserve spent a 11 => already_released");
    check_ranks(&mut world, &order, "reserve old@-1h a 101 => hold_id_expired\nreserve young a 101 => account_frozen");
}

#[test]
fn r40_settlements_in_order() {
    let order = [PRECEDENCE_EVERY, PRECEDENCE_IDENTITY, PRECEDENCE_SETTLEMENTS].concat();
    let mut world = check("open a\nopen b\nreserve h1 a 10\ncommit h1 5 n=1");
    check_ranks(&mut world, &order, "extend nobody 2d by=z => bad_request\nextend nobody 1d by=z => unknown_account");
    check_ranks(
        &mut world,
        &order,
        "commit h1 274877906.944 n=1 by=z => bad_request field=Amount
         commit h1 6 n=1 by=z           => unknown_account
         commit h1 6 n=1                => settlement_reused field=Amount
         commit h1 600 n=1 by=b         => unknown_hold
         commit h1 600 n=2              => already_settled",
    );
    check_ranks(&mut world, &order, "refund h1 6 n=1 => exceeds_captured");
    world.check("after 31d");
    check_ranks(&mut world, &order, "refund h1 6 n=1 => exceeds_captured\nrefund h1 5 n=1 => refund_window_passed");
    let mut world = check_with(
        Settings { late_redebit: false, ..Settings::default() },
        "open a\nreserve h1 a 10 ttl=1s\nafter 1s\nexpire => 1",
    );
    check_ranks(&mut world, &order, "commit h1 600 => hold_expired");
    let mut world = check("open a\nreserve h1 a 10 ttl=1s\nafter 1s");
    check_ranks(&mut world, &order, "extend h1 1d => hold_expired");
}

#[test]
fn r40_commands_in_order() {
    let mut world = check("open a id=7");
    let order = [PRECEDENCE_EVERY, PRECEDENCE_IDENTITY, PRECEDENCE_COMMANDS].concat();
    check_ranks(
        &mut world,
        &order,
        "topup z 0 id=7                       => bad_request field=Amount
         topup z 200000000                    => unknown_account
         topup a 200000000                    => subscription_required",
    );
    check_ranks(
        &mut world,
        &order,
        "grant a subscription 200000000 id=7  => command_id_reused
         grant a subscription 200000000       => not_subscribed",
    );
    check_ranks(&mut world, &order, "open a id=8 => account_exists");
    world.check("subscribe a 1");
    check_ranks(&mut world, &order, "topup a 200000000 => balance_limit");
    check_ranks(&mut world, &order, "grant a subscription 200000000 => balance_limit");
}

#[test]
fn r40_every_outcome_has_one_number_and_one_name() {
    for (index, outcome) in Outcome::ALL.iter().enumerate() {
        assert_eq!(Outcome::from_code(outcome.code()), Some(*outcome));
        let others = &Outcome::ALL[index + 1..];
        assert!(others.iter().all(|other| other.code() > outcome.code() && other.name() != outcome.name()));
    }
    assert_eq!(Outcome::from_code(0), None);
}

#[test]
fn r40_the_gates_of_a_priced_reserve_in_order() {
    for verb in ["reserve", "charge"] {
        let mut world = check("open a\nrates 1\nclawback a 5\nfreeze a\nreserve spent a 1");
        let order = [PRECEDENCE_EVERY, PRECEDENCE_IDENTITY, PRECEDENCE_GATES].concat();
        let film = "priced tool=2 model=2 settings=6553600";
        let lines = format!(
            "{verb} h1@-1h z 0 priced tool=1 model=1 count=11 => bad_request field=Count
             {verb} h1 z 0 {film}        => unknown_account
             {verb} h1 a 0 {film}        => hold_id_expired
             {verb} h2 a 5 {film}        => account_frozen
             unfreeze a
             {verb} h2 a 5 priced        => unpriced
             {verb} h2 a 5 {film}        => price_changed amount=210
             {verb} h2 a 0 {film}        => debt debt=5
             topup a 5
             {verb} h2 a 0 {film}        => tier_required tier=2
             subscribe a 209 tier=2
             {verb} h2 a 0 {film}        => insufficient amount=210
             grant a subscription 1
             {verb} h2 a 210 {film}      => granted"
        );
        check_ranks(&mut world, &order, &lines);
        world.check_replay();
    }
}

#[test]
fn r40_a_known_hold_is_answered_before_the_rate_card_is_asked() {
    let mut world = check("open a\nrates 1\nreserve h1 a 0 priced tool=1 model=4 count=1\nrates 2\nfreeze a");
    world.check(
        "reserve h1 a 0 priced tool=1 model=4 count=1 => replayed:granted
         reserve h1 a 0 priced tool=1 model=4 count=2 => hold_id_reused field=Count",
    );
}

#[test]
fn r40_purchases_and_corrections_in_order() {
    let order = [PRECEDENCE_EVERY, PRECEDENCE_IDENTITY, PRECEDENCE_COMMANDS].concat();
    let mut world = check("open a id=700\nbundles small=50");
    check_ranks(
        &mut world,
        &order,
        "bundle z huge id=900                 => bad_request field=Bundle
         announce z 200000000 id=900          => unknown_account
         announce a 200000000 id=900          => subscription_required",
    );
    check_ranks(&mut world, &order, "confirm z id=900 => unknown_account\nconfirm a id=900 => unknown_payment");
    world.check("subscribe a 1");
    for payment in 0..16 {
        world.check_line(&format!("announce a 1 id={} => done", 900 + payment));
    }
    check_ranks(
        &mut world,
        &order,
        "announce a 200000000 id=900          => payment_reused field=Amount
         announce a 200000000 id=950          => limit",
    );
    world.check("confirm a id=900 => done");
    check_ranks(&mut world, &order, "announce a 200000000 id=950 => balance_limit");
    check_ranks(
        &mut world,
        &order,
        "correct z free 0 id=700              => bad_request
         correct z free 5 id=700              => unknown_account
         correct a free 5 id=700              => command_id_reused
         correct a subscription 5             => done",
    );
}

#[test]
fn r40_a_hold_released_by_worker_in_order() {
    let order = [PRECEDENCE_EVERY, PRECEDENCE_IDENTITY, PRECEDENCE_SETTLEMENTS].concat();
    let settings = Settings { late_redebit: false, ..Settings::default() };
    let mut world = check_with(settings, "open a\nopen b\nreserve h1 a 10 worker=7\ncommit h1 4 n=1 more");
    world.check("release_worker 7 => 1");
    check_ranks(&mut world, &order, "commit h1 5 n=1 more => settlement_reused field=Amount");
    let lines = "commit h1 600 n=2 by=b => unknown_hold\ncommit h1 600 n=2 => already_released";
    check_ranks(&mut world, PRECEDENCE_SETTLEMENTS, lines);
    check_ranks(&mut world, &order, "release h1 => already_released");
    check_ranks(&mut world, &order, "extend h1 1d => already_released");
    check_ranks(&mut world, &order, "refund h1 5 => exceeds_captured amount=4\nrefund h1 4 => done");
}
