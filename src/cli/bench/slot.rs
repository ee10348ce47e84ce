//! One frame in flight: a little client that reserves, waits, and settles in its next frame what was granted.
//!
//! This is the hot loop of the load: no allocation for an operation, buffers are used again, and a frame reads the clock
//! once. Accounts are picked by a multiplication and a shift.

use std::collections::VecDeque;

use client::history::{History, Span};
use protocol::{AccountId, Answer, Answers, FrameWriter, HoldId, Operation, OperationKind, Outcome, RefundReason};

use crate::bench::keys::Keys;
use crate::bench::mix::{Counts, KINDS, Mix};
use crate::bench::tally::Tally;
use crate::exit::Failure;

/// What all slots share.
#[derive(Debug)]
pub(crate) struct Script {
    /// The first account; the others follow.
    pub(crate) accounts_from: u128,
    pub(crate) batch: u32,
    pub(crate) mix: Mix,
    pub(crate) amount: u64,
    pub(crate) ttl_ms: u32,
}

/// Makes hold ids: UUIDv7 with the daemon's time, a random part for the connection and a counter.
#[derive(Debug)]
pub(crate) struct HoldIds {
    pub(crate) seed: u64,
    pub(crate) made: u64,
}

impl HoldIds {
    const COUNTER_BITS: u32 = 32;

    #[inline]
    fn next(&mut self, time_ms: u64) -> HoldId {
        self.made = self.made.wrapping_add(1);
        let counter = u128::from(self.made) & ((1 << Self::COUNTER_BITS) - 1);
        HoldId::from_time_ms(time_ms, (u128::from(self.seed) << Self::COUNTER_BITS) | counter)
    }
}

/// xorshift64*: uniform enough to spread load, and one multiplication.
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// A number below `below`.
    #[inline]
    pub(crate) fn below(&mut self, below: u32) -> u32 {
        let high = self.next() >> 32;
        // Below 2^32 times below 2^32, shifted by 32, is below the factor.
        u32::try_from((high * u64::from(below)) >> 32).unwrap_or(0)
    }

    /// A number from 0 to below 1.
    pub(crate) fn fraction(&mut self) -> f64 {
        f64::from(self.below(u32::MAX)) / f64::from(u32::MAX)
    }

    #[inline]
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

/// What a connection's frames are filled with.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) ids: HoldIds,
    pub(crate) random: Random,
    pub(crate) keys: Keys,
}

/// A hold of an account.
#[derive(Clone, Copy, Debug)]
struct Held {
    hold: HoldId,
    account: u32,
}

impl Source {
    #[inline]
    fn held(&mut self, time_ms: u64) -> Held {
        Held { hold: self.ids.next(time_ms), account: self.keys.next(&mut self.random) }
    }
}

/// One operation of the frame that is under way.
#[derive(Clone, Copy, Debug)]
struct Sent {
    kind: OperationKind,
    held: Held,
}

/// The state of one frame in flight.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    /// Holds that were granted and wait to be settled.
    granted: VecDeque<Held>,
    /// Holds that were captured and may be refunded.
    captured: VecDeque<Held>,
    sent: Vec<Sent>,
    mix_at: usize,
}

impl Slot {
    /// Writes the next frame to the buffer, with at most `room` operations; gives their number.
    pub(crate) fn write_frame(
        &mut self,
        script: &Script,
        room: u32,
        request_id: u64,
        time_ms: u64,
        source: &mut Source,
        buffer: &mut Vec<u8>,
    ) -> Result<u32, Failure> {
        let counts = self.counts(script, room);
        self.sent.clear();
        let mut frame = FrameWriter::operations(buffer, request_id);
        for (kind, count) in KINDS.into_iter().zip(counts) {
            for _ in 0..count {
                let held = match kind {
                    OperationKind::Commit | OperationKind::Release => self.granted.pop_front(),
                    OperationKind::Refund => self.captured.pop_front(),
                    _ => Some(source.held(time_ms)),
                };
                let Some(held) = held else { continue };
                frame.push_operation(buffer, &script.operation(kind, held));
                self.sent.push(Sent { kind, held });
            }
        }
        let header = frame.finish(buffer).map_err(|error| Failure::bug(&error))?;
        Ok(header.count)
    }

