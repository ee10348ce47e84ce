//! Crashes: what is left, replayed, and the next start (I3, I4, I8).

use wallet::engine::Engine;

use super::{Sent, World};
use crate::sim::ground::{Entry, Ground, Rows};
use crate::sim::random::Random;
use crate::sim::replay::{loads_with_other_files, replays_without_zones};

impl<G: Ground> World<G> {
    pub(super) fn crash(&mut self, random: &mut Random) -> Result<(), String> {
        let rows = self.stop(random)?;
        if random.once_in_1000(500) {
            self.set_time(self.now.daemon + random.below(600_000));
        }
        // The next start finds other files now and then: what is in the journal does not care (I8).
        if random.once_in_1000(300) {
            self.offers.reload(random);
        }
        self.start(rows)
    }

    /// Ends the process: the rows that the next one finds.
    pub(super) fn stop(&mut self, random: &mut Random) -> Result<Rows, String> {
        let pushed = self.ground.pushed();
        let acknowledged = self.ground.durable();
        let (records, kept) = self.ground.crash(random, self.now.daemon)?;
        if kept < acknowledged {
            return Err(format!("I3: {acknowledged} records were acknowledged and {kept} are left"));
        }
        let rows = self.base.clone().with(&records)?;
        self.replays_the_same(&records, &rows)?;
        self.tally.crashes += 1;
        self.tally.lost_records += pushed.saturating_sub(kept);
        self.model.crash(kept);
        self.lose_answers(kept, random);
        Ok(rows)
    }

    /// I8: the records give the projections that were there, bit by bit.
    pub(super) fn replays_the_same(&self, records: &[Entry], rows: &Rows) -> Result<(), String> {
        let mut live = self.ground.plain().rows().clone();
        let reached = usize::try_from(live.reached - self.base.reached).unwrap();
        if reached > records.len() {
            return Err("the projections are ahead of the journal".to_owned());
        }
        records[reached..].iter().try_for_each(|record| live.apply(record))?;
        if live == *rows { Ok(()) } else { Err("I8: a replay gives another state".to_owned()) }
    }

    /// Clients send again what was not acknowledged.
    pub(super) fn lose_answers(&mut self, kept: u64, random: &mut Random) {
        for connection in &mut self.connections {
            if connection.waits_for.is_some() {
                self.clients.unanswered.append(&mut connection.frame);
            }
        }
        for (_, sent) in self.unacknowledged.drain(..) {
            if random.once_in_1000(100) {
                continue;
            }
            match sent {
                Sent::Frame(mut frame) => self.clients.unanswered.append(&mut frame),
                Sent::Command(command) => self.clients.unanswered_commands.push(command),
            }
        }
        self.clients.unanswered.reverse();
        self.tally.retries += self.clients.unanswered.len() as u64;
        self.checked_holds = self.checked_holds.min(kept);
    }

    pub(super) fn start(&mut self, rows: Rows) -> Result<(), String> {
        self.ground.begin(rows)?;
        let engine = Engine::new(self.settings.clone(), self.ground.journal(), self.ground.archive());
        self.ground.load(&engine, self.clock())?;
        for (account, row) in &self.ground.plain().rows().rows {
            self.model.started(account.0, row.day.0, self.now);
        }
        // They had been dropped before: they are not counted again.
        self.model.set_dropped(self.ground.dropped().iter().map(|id| id.0).collect());
        self.engine = engine;
        self.connect();
        self.publish();
        self.swept = self.now.daemon;
        self.model.durable(self.ground.durable());
        self.ensure_policy()
    }

    /// I8: all that was journaled, without zones and with other files.
    pub(super) fn replays_elsewhere(&self) -> Result<(), String> {
        replays_without_zones(&self.recorded())?;
        loads_with_other_files(self.ground.plain().rows().clone(), &self.model, self.clock())
    }
}
