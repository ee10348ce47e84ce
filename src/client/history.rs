//! The history of a load, checked after the fact: what was asked, what was answered, and when.
//!
//! Every positive answer carries the position of its record, the split over the buckets and what is available after it,
//! so a load's own notes are enough to check a daemon from outside, in time linear in their number:
//! - holds: a hold is granted once, each capture and refund has one effect, and it ends once (I5, I6);
//! - positions: none is told for two requests, and what was answered before another request was sent lies before it (I3);
//! - floors: by position, no bucket of a wallet goes below zero: the credits that a debit used lie before it (I2, I4);
//! - sums: what the accounts show in the end is what the history comes to: nothing acknowledged is lost (I1, I3);
//! - chains: the takes of one wallet link up, one's after is another's before, in an order that real time allows. The
//!   order of positions is not the order of decisions, so this looks at instants and amounts alone.
//!
//! What cannot be checked is left out and counted as not checked: wallets with an outcome that nobody knows, or with late
//! commits, whose expiry left no trace at the client, or with a command whose amount no answer tells; and a bucket whose
//! day or period ended within the history.
//!
//! The wallets must be nobody else's while the history runs. An entry is 96 bytes; a check needs about 60 more.

mod chains;
mod effects;
mod entry;
mod floors;
mod order;
mod positions;
mod signed;
mod standing;
mod sums;
mod violation;

use std::collections::HashMap;

use protocol::{AccountId, Answer, Command, CommandAnswer, HoldId, HoldState, HoldView, Operation, Outcome};

pub use entry::Span;
pub use standing::Standing;
pub use violation::{Verdict, Violation, ViolationKind};

use effects::Effects;
use entry::{Entry, Flags};

/// Holds that are looked at, to name what a wrong sum comes from.
const SUSPECTS_MAX: usize = 1_000;

/// What is told of the whole run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Requests that are kept at most. What comes after them is not recorded: the verdict says so, and floors, sums and
    /// chains, which need every request, are not looked at.
    pub entries_max: usize,
    /// Whether the daemon syncs before it answers: then every positive answer must say so (I3).
    pub durable: bool,
    /// Whether the daemon ran all the time. A crash undoes what memory showed and no record had (I3), so chains are looked
    /// at only without one.
    pub uninterrupted: bool,
    /// The daemon's time at the instant that spans count from, milliseconds since 1970.
    pub server_time_ms: u64,
}

/// The requests of a load on some wallets, with their answers.
#[derive(Clone, Debug)]
pub struct History {
    terms: Terms,
    openings: Vec<Standing>,
    indices: HashMap<AccountId, u32>,
    entries: Vec<Entry>,
    /// Of the entries, those of requests.
    requests: usize,
    /// Requests that there was no place for.
    dropped: u64,
    operations: u64,
    /// Whether the next entry is the first of its frame.
    begins: bool,
}

impl History {
    /// An empty history of wallets that stand like this. They are numbered in this order.
    #[must_use]
    pub fn new(terms: Terms, openings: Vec<Standing>) -> Self {
        let indices = openings.iter().zip(0..).map(|(opening, index)| (opening.account, index)).collect();
        Self { terms, openings, indices, entries: Vec::new(), requests: 0, dropped: 0, operations: 0, begins: true }
    }

    /// Notes an operation with its answer. A request that was repeated is noted once, with its final answer and the
    /// instant of its first sending.
    pub fn record(&mut self, operation: &Operation, answer: &Answer, span: Span) {
        self.begins = true;
        self.record_next(operation, answer, span);
    }

    /// Notes an operation that was decided after the one noted before it, as the operations of one frame are.
    pub fn record_next(&mut self, operation: &Operation, answer: &Answer, span: Span) {
        self.operations += 1;
        let Some(wallet) = self.indices.get(&operation.account).copied() else { return };
        self.keep(Entry::of(operation, answer, span, wallet));
    }

    /// Notes a command that gave or took credits; other commands are not looked at.
    pub fn command(&mut self, command: &Command, answer: &CommandAnswer, span: Span) {
        let Some(wallet) = command.account().and_then(|account| self.indices.get(&account).copied()) else { return };
        if let Some(entry) = Entry::of_command(command, answer, span, wallet) {
            self.operations += 1;
            self.begins = true;
            self.keep(Some(entry));
        }
    }

