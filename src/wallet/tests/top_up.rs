//! Top-ups that wait for their payment, bundles, debt, corrections: R13, R14, R15, R16, R33.

use std::sync::Arc;

use super::world::{account, load};
use super::{World, check};
use crate::bucket::Bucket;
use crate::credits::Credits;
use crate::ids::{PlanId, Timestamp};
use crate::outcome::Outcome;
use crate::plan::parse::{plan_catalog, successor};
use crate::record::Record;
use crate::request::Command;
use crate::settings::Settings;

#[test]
fn r14_a_pending_top_up_is_listed_and_spendable_once_confirmed() {
    let mut world = check(
        "open a
         subscribe a 0
         announce a 20 id=900       => done amount=20 split=0/0/0 left=100/0/0
         reserve h1 a 101           => insufficient
         announce a 20 id=900       => replayed:done amount=20
         confirm a id=900           => done split=0/0/20 left=100/0/20
         confirm a id=900           => replayed:done split=0/0/20
         announce a 20 id=900       => replayed:done amount=20
         reserve h1 a 120           => granted split=100/0/20
         announce a 30 id=901       => done",
    );
    let now = world.now;
    let pending = world.engine.wallet_view(account("a"), now).unwrap().pending_top_ups;
    assert_eq!(
        pending.iter().map(|pending| (pending.payment.0, pending.amount)).collect::<Vec<_>>(),
        [(901, Credits::from_whole(30))]
    );
    assert_eq!(world.disk.replayed().rows[&account("a")].pending_top_ups, pending);
    world.check("restart\nconfirm a id=901 => done split=0/0/30\nflush\nforget\nconfirm a id=901 => replayed:done");
}

#[test]
fn r14_a_confirmation_needs_a_payment_that_waits() {
    check(
        "open a
         open b
         subscribe a 0
         confirm a id=900           => unknown_payment
         topup a 5 id=900
         confirm a id=900           => not_pending
         announce a 20 id=901
         confirm b id=901           => payment_reused field=Account
         confirm z id=901           => unknown_account
         confirm a id=0             => bad_request field=Payment
         topup a 20 id=901          => payment_reused field=Pending
         announce a 21 id=901       => payment_reused field=Amount
         announce b 20 id=901       => payment_reused field=Account
         announce a 5 id=900        => payment_reused field=Pending
         confirm a id=901           => done",
    );
}

#[test]
fn r14_a_confirmation_needs_no_subscription_any_more() {
    check(
        "open a
         announce a 20 id=899       => subscription_required
         subscribe a 10 for=1h
         announce a 20 id=900       => done
         after 1h
         topup a 20 id=901          => subscription_required
         announce a 20 id=901       => subscription_required
         confirm a id=900           => done split=0/0/20 left=100/0/20 top_up_allowed=false",
    );
}

#[test]
fn r14_a_wallet_has_at_most_16_pending_top_ups() {
    let mut world = check("open a\nsubscribe a 0\nopen b\nsubscribe b 0");
    for payment in 0..16 {
        world.check_line(&format!("announce a 1 id={} => done", 900 + payment));
    }
    world.check(
        "announce a 1 id=916        => limit detail=6
         announce a 1 id=900        => replayed:done
         announce b 1 id=917        => done
         topup a 1 id=918           => done
         confirm a id=903           => done
         announce a 1 id=916        => done
         announce a 1 id=919        => limit",
    );
}

