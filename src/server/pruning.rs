//! When the disk drops ended holds that are beyond their refund window (R27, R32, decision 0026).
//!
//! First nothing new is decided about them any more; then what was decided before gets its place in the journal, and is applied;
//! then they are dropped. So no record is left that tells of a hold that is gone (I8), whatever the clocks do.

use std::time::Duration;

use journal::Position;
use wallet::ids::Timestamp;

/// How long after holds were dropped the next ones are.
const REST: Duration = Duration::from_secs(3_600);
/// How long a chunk has for what it has decided to be in the journal. It takes microseconds.
const PUSHED_WITHIN: Duration = Duration::from_secs(60);

/// How far it has come, and since when.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Nothing is to be dropped before this.
    Rests { until: Duration },
    /// About holds with an own time before `since` nothing new is decided, and what was is pushed by then.
    LetGo { since: Timestamp, pushed_by: Duration },
    /// What was decided about them is applied with this position.
    Pushed { since: Timestamp, last: Position },
}

/// Drops old holds, step by step; begins at once, because the process before may have ended within an hour.
#[derive(Debug)]
pub struct Pruning(Step);

impl Pruning {
    /// Nothing has been dropped yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Step::Rests { until: Duration::ZERO })
    }

    /// Goes on, at most by one step. `at` is the time since the process began; `let_go` ends what is decided about old holds,
    /// and says below which own time; `pushed` says the last position given, and `next` which one is applied next. Answers
    /// with the second below which holds are to be dropped now.
    pub fn step(
        &mut self,
        at: Duration,
        let_go: impl FnOnce() -> Timestamp,
        pushed: impl FnOnce() -> Position,
        next: Position,
    ) -> Option<u64> {
        let mut drop_before = None;
        self.0 = match self.0 {
            Step::Rests { until } if at >= until => {
                Step::LetGo { since: let_go(), pushed_by: at.saturating_add(PUSHED_WITHIN) }
            }
            Step::LetGo { since, pushed_by } if at >= pushed_by => Step::Pushed { since, last: pushed() },
            Step::Pushed { since, last } if next > last => {
                drop_before = Some(since.seconds());
                Step::Rests { until: at.saturating_add(REST) }
            }
            waits => waits,
        };
        drop_before
    }
}

impl Default for Pruning {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn holds_are_dropped_when_what_was_decided_about_them_is_applied_and_no_earlier() {
        let mut pruning = Pruning::new();
        let never = || -> Position { unreachable!("it is not asked for yet") };
        let since = || Timestamp(86_400_999);
        assert_eq!(pruning.step(Duration::ZERO, since, never, Position(1)), None, "it lets go at once");
        let again = || -> Timestamp { unreachable!("it has let go") };
        assert_eq!(pruning.step(MINUTE - Duration::from_millis(1), again, never, Position(900)), None);
        assert_eq!(pruning.step(MINUTE, again, || Position(1_000), Position(900)), None);
        assert_eq!(pruning.step(MINUTE * 500, again, never, Position(1_000)), None, "the last one is not applied");
        assert_eq!(pruning.step(MINUTE * 501, again, never, Position(1_001)), Some(86_400));
        assert_eq!(pruning.step(MINUTE * 560, again, never, Position(1_001)), None, "it rests for an hour");
        assert_eq!(pruning.step(MINUTE * 561, || Timestamp(90_000_000), never, Position(1_001)), None);
        assert_eq!(pruning.step(MINUTE * 562, again, || Position(1_001), Position(1_001)), None);
        assert_eq!(pruning.step(MINUTE * 562, again, never, Position(1_002)), Some(90_000));
    }
}
