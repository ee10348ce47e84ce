//! What a bench says at its end: one JSON object, or a table of the same.

use protocol::Outcome;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::amount::Amount;
use crate::bench::Bench;
use crate::bench::books::Validated;
use crate::bench::load::Measured;
use crate::bench::machine::Machine;
use crate::bench::shape::Shape;
use crate::exit::Exit;
use crate::output::{Shown, list};

/// The report. Members are stable.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    operations: u64,
    operations_per_second: u64,
    frames: u64,
    latency_us: Latency,
    granted: u64,
    refused: u64,
    /// Answers that cannot be right.
    errors: u64,
    first_error: Option<String>,
    outcomes: Map<String, Value>,
    durability: &'static str,
    seconds: Value,
    wallets: u32,
    connections: u32,
    batch: u32,
    in_flight: u32,
    /// How the operations were spread over the wallets.
    keys: &'static str,
    /// Operations a second that an open loop was to send.
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<u32>,
    mix: String,
    amount: Amount,
    machine: Machine,
    /// Of the bench's own daemon.
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<Memory>,
    #[serde(skip_serializing_if = "Option::is_none")]
    validated: Option<Validated>,
}

/// Microseconds of a frame, from handing it to the kernel to its answers being checked.
#[derive(Debug, Serialize)]
struct Latency {
    p50: u64,
    p90: u64,
    p99: u64,
    p999: u64,
    max: u64,
}

/// What the daemon has resident.
#[derive(Debug, Serialize)]
struct Memory {
    before_bytes: u64,
    after_bytes: u64,
}

impl Report {
    pub(crate) fn new(bench: &Bench, shape: &Shape, measured: &Measured, validated: Option<Validated>) -> Self {
        let Measured { tally, took, durability, in_flight, .. } = measured;
        let micros = took.as_micros().max(1);
        let per_second = u128::from(tally.operations) * 1_000_000 / micros;
        let at = |quantile| tally.latency_us.value_at_quantile(quantile);
        Self {
            operations: tally.operations,
            operations_per_second: u64::try_from(per_second).unwrap_or(u64::MAX),
            frames: tally.frames,
            latency_us: Latency {
                p50: at(0.5),
                p90: at(0.9),
                p99: at(0.99),
                p999: at(0.999),
                max: tally.latency_us.max(),
            },
            granted: tally.of(Outcome::Granted),
            refused: tally.refused(),
            errors: tally.errors,
            first_error: tally.first_error.clone(),
            outcomes: tally.outcomes().map(|(outcome, count)| (outcome.name().to_owned(), json!(count))).collect(),
            durability: durability.name(),
            seconds: json!(took.as_secs_f64()),
            wallets: shape.wallets,
            connections: shape.connections,
            batch: shape.batch,
            in_flight: *in_flight,
            keys: shape.spread.name(),
            rate: shape.rate.map(std::num::NonZero::get),
            mix: bench.mix.to_string(),
            amount: bench.amount,
            machine: Machine::here(),
            memory: None,
            validated,
        }
    }

    /// With the memory of the daemon before the load and after it.
    pub(crate) fn with_memory(self, resident: Option<(u64, u64)>) -> Self {
        let memory = resident.map(|(before_bytes, after_bytes)| Memory { before_bytes, after_bytes });
        Self { memory, ..self }
    }

    /// Both forms. Answers that cannot be right, alone or together, make the run a failure, whatever its speed.
    pub(crate) fn shown(&self) -> Shown {
        let valid = self.validated.as_ref().is_none_or(|validated| validated.violations == 0);
        let exit = if self.errors == 0 && valid { Exit::Ok } else { Exit::Bug };
        Shown { json: json!(self), text: list(&self.rows()), exit }
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let Latency { p50, p90, p99, p999, max } = self.latency_us;
        let outcomes: Vec<String> = self.outcomes.iter().map(|(name, count)| format!("{name} {count}")).collect();
        let mut rows = vec![
            ("throughput", format!("{} operations/s", self.operations_per_second)),
            (
                "operations",
                format!("{} in {} frames, {:.3} s", self.operations, self.frames, self.seconds.as_f64().unwrap_or(0.0)),
            ),
            ("latency of a frame", format!("p50 {p50} us, p90 {p90} us, p99 {p99} us, p99.9 {p999} us, max {max} us")),
            ("granted", self.granted.to_string()),
            ("refused", self.refused.to_string()),
            ("outcomes", outcomes.join(", ")),
            ("wrong answers", self.errors.to_string()),
            ("durability", self.durability.to_owned()),
            ("load", self.load()),
            ("machine", self.machine.line()),
        ];
        if let Some(Memory { before_bytes, after_bytes }) = self.memory {
            rows.push(("memory", format!("{} MiB before, {} MiB after", before_bytes >> 20, after_bytes >> 20)));
        }
        if let Some(error) = &self.first_error {
            rows.push(("first of them", error.clone()));
        }
        if let Some(validated) = &self.validated {
            rows.push(("history", validated.line()));
            rows.extend(validated.told.iter().map(|told| ("violation", told.clone())));
        }
        rows
    }

    fn load(&self) -> String {
        let Self { wallets, connections, batch, in_flight, keys, mix, .. } = self;
        format!(
            "{wallets} wallets ({keys}), {connections} connections, {in_flight} frames of {batch} in flight on each, {mix}"
        )
    }
}

#[cfg(test)]
mod tests;
