//! The view of the daemon's clock.

use crate::numbered::numbered;

numbered! {
    /// How the daemon's time stands to the wall clock.
    pub enum ClockState: u8, from_u8 {
        /// The daemon's time is that of the wall clock.
        Believed = 1 "believed",
        /// The wall clock went back: the daemon's time runs at half speed until it is caught up.
        CatchingUp = 2 "catching_up",
        /// The wall clock made a forward step that is not believed: the daemon's time goes on by the monotonic clock.
        Suspect = 3 "suspect",
    }
}

/// The daemon's clock, as it is after the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ClockView {
    /// What the wall clock says, milliseconds since 1970.
    pub wall_ms: u64,
    /// The daemon's time, milliseconds since 1970.
    pub daemon_ms: u64,
    /// How the two stand to each other.
    pub state: ClockState,
    /// Milliseconds of the forward step that is suspect, or that this command has confirmed; 0 = none.
    pub step_ms: u64,
    /// Whether this command has confirmed a step.
    pub confirmed: bool,
}
