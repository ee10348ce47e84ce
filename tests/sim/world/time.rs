//! The clock of a simulated world: minutes, days, months, years, and boundaries.

use wallet::ids::AccountId;

use super::World;
use crate::sim::ground::Ground;
use crate::sim::model::{Clock, DAY_MS, State};
use crate::sim::random::Random;
use crate::sim::zones::Zone;

/// How fast a world's time passes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pace {
    /// Most holds are settled before they end.
    Hours,
    /// Days and cycles end between requests.
    Weeks,
    /// Cycles are missed by the dozen.
    Years,
}

/// A wallet that nobody touches is swept by then: the word tells its day apart from others within 1,024 days.
const UNSWEPT_MAX_MS: u64 = 500 * DAY_MS;

impl Pace {
    pub(super) const ALL: [Self; 5] = [Self::Hours, Self::Hours, Self::Weeks, Self::Weeks, Self::Years];

    fn step(self, random: &mut Random) -> u64 {
        let bounds = match self {
            Self::Hours => [3_000, 60_000, 1_200_000, 8 * 3_600_000, 3 * DAY_MS],
            Self::Weeks => [3_000, 600_000, DAY_MS, 8 * DAY_MS, 70 * DAY_MS],
            Self::Years => [3_000, 1_200_000, 6 * DAY_MS, 70 * DAY_MS, 450 * DAY_MS],
        };
        let bound = match random.below(100) {
            0..55 => bounds[0],
            55..78 => bounds[1],
            78..90 => bounds[2],
            90..97 => bounds[3],
            _ => bounds[4],
        };
        random.below(bound)
    }
}

impl<G: Ground> World<G> {
    pub(super) fn pass(&mut self, random: &mut Random) -> Result<(), String> {
        let step = self.pace.step(random);
        if random.once_in_1000(30) {
            self.skew = i64::try_from(random.below(90_000)).unwrap() - 45_000;
        }
        self.pass_to(self.now.daemon + step)
    }

    pub(super) fn pass_to(&mut self, at: u64) -> Result<(), String> {
        self.set_time(at);
        if at > self.swept + UNSWEPT_MAX_MS {
            self.sweep()?;
        }
        Ok(())
    }

    pub(super) fn set_time(&mut self, daemon: u64) {
        self.now = Clock { daemon, wall: daemon.checked_add_signed(self.skew).unwrap() };
    }

    fn sweep(&mut self) -> Result<(), String> {
        self.swept = self.now.daemon;
        let accounts: Vec<u128> = self.model.wallets.keys().copied().collect();
        let before = self.ground.pushed();
        for account in accounts {
            self.engine.wallet_view(AccountId(account), self.clock());
        }
        let records = self.ground.pushed_after(before);
        if self.cycle_rolls(&records, before)?.contains(&false) {
            return Err(format!("a view that leaves records: {records:?}"));
        }
        Ok(())
    }

    /// To the end of a day, a cycle, what is paid for, a pending top-up or a hold, or beside it.
    pub(super) fn pass_to_boundary(&mut self, random: &mut Random) -> Result<(), String> {
        let wallets: Vec<_> = self.model.wallets.values().collect();
        let now = self.now.daemon;
        let target = match random.below(10) {
            0..2 => Some(random.pick(&Zone::ALL).day_ends_at(now)),
            2..6 if !wallets.is_empty() && (self.pace != Pace::Hours || random.once_in_1000(100)) => {
                wallets[random.index(wallets.len())].due()
            }
            6 if self.pace != Pace::Hours => {
                wallets.iter().flat_map(|wallet| &wallet.waiting).map(|waiting| waiting.ends_at).find(|end| *end > now)
            }
            _ => {
                self.model.holds.values().rev().filter(|hold| hold.state == State::Open).map(|hold| hold.ends_at).next()
            }
        };
        let near = target.filter(|target| *target < now + 450 * DAY_MS);
        let target = near.unwrap_or(now) + random.below(3);
        if target > now { self.pass_to(target - 1) } else { Ok(()) }
    }
}
