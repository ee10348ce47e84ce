//! Requests, and what they were answered.

use wallet::engine::{Archive as _, CHUNK_OPERATIONS_MAX, Run};
use wallet::record::Record;
use wallet::request::{Answer, CommandRequest, Operation};

use super::agree::{agrees, changed, cycle_roll, kind};
use super::{CONNECTIONS, Sent, World};
use crate::sim::ground::{Entry, Ground};
use crate::sim::model::{Effect, Expected};
use crate::sim::random::Random;

impl<G: Ground> World<G> {
    pub(super) fn frame(&mut self, random: &mut Random, burst: bool) -> Result<(), String> {
        let index = random.index(CONNECTIONS);
        if let Some(position) = self.connections[index].waits_for {
            if self.ground.archive().reached().0 < position {
                if random.once_in_1000(500) {
                    return Ok(());
                }
                self.write(random, true)?;
                self.project(u64::MAX)?;
            }
            // A crash in between has cut the connection.
            return if self.connections[index].waits_for.is_some() { self.go(index) } else { Ok(()) };
        }
        let frame = if burst { self.clients.burst(random) } else { self.clients.frame(random, self.now, &self.model) };
        for part in frame.chunks(CHUNK_OPERATIONS_MAX) {
            self.connections[index].chunk.clear();
            self.connections[index].frame = part.to_vec();
            self.go(index)?;
            if self.connections[index].waits_for.is_some() {
                break;
            }
        }
        Ok(())
    }

    /// Runs a connection's frame as far as it comes and compares what it was answered.
    pub(super) fn go(&mut self, index: usize) -> Result<(), String> {
        let before = self.ground.pushed();
        let now = self.clock();
        let connection = &mut self.connections[index];
        let done = connection.chunk.answers().len();
        let run = self.engine.run(&mut connection.chunk, &connection.frame, now);
        let answers: Vec<Answer> = connection.chunk.answers()[done..].to_vec();
        let operations: Vec<Operation> = connection.frame[done..done + answers.len()].to_vec();
        let needs = connection.chunk.needs().0;
        self.compare(&operations, &answers, needs, before)?;
        let connection = &mut self.connections[index];
        connection.waits_for = match run {
            Run::Done => None,
            Run::Projected(position) => Some(position.0),
            Run::Yield => return Err("a yield, and nothing else runs".to_owned()),
        };
        if run == Run::Done {
            self.unacknowledged.push((needs, Sent::Frame(std::mem::take(&mut connection.frame))));
        } else {
            self.tally.waits += 1;
        }
        Ok(())
    }

    pub(super) fn compare(
        &mut self,
        operations: &[Operation],
        answers: &[Answer],
        needs: u64,
        before: u64,
    ) -> Result<(), String> {
        let records = self.ground.pushed_after(before);
        let mut used = self.cycle_rolls(&records, before)?;
        for (operation, answer) in operations.iter().zip(answers) {
            let told = |expected: &Expected, wrong: String| {
                format!("{operation:?}\n  answered {answer:?}\n  expected {expected:?}\n  {wrong}")
            };
            let mut expected = self.model.operation(operation, self.now, answer);
            let mut same = agrees(&expected, answer);
            while same.is_err() {
                // Units may have been pushed in between: then their returns are there already.
                if expected.effect != Effect::Nothing {
                    self.model.take_back();
                }
                if !self.model.flush_one() {
                    break;
                }
                expected = self.model.operation(operation, self.now, answer);
                same = agrees(&expected, answer);
            }
            same.map_err(|wrong| told(&expected, wrong))?;
            if expected.effect != Effect::Nothing {
                let effect = self.effect(&expected, answer, &records, before, &mut used);
                effect.map_err(|wrong| told(&expected, wrong))?;
            }
            let own = if expected.rests_on > before { needs } else { answer.needs.0 };
            if own < expected.rests_on {
                return Err(told(&expected, "I3: the answer may leave too early".to_owned()));
            }
            self.count(answer, expected.effect);
            if let (Operation::Reserve(request) | Operation::Charge(request), true) =
                (operation, expected.effect != Effect::Nothing)
            {
                self.clients.granted(request);
            }
        }
        self.model.flush();
        match used.iter().position(|used| !used) {
            Some(index) => Err(format!("I5: a record of nobody: {:?}", records[index])),
            None => Ok(()),
        }
    }

