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
