//! What `show_resets` shows.

use protocol::{DayBoundaryView, List, ResetRunView, ResetsView, Text};
use wallet::ids::{Now, Timestamp};
use wallet::outlook::{CycleOutlook, DayBoundary};

use crate::resets::{ResetKind, Run};

/// The next resets and the last runs.
#[must_use]
pub fn resets_view(now: Now, days: &[DayBoundary], cycles: &CycleOutlook, runs: &[Run]) -> ResetsView {
    let shown = days.iter().take(protocol::limits::BOUNDARIES_SHOWN_MAX).map(boundary).collect();
    ResetsView {
        now_ms: now.daemon.0,
        zones: u32::try_from(days.len()).unwrap_or(u32::MAX),
        // Both lists are cut to what they can hold.
        days: List::new(shown).unwrap_or_default(),
        next_cycle_end_ms: if cycles.earliest == Timestamp::NEVER { 0 } else { cycles.earliest.0 },
        cycles_in_hour: cycles.in_hour,
        cycles_in_day: cycles.in_day,
        runs: List::new(runs.iter().take(protocol::limits::RESET_RUNS_SHOWN_MAX).map(run).collect())
            .unwrap_or_default(),
    }
}

fn boundary(day: &DayBoundary) -> DayBoundaryView {
    DayBoundaryView {
        // The calendar takes no longer name.
        zone: Text::new(&day.zone).unwrap_or_default(),
        day: day.today.day.0,
        ends_at_ms: day.today.ends_at.0,
        wallets: u64::from(day.wallets),
    }
}

fn run(run: &Run) -> ResetRunView {
    let kind = match run.kind {
        ResetKind::Day => protocol::ResetKind::Day,
        ResetKind::Cycle => protocol::ResetKind::Cycle,
    };
    ResetRunView {
        kind,
        started_at_ms: run.started_at.0,
        duration_ms: run.duration_ms(),
        wallets: run.wallets,
        granted: run.granted.millis(),
        expired: run.expired.millis(),
    }
}

#[cfg(test)]
mod tests {
    use wallet::calendar::Today;
    use wallet::ids::Day;

    use super::*;

    /// I9: what does not fit is left out from the end, and counted.
    #[test]
    fn the_view_is_bounded() {
        let today = Today { day: Day(20_030), ends_at: Timestamp(86_400_000) };
        let day = DayBoundary { zone: "Europe/Berlin".to_owned(), today, wallets: 7 };
        let now = Now::at(Timestamp(1_000));
        let runs = [Run::begun(ResetKind::Cycle, Timestamp(5)); 40];
        let view = resets_view(now, &vec![day; 300], &CycleOutlook::new(now), &runs);
        assert_eq!((view.zones, view.days.as_slice().len(), view.runs.as_slice().len()), (300, 256, 32));
        assert_eq!(view.days.as_slice()[0].zone.as_str(), "Europe/Berlin");
        assert_eq!((view.next_cycle_end_ms, view.cycles_in_hour, view.cycles_in_day), (0, 0, 0));
    }
}
