//! Open holds by account and worker, and the release of a dead worker's (R28, R31).

use super::{Amounts, Clock, Hold, Model, State};

impl Model {
    fn is_open(&self, hold: &Hold, account: u128, worker: u128, made_by: u64) -> bool {
        let of_worker = hold.request.is_some_and(|request| worker == 0 || request.worker.0 == worker);
        let old = made_by == 0 || hold.at <= made_by;
        hold.state == State::Open && (account == 0 || hold.account == account) && of_worker && old
    }

    /// The first open holds after an id, with what they still hold; zero filters nothing.
    pub(crate) fn list_holds(&self, filter: (u128, u128, u64), after: u128, limit: usize) -> Vec<(u128, u64)> {
        let (account, worker, made_by) = filter;
        let later = self.holds.iter().filter(|(id, _)| **id > after);
        let open = later.filter(|(_, hold)| self.is_open(hold, account, worker, made_by));
        open.take(limit).map(|(id, hold)| (*id, super::sum(&hold.rest()))).collect()
    }

    /// A release in bulk that the journal shows: what it must have returned and forfeited.
    pub(crate) fn release_by_worker(
        &mut self,
        id: u128,
        worker: u128,
        now: Clock,
    ) -> Result<(Amounts, Amounts), String> {
        let hold = self.holds.get(&id).ok_or("a bulk release of no hold")?.clone();
        if worker == 0 || !self.is_open(&hold, 0, worker, 0) {
            return Err(format!("R31: a release by worker {worker} of {hold:?}"));
        }
        Ok(self.end(id, &hold, State::ReleasedByWorker, now))
    }
}
