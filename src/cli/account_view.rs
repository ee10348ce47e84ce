//! An account as people and programs see it: held credits are never called spent (R4).

use protocol::{AccountView, BucketView, CommandAnswer, HoldView, View};
use serde_json::{Value, json};

use crate::amount::Amount;
use crate::answer_view;
use crate::answer_view::{About, buckets_json, buckets_text};
use crate::exit::Exit;
use crate::named::PlanNames;
use crate::output::{Shown, list, table};
use crate::subscription_view;
use crate::time::{day, instant, instant_or_none};

/// The short form: credits by bucket, and what changes them next.
pub(crate) fn balance(about: About<'_>, answer: &CommandAnswer) -> Shown {
    let View::Account(view) = &answer.view else { return answer_view::command(about, answer) };
    let text = format!("{}\n{}", list(&summary(view)), buckets_table(view));
    Shown { json: json(view), text, exit: Exit::Ok }
}

/// The long form: with all that was ever given and where it went.
pub(crate) fn account(about: About<'_>, answer: &CommandAnswer, names: &PlanNames) -> Shown {
    let View::Account(view) = &answer.view else { return answer_view::command(about, answer) };
    let mut rows = summary(view);
    rows.extend(view.plan.iter().flat_map(|plan| subscription_view::rows(plan, names)));
    rows.push(("zone", view.zone.as_str().to_owned()));
    rows.push(("day", day(view.day).unwrap_or_default()));
    rows.push(("cycle number", view.period.to_string()));
    rows.push(("as of record", view.as_of_position.to_string()));
    let mut text = format!("{}\n{}\n{}", list(&rows), buckets_table(view), lifetime_table(view));
    let pending = pending_table(view);
    if !pending.is_empty() {
        text.push_str(&format!("\n{pending}"));
    }
    Shown { json: json(view), text, exit: Exit::Ok }
}

fn summary(view: &AccountView) -> Vec<(&'static str, String)> {
    let tier = if view.tier == 0 { "0, no active subscription".to_owned() } else { view.tier.to_string() };
    vec![
        ("account", view.account.to_string()),
        ("tier", tier),
        ("frozen", if view.frozen { "yes" } else { "no" }.to_owned()),
        ("debt", Amount(view.debt).to_string()),
        ("open holds", view.open_holds.to_string()),
        ("next reset", instant_or_none(view.next_reset_at_ms)),
        ("cycle ends", instant_or_none(view.cycle_ends_at_ms)),
    ]
}

