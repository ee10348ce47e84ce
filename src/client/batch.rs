//! What is known of each operation of a call, over its attempts: its answer, and whether it is in doubt. Pure.
//!
//! An operation is in doubt from the attempt on that may have carried it out and has no answer. Only an answer that tells of
//! that attempt too ends the doubt ([`retry::settles_doubt`]): "nothing happened" is said of one attempt alone. An attempt
//! that was lost may still be carried out later, and then a refusal that rests on state does not tell of it either
//! ([`retry::leaves_open`]).

use protocol::{Answer, Operation, Outcome};

use crate::retry::{self, Seen};

/// Whether there is an attempt whose outcome is not known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Doubt {
    None,
    /// The daemon has decided about it, and did not say how: nothing of it comes any more.
    Decided,
    /// It was lost on its way, and may still be carried out.
    Lost,
}

/// The operations of one call.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    operations: &'a [Operation],
    /// The first operation that the next attempt sends.
    from: usize,
    /// As many as there are operations; empty before the first attempt that was answered.
    answers: Vec<Answer>,
    /// The same for doubt; empty as long as there is none, which is nearly always.
    in_doubt: Vec<Doubt>,
}

impl<'a> Batch<'a> {
    pub(crate) const fn new(operations: &'a [Operation]) -> Self {
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
        for at in self.from..self.operations.len() {
            self.doubt(at, Doubt::Lost);
        }
    }

    /// An attempt was answered. What it says of a retry; `None` = every operation has its last answer.
    pub(crate) fn answered(&mut self, fresh: Vec<Answer>) -> Option<Seen> {
        for (at, answer) in (self.from..).zip(&fresh) {
            if answer.outcome == Outcome::OutcomeUnknown {
                self.doubt(at, Doubt::Decided);
            } else if self.settles_doubt(at, answer.outcome) {
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
        self.heard_in_doubt().any(|(_, outcome)| outcome == Outcome::HoldIdExpired)
    }

    /// The refusal that was heard last of an operation in doubt, where another attempt may still be carried out.
    pub(crate) fn refused_in_doubt(&self) -> Option<Outcome> {
        let of_state = |(operation, outcome): &(&Operation, Outcome)| retry::leaves_open(operation, *outcome);
        self.heard_in_doubt().find(of_state).map(|(_, outcome)| outcome)
    }

    /// What was heard last of the operations in doubt.
    fn heard_in_doubt(&self) -> impl Iterator<Item = (&Operation, Outcome)> {
        let heard = self.operations.iter().zip(&self.answers).zip(&self.in_doubt);
        heard.filter(|(_, doubt)| **doubt != Doubt::None).map(|((operation, answer), _)| (operation, answer.outcome))
    }

    /// The answers; `outcome_unknown` to what is in doubt, whatever was said last.
    pub(crate) fn into_answers(mut self) -> Vec<Answer> {
        for (answer, doubt) in self.answers.iter_mut().zip(&self.in_doubt) {
            if *doubt != Doubt::None {
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

    /// Whether an answer to an operation tells of every attempt, those before it and those that may still come.
    fn settles_doubt(&self, at: usize, outcome: Outcome) -> bool {
        let lost = self.in_doubt.get(at) == Some(&Doubt::Lost);
        let leaves_open = || self.operations.get(at).is_some_and(|operation| retry::leaves_open(operation, outcome));
        retry::settles_doubt(outcome) && !(lost && leaves_open())
    }

    fn doubt(&mut self, at: usize, doubt: Doubt) {
        self.in_doubt.resize(self.operations.len(), Doubt::None);
        let is_done = self.answers.get(at).is_some_and(is_done);
        if let Some(known) = self.in_doubt.get_mut(at).filter(|_| !is_done) {
            *known = doubt.max(*known);
        }
    }

    fn trust(&mut self, at: usize) {
        if let Some(known) = self.in_doubt.get_mut(at) {
            *known = Doubt::None;
        }
    }
}

/// Whether the operation took effect: nothing that comes later takes that back.
fn is_done(answer: &Answer) -> bool {
    answer.outcome.is_success() || answer.outcome == Outcome::Replayed
}

#[cfg(test)]
mod tests;
