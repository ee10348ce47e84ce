//! Before the load: accounts are opened and given credits, many at a time.

use std::time::Duration;

use client::{CallError, Client, Options, command_id};
use protocol::{AccountId, Command, CommandAnswer, Outcome, Text};
use tokio::task::JoinSet;

use crate::amount::Amount;
use crate::bench::progress_bar;
use crate::exit::{Exit, Failure};

/// Connections of the setup.
const CLIENTS: u32 = 8;
/// Accounts that are opened at a time on each.
const TASKS_PER_CLIENT: u32 = 64;
/// A command of the setup waits behind many others.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// The accounts of a bench: ids that follow each other, from a random start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Accounts {
    pub(crate) from: u128,
    pub(crate) count: u32,
}

impl Accounts {
    /// So many, from a random start; the low half of the id is left for counting.
    pub(crate) fn new(count: u32) -> Self {
        Self { from: (uuid::Uuid::new_v4().as_u128() >> 64) << 64 | 1, count }
    }
}

/// Opens the accounts with a subscription that holds the funds.
pub(crate) async fn open_accounts(options: &Options, count: u32, funds: Amount) -> Result<Accounts, Failure> {
    let accounts = Accounts::new(count);
    let clients = CLIENTS.min(count);
    let step = clients * TASKS_PER_CLIENT;
    let bar = progress_bar(u64::from(accounts.count)).with_message("opening accounts");
    let mut tasks = JoinSet::new();
    for number in 0..clients {
        let client = Client::connect(options.clone()).await?.with_deadline(DEADLINE);
        for task in 0..TASKS_PER_CLIENT {
            let first = number * TASKS_PER_CLIENT + task;
            let (client, bar) = (client.clone(), bar.clone());
            tasks.spawn(async move {
                for index in (first..accounts.count).step_by(step as usize) {
                    open(&client, AccountId(accounts.from + u128::from(index)), funds).await?;
                    bar.inc(1);
                }
                Ok::<(), Failure>(())
            });
        }
    }
    while let Some(task) = tasks.join_next().await {
        task.map_err(|error| Failure::bug(&error))??;
    }
    bar.finish_and_clear();
    Ok(accounts)
}

async fn open(client: &Client, account: AccountId, funds: Amount) -> Result<(), Failure> {
    let command = command_id();
    done(client.command(&Command::OpenAccount { command, account, zone: Text::default() }).await)?;
    let command = command_id();
    let amount = funds.0;
    done(client.command(&Command::SetSubscription { command, account, amount, tier: 1, ends_at_ms: 0 }).await)
}

fn done(answer: Result<CommandAnswer, CallError>) -> Result<(), Failure> {
    let answer = answer?;
    match client::decided_command(&answer) {
        outcome if outcome.is_success() => Ok(()),
        outcome @ (Outcome::Overloaded | Outcome::Draining | Outcome::NotDurableNow) => {
            Err(Failure::new(Exit::TryLater, "try_later", format!("opening the accounts: {outcome}")))
        }
        outcome => Err(Failure::new(Exit::Refused, "refused", format!("opening the accounts: {outcome}"))),
    }
}
