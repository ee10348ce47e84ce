//! Answers to operations and commands, as tables and as JSON.

use protocol::{Answer, AnswerFlags, CommandAnswer, Outcome, PerBucket};
use serde_json::{Map, Value, json};

use crate::amount::Amount;
use crate::exit;
use crate::output::{Shown, list};
use crate::refusal::{Told, total};
use crate::time::{instant, instant_or_none};

/// Whose answer it is: names and values of the request that belong beside it, such as the hold's id.
pub(crate) type About<'a> = &'a [(&'static str, String)];

/// The answer to an operation. `upgrade_to` is the name of the plan that `insufficient` points to.
pub(crate) fn operation(about: About<'_>, moved: &str, answer: &Answer, upgrade_to: Option<String>) -> Shown {
    let decided = client::decided(answer);
    let head =
        Head { decided, replayed: answer.outcome == Outcome::Replayed, flags: answer.flags, position: answer.position };
    let mut json = head.json(about);
    let mut rows = head.rows(about);
    if decided.is_success() {
        operation_success(moved, answer, decided, &mut json, &mut rows);
    } else {
        let told = Told { outcome: decided, upgrade_to, ..Told::from(answer) };
        rows.extend(told.rows());
        json.insert("available".to_owned(), buckets_json(answer.available));
        json.extend(told.json().into_iter().map(|(name, value)| (name.to_owned(), value)));
    }
    Shown { json: Value::Object(json), text: list(&rows), exit: exit::of(decided) }
}

fn operation_success(
    moved: &str,
    answer: &Answer,
    decided: Outcome,
    json: &mut Map<String, Value>,
    rows: &mut Vec<(&'static str, String)>,
) {
    json.insert(moved.to_owned(), buckets_json(answer.split));
    json.insert("available".to_owned(), buckets_json(answer.available));
    json.insert("forfeited".to_owned(), json!(Amount(answer.forfeited)));
    json.insert("next_reset_at".to_owned(), json!(instant(answer.next_reset_at_ms)));
    if answer.time_ms != 0 {
        json.insert("ends_at".to_owned(), json!(instant(answer.time_ms)));
        rows.push(("ends at", instant_or_none(answer.time_ms)));
    }
    rows.push((moved_label(moved), buckets_text(answer.split)));
    if answer.forfeited != 0 {
        rows.push(("forfeited", Amount(answer.forfeited).to_string()));
    }
    if decided == Outcome::LateUncovered {
        json.insert("shortfall".to_owned(), json!(Amount(answer.amount)));
        rows.push(("shortfall", Amount(answer.amount).to_string()));
    }
    rows.push(("available", buckets_text(answer.available)));
    rows.push(("next reset", instant_or_none(answer.next_reset_at_ms)));
}

/// The answer to a command that changes something.
pub(crate) fn command(about: About<'_>, answer: &CommandAnswer) -> Shown {
    shown(about, answer, None)
}

/// The same, with an amount that belongs to the success, such as what a correction took.
pub(crate) fn command_of(moved: &'static str, about: About<'_>, answer: &CommandAnswer) -> Shown {
    shown(about, answer, Some(moved))
}

fn shown(about: About<'_>, answer: &CommandAnswer, moved: Option<&'static str>) -> Shown {
    let decided = client::decided_command(answer);
    let head =
        Head { decided, replayed: answer.outcome == Outcome::Replayed, flags: answer.flags, position: answer.position };
    let mut json = head.json(about);
    let mut rows = head.rows(about);
    if !decided.is_success() {
        let told = Told { outcome: decided, ..Told::from(answer) };
        rows.extend(told.rows());
        json.extend(told.json().into_iter().map(|(name, value)| (name.to_owned(), value)));
    } else if let Some(moved) = moved {
        rows.push((moved, Amount(answer.amount).to_string()));
        json.insert(moved.to_owned(), json!(Amount(answer.amount)));
    }
    let mut text = list(&rows);
    if let protocol::View::Account(view) = &answer.view {
        json.insert("account_view".to_owned(), crate::account_view::json(view));
        text.push('\n');
        text.push_str(&crate::account_view::buckets_table(view));
    }
    Shown { json: Value::Object(json), text, exit: exit::of(decided) }
}

/// What every answer begins with.
struct Head {
    decided: Outcome,
    replayed: bool,
    flags: AnswerFlags,
    position: u64,
}

impl Head {
    fn json(&self, about: About<'_>) -> Map<String, Value> {
        let mut json = Map::new();
        json.insert("outcome".to_owned(), json!(self.decided.name()));
        json.insert("replayed".to_owned(), json!(self.replayed));
        json.insert("durable".to_owned(), json!(self.flags.contains(AnswerFlags::DURABLE)));
        json.insert("late".to_owned(), json!(self.flags.contains(AnswerFlags::LATE)));
        json.insert("position".to_owned(), json!(self.position));
        json.extend(about.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
        json
    }

    fn rows(&self, about: About<'_>) -> Vec<(&'static str, String)> {
        let verdict = if self.decided.is_success() { "outcome" } else { "refused" };
        let replayed = if self.replayed { " (decided before)" } else { "" };
        let mut rows = vec![(verdict, format!("{}{replayed}", self.decided))];
        rows.extend(about.iter().map(|(name, value)| (about_label(name), value.clone())));
        if self.position != 0 {
            let durable = if self.flags.contains(AnswerFlags::DURABLE) { "durable" } else { "not durable yet" };
            rows.push(("record", format!("{}, {durable}", self.position)));
        }
        rows
    }
}

/// Amounts by bucket, for programs.
pub(crate) fn buckets_json(buckets: PerBucket) -> Value {
    json!({
        "free": Amount(buckets.free),
        "subscription": Amount(buckets.subscription),
        "top_up": Amount(buckets.top_up),
        "total": total(buckets),
    })
}

/// Amounts by bucket, for people: the sum, and its parts where there are any.
pub(crate) fn buckets_text(buckets: PerBucket) -> String {
    let parts: Vec<String> =
        [("free", buckets.free), ("subscription", buckets.subscription), ("top-up", buckets.top_up)]
            .into_iter()
            .filter(|(_, amount)| *amount != 0)
            .map(|(name, amount)| format!("{name} {}", Amount(amount)))
            .collect();
    if parts.is_empty() { "0".to_owned() } else { format!("{} ({})", total(buckets), parts.join(", ")) }
}

fn moved_label(moved: &str) -> &'static str {
    match moved {
        "drawn" => "drawn",
        "captured" => "captured",
        "returned" => "returned",
        _ => "amount",
    }
}

fn about_label(name: &'static str) -> &'static str {
    match name {
        "command_id" => "command",
        "payment_id" => "payment",
        name => name,
    }
}

#[cfg(test)]
mod tests;
