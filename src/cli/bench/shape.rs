//! The shape of a load: how many wallets, connections, frames and operations, and which wallets they are for.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use clap::Args;
use protocol::limits::FRAME_OPERATIONS_MAX;

use crate::bench::keys::Spread;
use crate::bench::load::Goal;
use crate::duration::parse;

/// Flags that make the shape. Without a flag it is that of the scenario, or of the plain bench.
#[derive(Clone, Debug, Args)]
pub(crate) struct ShapeArguments {
    /// Accounts; 10000, or what the scenario says.
    #[arg(long)]
    pub(crate) wallets: Option<NonZeroU32>,
    /// Connections; 4, or what the scenario says.
    #[arg(long)]
    pub(crate) connections: Option<NonZeroU32>,
    /// Operations in a frame; 512, or what the scenario says.
    #[arg(long, value_parser = batch)]
    pub(crate) batch: Option<u32>,
    /// Frames without an answer, for each connection; 4, or what the scenario says.
    #[arg(long)]
    pub(crate) in_flight: Option<NonZeroU32>,
    /// How long to measure; 10s, or what the scenario says.
    #[arg(long, value_parser = parse, conflicts_with = "operations", value_name = "DURATION")]
    pub(crate) seconds: Option<Duration>,
    /// How many operations to send, instead of a time.
    #[arg(long)]
    pub(crate) operations: Option<NonZeroU64>,
    /// How the operations are spread over the accounts.
    #[arg(long, value_enum)]
    pub(crate) keys: Option<Spread>,
    /// Operations a second: frames are sent when they are due, and latency counts from then. Without it each connection
    /// keeps its frames in flight.
    #[arg(long)]
    pub(crate) rate: Option<NonZeroU32>,
    /// Holds that are reserved before and stay open. For the plain bench.
    #[arg(long)]
    pub(crate) open_holds: Option<NonZeroU64>,
    /// Scenarios that compare two loads: how many turns each has.
    #[arg(long, default_value = "3")]
    pub(crate) rounds: NonZeroU32,
    /// Scenario `restart`: bytes of journal behind the projections.
    #[arg(long, default_value = "1073741824", value_name = "BYTES")]
    pub(crate) behind_bytes: u64,
}

fn batch(text: &str) -> Result<u32, String> {
    let count: Option<u32> = text.parse().ok().filter(|count| (1..=FRAME_OPERATIONS_MAX).contains(count));
    count.ok_or_else(|| format!("a frame takes 1 to {FRAME_OPERATIONS_MAX} operations"))
}

/// The shape of one load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shape {
    pub(crate) wallets: u32,
    pub(crate) connections: u32,
    pub(crate) batch: u32,
    pub(crate) in_flight: u32,
    pub(crate) spread: Spread,
    pub(crate) rate: Option<NonZeroU32>,
    pub(crate) goal: Goal,
}

impl Shape {
    /// Of a bench without a scenario.
    pub(crate) const PLAIN: Self = Self {
        wallets: 10_000,
        connections: 4,
        batch: 512,
        in_flight: 4,
        spread: Spread::Uniform,
        rate: None,
        goal: Goal::Time(Duration::from_secs(10)),
    };

    /// Of a scenario, but for what it says itself: the table of goals counts 1,000,000 wallets.
    pub(crate) const fn of(connections: u32, batch: u32, in_flight: u32) -> Self {
        Self { wallets: 1_000_000, connections, batch, in_flight, ..Self::PLAIN }
    }

    /// With what the command line says.
    pub(crate) fn with(self, flags: &ShapeArguments) -> Self {
        let number = |flag: Option<NonZeroU32>, default| flag.map_or(default, NonZeroU32::get);
        let goal = match (flags.operations, flags.seconds) {
            (Some(operations), _) => Goal::Operations(operations.get()),
            (None, Some(seconds)) => Goal::Time(seconds),
            (None, None) => self.goal,
        };
        Self {
            wallets: number(flags.wallets, self.wallets),
            connections: number(flags.connections, self.connections),
            batch: flags.batch.unwrap_or(self.batch),
            in_flight: number(flags.in_flight, self.in_flight),
            spread: flags.keys.unwrap_or(self.spread),
            rate: flags.rate.or(self.rate),
            goal,
        }
    }

    /// A short form of it, for what is measured beside.
    pub(crate) fn tenth(self) -> Self {
        let goal = match self.goal {
            Goal::Operations(operations) => Goal::Operations((operations / 10).max(1)),
            Goal::Time(time) => Goal::Time(time / 10),
        };
        Self { goal, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_go_over_the_shape_of_a_scenario() {
        use clap::Parser;

        use crate::arguments::{Arguments, Noun};
        let shape = |flags: &[&str]| {
            let arguments = Arguments::parse_from([&["creditctl", "bench"], flags].concat());
            let Noun::Bench(bench) = arguments.noun else { panic!("not a bench") };
            Shape::of(2, 8_190, 2).with(&bench.shape)
        };
        assert_eq!(shape(&[]), Shape::of(2, 8_190, 2));
        let given = shape(&["--wallets", "7", "--batch", "9", "--operations", "100", "--keys", "hot", "--rate", "5"]);
        assert_eq!((given.wallets, given.connections, given.batch), (7, 2, 9));
        assert_eq!((given.spread, given.goal), (Spread::Hot, Goal::Operations(100)));
        assert_eq!(given.rate.map(NonZeroU32::get), Some(5));
        assert_eq!(given.tenth().goal, Goal::Operations(10));
        assert_eq!(shape(&["--seconds", "2"]).tenth().goal, Goal::Time(Duration::from_millis(200)));
    }

    #[test]
    fn a_frame_has_its_limit() {
        assert_eq!(batch("8190"), Ok(8_190));
        assert!(batch("8191").is_err() && batch("0").is_err() && batch("x").is_err());
    }
}