#[test]
fn r14_a_pending_top_up_ends_after_30_days_whether_the_ticker_has_come_or_not() {
    let mut world = check(
        "open a
         subscribe a 0
         announce a 1 id=900
         after 1h
         announce a 2 id=901
         after 2588399999
         drop                       => 0
         after 1
         confirm a id=900           => not_pending
         announce a 1 id=900        => replayed:done amount=1",
    );
    for payment in 2..17 {
        world.check_line(&format!("announce a 1 id={} => done", 900 + payment));
    }
    world.check("announce a 1 id=920 => limit\ndrop => 0");
    let mut world = check("open a\nsubscribe a 0\nannounce a 1 id=900\nannounce a 2 id=901\nafter 30d\ndrop => 2");
    let dropped = |record: &Record| matches!(record, Record::DropTopUp(_));
    assert_eq!(world.disk.records().iter().filter(|record| dropped(record)).count(), 2);
    let known = "drop                    => 0
         confirm a id=900           => not_pending
         announce a 1 id=900        => replayed:done amount=1
         announce a 2 id=900        => payment_reused field=Amount
         topup a 1 id=900           => payment_reused field=Pending";
    world.check(known);
    world.check("flush\nforget");
    world.check(known);
    world.restarted().check(known);
}

#[test]
fn r14_bundles_come_from_the_catalogue_and_a_retry_does_not_ask_it_again() {
    check(
        "open a
         bundles small=50 large=500
         bundle a small id=900          => subscription_required
         subscribe a 0
         bundle a small id=900          => done split=0/0/50 left=100/0/50
         bundle a huge id=901           => bad_request field=Bundle
         bundle z huge id=901           => bad_request field=Bundle
         bundle z small id=901          => unknown_account
         bundle a large pending id=901  => done amount=500 left=100/0/50
         bundles small=60
         bundle a small id=900          => replayed:done split=0/0/50
         bundle a large pending id=901  => replayed:done amount=500
         bundle a small pending id=900  => payment_reused field=Pending
         bundle a large id=900          => payment_reused field=Bundle
         topup a 50 id=900              => payment_reused field=Bundle
         topup a 51 id=900              => payment_reused field=Amount
         confirm a id=901               => done split=0/0/500
         bundle a large pending id=901  => replayed:done amount=500
         topup a 7 id=902
         bundle a small id=902          => payment_reused field=Bundle",
    );
}

#[test]
fn r15_top_up_credits_outlive_the_subscription_on_what_tier_zero_may_use() {
    check(
        "open a
         subscribe a 10 tier=2 for=1h
         topup a 20
         after 1h
         reserve h1 a 110 tier=2    => tier_required tier=2 left=100/0/20
         reserve h1 a 110           => granted split=100/0/10",
    );
}

#[test]
fn r16_everything_that_comes_into_top_up_repays_debt() {
    check(
        "open a
         subscribe a 0
         announce a 30 id=900
         clawback a 100             => done debt=100
         confirm a id=900           => done split=0/0/30 left=100/0/0
         balance a                  => done debt=70
         grant a topup 10           => done
         balance a                  => done debt=60
         topup a 65                 => done left=100/0/5
         balance a                  => done debt=0",
    );
}

#[test]
fn r16_after_a_lapse_debt_can_still_be_repaid_and_no_more() {
    check(
        "open a
         subscribe a 10 for=1h
         topup a 20
         charge c1 a 130            => granted split=100/10/20
         clawback a 20              => done debt=20
         after 1h
         reserve h1 a 0             => debt debt=20
         topup a 20.001 id=900      => subscription_required
         announce a 20.001 id=900   => subscription_required
         announce a 20 id=900       => done
         reserve h1 a 0             => debt
         confirm a id=900           => done
         reserve h1 a 0             => granted
         balance a                  => done debt=0 left=0/0/0",
    );
}

#[test]
fn r13_a_retry_of_a_clawback_a_grant_and_a_top_up_tells_what_it_came_to() {
    let mut world = check(
        "open a
         subscribe a 0
         topup a 15 id=901
         clawback a 40 id=902         => done split=0/0/15 debt=25
         topup a 100 id=903           => done split=0/0/100
         grant a free 5 id=904        => done split=5/0/0
         correct a topup 500 id=905   => done split=0/0/75 amount=75",
    );
    let again = "clawback a 40 id=902 => replayed:done split=0/0/15 debt=25
         topup a 100 id=903           => replayed:done split=0/0/100
         grant a free 5 id=904        => replayed:done split=5/0/0
         correct a topup 500 id=905   => replayed:done split=0/0/75 amount=75";
    world.check(again);
    world.check("flush\nforget");
    world.check(again);
    world.restarted().check(again);
}