    pub(super) fn count(&mut self, answer: &Answer, effect: Effect) {
        self.tally.operations += 1;
        *self.tally.outcomes.entry(answer.outcome.name()).or_default() += 1;
        *self.tally.effects.entry(effect).or_default() += 1;
        self.tally.note(u64::from(answer.outcome.code()) ^ answer.position.0 << 16 ^ answer.available.total().millis());
    }

    /// The record of an answer is there, and says what the model says.
    pub(super) fn effect(
        &mut self,
        expected: &Expected,
        answer: &Answer,
        records: &[Entry],
        before: u64,
        used: &mut [bool],
    ) -> Result<(), String> {
        let position = answer.position.0;
        let index = position.checked_sub(before + 1).and_then(|index| usize::try_from(index).ok());
        let index = index.filter(|index| *index < records.len() && !used[*index]);
        let index = index.ok_or("the answer's position is not that of a new record")?;
        used[index] = true;
        let record = records[index].as_ref().ok_or("the journal's own record")?;
        if kind(record) != expected.effect {
            return Err(format!("its record is {record:?}"));
        }
        if answer.needs.0 < position {
            return Err("I3: the answer may leave before its own record".to_owned());
        }
        self.model.place(position);
        Ok(())
    }

    /// Ends of cycles are pushed by whoever meets them first.
    pub(super) fn cycle_rolls(&mut self, records: &[Entry], before: u64) -> Result<Vec<bool>, String> {
        let mut used = vec![false; records.len()];
        self.cycle_rolls_in(records, before, &mut used, 0..records.len())?;
        Ok(used)
    }

    fn cycle_rolls_in(
        &mut self,
        records: &[Entry],
        before: u64,
        used: &mut [bool],
        within: std::ops::Range<usize>,
    ) -> Result<(), String> {
        for index in within {
            let Some(Record::CycleRoll(rolls)) = &records[index] else { continue };
            used[index] = true;
            for roll in rolls {
                self.model.cycle_roll(roll.account.0, self.now, cycle_roll(roll), before + 1 + index as u64)?;
            }
        }
        Ok(())
    }

    pub(super) fn command(&mut self, request: &CommandRequest) -> Result<(), String> {
        let before = self.ground.pushed();
        let outcome = self.engine.command_outcome(request, self.clock());
        let answer = outcome.answer;
        let records = self.ground.pushed_after(before);
        let told = |expected: &Expected, wrong: String| {
            format!("{request:?}\n  answered {outcome:?}\n  expected {expected:?}\n  {wrong}")
        };
        // A zone change can move a boundary into the past: its roll comes after the command's own record.
        let own = records.iter().position(|entry| !matches!(entry, Some(Record::CycleRoll(_))));
        let own = own.unwrap_or(records.len());
        let mut used = vec![false; records.len()];
        self.cycle_rolls_in(&records, before, &mut used, 0..own)?;
        let mut expected = self.model.command(request, self.now);
        if expected.effect != Effect::Nothing {
            let effect = self.effect(&expected, &answer, &records, before, &mut used);
            effect.map_err(|wrong| told(&expected, wrong))?;
            self.cycle_rolls_in(&records, before, &mut used, own..records.len())?;
            expected.view = self.model.view_of(request, self.now);
        }
        agrees(&expected, &answer).map_err(|wrong| told(&expected, wrong))?;
        if outcome.change.as_deref().map(changed) != expected.change {
            return Err(told(&expected, "R13: the state before and after differs".to_owned()));
        }
        if answer.needs.0 < expected.rests_on {
            return Err(told(&expected, "I3: the answer may leave too early".to_owned()));
        }
        if let Some(index) = used.iter().position(|used| !used) {
            return Err(told(&expected, format!("I5: a record of nobody: {:?}", records[index])));
        }
        self.count(&answer, expected.effect);
        self.unacknowledged.push((answer.needs.0, Sent::Command(request.clone())));
        Ok(())
    }
}