    /// What the next frame is made of: the mix, less what there is nothing to settle for; never nothing.
    fn counts(&mut self, script: &Script, room: u32) -> Counts {
        let mut counts = script.mix.next(&mut self.mix_at, script.batch.min(room));
        let held = |holds: &VecDeque<Held>| u32::try_from(holds.len()).unwrap_or(u32::MAX);
        let [_, _, commit, release, refund, _] = &mut counts;
        *commit = (*commit).min(held(&self.granted));
        *release = (*release).min(held(&self.granted) - *commit);
        *refund = (*refund).min(held(&self.captured));
        if counts.iter().all(|count| *count == 0) {
            counts[0] = 1;
        }
        counts
    }

    /// Checks the answers to the frame that was under way, and remembers what there is to settle.
    pub(crate) fn take_answers(&mut self, script: &Script, body: &[u8], tally: &mut Tally) {
        let answers = Answers::of_body(body);
        if answers.len() != self.sent.len() {
            tally.error(|| format!("{} answers to {} operations", answers.len(), self.sent.len()));
            return;
        }
        for (answer, sent) in answers.zip(&self.sent) {
            let Ok(answer) = answer else {
                tally.error(|| format!("a {} got an outcome of unknown number", sent.kind));
                continue;
            };
            tally.count(answer.outcome);
            if !is_sane(sent.kind, &answer, script.amount) {
                tally.error(|| format!("{} of {} got {answer:?}", sent.kind, sent.held.hold));
            }
            match (sent.kind, answer.outcome) {
                (OperationKind::Reserve, Outcome::Granted) => self.granted.push_back(sent.held),
                (OperationKind::Commit, outcome) if outcome.is_success() => self.captured.push_back(sent.held),
                _ => {}
            }
        }
        self.forget(script.batch);
    }

    /// Notes the frame that was answered in the history.
    pub(crate) fn record(&self, script: &Script, body: &[u8], history: &mut History, span: Span) {
        let mut record: fn(&mut History, &Operation, &Answer, Span) = History::record;
        for (answer, sent) in Answers::of_body(body).zip(&self.sent) {
            if let Ok(answer) = answer {
                record(history, &script.operation(sent.kind, sent.held), &answer, span);
                record = History::record_next;
            }
        }
    }

    /// What no frame will settle is left to its end by time (or, captured, as it is).
    fn forget(&mut self, batch: u32) {
        let keep = batch as usize * 2;
        for holds in [&mut self.granted, &mut self.captured] {
            let surplus = holds.len().saturating_sub(keep);
            holds.drain(..surplus);
        }
    }
}

impl Script {
    #[inline]
    fn operation(&self, kind: OperationKind, held: Held) -> Operation {
        let Held { hold, account } = held;
        let account = AccountId(self.accounts_from + u128::from(account));
        match kind {
            OperationKind::Charge => Operation::charge(hold, account, self.amount),
            OperationKind::Commit => Operation::commit(hold, account, self.amount, 1),
            OperationKind::Release => Operation::release(hold, account),
            OperationKind::Refund => Operation::refund(hold, account, self.amount, 1, RefundReason::Goodwill),
            OperationKind::Balance => Operation::balance(account),
            OperationKind::Reserve | OperationKind::Extend => {
                Operation::reserve(hold, account, self.amount, self.ttl_ms)
            }
        }
    }
}

/// Whether an answer can be right. A settlement is of a hold that was granted, so only a daemon without room may refuse it;
/// and what was granted, captured or given back must be what was asked for.
#[inline]
fn is_sane(kind: OperationKind, answer: &Answer, amount: u64) -> bool {
    let outcome = answer.outcome;
    if outcome.is_retryable() {
        return true;
    }
    let whole = answer.split.sum().is_some_and(|sum| sum + answer.forfeited == amount);
    match kind {
        OperationKind::Reserve => outcome == Outcome::Granted && whole || is_gate(outcome),
        OperationKind::Charge => outcome.is_success() && whole || is_gate(outcome),
        OperationKind::Commit => matches!(outcome, Outcome::Done | Outcome::Late) && answer.split.sum() == Some(amount),
        OperationKind::Release | OperationKind::Refund => outcome == Outcome::Done && whole,
        OperationKind::Balance | OperationKind::Extend => outcome == Outcome::Done,
    }
}

/// The refusals that a reserve of a new id may get.
const fn is_gate(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Insufficient | Outcome::AccountFrozen | Outcome::Debt | Outcome::Limit)
}

#[cfg(test)]
mod tests;
