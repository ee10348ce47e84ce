//! Scenarios of speed: the lines of the table of goals, each by its name.
//!
//! What is compared is measured in turns in the same run: the first load and the second, so many rounds, with the projections
//! at the journal's end before each turn. A refusal, or an answer that cannot be right, makes the run a failure whatever its
//! speed.

mod compared;
mod disk;
mod projections;
mod restart;

use std::time::Duration;

use crate::arguments::Global;
use crate::bench::figures::Figures;
use crate::bench::goals::goal;
use crate::bench::keys::Spread;
use crate::bench::load::{Goal, Measured};
use crate::bench::machine::Machine;
use crate::bench::place::{Company, Place, Wanted};
use crate::bench::scenario::Scenario;
use crate::bench::shape::Shape;
use crate::bench::{Bench, interrupted};
use crate::exit::{Exit, Failure};
use crate::output::Shown;

/// Frames of 100, 16 connections: the shape of what has none of its own in the table.
const FRAMES_OF_100: Shape = Shape::of(16, 100, 4);

/// The shape of a scenario, before the flags.
fn shape(scenario: Scenario) -> Shape {
    match scenario {
        Scenario::Single => Shape::of(50, 1, 1),
        Scenario::Pipelined => Shape::of(50, 1, 16),
        Scenario::Latency => Shape::of(1, 1, 1),
        Scenario::SmallFrames | Scenario::HalfRate => FRAMES_OF_100,
        Scenario::Wallets10m | Scenario::Restart => Shape { wallets: 10_000_000, ..Shape::of(2, 8_190, 2) },
        Scenario::Wallets100m => Shape { wallets: 100_000_000, ..Shape::of(2, 8_190, 2) },
        Scenario::Hot => Shape { spread: Spread::Hot, ..Shape::of(2, 8_190, 2) },
        Scenario::Zipf => Shape { spread: Spread::Zipf, ..Shape::of(2, 8_190, 2) },
        Scenario::Projections => Shape { goal: Goal::Time(Duration::from_secs(60)), ..Shape::of(2, 8_190, 2) },
        Scenario::Disk => Shape { goal: Goal::Operations(2_400_000), ..Shape::of(2, 8_190, 2) },
        _ => Shape::of(2, 8_190, 2),
    }
}

/// Runs one. Its daemons end with it, whatever happens.
pub(crate) async fn run(scenario: Scenario, bench: &Bench, global: &Global) -> Result<Shown, Failure> {
    let shape = shape(scenario).with(&bench.shape);
    let mut play = Play {
        scenario,
        bench,
        shape,
        company: Company::new(bench, global),
        figures: Figures::of(scenario.name()),
        own_only: global.address.is_none(),
    };
    play.tell_parameters();
    let played = tokio::select! {
        played = play.play() => played,
        signal = interrupted() => Err(signal),
    };
    let Play { company, figures, .. } = play;
    company.end(played.map(|()| figures.shown(&Machine::here())))
}

/// A scenario under way.
struct Play<'a> {
    scenario: Scenario,
    bench: &'a Bench,
    shape: Shape,
    company: Company<'a>,
    figures: Figures,
    /// Whether the daemons are the bench's own.
    own_only: bool,
}

/// What a load came to, as figures.
#[derive(Clone, Copy, Debug, Default)]
struct Speed {
    operations: u64,
    took: Duration,
}

impl Speed {
    fn of(measured: &Measured) -> Self {
        Self { operations: measured.tally.operations, took: measured.took }
    }

    /// Both, one after the other.
    fn and(self, other: Self) -> Self {
        Self { operations: self.operations + other.operations, took: self.took + other.took }
    }