#[test]
fn r33_a_correction_takes_at_most_what_is_there_and_counts_as_clawed_back() {
    let world = check(
        "open a
         correct a subscription 5       => not_subscribed
         correct a free 0               => bad_request field=Amount
         correct z free 1               => unknown_account
         subscribe a 50
         topup a 20
         reserve h1 a 90                => granted split=90/0/0
         correct a free 30 id=907         => done split=10/0/0 amount=10 left=0/50/20
         correct a free 30 id=907         => replayed:done split=10/0/0 amount=10
         correct a free 31 id=907         => command_id_reused field=Amount
         correct a topup 30 id=907        => command_id_reused field=Bucket
         grant a free 30 id=907           => command_id_reused field=Command
         correct a subscription 20      => done split=0/20/0 left=0/30/20
         correct a topup 20             => done split=0/0/20
         correct a topup 20             => done split=0/0/0 amount=0
         balance a                      => done debt=0 left=0/30/0
         release h1                     => done left=90/30/0",
    );
    let row = &world.disk.replayed().rows[&account("a")];
    let clawed_back = Bucket::ALL.map(|bucket| row.counters[bucket as usize].clawed_back);
    assert_eq!(clawed_back, [10, 20, 20].map(Credits::from_whole));
}

#[test]
fn r33_a_correction_takes_from_the_running_day_alone() {
    check(
        "open a
         at 2026-03-11T00:00:00Z
         correct a free 40              => done split=40/0/0 left=60/0/0
         at 2026-03-12T00:00:00Z
         balance a                      => done left=100/0/0",
    );
    let mut world = World::new(Settings::default());
    world.check("open a\nfreeze a\ncorrect a free 1 => done left=99/0/0\nreserve h1 a 1 => account_frozen");
}

/// R14: a plan that is no longer on offer allows its subscribers what it allowed when it was, also after a start.
#[test]
fn r14_subscribers_of_a_retired_plan_may_buy_what_they_could_before() {
    let plan = |id: u16| format!("[[plan]]\nid = {id}\nname = \"p{id}\"\ntier = 1\ncredits = 10\ntop_up = false\n");
    let on_offer = format!("version = 1\n{}", plan(1));
    let retired = format!("version = 2\nretired = [{{ id = 1, top_up = false }}]\n{}", plan(2));
    let mut world = World::new(Settings::default());
    let old = plan_catalog("p.toml", &on_offer).unwrap();
    world.engine.set_plans(Arc::new(old.clone()));
    world.check_line("open a => done");
    let (auto_renew, paid_through) = (true, Timestamp::NONE);
    let subscribe = Command::Subscribe { account: account("a"), plan: PlanId(1), auto_renew, paid_through };
    assert_eq!(world.command(subscribe).outcome, Outcome::Done);
    world.check_line("topup a 20 => subscription_required top_up_allowed=false");
    world.engine.set_plans(Arc::new(successor("p.toml", &retired, &old).unwrap()));
    world.check_line("topup a 20 => subscription_required top_up_allowed=false");
    world.engine = load(&Settings::default(), &world.disk, world.now);
    world.engine.set_plans(Arc::new(plan_catalog("p.toml", &retired).unwrap()));
    world.check("topup a 20 => subscription_required top_up_allowed=false");
}

/// R40: the subscription, then the number of pending top-ups, then what the bucket can hold.
#[test]
fn r40_a_pending_top_up_too_many_is_a_limit_before_the_balance_is() {
    let mut world = check("open a\nsubscribe a 0\ntopup a 137438953 id=800 => done");
    world.check_line("announce a 1 id=899 => balance_limit");
    for payment in 0..16 {
        world.check_line(&format!("announce a 0.001 id={} => done", 900 + payment));
    }
    world.check("announce a 1 id=920 => limit detail=6\ntopup a 1 id=921 => balance_limit");
}