fn buckets(view: &AccountView) -> [(&'static str, &BucketView); 3] {
    [("free", &view.free), ("subscription", &view.subscription), ("top_up", &view.top_up)]
}

fn cells(name: &str, amounts: &[u64]) -> Vec<String> {
    std::iter::once(name.to_owned()).chain(amounts.iter().map(|amount| Amount(*amount).to_string())).collect()
}

/// Available, held and spent, by bucket and in all.
pub(crate) fn buckets_table(view: &AccountView) -> String {
    let columns = |bucket: &BucketView| [bucket.available, bucket.held, bucket.spent_in_period];
    let rows: Vec<_> = buckets(view).into_iter().map(|(name, bucket)| (name, columns(bucket))).collect();
    with_total(&["bucket", "available", "held", "spent in period"], &rows)
}

/// The counters of I1: granted = available + held + spent + expired + clawed back.
fn lifetime_table(view: &AccountView) -> String {
    let columns = |bucket: &BucketView| [bucket.granted, bucket.spent, bucket.expired, bucket.clawed_back];
    let rows: Vec<_> = buckets(view).into_iter().map(|(name, bucket)| (name, columns(bucket))).collect();
    with_total(&["ever", "granted", "spent", "expired", "clawed back"], &rows)
}

fn with_total<const N: usize>(header: &[&str], rows: &[(&str, [u64; N])]) -> String {
    let mut total = [0_u64; N];
    for (_, amounts) in rows {
        for (sum, amount) in total.iter_mut().zip(amounts) {
            *sum = sum.saturating_add(*amount);
        }
    }
    let mut lines: Vec<Vec<String>> = rows.iter().map(|(name, amounts)| cells(name, amounts)).collect();
    lines.push(cells("total", &total));
    table(header, &lines)
}

/// Top-ups that are not spendable yet (R14); empty if there is none.
pub(crate) fn pending_table(view: &AccountView) -> String {
    let pending = view.pending_top_ups.as_slice();
    if pending.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<String>> = (pending.iter())
        .map(|top_up| {
            vec![
                top_up.payment.to_string(),
                Amount(top_up.amount).to_string(),
                instant_or_none(top_up.at_ms),
                instant_or_none(top_up.ends_at_ms),
            ]
        })
        .collect();
    table(&["pending top-up", "amount", "made at", "dropped at"], &rows)
}

/// The same, for programs.
pub(crate) fn pending_json(view: &AccountView) -> Vec<Value> {
    (view.pending_top_ups.as_slice().iter())
        .map(|top_up| {
            json!({
                "payment": top_up.payment.to_string(),
                "amount": Amount(top_up.amount),
                "at": instant(top_up.at_ms),
                "ends_at": instant(top_up.ends_at_ms),
            })
        })
        .collect()
}

/// The account, for programs.
pub(crate) fn json(view: &AccountView) -> Value {
    json!({
        "account": view.account.to_string(),
        "zone": view.zone.as_str(),
        "tier": view.tier,
        "frozen": view.frozen,
        "debt": Amount(view.debt),
        "next_reset_at": instant(view.next_reset_at_ms),
        "cycle_ends_at": instant(view.cycle_ends_at_ms),
        "day": day(view.day),
        "cycle_number": view.period,
        "open_holds": view.open_holds,
        "as_of_position": view.as_of_position,
        "subscription": view.plan.as_ref().map(subscription_view::json),
        "pending_top_ups": pending_json(view),
        "buckets": {
            "free": bucket_json(&view.free),
            "subscription": bucket_json(&view.subscription),
            "top_up": bucket_json(&view.top_up),
        },
    })
}

fn bucket_json(bucket: &BucketView) -> Value {
    json!({
        "available": Amount(bucket.available),
        "held": Amount(bucket.held),
        "spent_in_period": Amount(bucket.spent_in_period),
        "granted": Amount(bucket.granted),
        "spent": Amount(bucket.spent),
        "expired": Amount(bucket.expired),
        "clawed_back": Amount(bucket.clawed_back),
    })
}

/// A hold, from its reserve to its last refund.
pub(crate) fn hold(about: About<'_>, answer: &CommandAnswer) -> Shown {
    let View::Hold(view) = &answer.view else { return answer_view::command(about, answer) };
    let mut text = list(&hold_rows(view));
    if !view.captures.as_slice().is_empty() || !view.refunds.as_slice().is_empty() {
        text.push('\n');
        text.push_str(&settlements_table(view));
    }
    Shown { json: hold_json(view), text, exit: Exit::Ok }
}

fn hold_rows(view: &HoldView) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        ("hold", view.hold.to_string()),
        ("account", view.account.to_string()),
        ("state", view.state.to_string()),
        ("set aside", buckets_text(view.amount)),
        ("captured", buckets_text(view.captured)),
        ("refunded", Amount(view.refunded).to_string()),
        ("created at", instant_or_none(view.created_at_ms)),
        ("ends at", instant_or_none(view.ends_at_ms)),
        ("record", view.position.to_string()),
    ];
    if view.late != 0 {
        rows.push(("late", Amount(view.late).to_string()));
    }
    if view.shortfall != 0 {
        rows.push(("shortfall", Amount(view.shortfall).to_string()));
    }
    rows
}

fn settlements_table(view: &HoldView) -> String {
    let captures = view.captures.as_slice().iter().map(|capture| {
        vec![
            "capture".to_owned(),
            capture.number.to_string(),
            Amount(capture.amount).to_string(),
            capture.position.to_string(),
        ]
    });
    let refunds = view.refunds.as_slice().iter().map(|refund| {
        let name = format!("refund, {}", refund.reason);
        vec![name, refund.number.to_string(), Amount(refund.amount).to_string(), refund.position.to_string()]
    });
    let rows: Vec<Vec<String>> = captures.chain(refunds).collect();
    table(&["settlement", "number", "amount", "record"], &rows)
}

fn hold_json(view: &HoldView) -> Value {
    let captures: Vec<Value> = (view.captures.as_slice().iter())
        .map(|capture| json!({ "number": capture.number, "amount": Amount(capture.amount), "position": capture.position }))
        .collect();
    let refunds: Vec<Value> = (view.refunds.as_slice().iter())
        .map(|refund| {
            json!({
                "number": refund.number, "reason": refund.reason.name(),
                "amount": Amount(refund.amount), "position": refund.position,
            })
        })
        .collect();
    json!({
        "hold": view.hold.to_string(),
        "account": view.account.to_string(),
        "state": view.state.name(),
        "amount": buckets_json(view.amount),
        "captured": buckets_json(view.captured),
        "refunded": Amount(view.refunded),
        "created_at": instant(view.created_at_ms),
        "ends_at": instant(view.ends_at_ms),
        "member": (!view.member.is_nil()).then(|| view.member.to_string()),
        "worker": (!view.worker.is_nil()).then(|| view.worker.to_string()),
        "tool": view.tool,
        "model": view.model,
        "count": view.count,
        "late": Amount(view.late),
        "shortfall": Amount(view.shortfall),
        "captures": captures,
        "refunds": refunds,
        "position": view.position,
    })
}

#[cfg(test)]
mod tests;
