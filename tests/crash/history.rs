//! The whole history of a round, checked by positions and real time (`client::history`).
//!
//! The books of a worker compare each hold with what it was told of that hold. The history looks across workers and
//! wallets: one position for one record, what was answered before another request was sent lies before it, no bucket below
//! zero at any record, and what the accounts show in the end is what all answers come to, to the millicredit. Chains of
//! answers are left out: a crash undoes what memory showed and no record had (I3).

use std::sync::OnceLock;
use std::time::Instant;

use client::history::{History, Span, Standing, Terms, Verdict};
use protocol::{Answer, Command, CommandAnswer, HoldId, HoldView, Operation};

use super::check;
use super::daemon::now;
use super::wire::{Gone, Wire};

/// Entries of a round: some 20,000 a kill are usual.
const ENTRIES_MAX: usize = 5_000_000;

/// A request with its final answer.
#[derive(Clone, Debug)]
pub(super) enum Note {
    Operation(Operation, Answer, Span),
    Command(Command, CommandAnswer, Span),
}

/// Microseconds since this process first asked.
pub(super) fn elapsed_us() -> u64 {
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    u64::try_from(BEGUN.get_or_init(now).elapsed().as_micros()).unwrap()
}

/// The history of a round whose accounts stand like this.
pub(super) fn begin(openings: Vec<Standing>) -> History {
    // No hold ends by time here, so that the daemon's time is of no use.
    let terms = Terms { entries_max: ENTRIES_MAX, durable: true, uninterrupted: false, server_time_ms: 0 };
    History::new(terms, openings)
}

/// Adds what a worker has noted.
pub(super) fn add(history: &mut History, notes: impl Iterator<Item = Note>) {
    for note in notes {
        match note {
            Note::Operation(operation, answer, span) => history.record(&operation, &answer, span),
            Note::Command(command, answer, span) => history.command(&command, &answer, span),
        }
    }
}

/// Checks the history against what the daemon shows, and names what a wrong sum comes from.
pub(super) fn verdict(wire: &mut Wire, history: &History, closings: &[Standing]) -> Result<Verdict, Gone> {
    let mut verdict = history.check(closings);
    if !verdict.suspects.is_empty() {
        let shown = check::show_holds(wire, &verdict.suspects)?;
        let shown: Vec<(HoldId, Option<HoldView>)> =
            shown.into_iter().map(|(hold, view)| (hold, view.map(|view| *view))).collect();
        history.compare(&mut verdict, &shown);
    }
    Ok(verdict)
}

/// Nothing is wrong, and nothing was left out of the check.
pub(super) fn must_be_one_history(verdict: &Verdict) {
    assert!(
        verdict.is_clean(),
        "{} violations, the first of them: {:#?}",
        verdict.violations_count,
        verdict.violations
    );
    assert_eq!(verdict.checked, verdict.operations, "operations that no check looked at");
}

mod planted {
    //! What is planted here must be found, or the check of every round proves nothing.

    use std::time::Duration;

    use client::history::{History, Standing, Violation, ViolationKind};
    use protocol::{AnswerFlags, OperationKind, Outcome, PerBucket};

    use super::super::daemon::{Daemon, Folder};
    use super::super::round::Round;
    use super::super::seed;
    use super::*;

    /// A round after a kill, with everything decided: its history, how its accounts stand, and its daemon.
    fn killed(seed: u64) -> (Round, Daemon, Vec<Standing>) {
        let mut round = Round::sized(seed, 3, 9);
        round.set_up();
        round.cycle();
        let mut daemon = Daemon::must_start(&round.folder);
        round.check(&mut daemon, usize::MAX);
        let closings = round.standings(&mut daemon);
        (round, daemon, closings)
    }

    /// A granted reserve of the round, with a later instant and a position that nobody was told.
    fn later(round: &Round) -> (Operation, Answer, Span) {
        let granted = round.workers.iter().flat_map(|worker| worker.holds.values()).find_map(|book| {
            book.granted.filter(|_| book.made_by.kind == OperationKind::Reserve).map(|answer| (book.made_by, answer))
        });
        let (operation, answer) = granted.expect("a reserve that was granted");
        let fresh = Answer { position: round.highest + 1, ..answer };
        (operation, fresh, Span { start_us: elapsed_us(), end_us: elapsed_us() + 1 })
    }

