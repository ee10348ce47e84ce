//! Frames of plans, subscriptions and top-ups.

use super::Vector;
use super::control::account_view;
use super::valid::{ACCOUNT, COMMAND, MADE_AT_MS, MIDNIGHT_MS, PAYMENT, command, shown, text};
use crate::{
    AccountView, BillingTerm, Bucket, BundleView, ChangeMode, Command, List, PaymentId, PendingChangeView,
    PendingTopUpView, PlanView, PlansView, SubscriptionChangeView, SubscriptionView, View,
};

const DAY_MS: u64 = 86_400_000;

pub(super) fn vectors() -> Vec<Vector> {
    let mut vectors = plan_commands();
    vectors.extend(top_ups());
    vectors.extend(answers());
    vectors
}

fn plan_commands() -> Vec<Vector> {
    let (id, account) = (COMMAND, ACCOUNT);
    let paid_through_ms = MIDNIGHT_MS + 365 * DAY_MS;
    let change = |mode| Command::ChangePlan { command: id, account, plan: 31, mode };
    vec![
        command(
            "command-subscribe",
            "Subscribes to plan 21 for one of its terms.",
            Command::Subscribe { command: id, account, plan: 21, auto_renew: true, paid_through_ms: 0 },
        ),
        command(
            "command-subscribe-until",
            "Subscribes to plan 21 for a year, not to be renewed.",
            Command::Subscribe { command: id, account, plan: 21, auto_renew: false, paid_through_ms },
        ),
        command("command-renew", "A year was paid.", Command::Renew { command: id, account, paid_through_ms }),
        command(
            "command-cancel",
            "Ends the subscription with the paid term.",
            Command::Cancel { command: id, account, at_period_end: true },
        ),
        command("command-lapse", "Ends the subscription now: nobody paid.", Command::Lapse { command: id, account }),
        command("command-change-plan", "Changes to plan 31, as the rules say.", change(ChangeMode::Default)),
        command(
            "command-change-plan-at-renewal",
            "Changes to plan 31 with the next cycle.",
            change(ChangeMode::AtRenewal),
        ),
        command("command-change-plan-prorated", "Changes to plan 31 now.", change(ChangeMode::NowProrated)),
        command(
            "command-change-plan-new-cycle",
            "Changes to plan 31 with a new cycle that begins now.",
            change(ChangeMode::NowNewCycle),
        ),
        command(
            "command-set-zone",
            "Moves to Tokyo.",
            Command::SetZone { command: id, account, zone: text("Asia/Tokyo") },
        ),
        command("command-list-plans", "Shows the plan catalogue.", Command::ListPlans),
        command(
            "command-correct",
            "Takes at most 10 free credits back.",
            Command::Correct {
                command: id,
                account,
                bucket: Bucket::Free,
                amount: 10_000,
                reason: text("ticket 4711"),
            },
        ),
    ]
}

fn top_ups() -> Vec<Vector> {
    let (payment, account) = (PAYMENT, ACCOUNT);
    let bundle = |pending| Command::TopUpBundle { payment, account, bundle: text("boost-1000"), pending };
    vec![
        command(
            "command-pending-top-up",
            "120 credits that are not paid yet.",
            Command::PendingTopUp { payment, account, amount: 120_000 },
        ),
        command("command-confirm-top-up", "They are paid.", Command::ConfirmTopUp { payment, account }),
        command("command-top-up-bundle", "Tops up by a bundle.", bundle(false)),
        command("command-top-up-bundle-pending", "A bundle that is not paid yet.", bundle(true)),
    ]
}

fn answers() -> Vec<Vector> {
    let pending =
        PendingTopUpView { payment: PAYMENT, amount: 120_000, at_ms: MADE_AT_MS, ends_at_ms: MADE_AT_MS + 30 * DAY_MS };
    let second = PendingTopUpView { payment: PaymentId(PAYMENT.0 + 1), amount: 1, ..pending };
    let full = AccountView {
        plan: Some(subscription()),
        pending_top_ups: List::new(vec![pending, second]).unwrap(),
        ..account_view()
    };
    let change = SubscriptionChangeView {
        before: Some(SubscriptionView { pending: None, ..subscription() }),
        after: Some(subscription()),
        period: 6,
        amount: 0,
    };
    let first = SubscriptionChangeView { before: None, after: change.before.clone(), period: 6, amount: 2_000_000 };
    let lapsed = SubscriptionChangeView { before: change.after.clone(), after: None, period: 7, amount: 0 };
    let view = |change| View::Subscription(Box::new(change));
    vec![
        shown(
            "command-answer-account-full",
            "An account with a plan, a pending change and two pending top-ups.",
            View::Account(Box::new(full)),
        ),
        shown("command-answer-plans", "A catalogue of two plans and a bundle.", View::Plans(Box::new(plans()))),
        shown("command-answer-subscribed", "A first subscription: 2,000 credits were set.", view(first)),
        shown("command-answer-subscription", "A change that waits for the next cycle.", view(change)),
        shown("command-answer-lapsed", "The subscription has ended.", view(lapsed)),
    ]
}

fn subscription() -> SubscriptionView {
    SubscriptionView {
        plan: 21,
        plan_name: text("pro"),
        tier: 3,
        allocation: 2_000_000,
        anchor_ms: MADE_AT_MS - 512,
        cycle: 4,
        starts_at_ms: MADE_AT_MS - 512 - 7 * DAY_MS,
        ends_at_ms: MADE_AT_MS - 512 + 23 * DAY_MS,
        paid_through_ms: MIDNIGHT_MS + 365 * DAY_MS,
        auto_renew: true,
        pending: Some(PendingChangeView { plan: 11, tier: 2, allocation: 1_000_000 }),
    }
}

fn plans() -> PlansView {
    let plan = |plan, name, title, credits, term| PlanView {
        plan,
        name: text(name),
        title: text(title),
        tier: 3,
        credits,
        term,
        top_up: true,
    };
    PlansView {
        version: 2,
        plans: List::new(vec![
            plan(21, "pro", "Pro", 2_000_000, BillingTerm::Monthly),
            plan(22, "pro-yearly", "Pro, yearly", 2_400_000, BillingTerm::Yearly),
        ])
        .unwrap(),
        bundles: List::new(vec![BundleView { name: text("boost-1000"), credits: 1_000_000 }]).unwrap(),
    }
}
