//! Subscriptions as they look (R13).

use protocol::{Outcome, PendingChangeView, SubscriptionChangeView, Text};

use super::*;

fn view() -> SubscriptionView {
    SubscriptionView {
        plan: 31,
        plan_name: Text::cut("pro"),
        tier: 3,
        allocation: 26_000_000,
        anchor_ms: 1_795_384_800_000,
        cycle: 0,
        starts_at_ms: 1_795_384_800_000,
        ends_at_ms: 1_797_976_800_000,
        paid_through_ms: 1_797_976_800_000,
        auto_renew: true,
        pending: None,
    }
}

#[test]
fn a_plan_command_shows_before_and_after() {
    let pending = Some(PendingChangeView { plan: 11, tier: 1, allocation: 3_100_500 });
    let change = SubscriptionChangeView {
        before: None,
        after: Some(SubscriptionView { pending, ..view() }),
        period: 1,
        amount: 26_000_000,
    };
    let answer = CommandAnswer { view: View::Subscription(Box::new(change)), ..CommandAnswer::of(Outcome::Done) };
    let shown = changed(&[], &answer, &PlanNames::default());
    let text = "\
outcome  done

26000 credits given

subscription     before                                           after
plan               none                                             pro
tier                                                                  3
credits a cycle                                                   26000
cycle                                                                 0
cycle ends                                         2026-12-22T22:00:00Z
paid through                                       2026-12-22T22:00:00Z
renews                                                              yes
then                     plan number 11, tier 1, 3100.5 credits a cycle
";
    assert_eq!(shown.text, text);
    assert_eq!(shown.json["before"], Value::Null);
    assert_eq!(shown.json["after"]["plan"], "pro");
    assert_eq!(shown.json["after"]["pending"]["credits_per_cycle"], "3100.5");
    assert_eq!(shown.json["credits_given"], "26000");
}

#[test]
fn a_refused_plan_command_is_a_refusal() {
    let shown = changed(&[], &CommandAnswer::of(Outcome::AlreadySubscribed), &PlanNames::default());
    assert_eq!(shown.text, "refused     already_subscribed\nwhat to do  change the plan instead\n");
}

#[test]
fn plans_that_have_no_name_say_so() {
    let without = |plan| SubscriptionView { plan, plan_name: Text::default(), ..view() };
    assert_eq!(plan(&without(0)), "set by hand");
    assert_eq!(plan(&without(9)), "number 9, which the catalogue does not have");
}
