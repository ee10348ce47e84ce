//! What records are counted as.

use wallet::ids::{AccountId, HoldId, PaymentId, Timestamp};
use wallet::record::{Return, TopUp};

use super::*;

fn whole(credits: u64) -> Credits {
    Credits::from_whole(credits)
}

#[test]
fn a_bought_credit_is_counted_in_its_bucket() {
    let flows = Flows::default();
    let record = Record::TopUp(TopUp {
        account: AccountId(1),
        payment: PaymentId(2),
        amount: Credits::from_millis(73_500),
        bundle: String::new(),
        by: String::new(),
        at: Timestamp(3),
    });
    flows.count(&[record.clone(), record]);
    assert_eq!(flows.of(Flow::ToppedUp, Bucket::TopUp), whole(147));
    assert_eq!(flows.of(Flow::ToppedUp, Bucket::Free), Credits::ZERO);
}

/// R24: what comes back and what is forfeited are told apart.
#[test]
fn an_expired_hold_gives_back_and_forfeits() {
    let flows = Flows::default();
    let returned = Split { subscription: whole(5), ..Split::ZERO };
    let forfeited = Split { free: Credits::from_millis(500), ..Split::ZERO };
    let (account, hold, at) = (AccountId(1), HoldId(2), Timestamp(3));
    flows.count(&[Record::Expire(Return { account, hold, returned, forfeited, at })]);
    let mut text = String::new();
    flows.render(&mut text, ("credits", "Help."), &ResetTotals::default());
    let lines: Vec<&str> = text.lines().skip(2).collect();
    assert_eq!(
        lines,
        ["credits{flow=\"released\",bucket=\"subscription\"} 5", "credits{flow=\"forfeited\",bucket=\"free\"} 0.5"]
    );
}

/// R5: what days and ended periods move has no record.
#[test]
fn resets_are_counted_beside_the_records() {
    let flows = Flows::default();
    let resets = ResetTotals {
        free_granted: whole(100),
        free_expired: whole(70),
        subscription_granted: whole(50),
        subscription_expired: whole(3),
        ..ResetTotals::default()
    };
    let mut text = String::new();
    flows.render(&mut text, ("credits", "Help."), &resets);
    let lines: Vec<&str> = text.lines().skip(2).collect();
    assert_eq!(
        lines,
        [
            "credits{flow=\"expired\",bucket=\"free\"} 70",
            "credits{flow=\"expired\",bucket=\"subscription\"} 3",
            "credits{flow=\"granted\",bucket=\"free\"} 100"
        ]
    );
}
