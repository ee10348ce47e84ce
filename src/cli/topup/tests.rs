//! Top-ups: what is asked (R14).

use clap::Parser;

use super::*;
use crate::arguments::{Arguments, Noun};

const ID: &str = "01234567-89ab-7def-8123-456789abcdef";
const ACCOUNT: AccountId = AccountId(0x0123_4567_89ab_7def_8123_4567_89ab_cdef);
const PAYMENT: PaymentId = PaymentId(7);

fn parsed(line: &str) -> Result<Topup, clap::Error> {
    let line = format!("creditctl topup {line}").replace("ID", ID);
    Arguments::try_parse_from(line.split_whitespace()).map(|arguments| match arguments.noun {
        Noun::Topup(topup) => topup,
        other => panic!("{other:?}"),
    })
}

fn command(line: &str) -> Command {
    parsed(line).unwrap().command(ACCOUNT, PAYMENT).unwrap()
}

#[test]
fn amounts_and_bundles_at_once_or_pending() {
    let (payment, account, amount) = (PAYMENT, ACCOUNT, 500_000);
    assert_eq!(command("ID 500"), Command::TopUp { payment, account, amount });
    assert_eq!(command("ID 500 --pending"), Command::PendingTopUp { payment, account, amount });
    let bundle = Text::cut("boost-1000");
    let bought = |pending| Command::TopUpBundle { payment, account, bundle: bundle.clone(), pending };
    assert_eq!(command("ID --bundle boost-1000"), bought(false));
    assert_eq!(command("ID --bundle boost-1000 --pending"), bought(true));
}

#[test]
fn verbs_stand_where_the_account_would() {
    assert!(matches!(parsed("confirm ID ID").unwrap().verb, Some(Verb::Confirm { account: ACCOUNT, .. })));
    assert!(matches!(parsed("list ID").unwrap().verb, Some(Verb::List { account: ACCOUNT })));
}

#[test]
fn a_top_up_needs_an_amount_or_a_bundle_and_not_both() {
    for line in ["", "ID", "ID 5 --bundle boost-1000", "confirm ID", "ID 5 list ID"] {
        assert_eq!(parsed(line).unwrap_err().exit_code(), 2, "{line}");
    }
}
