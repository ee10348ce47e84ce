//! The rules as tests: [`world`] runs tables of requests and expectations, one file a group of rules beside it.
#![allow(clippy::unwrap_used)]

mod accounts;
mod audited;
mod commands;
mod cycles;
mod day_sweep;
pub(crate) mod disk;
mod edges;
mod gifts;
mod housekeeping;
mod memory;
mod outlook;
mod periods;
mod plan_words;
mod precedence;
mod pricing;
mod properties;
mod quote;
mod refund;
mod reserve;
mod room;
mod settle;
mod subscriptions;
mod threads;
mod timers;
mod top_up;
mod verbs;
mod workers;
mod world;

use world::{World, check, check_with};
