//! What a connection has in flight: commits of the holds that the flight before was granted, then as many reserves; of one
//! operation, by turns.

use std::collections::VecDeque;

use crate::answers::Told;
use crate::calls::{self, AMOUNT, Id, Operation};

const GRANTED: u64 = 1;
const DONE: u64 = 2;

/// A connection's work.
#[derive(Debug)]
pub struct Flight {
    run: u32,
    connection: u32,
    wallets: u32,
    made: u64,
    random: u64,
    granted: VecDeque<Id>,
    /// What is under way.
    pub sent: Vec<Operation>,
    /// Reserves that were granted.
    pub reserves: u64,
    /// Commits that were done.
    pub commits: u64,
}

impl Flight {
    /// Nothing done yet.
    pub fn new(run: u32, connection: u32, wallets: u32) -> Self {
        let random = (u64::from(connection) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(run);
        Self {
            run,
            connection,
            wallets,
            made: 0,
            random,
            granted: VecDeque::new(),
            sent: Vec::new(),
            reserves: 0,
            commits: 0,
        }
    }

    /// Writes the next flight: at most `calls` × `frame` operations.
    pub fn write(&mut self, calls: usize, frame: usize, buffer: &mut Vec<u8>) {
        let operations = calls * frame;
        self.sent.clear();
        // Of one operation in flight every second is a commit.
        let commits = operations.div_ceil(2).min(self.granted.len());
        self.sent.extend(self.granted.drain(..commits).map(|hold| Operation::Commit { hold }));
        let reserves = if operations == 1 { 1 - commits } else { operations / 2 };
        for _ in 0..reserves {
            let account = calls::account(self.below(self.wallets));
            let hold = calls::hold(self.run, self.connection, self.made);
            self.made += 1;
            self.sent.push(Operation::Reserve { account, hold });
        }
        if frame == 1 {
            self.sent.iter().for_each(|operation| calls::write_single(buffer, operation));
        } else {
            self.sent.chunks(frame).for_each(|operations| calls::write_frame(buffer, operations));
        }
    }

    /// Answers that are waited for.
    pub fn answers(&self, frame: usize) -> usize {
        self.sent.len().div_ceil(frame)
    }

    /// Checks the answers: every reserve granted, every commit done, of the whole amount.
    pub fn take(&mut self, told: &[Told]) -> Result<(), String> {
        if told.len() != self.sent.len() {
            return Err(format!("{} answers to {} operations", told.len(), self.sent.len()));
        }
        for (operation, told) in self.sent.iter().zip(told) {
            match operation {
                Operation::Reserve { hold, .. } if *told == (Told { outcome: GRANTED, sum: AMOUNT }) => {
                    self.granted.push_back(*hold);
                    self.reserves += 1;
                }
                Operation::Commit { .. } if *told == (Told { outcome: DONE, sum: AMOUNT }) => self.commits += 1,
                _ => return Err(format!("{operation:?} was told {told:?}")),
            }
        }
        Ok(())
    }

    /// A number below `below`, by xorshift64*, as the other load picks its accounts.
    fn below(&mut self, below: u32) -> u32 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        let high = self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        u32::try_from((high * u64::from(below)) >> 32).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(operation: &Operation) -> Told {
        let outcome = if matches!(operation, Operation::Commit { .. }) { DONE } else { GRANTED };
        Told { outcome, sum: AMOUNT }
    }

    fn fly(flight: &mut Flight, calls: usize, frame: usize) -> usize {
        flight.write(calls, frame, &mut Vec::new());
        let told: Vec<Told> = flight.sent.iter().map(answer).collect();
        flight.take(&told).unwrap();
        told.len()
    }

    #[test]
    fn half_are_reserves_and_half_are_commits_of_them() {
        for (calls, frame) in [(1, 1), (100, 1), (2, 100)] {
            let mut flight = Flight::new(1, 2, 1000);
            for _ in 0..10 {
                assert!(fly(&mut flight, calls, frame) <= calls * frame);
            }
            let open = u64::try_from((calls * frame).div_ceil(2)).unwrap();
            assert!(flight.reserves - flight.commits <= open, "{calls} calls of {frame}");
            assert!(flight.commits > 0);
        }
    }

    #[test]
    fn an_answer_that_is_not_positive_or_not_whole_ends_the_run() {
        for wrong in [Told { outcome: 35, sum: AMOUNT }, Told { outcome: GRANTED, sum: AMOUNT - 1 }] {
            let mut flight = Flight::new(1, 2, 1000);
            flight.write(1, 1, &mut Vec::new());
            assert!(flight.take(&[wrong]).is_err());
        }
        let mut flight = Flight::new(1, 2, 1000);
        flight.write(1, 1, &mut Vec::new());
        assert!(flight.take(&[]).is_err());
    }
}
