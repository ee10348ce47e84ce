//! A subscription as people and programs see it, and what a plan command changed (R13).

use protocol::{CommandAnswer, SubscriptionView, View};
use serde_json::{Value, json};

use crate::amount::Amount;
use crate::answer_view::{self, About};
use crate::named::PlanNames;
use crate::output::{Shown, table};
use crate::time::{instant, instant_or_none};

/// The answer to a plan command: the subscription before and after it.
pub(crate) fn changed(about: About<'_>, answer: &CommandAnswer, names: &PlanNames) -> Shown {
    let mut shown = answer_view::command(about, answer);
    let View::Subscription(change) = &answer.view else { return shown };
    let (before, after) = (change.before.as_ref(), change.after.as_ref());
    let rows: Vec<Vec<String>> = cells(before, names)
        .into_iter()
        .zip(cells(after, names))
        .filter(|((_, before), (_, after))| !before.is_empty() || !after.is_empty())
        .map(|((label, before), (_, after))| vec![label.to_owned(), before, after])
        .collect();
    shown.text.push_str(&format!("\n{} credits given\n\n", Amount(change.amount)));
    shown.text.push_str(&table(&["subscription", "before", "after"], &rows));
    if let Value::Object(json) = &mut shown.json {
        json.insert("before".to_owned(), before.map_or(Value::Null, self::json));
        json.insert("after".to_owned(), after.map_or(Value::Null, self::json));
        json.insert("cycle_number".to_owned(), json!(change.period));
        json.insert("credits_given".to_owned(), json!(Amount(change.amount)));
    }
    shown
}

/// A subscription in one list of labels and values; the same labels whatever it is.
fn cells(view: Option<&SubscriptionView>, names: &PlanNames) -> Vec<(&'static str, String)> {
    let Some(view) = view else {
        let labels = ["plan", "tier", "credits a cycle", "cycle", "cycle ends", "paid through", "renews", "then"];
        return labels
            .iter()
            .map(|&label| (label, if label == "plan" { "none".to_owned() } else { String::new() }))
            .collect();
    };
    vec![
        ("plan", plan(view)),
        ("tier", view.tier.to_string()),
        ("credits a cycle", Amount(view.allocation).to_string()),
        ("cycle", view.cycle.to_string()),
        ("cycle ends", instant_or_none(view.ends_at_ms)),
        ("paid through", instant_or_none(view.paid_through_ms)),
        ("renews", if view.auto_renew { "yes" } else { "no" }.to_owned()),
        ("then", then(view, names)),
    ]
}

/// The rows of an account with a subscription.
pub(crate) fn rows(view: &SubscriptionView, names: &PlanNames) -> Vec<(&'static str, String)> {
    let wanted = ["plan", "credits a cycle", "paid through", "renews", "then"];
    cells(Some(view), names).into_iter().filter(|(label, value)| wanted.contains(label) && !value.is_empty()).collect()
}

/// The plan's name; where nothing has one, its number.
pub(crate) fn plan(view: &SubscriptionView) -> String {
    match (view.plan, view.plan_name.as_str()) {
        (0, _) => "set by hand".to_owned(),
        (number, "") => format!("number {number}, which the catalogue does not have"),
        (_, name) => name.to_owned(),
    }
}

/// What the next cycle begins with, where a change waits for it.
fn then(view: &SubscriptionView, names: &PlanNames) -> String {
    view.pending.map_or_else(String::new, |next| {
        format!("{}, tier {}, {} credits a cycle", names.of(next.plan), next.tier, Amount(next.allocation))
    })
}

/// A subscription, for programs.
pub(crate) fn json(view: &SubscriptionView) -> Value {
    json!({
        "plan_id": view.plan,
        "plan": if view.plan_name.as_str().is_empty() { Value::Null } else { json!(view.plan_name.as_str()) },
        "tier": view.tier,
        "credits_per_cycle": Amount(view.allocation),
        "anchor": instant(view.anchor_ms),
        "cycle": view.cycle,
        "starts_at": instant(view.starts_at_ms),
        "ends_at": instant(view.ends_at_ms),
        "paid_through": instant(view.paid_through_ms),
        "auto_renew": view.auto_renew,
        "pending": view.pending.map(|next| json!({
            "plan_id": next.plan, "tier": next.tier, "credits_per_cycle": Amount(next.allocation),
        })),
    })
}

#[cfg(test)]
mod tests;
