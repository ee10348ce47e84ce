//! `creditctl clock`.

use clap::Subcommand;
use protocol::{ClockState, ClockView, Command, CommandAnswer, View};
use serde_json::json;

use crate::again::Again;
use crate::answer_view;
use crate::exit::{Exit, Failure};
use crate::output::{Shown, list};
use crate::time::{instant, instant_or_none};
use crate::tool::Tool;

/// What is done with the daemon's clock.
#[derive(Clone, Copy, Debug, Default, Subcommand)]
pub(crate) enum Verb {
    /// Show the wall clock, the daemon's time, and whether a step is suspect.
    #[default]
    Show,
    /// Believe the wall clock after a forward step: boundaries and ends up to its time pass at once, for ever.
    Confirm,
}

impl Verb {
    pub(crate) async fn run(self, tool: &Tool) -> Result<Shown, Failure> {
        let confirm = matches!(self, Self::Confirm);
        let again = if confirm { Again::same() } else { Again::Anew };
        let command = Command::Clock { confirm };
        Ok(clock(&tool.command(&command, again).await?))
    }
}

fn clock(answer: &CommandAnswer) -> Shown {
    let View::Clock(view) = &answer.view else { return answer_view::command(&[], answer) };
    let ClockView { wall_ms, daemon_ms, state, step_ms, confirmed } = *view;
    let json = json!({
        "wall": instant(wall_ms),
        "daemon": instant(daemon_ms),
        "state": state.name(),
        "step_ms": step_ms,
        "confirmed": confirmed,
    });
    let mut rows = vec![
        ("wall clock", instant_or_none(wall_ms)),
        ("daemon's time", instant_or_none(daemon_ms)),
        ("state", state.name().to_owned()),
    ];
    rows.extend(remark(view).map(|remark| ("step", remark)));
    Shown { json, text: list(&rows), exit: Exit::Ok }
}

fn remark(view: &ClockView) -> Option<String> {
    let step = seconds(view.step_ms);
    match view.state {
        _ if view.confirmed => Some(format!("{step} forward, believed from now on")),
        ClockState::Believed => None,
        ClockState::CatchingUp => {
            let behind = seconds(view.daemon_ms.saturating_sub(view.wall_ms));
            Some(format!(
                "the wall clock is {behind} behind; the daemon's time runs at half speed until it has caught up"
            ))
        }
        ClockState::Suspect => {
            Some(format!("{step} forward, not believed; if the wall clock is right: creditctl clock confirm"))
        }
    }
}

fn seconds(ms: u64) -> String {
    format!("{}.{:03} s", ms / 1_000, ms % 1_000)
}

#[cfg(test)]
mod tests {
    use protocol::Outcome;

    use super::*;

    fn shown(state: ClockState, step_ms: u64, confirmed: bool) -> Shown {
        let wall_ms = 1_795_392_000_000;
        let view = ClockView { wall_ms, daemon_ms: wall_ms - step_ms, state, step_ms, confirmed };
        clock(&CommandAnswer { view: View::Clock(view), ..CommandAnswer::of(Outcome::Done) })
    }

    #[test]
    fn a_believed_clock_has_no_step() {
        let shown = shown(ClockState::Believed, 0, false);
        let text = "\
wall clock     2026-11-23T00:00:00Z
daemon's time  2026-11-23T00:00:00Z
state          believed
";
        assert_eq!(shown.text, text);
        assert_eq!(shown.json["wall"], "2026-11-23T00:00:00Z");
    }

    #[test]
    fn a_suspect_step_tells_what_to_do() {
        let shown = shown(ClockState::Suspect, 7_200_500, false);
        assert!(shown.text.contains("7200.500 s forward, not believed"), "{}", shown.text);
        assert!(shown.text.contains("creditctl clock confirm"), "{}", shown.text);
        assert_eq!(shown.json["step_ms"], 7_200_500);
        assert_eq!(shown.json["state"], "suspect");
    }

    #[test]
    fn a_confirmed_step_is_told() {
        let shown = shown(ClockState::Believed, 7_200_000, true);
        assert!(shown.text.contains("7200.000 s forward, believed from now on"), "{}", shown.text);
        assert_eq!(shown.json["confirmed"], true);
    }
}
