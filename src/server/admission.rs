//! Overload: what a chunk of operations may do now. New reserves and charges are refused first, settlements wait.

use std::time::Duration;

use journal::Class;
use protocol::{Answer, Outcome};

use crate::daemon::{Daemon, Failing, Phase};
use crate::link::Room;

/// Records that one operation can need: its own, and that of a wallet rolled for it.
pub const RECORDS_PER_OPERATION: u32 = 2;

/// How long somebody who waits for room sleeps at most before looking again.
const ROOM_LOOK: Duration = Duration::from_millis(5);

/// What a chunk may do.
#[derive(Debug)]
pub struct Admission {
    /// Room for its records; none is needed where nothing runs.
    pub room: Option<Room>,
    /// What its reserves and charges are answered with instead of being run.
    pub refusal: Option<Answer>,
}

impl Daemon {
    /// Takes room for a chunk of so many reserves and charges (`takes`) and so many others. Nothing is held meanwhile.
    ///
    /// # Errors
    /// The daemon is failing.
    pub async fn admit(&self, takes: u32, others: u32) -> Result<Admission, Failing> {
        let refusal = if takes == 0 { None } else { self.refusal() };
        if takes > 0 && refusal.is_none() {
            let wait = self.room((takes + others) * RECORDS_PER_OPERATION, Class::Reserve);
            if let Ok(room) = tokio::time::timeout(self.settings.deadlines.room, wait).await {
                return Ok(Admission { room: Some(room?), refusal: None });
            }
        }
        let refusal = if takes == 0 { None } else { Some(refusal.unwrap_or_else(|| self.overloaded())) };
        if let Some(answer) = &refusal
            && answer.outcome == Outcome::Overloaded
        {
            self.metrics.refused(u64::from(takes));
        }
        let room = match others {
            0 => None,
            others => Some(self.room(others * RECORDS_PER_OPERATION, Class::Settlement).await?),
        };
        Ok(Admission { room, refusal })
    }

    /// Waits for room as long as it takes. Room comes back with each group that is durable.
    ///
    /// # Errors
    /// The daemon is failing.
    pub async fn room(&self, records: u32, class: Class) -> Result<Room, Failing> {
        let mut progress = self.progress.clone();
        loop {
            if progress.borrow_and_update().failed {
                return Err(Failing);
            }
            if let Some(room) = Room::take(&self.queue, records, class) {
                return Ok(room);
            }
            // Unused room comes back without a group: so that nobody waits for one that never comes, look again soon.
            if let Ok(Err(_)) = tokio::time::timeout(ROOM_LOOK, progress.changed()).await {
                return Err(Failing);
            }
        }
    }

    /// Why no reserve is taken now: the first of the precedence of every request (R40).
    fn refusal(&self) -> Option<Answer> {
        if self.projection_lag() > self.settings.config.projection.lag_max {
            return Some(self.overloaded());
        }
        if self.disk.is_low() {
            return Some(Answer::of(Outcome::NotDurableNow));
        }
        (self.phase_now() == Phase::Draining).then(|| Answer::of(Outcome::Draining))
    }

    /// Nothing can be decided now; the same request again, a little later.
    pub(crate) fn overloaded(&self) -> Answer {
        let retry_after_ms = self.settings.config.server.overload_retry_after_ms;
        Answer { detail: retry_after_ms, ..Answer::of(Outcome::Overloaded) }
    }
}
