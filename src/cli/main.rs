//! creditctl, the operator's tool: nouns and verbs over the client library, for people (`-o table`) and programs (`-o json`).
//!
//! # Map
//! - [`arguments`]: what can be said; each subcommand's own arguments and work are in the file of its name.
//! - [`amount`], [`duration`], [`time`], [`moment`]: what people write and read, exactly and without floats.
//! - [`named`], [`generation`]: plans, tools, models and settings by name or number.
//! - [`account_view`], [`answer_view`], [`subscription_view`], [`refusal`]: answers as tables, as JSON, and as advice.
//! - [`files`]: plan and rate files, checked with the parser of the daemon and without one.
//! - [`output`], [`exit`], [`again`]: where it goes, with which code the program ends, and how to go on where nobody knows.
//! - [`mod@bench`]: load against its own daemon or a running one. [`example`]: the worked example of the README.
//!
//! # What is not here
//! No rules and no prices: the daemon decides, this tool shows; of `wallet` it takes the parsers of files and no more. Millicredits stay in the protocol: people and JSON see credits.

mod account;
mod account_view;
mod again;
mod amount;
mod answer_view;
mod arguments;
mod balance;
mod bench;
mod clawback;
mod clock;
mod config;
mod correct;
mod duration;
mod estimate;
mod example;
mod exit;
mod files;
mod generation;
mod grant;
mod hold;
mod moment;
mod named;
mod output;
mod ping;
mod plan;
mod quote;
mod rates;
mod refusal;
mod resets;
mod subscription;
mod subscription_view;
mod time;
mod tool;
mod topup;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Noun};
use crate::exit::Failure;
use crate::output::Shown;
use crate::tool::Tool;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let format = arguments.global.format();
    let result = run(arguments);
    output::print(format, result)
}

/// One thread does for a tool; the bench's load competes with the daemon, so it gets no more than that either.
fn run(arguments: Arguments) -> Result<Shown, Failure> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| Failure::bug(&error))?;
    runtime.block_on(perform(arguments))
}

async fn perform(Arguments { global, noun }: Arguments) -> Result<Shown, Failure> {
    let tool = Tool::new(&global)?;
    match noun {
        Noun::Account { verb } => verb.run(&tool).await,
        Noun::Balance(balance) => balance.run(&tool).await,
        Noun::Bench(bench) => bench.run(&global).await,
        Noun::Clawback(clawback) => clawback.run(&tool).await,
        Noun::Clock { verb } => verb.unwrap_or_default().run(&tool).await,
        Noun::Config { verb } => verb.run(&tool).await,
        Noun::Correct(correct) => correct.run(&tool).await,
        Noun::Estimate(estimate) => estimate.run(&tool).await,
        Noun::Example { phase } => phase.run(&tool).await,
        Noun::Grant(grant) => grant.run(&tool).await,
        Noun::Hold { verb } => verb.run(&tool).await,
        Noun::Ping => ping::run(&tool).await,
        Noun::Plan { verb } => verb.run(&tool).await,
        Noun::Quote(quote) => quote.run(&tool).await,
        Noun::Rates { verb } => verb.run(&tool).await,
        Noun::Resets => resets::run(&tool).await,
        Noun::Subscription { verb } => verb.run(&tool).await,
        Noun::Topup(topup) => topup.run(&tool).await,
    }
}
