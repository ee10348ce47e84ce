//! Two loads in turns, and the ratio of their rates.

use std::time::Duration;

use tokio::time::sleep;

use crate::bench::keys::Spread;
use crate::bench::place::{Place, Wanted};
use crate::bench::scenario::Scenario;
use crate::bench::shape::Shape;
use crate::bench::speed::{Play, Speed, float};
use crate::bench::time::process;
use crate::bench::time::wall::{DAY_MS, Wall};
use crate::exit::Failure;

/// Wallets of the smaller daemon beside 10,000,000 and beside 100,000,000.
const BESIDE_10M: u32 = 100_000;
const BESIDE_100M: u32 = 1_000_000;

/// How soon the day ends, once it is to.
const LEAD: Duration = Duration::from_secs(5);
/// How long a sweep may take, and how often it is looked at.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(100);

/// A wall clock of the daemons' own, to end their day.
struct Midnight {
    wall: Wall,
    _folder: tempfile::TempDir,
}

impl Midnight {
    fn environment(&self) -> Vec<(&'static str, String)> {
        let mut environment = self.wall.environment().to_vec();
        // A step of a day is the scenario's own doing, and believed.
        environment.push(("CREDITD_CLOCK__FORWARD_STEP_MAX_MS", (2 * DAY_MS).to_string()));
        environment
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Play<'_> {
    /// The spread of the scenario, and all wallets alike, on one daemon.
    pub(super) async fn spreads(&mut self) -> Result<(), Failure> {
        let place = self.company.open(&Wanted::of(&self.shape)).await?;
        self.warm_up(&place).await?;
        let shape = self.shape;
        let uniform = Shape { spread: Spread::Uniform, ..shape };
        self.compare((&place, &shape), (&place, &uniform)).await
    }

    /// Many wallets on one daemon, and few on another beside it.
    pub(super) async fn sizes(&mut self) -> Result<(), Failure> {
        self.must_be_own()?;
        let many = self.shape;
        let beside = if self.scenario == Scenario::Wallets10m { BESIDE_10M } else { BESIDE_100M };
        // A short form keeps the proportion.
        let beside = if many.wallets > beside { beside } else { many.wallets.div_ceil(100) };
        let few = Shape { wallets: beside, ..many };
        // Where the free credits of a day are enough, the accounts have only them.
        let funded = self.scenario != Scenario::Wallets100m;
        let mut midnight = if funded { None } else { self.midnight()? };
        let environment = midnight.as_ref().map(Midnight::environment).unwrap_or_default();
        let wanted = |shape| Wanted { funded, environment: environment.clone(), ..Wanted::of(shape) };
        let little = self.company.open(&wanted(&few)).await?;
        let large = self.company.open(&wanted(&many)).await?;
        self.tell("wallets_beside", f64::from(beside));
        self.tell("ready_seconds", large.ready_after.as_secs_f64());
        let resident = self.company.resident_bytes(&large).unwrap_or(0);
        self.tell("resident_before_bytes", float(resident));
        self.tell("resident_bytes_a_wallet", float(resident) / f64::from(many.wallets));
        for (place, shape) in [(&little, few), (&large, many)] {
            self.measure(place, &shape.tenth()).await?;
            self.company.settle(place).await?;
        }
        self.compare((&large, &many), (&little, &few)).await?;
        let resident = self.company.resident_bytes(&large).unwrap_or(0);
        self.tell("resident_after_bytes", float(resident));
        match &mut midnight {
            Some(midnight) => self.sweep(&large, midnight).await,
            None => Ok(()),
        }
    }

    /// Where libfaketime is, the clock of the daemons can be moved; where it is not, their day does not end.
    fn midnight(&mut self) -> Result<Option<Midnight>, Failure> {
        let folder = tempfile::tempdir();
        let folder = folder.map_err(|error| Failure::configuration(format!("no temporary folder: {error}")))?;
        match Wall::new(self.bench.time.faketime_library(), folder.path()) {
            Ok(wall) => Ok(Some(Midnight { wall, _folder: folder })),
            Err(missing) => {
                self.figures.note(format!("the daily sweep was not measured: {}", missing.message));
                Ok(None)
            }
        }
    }

    /// Lets the day of a daemon end, and waits until all of its wallets are rolled.
    async fn sweep(&mut self, place: &Place, midnight: &mut Midnight) -> Result<(), Failure> {
        let process = self.of_its_own(place)?;
        let cpu = || process::processor_time(process).unwrap_or_default();
        let soonest_ms = midnight.wall.now_ms() + millis(LEAD);
        let boundary = midnight.wall.let_come((soonest_ms / DAY_MS + 1) * DAY_MS, LEAD)?;
        let before = cpu();
        let due = f64::from(self.shape.wallets);
        let mut rolled = 0.0;
        while rolled < due && boundary.at.elapsed() < PATIENCE {
            sleep(LOOK).await;
            rolled = self.company.page(place)?.map_or(0.0, |page| page.rolled("day"));
        }
        // What is too much comes later than what is enough.
        sleep(LOOK * 5).await;
        let page = self.company.page(place)?;
        let took = page.as_ref().map_or(0.0, |page| page.value("creditd_reset_duration_seconds_sum{kind=\"day\"}"));
        rolled = page.map_or(0.0, |page| page.rolled("day"));
        self.figures
            .must((rolled - due).abs() < 0.5, || format!("{rolled} wallets of {due} were rolled to the new day"));
        self.tell("sweep_seconds", took);
        // Of the whole daemon, which has nothing else to do.
        self.tell("sweep_processor_seconds", cpu().saturating_sub(before).as_secs_f64());
        Ok(())
    }

    /// Measures one after the other, so many rounds; the figures are of all rounds together.
    async fn compare(&mut self, one: (&Place, &Shape), other: (&Place, &Shape)) -> Result<(), Failure> {
        let (mut first, mut second) = (Speed::default(), Speed::default());
        let mut caught_up = Duration::ZERO;
        let mut ratios = Vec::new();
        for _ in 0..self.bench.shape.rounds.get() {
            let (before, _) = self.turn(other).await?;
            let (after, settled) = self.turn(one).await?;
            caught_up = caught_up.max(settled);
            (first, second) = (first.and(after), second.and(before));
            ratios.push(after.per_second() / before.per_second());
        }
        ratios.sort_by(f64::total_cmp);
        self.figures.parameter("rounds", self.bench.shape.rounds.get());
        self.tell("operations_per_second", first.per_second());
        self.tell("beside_operations_per_second", second.per_second());
        // Of an even number of rounds the lower one of the middle.
        self.tell("ratio", ratios.get((ratios.len() - 1) / 2).copied().unwrap_or(0.0));
        self.tell("ratio_lowest", ratios.first().copied().unwrap_or(0.0));
        self.tell("ratio_highest", ratios.last().copied().unwrap_or(0.0));
        // The longest wait for the projections after a turn of the first.
        self.tell("caught_up_seconds", caught_up.as_secs_f64());
        Ok(())
    }

    /// One load, and how long its projections took to reach the journal's end afterwards.
    async fn turn(&mut self, (place, shape): (&Place, &Shape)) -> Result<(Speed, Duration), Failure> {
        let measured = self.measure(place, shape).await?;
        let settled = self.company.settle(place).await?;
        Ok((Speed::of(&measured), settled))
    }
}