    fn kinds(history: &History, closings: &[Standing]) -> Vec<ViolationKind> {
        let verdict = history.check(closings);
        let mut kinds: Vec<_> = verdict.violations.iter().map(|Violation { kind, .. }| *kind).collect();
        kinds.dedup();
        kinds
    }

    #[test]
    fn what_is_planted_in_the_history_of_a_round_is_found() {
        let (round, mut daemon, closings) = killed(seed("planted history"));
        let whole = round.history.clone().expect("a round that was set up has a history");
        let mut wire = Wire::connect(&daemon.address).unwrap();
        must_be_one_history(&daemon.alive(verdict(&mut wire, &whole, &closings)));
        let plant = |put: &dyn Fn(&mut History)| {
            let mut history = whole.clone();
            put(&mut history);
            kinds(&history, &closings)
        };
        let (asked, fresh, span) = later(&round);

        let other = Operation { hold: HoldId(asked.hold.0 ^ 1), ..asked };
        let lost = plant(&|history| history.record(&other, &fresh, span));
        assert!(lost.contains(&ViolationKind::Sum), "a reserve that was acknowledged and lost: {lost:?}");

        let doubled = plant(&|history| history.record(&asked, &fresh, span));
        assert!(doubled.contains(&ViolationKind::Doubled), "a hold that was granted twice: {doubled:?}");

        // From an account that nothing was clawed back from: in others top-up credits and debt are one number.
        let index = closings.iter().position(|closing| closing.account == asked.account).unwrap();
        let all = u64::MAX >> 24;
        let much = Operation { amount: all, ..other };
        let split = PerBucket { subscription: all, ..PerBucket::default() };
        let overspent = plant(&|history| history.record(&much, &Answer { split, ..fresh }, span));
        assert!(overspent.contains(&ViolationKind::Overspent), "more than account {index} had: {overspent:?}");

        let (position, _) = round.told.iter().find(|(position, _)| **position < round.highest).unwrap();
        let used = Answer { position: *position, ..fresh };
        let reused = plant(&|history| history.record(&other, &used, span));
        assert!(reused.contains(&ViolationKind::PositionReused), "{reused:?}");
        assert!(reused.contains(&ViolationKind::PositionsGoBack), "{reused:?}");

        let capture = Operation::commit_all(asked.hold, asked.account, 250);
        let captured = Answer { outcome: Outcome::Done, split: PerBucket { free: 1, ..PerBucket::default() }, ..fresh };
        let ended = plant(&|history| history.record(&capture, &captured, span));
        assert!(!ended.is_empty(), "a capture that nobody made");

        let flags = AnswerFlags(fresh.flags.0 & !AnswerFlags::DURABLE.0);
        let unsynced = plant(&|history| history.record(&other, &Answer { flags, ..fresh }, span));
        assert!(unsynced.contains(&ViolationKind::NotDurable), "{unsynced:?}");
    }

    /// The real daemon loses what it has acknowledged: its folder goes back to what it was before the load.
    #[test]
    fn a_folder_that_goes_back_is_found_by_the_history_alone() {
        let mut round = Round::sized(seed("folder that goes back"), 3, 9);
        round.set_up();
        let before = round.folder.copy();
        let daemon = Daemon::must_start(&round.folder);
        round.load_until(&daemon.address.clone(), Duration::from_millis(200), || daemon.kill());
        let history = round.history.take().expect("a round that was set up has a history");
        let of = |folder: &Folder, round: &Round| {
            let mut daemon = Daemon::must_start(folder);
            let closings = round.standings(&mut daemon);
            let mut wire = Wire::connect(&daemon.address).unwrap();
            daemon.alive(verdict(&mut wire, &history, &closings))
        };
        let lost = of(&before, &round);
        let told: Vec<_> = lost.violations.iter().map(|violation| violation.kind).collect();
        assert!(told.contains(&ViolationKind::Sum) && told.contains(&ViolationKind::Lost), "{told:?}");
    }
}
