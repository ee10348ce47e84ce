//! The command line: consistent, and read as documented.

use clap::CommandFactory;

use super::*;

fn parse(line: &str) -> Result<Arguments, clap::Error> {
    Arguments::try_parse_from(line.split_whitespace())
}

#[test]
fn clap_finds_no_contradiction() {
    Arguments::command().debug_assert();
}

#[test]
fn every_command_is_read_in_both_forms() {
    let (account, hold) = (protocol::AccountId(1), protocol::HoldId(2));
    for line in [
        "account open".to_owned(),
        format!("account open {account} --zone Europe/Paris"),
        format!("account show {account}"),
        format!("account freeze {account} --reason abuse"),
        format!("account unfreeze {account}"),
        format!("topup {account} 500 --payment {hold}"),
        format!("grant {account} 73.5 --bucket top-up --reason kindness"),
        format!("clawback {account} 0.001"),
        format!("subscription set {account} 1500 --tier 2 --ends-at 2027-01-31T00:00:00Z"),
        format!("hold reserve {account} 24 --ttl 10m --sources free,subscription --hold {hold} --over-commit cap"),
        format!("hold charge {account} 24 --pro-model --min-tier 3"),
        format!("hold commit {account} {hold}"),
        format!("hold commit {account} {hold} 20.5 --number 2 --not-final"),
        format!("hold release {account} {hold}"),
        format!("hold refund {account} {hold} 5 --reason provider_error"),
        format!("hold extend {account} {hold} --ttl 1h"),
        format!("hold show {hold}"),
        "account list --limit 10".to_owned(),
        format!("account list --after {account}"),
        format!("account zone {account} Europe/Paris"),
        format!("topup {account} --bundle boost-1000 --pending"),
        format!("topup confirm {account} {hold}"),
        format!("topup list {account}"),
        format!("correct {account} 5 --bucket free --reason mistake"),
        format!("subscription subscribe {account} pro --no-auto-renew --paid-through +30d"),
        format!("subscription renew {account} --paid-through 2027-01-31T00:00:00Z"),
        format!("subscription cancel {account} --now"),
        format!("subscription lapse {account}"),
        format!("subscription change {account} 31 --mode new-cycle"),
        format!("subscription set {account} 1500 --ends-in 2s"),
        format!("hold reserve {account} --tool image --model nano-banana-2 --resolution 2 --add-on 1 --count 4"),
        format!("hold charge {account} --tool video --model 301 --duration 8s --expect 210"),
        format!("hold list --account {account} --worker {hold} --older-than 10m --limit 5 --after {hold}"),
        format!("hold release-worker {hold} --account {account}"),
        format!("quote {account} --tool video --model veo-3 --quality 1 --sources free"),
        "estimate --line images=30/day@image:seedream-4 --line 10/day@video:veo-3-fast --days 22 --buffer 20-30".to_owned(),
        "plan list".to_owned(),
        "plan show pro".to_owned(),
        "plan check plans.toml".to_owned(),
        "rates list".to_owned(),
        "rates check rates.toml".to_owned(),
        "config reload".to_owned(),
        "example story".to_owned(),
        format!("balance {account}"),
        "ping".to_owned(),
        "bench --wallets 10 --connections 2 --batch 1 --in-flight 1 --seconds 1 --mix reserve=1,commit=1 --durability memory".to_owned(),
        "bench --operations 1000 --address 127.0.0.1:1".to_owned(),
        "example before --state f".to_owned(),
        "example after --state f".to_owned(),
    ] {
        let arguments = parse(&format!("creditctl {line}")).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(arguments.global.format(), Format::Table, "{line}");
        for json in ["-o json", "--json"] {
            assert_eq!(parse(&format!("creditctl {line} {json}")).unwrap().global.format(), Format::Json, "{line}");
        }
    }
}

#[test]
fn what_makes_no_sense_is_a_usage_error() {
    let account = protocol::AccountId(1);
    for line in [
        "balance".to_owned(),
        "balance 123".to_owned(),
        format!("topup {account} 1.2345"),
        format!("topup {account} -1"),
        format!("grant {account} 1"),
        format!("subscription set {account} 1 --tier 16"),
        format!("hold reserve {account} 1 --ttl 25h"),
        format!("hold refund {account} {account} 1 --reason boredom"),
        format!("hold reserve {account}"),
        format!("hold reserve {account} 5 --expect 5"),
        format!("hold reserve {account} --model 1 --quality 16"),
        format!("hold reserve {account} --model 1 --add-on 9"),
        format!("correct {account} 5 --bucket free"),
        format!("subscription renew {account}"),
        format!("subscription set {account} 1 --ends-in 2s --ends-at 2027-01-31T00:00:00Z"),
        format!("subscription change {account} pro --mode later"),
        "estimate --days 22".to_owned(),
        "estimate --line 30@image:seedream-4".to_owned(),
        "hold list --limit 0".to_owned(),
        "bench --wallets 0".to_owned(),
        "bench --batch 8191".to_owned(),
        "bench --mix commit=1".to_owned(),
        "bench --seconds 1 --operations 1".to_owned(),
        "bench --durability sync --address 127.0.0.1:1".to_owned(),
    ] {
        let error = parse(&format!("creditctl {line}")).expect_err(&line);
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}
