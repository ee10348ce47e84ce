//! What is known of each operation of a call, over its attempts: its answer, and whether it is in doubt. Pure.
//!
//! An operation is in doubt from the attempt on that may have carried it out and has no answer. Only an answer that tells of
//! that attempt too ends the doubt ([`retry::settles_doubt`]): "nothing happened" is said of one attempt alone.

use protocol::{Answer, Outcome};

use crate::retry::{self, Seen};

/// The operations of one call.
#[derive(Debug)]
pub(crate) struct Batch {
    operations: usize,
    /// The first operation that the next attempt sends.
    from: usize,
    /// As many as there are operations; empty before the first attempt that was answered.
    answers: Vec<Answer>,
    /// The same for doubt; empty as long as there is none, which is nearly always.
    in_doubt: Vec<bool>,
}

impl Batch {
    pub(crate) const fn new(operations: usize) -> Self {
        Self { operations, from: 0, answers: Vec::new(), in_doubt: Vec::new() }
    }

    /// The first operation that the next attempt sends.
    pub(crate) const fn from(&self) -> usize {
        self.from
    }

    /// Whether no attempt was answered.
    pub(crate) const fn is_unanswered(&self) -> bool {
        self.answers.is_empty()
    }

    /// An attempt was sent, and its answers will not come.
    pub(crate) fn lost(&mut self) {
        for at in self.from..self.operations {
            if !self.answers.get(at).is_some_and(is_done) {
                self.doubt(at);
            }
        }
    }

    /// An attempt was answered. What it says of a retry; `None` = every operation has its last answer.
    pub(crate) fn answered(&mut self, fresh: Vec<Answer>) -> Option<Seen> {
        for (at, answer) in (self.from..).zip(&fresh) {
            if answer.outcome == Outcome::OutcomeUnknown {
                self.doubt(at);
            } else if retry::settles_doubt(answer.outcome) {
                self.trust(at);
            }
        }
        self.merge(fresh);
        let (first, seen) = retry::first_retryable(&self.answers[self.from..])?;
        self.from += first;
        Some(seen)
    }

    /// Whether an operation is in doubt whose id is from now on refused: no retry will tell.
    pub(crate) fn is_beyond_retries(&self) -> bool {
        let expired = |(answer, in_doubt): (&Answer, &bool)| *in_doubt && answer.outcome == Outcome::HoldIdExpired;
        self.answers.iter().zip(&self.in_doubt).any(expired)
    }

    /// The answers; `outcome_unknown` to what is in doubt, whatever was said last.
    pub(crate) fn into_answers(mut self) -> Vec<Answer> {
        for (answer, in_doubt) in self.answers.iter_mut().zip(&self.in_doubt) {
            if *in_doubt {
                *answer = Answer::of(Outcome::OutcomeUnknown);
            }
        }
        self.answers
    }

    /// Puts the answers of a retry over those of the attempt before. What was done keeps its first answer, which says more
    /// than the retry's `replayed`, and more than that there was no room this time.
    fn merge(&mut self, fresh: Vec<Answer>) {
        if self.answers.is_empty() {
            self.answers = fresh;
            return;
        }
        for (old, new) in self.answers[self.from..].iter_mut().zip(fresh) {
            if !is_done(old) {
                *old = new;
            }
        }
    }

    fn doubt(&mut self, at: usize) {
        self.in_doubt.resize(self.operations, false);
        if let Some(in_doubt) = self.in_doubt.get_mut(at) {
            *in_doubt = !self.answers.get(at).is_some_and(is_done);
        }
    }

    fn trust(&mut self, at: usize) {
        if let Some(in_doubt) = self.in_doubt.get_mut(at) {
            *in_doubt = false;
        }
    }
}

/// Whether the operation took effect: nothing that comes later takes that back.
fn is_done(answer: &Answer) -> bool {
    answer.outcome.is_success() || answer.outcome == Outcome::Replayed
}

#[cfg(test)]
mod tests;