    fn per_second(self) -> f64 {
        float(self.operations) / self.took.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

/// Figures are floats; beyond 2^53 they lose their last digits.
#[expect(clippy::cast_precision_loss, reason = "figures have no more than fifteen digits")]
const fn float(value: u64) -> f64 {
    value as f64
}

impl Play<'_> {
    async fn play(&mut self) -> Result<(), Failure> {
        match self.scenario {
            Scenario::HalfRate => self.half_rate().await,
            Scenario::Hot | Scenario::Zipf => self.spreads().await,
            Scenario::Wallets10m | Scenario::Wallets100m => self.sizes().await,
            Scenario::Restart => self.restart().await,
            Scenario::Projections => self.projections().await,
            Scenario::Disk => self.disk().await,
            _ => self.plain().await,
        }
    }

    /// One load of the shape, with the percentiles of its frames.
    async fn plain(&mut self) -> Result<(), Failure> {
        let place = self.company.open(&Wanted::of(&self.shape)).await?;
        self.warm_up(&place).await?;
        let measured = self.measure(&place, &self.shape.clone()).await?;
        self.tell_load(&measured);
        Ok(())
    }

    /// The rate of a closed loop first, unless one is given; then half of it (or just what was given) as an open loop.
    async fn half_rate(&mut self) -> Result<(), Failure> {
        let place = self.company.open(&Wanted::of(&self.shape)).await?;
        self.warm_up(&place).await?;
        let mut open = self.shape;
        if open.rate.is_none() {
            let peak = self.measure(&place, &self.shape.clone()).await?;
            let peak = Speed::of(&peak).per_second();
            self.tell("peak_operations_per_second", peak);
            self.company.settle(&place).await?;
            open.rate = half(peak);
        }
        let rate = open.rate.map_or(0, std::num::NonZeroU32::get);
        let measured = self.measure(&place, &open).await?;
        self.tell("wanted_operations_per_second", f64::from(rate));
        self.tell_load(&measured);
        Ok(())
    }

    /// A tenth of the load, so that what is measured afterwards meets no memory for the first time.
    async fn warm_up(&mut self, place: &Place) -> Result<(), Failure> {
        let shape = Shape { rate: None, ..self.shape.tenth() };
        self.measure(place, &shape).await?;
        self.company.settle(place).await?;
        Ok(())
    }

    /// Runs a load in which nothing may be refused.
    async fn measure(&mut self, place: &Place, shape: &Shape) -> Result<Measured, Failure> {
        let measured = self.company.load(place, shape).run().await?;
        let (errors, refused) = (measured.tally.errors, measured.tally.refused());
        let told = measured.tally.first_error.clone().unwrap_or_default();
        self.figures.must(errors == 0, || format!("{errors} answers that cannot be right: {told}"));
        self.figures.must(refused == 0, || format!("{refused} operations were refused"));
        Ok(measured)
    }

    fn tell_parameters(&mut self) {
        let Shape { wallets, connections, batch, in_flight, spread, rate, goal } = self.shape;
        let figures = &mut self.figures;
        figures.parameter("wallets", wallets);
        figures.parameter("connections", connections);
        figures.parameter("batch", batch);
        figures.parameter("in_flight", in_flight);
        figures.parameter("keys", spread.name());
        figures.parameter("mix", self.bench.mix.to_string());
        figures.parameter("durability", self.bench.durability.map_or("default", super::DurabilityMode::name));
        match goal {
            Goal::Operations(operations) => figures.parameter("operations", operations),
            Goal::Time(time) => figures.parameter("seconds", time.as_secs_f64()),
        }
        if let Some(rate) = rate {
            figures.parameter("rate", rate.get());
        }
    }

    /// A figure, beside its goal if the table has one.
    fn tell(&mut self, name: &'static str, value: f64) {
        match goal(self.scenario, name) {
            Some(bar) => self.figures.with_bar(name, value, bar),
            None => self.figures.figure(name, value),
        }
    }

    fn tell_load(&mut self, measured: &Measured) {
        let at = |quantile| float(measured.tally.latency_us.value_at_quantile(quantile));
        let (p50, p90, p99, p999) = (at(0.5), at(0.9), at(0.99), at(0.999));
        self.tell("operations", float(measured.tally.operations));
        self.tell("seconds", measured.took.as_secs_f64());
        self.tell("operations_per_second", Speed::of(measured).per_second());
        self.tell("p50_us", p50);
        self.tell("p90_us", p90);
        self.tell("p99_us", p99);
        self.tell("p999_us", p999);
        self.tell("max_us", float(measured.tally.latency_us.max()));
    }

    /// Some scenarios need a daemon of the bench's own, whose process and folder they look at.
    fn of_its_own(&self, place: &Place) -> Result<u32, Failure> {
        let daemon = self.company.daemon(place);
        daemon.map(super::daemon::OwnDaemon::process).ok_or_else(|| Self::no_address(self.scenario))
    }

    fn no_address(scenario: Scenario) -> Failure {
        let name = scenario.name();
        Failure::new(Exit::Usage, "usage", format!("the scenario {name} needs a daemon of its own: no --address"))
    }

    fn must_be_own(&self) -> Result<(), Failure> {
        if self.own_only { Ok(()) } else { Err(Self::no_address(self.scenario)) }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "no rate is negative or near the limit")]
fn half(peak: f64) -> Option<std::num::NonZeroU32> {
    std::num::NonZeroU32::new((peak / 2.0) as u32)
}

#[cfg(test)]
mod tests;
