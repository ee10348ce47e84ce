//! `creditctl resets`.

use protocol::{Command, CommandAnswer, DayBoundaryView, ResetRunView, ResetsView, View};
use serde_json::{Value, json};

use crate::amount::Amount;
use crate::answer_view;
use crate::exit::{Exit, Failure};
use crate::output::{Shown, list, table};
use crate::time::{day, instant, instant_or_none};
use crate::tool::Tool;

/// Asks for the next resets and the last.
pub(crate) async fn run(tool: &Tool) -> Result<Shown, Failure> {
    Ok(resets(&tool.look(&Command::ShowResets).await?))
}

fn resets(answer: &CommandAnswer) -> Shown {
    let View::Resets(view) = &answer.view else { return answer_view::command(&[], answer) };
    Shown { json: json_of(view), text: text_of(view), exit: Exit::Ok }
}

fn text_of(view: &ResetsView) -> String {
    let days: Vec<Vec<String>> = view.days.as_slice().iter().map(|day| day_row(day, view.now_ms)).collect();
    let runs: Vec<Vec<String>> = view.runs.as_slice().iter().map(run_row).collect();
    let mut text = list(&[
        ("daemon's time", instant_or_none(view.now_ms)),
        ("zones", view.zones.to_string()),
        ("next cycle end", instant_or_none(view.next_cycle_end_ms)),
        ("cycles in an hour", view.cycles_in_hour.to_string()),
        ("cycles in a day", view.cycles_in_day.to_string()),
    ]);
    if !days.is_empty() {
        text.push('\n');
        text.push_str(&table(&["zone", "day", "ends at", "in", "wallets"], &days));
    }
    if !runs.is_empty() {
        text.push('\n');
        text.push_str(&table(&["run", "started", "took", "wallets", "granted", "expired"], &runs));
    }
    text
}

fn day_row(boundary: &DayBoundaryView, now_ms: u64) -> Vec<String> {
    vec![
        boundary.zone.as_str().to_owned(),
        day(boundary.day).unwrap_or_default(),
        instant_or_none(boundary.ends_at_ms),
        clock_time(boundary.ends_at_ms.saturating_sub(now_ms)),
        boundary.wallets.to_string(),
    ]
}

fn run_row(run: &ResetRunView) -> Vec<String> {
    vec![
        run.kind.name().to_owned(),
        instant_or_none(run.started_at_ms),
        format!("{}.{:03} s", run.duration_ms / 1_000, run.duration_ms % 1_000),
        run.wallets.to_string(),
        Amount(run.granted).to_string(),
        Amount(run.expired).to_string(),
    ]
}

/// `5:07:09`, for a time until something.
fn clock_time(ms: u64) -> String {
    let seconds = ms / 1_000;
    format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

fn json_of(view: &ResetsView) -> Value {
    let days = view.days.as_slice().iter().map(|boundary| {
        json!({
            "zone": boundary.zone.as_str(),
            "day": day(boundary.day),
            "ends_at": instant(boundary.ends_at_ms),
            "wallets": boundary.wallets,
        })
    });
    let runs = view.runs.as_slice().iter().map(|run| {
        json!({
            "kind": run.kind.name(),
            "started_at": instant(run.started_at_ms),
            "duration_ms": run.duration_ms,
            "wallets": run.wallets,
            "granted": Amount(run.granted),
            "expired": Amount(run.expired),
        })
    });
    json!({
        "now": instant(view.now_ms),
        "zones": view.zones,
        "days": days.collect::<Vec<_>>(),
        "next_cycle_end_at": instant(view.next_cycle_end_ms),
        "cycles_in_hour": view.cycles_in_hour,
        "cycles_in_day": view.cycles_in_day,
        "runs": runs.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests;
