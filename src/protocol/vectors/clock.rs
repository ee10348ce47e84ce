//! Frames of the daemon's clock.

use super::Vector;
use super::valid::{MADE_AT_MS, command, shown};
use crate::{ClockState, ClockView, Command, View};

const STEP_MS: u64 = 30 * 86_400_000;

pub(super) fn vectors() -> Vec<Vector> {
    let suspect = ClockView {
        wall_ms: MADE_AT_MS + STEP_MS,
        daemon_ms: MADE_AT_MS,
        state: ClockState::Suspect,
        step_ms: STEP_MS,
        confirmed: false,
    };
    let confirmed =
        ClockView { daemon_ms: MADE_AT_MS + STEP_MS, state: ClockState::Believed, confirmed: true, ..suspect };
    let behind = ClockView { wall_ms: MADE_AT_MS - 3_600_000, state: ClockState::CatchingUp, step_ms: 0, ..suspect };
    vec![
        command("command-clock", "Shows the clock.", Command::Clock { confirm: false }),
        command("command-clock-confirm", "Believes a step of the wall clock.", Command::Clock { confirm: true }),
        shown("command-answer-clock-suspect", "A step of 30 days is not believed.", View::Clock(suspect)),
        shown("command-answer-clock-confirmed", "The step was confirmed.", View::Clock(confirmed)),
        shown("command-answer-clock-behind", "The wall clock went back by an hour.", View::Clock(behind)),
    ]
}
