//! One balance after the other around a boundary: when the first request sees what comes after it.

use std::time::Duration;

use client::{Client, Options};
use protocol::{AccountId, Operation};
use tokio::time::{Instant, sleep_until};

use crate::bench::setup::Accounts;
use crate::bench::time::wall::{Boundary, Wall};
use crate::exit::{Exit, Failure};

/// How long before the boundary it begins.
const BEFORE: Duration = Duration::from_millis(20);
/// How long after it, at most.
const AFTER: Duration = Duration::from_secs(10);

/// What was seen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Probed {
    /// From the boundary to the first answer that tells of the new day: an upper bound of when it was decided.
    pub(crate) first_new: Duration,
    /// Requests that were sent after the boundary and saw the old day.
    pub(crate) late_old: u32,
    pub(crate) requests: u32,
}

/// Asks for the balance of one account after the other until one tells of a next reset after the boundary.
pub(crate) async fn new_day(
    options: &Options,
    accounts: Accounts,
    wall: &Wall,
    boundary: Boundary,
) -> Result<Probed, Failure> {
    let client = Client::connect(options.clone()).await?;
    sleep_until(boundary.at - BEFORE).await;
    // The two clocks of this machine may have drifted apart since.
    let boundary = wall.boundary(boundary.at_ms);
    let mut probed = Probed::default();
    loop {
        let sent = Instant::now();
        let account = AccountId(accounts.from + u128::from(probed.requests % accounts.count));
        let answer = client.operation(Operation::balance(account)).await?;
        let answered = Instant::now();
        probed.requests += 1;
        if answer.next_reset_at_ms > boundary.at_ms {
            probed.first_new = answered.saturating_duration_since(boundary.at);
            return Ok(probed);
        }
        probed.late_old += u32::from(sent >= boundary.at);
        if sent > boundary.at + AFTER {
            return Err(Failure::new(
                Exit::Bug,
                "bug",
                "ten seconds after the boundary requests still see the old day",
            ));
        }
    }
}