    /// Notes what is shown of a hold that nobody was told the end of ([`open_at`](Self::open_at)): time may have ended it.
    pub fn shown(&mut self, view: &HoldView) {
        let Some(wallet) = self.indices.get(&view.account).copied() else { return };
        if matches!(view.state, HoldState::Expired | HoldState::ReleasedByWorker) {
            let after_ms = view.ends_at_ms.saturating_sub(self.terms.server_time_ms);
            // A worker's death ends a hold at any time.
            let after_ms = if view.state == HoldState::Expired { after_ms } else { 0 };
            self.begins = true;
            self.push(Entry::of_expiry(view, wallet, after_ms.saturating_mul(1_000)));
        }
    }

    /// Keeps a request with its answer, where there is place for it.
    fn keep(&mut self, entry: Option<Entry>) {
        let Some(entry) = entry else { return };
        if self.has_room(1) {
            self.push(entry);
            self.requests += 1;
        } else {
            self.dropped += 1;
        }
    }

    fn push(&mut self, mut entry: Entry) {
        let begins = std::mem::take(&mut self.begins);
        entry.flags = entry.flags.with(Flags::BEGINS, begins);
        self.entries.push(entry);
    }

    /// Whether there is place for so many more requests.
    #[must_use]
    pub fn has_room(&self, entries: usize) -> bool {
        self.requests.saturating_add(entries) <= self.terms.entries_max
    }

    /// The holds that no answer has told the end of and whose time is over at `server_time_ms`; of those with a worker all,
    /// because it may have died at any time (R31).
    #[must_use]
    pub fn open_at(&self, server_time_ms: u64) -> Vec<HoldId> {
        let effects = Effects::of(self, &[]);
        effects.open.iter().filter(|(_, ends_at_ms)| *ends_at_ms <= server_time_ms).map(|(hold, _)| *hold).collect()
    }

    /// Checks everything. `closings` are the wallets after the last answer; the holds that [`open_at`](Self::open_at) names
    /// at a moment after that were [`shown`](Self::shown).
    #[must_use]
    pub fn check(&self, closings: &[Standing]) -> Verdict {
        let mut verdict = Verdict::new(self.operations);
        let closings = self.by_wallet(closings, &mut verdict);
        let mut effects = Effects::of(self, &closings);
        verdict.take(std::mem::take(&mut effects.violations));
        positions::check(self, &mut verdict);
        verdict.dropped = self.dropped;
        if self.dropped > 0 {
            return verdict;
        }
        floors::check(self, &mut effects, &closings, &mut verdict);
        sums::check(self, &effects, &closings, &mut verdict);
        let undecided = if self.terms.uninterrupted { chains::check(self, &effects, &mut verdict) } else { Vec::new() };
        let is_checked = |entry: &&Entry| {
            let wallet = entry.wallet as usize;
            entry.is_request() && !effects.left_out[wallet] && !undecided.get(wallet).copied().unwrap_or(false)
        };
        verdict.checked = u64::try_from(self.entries.iter().filter(is_checked).count()).unwrap_or(u64::MAX);
        assert!(verdict.checked <= self.operations, "only what was asked is checked");
        verdict
    }

    /// Names what wrong sums come from: the suspects of a verdict as the daemon shows them, `None` = unknown to it.
    pub fn compare(&self, verdict: &mut Verdict, holds: &[(HoldId, Option<HoldView>)]) {
        sums::compare(self, verdict, holds);
    }

    /// The closings in the order of the wallets; one that is missing is a violation.
    fn by_wallet(&self, closings: &[Standing], verdict: &mut Verdict) -> Vec<Standing> {
        let shown: HashMap<AccountId, &Standing> = closings.iter().map(|closing| (closing.account, closing)).collect();
        let find = |opening: &Standing| match shown.get(&opening.account) {
            Some(closing) => **closing,
            None => {
                verdict.add(ViolationKind::Sum, || format!("account {} is gone", opening.account));
                *opening
            }
        };
        self.openings.iter().map(find).collect()
    }

    fn entry(&self, index: u32) -> &Entry {
        &self.entries[index as usize]
    }

    /// How a message names an entry.
    fn name(&self, index: u32) -> String {
        self.entry(index).name(self.openings[self.entry(index).wallet as usize].account)
    }

    /// The indices of all entries.
    fn indices(&self) -> impl Iterator<Item = u32> {
        (0..).take(self.entries.len())
    }
}

/// Whether an answer tells that nobody knows what became of the request.
const fn is_unknown(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::OutcomeUnknown)
}

#[cfg(test)]
mod tests;
