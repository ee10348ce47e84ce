//! Plan commands: what is asked (R9-R12).

use clap::Parser;

use super::*;
use crate::arguments::{Arguments, Noun};

const ID: &str = "01234567-89ab-7def-8123-456789abcdef";
const ACCOUNT: AccountId = AccountId(0x0123_4567_89ab_7def_8123_4567_89ab_cdef);
const COMMAND: CommandId = CommandId(7);
const NOW_MS: u64 = 1_795_384_800_000;

fn verb(line: &str) -> Verb {
    let line = format!("creditctl subscription {line}").replace("ID", ID);
    match Arguments::try_parse_from(line.split_whitespace()).unwrap().noun {
        Noun::Subscription { verb } => verb,
        other => panic!("{other:?}"),
    }
}

fn command(line: &str) -> Command {
    verb(line).command(COMMAND, 31, NOW_MS)
}

#[test]
fn each_verb_asks_for_its_command() {
    let (command_id, account, plan) = (COMMAND, ACCOUNT, 31);
    let subscribe = |auto_renew, paid_through_ms| Command::Subscribe {
        command: command_id,
        account,
        plan,
        auto_renew,
        paid_through_ms,
    };
    assert_eq!(command("subscribe ID pro"), subscribe(true, 0));
    assert_eq!(command("subscribe ID pro --no-auto-renew --paid-through +2s"), subscribe(false, NOW_MS + 2000));
    let paid_through_ms = 1_795_392_000_000;
    assert_eq!(
        command("renew ID --paid-through 2026-11-23T00:00:00Z"),
        Command::Renew { command: command_id, account, paid_through_ms }
    );
    let cancel = |at_period_end| Command::Cancel { command: command_id, account, at_period_end };
    assert_eq!((command("cancel ID"), command("cancel ID --now")), (cancel(true), cancel(false)));
    assert_eq!(command("lapse ID"), Command::Lapse { command: command_id, account });
    for (mode, expected) in [
        ("", ChangeMode::Default),
        ("--mode at-renewal", ChangeMode::AtRenewal),
        ("--mode now-prorated", ChangeMode::NowProrated),
        ("--mode new-cycle", ChangeMode::NowNewCycle),
    ] {
        let change = Command::ChangePlan { command: command_id, account, plan, mode: expected };
        assert_eq!(command(&format!("change ID pro {mode}")), change);
    }
    assert_eq!(
        command("set ID 1500 --tier 2 --ends-in 2s"),
        Command::SetSubscription {
            command: command_id,
            account,
            amount: 1_500_000,
            tier: 2,
            ends_at_ms: NOW_MS + 2000
        }
    );
}

#[test]
fn the_daemons_time_is_asked_for_only_where_a_time_counts_from_it() {
    for (line, counts) in [
        ("subscribe ID pro", false),
        ("subscribe ID pro --paid-through +30d", true),
        ("renew ID --paid-through 2026-11-23T00:00:00Z", false),
        ("renew ID --paid-through +30d", true),
        ("set ID 1 --ends-in 2s", true),
        ("set ID 1", false),
        ("cancel ID", false),
    ] {
        assert_eq!(verb(line).counts_from_now(), counts, "{line}");
    }
}

/// R13: a repeat is the same request, so a time from now must be said as the instant that it was.
#[test]
fn a_repeat_names_the_instant() {
    let again = |line: &str| verb(line).again(COMMAND, &command(line)).to_string();
    let add = format!("the same request again: add --command-id {COMMAND}");
    let at = "2026-11-22T22:00:02Z";
    let said = format!("{add} and say --paid-through {at} in place of --paid-through");
    assert_eq!(again("renew ID --paid-through +2s"), said);
    assert_eq!(again("set ID 1 --ends-in 2s"), format!("{add} and say --ends-at {at} in place of --ends-in"));
    assert_eq!(again("set ID 1 --ends-at 2027-01-31T00:00:00Z"), add);
    assert_eq!(again("cancel ID"), add);
}
