//! What can be said on the command line: the nouns, and what goes with all of them.

use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::bench::Bench;
use crate::{
    account, balance, clawback, clock, config, correct, duration, estimate, example, grant, hold, plan, quote, rates,
    subscription, topup,
};

/// Operate and measure a creditd daemon.
///
/// Exit codes: 0 ok · 1 refused by rule · 2 usage · 3 unreachable · 4 not authorized · 5 outcome unknown (what is
/// printed says how to make the same request again) · 70 bug · 75 try later · 78 configuration.
#[derive(Debug, Parser)]
#[command(name = "creditctl", version, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) noun: Noun,
}

/// What goes with every command.
#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// The daemon's address; CREDITD_ADDRESS or 127.0.0.1:7411 if it is left out. A bench takes a running daemon by this
    /// option only, so that a variable never points its load at one by accident.
    #[arg(long, global = true, value_name = "HOST:PORT")]
    pub(crate) address: Option<String>,
    /// The key, where the daemon asks for one.
    #[arg(long, global = true, env = "CREDITD_TOKEN", hide_env_values = true, value_name = "KEY")]
    pub(crate) token: Option<String>,
    /// How long a call may take, retries included: 500ms, 5s, 2m.
    #[arg(long, global = true, default_value = "5s", value_parser = duration::parse)]
    pub(crate) timeout: Duration,
    /// For people or for programs.
    #[arg(short, long, global = true, value_enum, default_value = "table")]
    pub(crate) output: Format,
    /// The same as `-o json`.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// How a result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Aligned text.
    Table,
    /// One JSON object; amounts are strings in credits.
    Json,
}

impl Global {
    /// Where the daemon is.
    pub(crate) fn address(&self) -> String {
        let variable = || std::env::var("CREDITD_ADDRESS").ok().filter(|address| !address.is_empty());
        self.address.clone().or_else(variable).unwrap_or_else(|| "127.0.0.1:7411".to_owned())
    }

    pub(crate) fn format(&self) -> Format {
        if self.json { Format::Json } else { self.output }
    }
}

/// What is operated on.
#[derive(Debug, Subcommand)]
pub(crate) enum Noun {
    /// Open, show, list, freeze or unfreeze accounts, set their zone.
    Account {
        #[command(subcommand)]
        verb: account::Verb,
    },
    /// Show an account's credits by bucket.
    Balance(balance::Balance),
    /// Measure a daemon under load.
    Bench(Bench),
    /// Take bought credits back; what is not there becomes debt.
    Clawback(clawback::Clawback),
    /// Show the daemon's clock, or confirm a forward step of the wall clock that it does not believe.
    Clock {
        #[command(subcommand)]
        verb: Option<clock::Verb>,
    },
    /// Work with the daemon's configuration.
    Config {
        #[command(subcommand)]
        verb: config::Verb,
    },
    /// Take credits out of a bucket; what is not there is not taken.
    Correct(correct::Correct),
    /// Add up what a month of generations needs, and find the plan for it.
    Estimate(estimate::Estimate),
    /// The worked example: a customer's story, and the same daemon with a power cut in between.
    Example {
        #[command(subcommand)]
        phase: example::Phase,
    },
    /// Give credits to a bucket.
    Grant(grant::Grant),
    /// Reserve, charge, commit, release, refund, extend, show or list holds.
    Hold {
        #[command(subcommand)]
        verb: hold::Verb,
    },
    /// Ask whether the daemon is there.
    Ping,
    /// List and show plans, or check a file of them.
    Plan {
        #[command(subcommand)]
        verb: plan::Verb,
    },
    /// Say what a generation would cost an account, and what would fit.
    Quote(quote::Quote),
    /// List the rate card, or check a file of one.
    Rates {
        #[command(subcommand)]
        verb: rates::Verb,
    },
    /// Show which days and credit cycles end next, how many wallets that touches, and the last runs.
    Resets,
    /// Subscribe an account to a plan, renew, cancel, lapse or change it.
    Subscription {
        #[command(subcommand)]
        verb: subscription::Verb,
    },
    /// Add credits that were bought, by amount or by bundle.
    Topup(topup::Topup),
}

#[cfg(test)]
mod tests;
