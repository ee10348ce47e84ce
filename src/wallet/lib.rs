//! The rules of creditd: pure, without sockets, disks, clocks, randomness or floats.
//!
//! | where | what |
//! |---|---|
//! | [`credits`], [`ids`], [`bucket`] | the values: amounts, identifiers, instants, the three buckets |
//! | [`request`], [`outcome`] | what comes in and what goes out |
//! | [`word`], [`slot`], [`calendar`] | a wallet in memory: one 128-bit word beside its slot, the zones it lives in |
//! | `beside` | credits that a word has no place for |
//! | `directory`, `holds`, `open_holds` | what finds wallets and holds; holds in memory, open ones as their own timers |
//! | [`chunk`] | operations on their way through the engine, and what they push |
//! | [`engine`] | decides requests, in the order that the journal rests on; one file an operation beside it |
//! | [`record`], [`ledger`], [`row`], [`hold`] | what a decision leaves behind, and the one path by which it is applied |
//! | [`plan`], [`subscription`] | what can be subscribed to; cycles, proration and the commands of a subscription |
//! | [`offers`] | the plans that an engine offers |
//! | [`rate_card`], [`estimate`] | what a generation costs, from a file that is read whole or refused |
//! | [`quote`] | whether it would pass, and what would fit |
//! | [`cycles`] | cycles that ended, rolled in bulk behind the requests |
//! | [`accounts`], [`workers`], [`day_sweep`] | what walks over all wallets, or all holds, a slice at a time |
//! | [`resets`], [`outlook`] | what resets came to, and which come next |
//! | [`timer_wheel`] | when something is due: ends of holds, cycles and days, and [`chores`], in constant time each |
//! | [`accounts`], [`workers`] | what walks over all wallets, or all holds, a slice at a time |
//! | [`audit`] | the invariants as checks of rows, holds and records |
//! | [`policy`], [`settings`] | what is journaled of the configuration, and what is not |
//!
//! # Invariants
//!
//! - **I1 Conservation.** Per wallet and bucket: granted = available + held + spent + expired + clawed back.
//! - **I2 No overshoot.** What is granted never exceeds what was in the buckets, at any interleaving.
//! - **I3 Durable before said.** An answer names the position that must be durable before it leaves.
//! - **I4 Prefix.** Any prefix of the journal, cut at any record, is a valid state.
//! - **I5 Once.** One hold id, one decision; one settlement step, one effect; a refusal leaves no trace (but R32).
//! - **I6 One end.** A hold ends exactly once: settled, released or expired.
//! - **I7 Periods.** One opening grant for each (wallet, bucket, period); credits of an ended period are never drawn.
//! - **I8 Replay.** Applying the records gives the same rows, reading no clock, no zones, no configuration.
//! - **I9 Bounded.** Every table has a named limit.
#![deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::arithmetic_side_effects))]

pub mod accounts;
mod almanac;
pub mod audit;
pub mod balance;
mod beside;
pub mod bucket;
pub mod calendar;
pub mod catalog_error;
mod catalog_section;
pub mod chores;
pub mod chunk;
mod cold;
pub mod command;
mod correct;
pub mod credits;
mod cycle_ends;
pub mod cycles;
mod day_ends;
pub mod day_sweep;
mod directory;
pub mod engine;
pub mod estimate;
mod expire;
mod extend;
pub mod hold;
mod hold_claim;
mod holds;
pub mod ids;
pub mod ledger;
pub mod load;
pub mod offers;
mod open_holds;
pub mod outcome;
pub mod outlook;
pub mod plan;
mod plan_command;
pub mod policy;
mod pricing;
pub mod quote;
pub mod rate_card;
pub mod record;
mod refund;
pub mod request;
pub mod reserve;
pub mod resets;
mod roll;
pub mod row;
pub mod settings;
pub mod settle;
pub mod slot;
pub mod subscription;
mod sync;
pub mod timer_wheel;
pub mod top_up;
pub mod word;
pub mod workers;

#[cfg(test)]
mod hold_claim_loom;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod word_loom;
