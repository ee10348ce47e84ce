//! Where a load goes: a daemon of the bench's own, with its accounts made before it starts, or one that runs already.

use std::num::NonZeroU64;
use std::time::Duration;

use client::Options;
use tokio::time::{Instant, sleep};

use crate::amount::Amount;
use crate::arguments::Global;
use crate::bench::daemon::{Grounds, OwnDaemon};
use crate::bench::keys::Keys;
use crate::bench::load::{Goal, Load, Measured};
use crate::bench::setup::{self, Accounts};
use crate::bench::shape::Shape;
use crate::bench::time::metrics::Page;
use crate::bench::time::process;
use crate::bench::{Bench, DurabilityMode, INTERRUPTED};
use crate::exit::{Exit, Failure};

/// How long a daemon may take to be ready, and how long for each million wallets beside that.
const READY: Duration = Duration::from_secs(60);
const READY_A_MILLION: Duration = Duration::from_secs(10);
/// How long its projections may take to reach the journal's end.
const SETTLE: Duration = Duration::from_secs(600);
/// How often they are looked at.
const LOOK: Duration = Duration::from_millis(20);
/// Connections that a daemon takes unless it is told otherwise, less some to spare.
const CONNECTIONS: u32 = 1_000;
/// What each operation takes where there are only the free credits of a day: they are enough for 100,000.
const LITTLE: Amount = Amount(1);
/// What a hold that is left open gets for its time, in milliseconds: the longest there is.
const LEFT_OPEN_MS: u32 = 86_400_000;

/// What a daemon is to be like.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) wallets: u32,
    pub(crate) connections: u32,
    /// Whether the accounts get credits beside the free ones of the day.
    pub(crate) funded: bool,
    /// Bytes of journal that its projections have not followed.
    pub(crate) behind_bytes: u64,
    /// Keys of the configuration, as variables.
    pub(crate) environment: Vec<(&'static str, String)>,
}

impl Wanted {
    /// For this load.
    pub(crate) fn of(shape: &Shape) -> Self {
        let (wallets, connections) = (shape.wallets, shape.connections);
        Self { wallets, connections, funded: true, behind_bytes: 0, environment: Vec::new() }
    }

    /// With a key of the configuration.
    pub(crate) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.environment.push((name, value.to_string()));
        self
    }
}

/// A daemon with accounts.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Which of the company's daemons; none for one that ran before.
    pub(crate) own: Option<usize>,
    pub(crate) options: Options,
    pub(crate) accounts: Accounts,
    /// Whether the accounts have more than the free credits of the day.
    funded: bool,
    /// From the start of the program until it was ready; zero for one that ran before.
    pub(crate) ready_after: Duration,
}

/// The daemons of a bench.
pub(crate) struct Company<'a> {
    bench: &'a Bench,
    global: &'a Global,
    daemons: Vec<OwnDaemon>,
}

impl<'a> Company<'a> {
    /// None yet.
    pub(crate) const fn new(bench: &'a Bench, global: &'a Global) -> Self {
        Self { bench, global, daemons: Vec::new() }
    }

    /// A daemon with its accounts; the one that was named, or another of the bench's own.
    pub(crate) async fn open(&mut self, wanted: &Wanted) -> Result<Place, Failure> {
        if let Some(address) = &self.global.address {
            return self.visit(address, wanted.wallets).await;
        }
        let memory = self.bench.durability == Some(DurabilityMode::Memory);
        let mut grounds = Grounds::new(self.bench.creditd.as_deref(), self.bench.data.as_deref())?;
        if let Some(durability) = self.bench.durability {
            grounds = grounds.with("CREDITD_JOURNAL__DURABILITY", durability.name());
        }
        if wanted.connections > CONNECTIONS {
            let most = wanted.connections.saturating_add(64);
            grounds = grounds.with("CREDITD_SERVER__CONNECTIONS_MAX", most.to_string());
        }
        for (name, value) in &wanted.environment {
            grounds = grounds.with(name, value);
        }
        let accounts = Accounts::new(wanted.wallets);
        if !memory {
            let funds = if wanted.funded { self.bench.funds.0 / 1_000 } else { 0 };
            grounds.seed(accounts, funds, wanted.behind_bytes)?;
        }
        let begun = Instant::now();
        let patience = READY + READY_A_MILLION * wanted.wallets.div_ceil(1_000_000);
        let daemon = OwnDaemon::start_within(grounds, patience)?;
        let ready_after = begun.elapsed();
        let address = daemon.address.clone();
        self.daemons.push(daemon);
        if memory {
            return self.visit(&address, wanted.wallets).await.map(|place| Place { own: self.newest(), ..place });
        }
        let options = crate::tool::options(self.global, &address)?;
        Ok(Place { own: self.newest(), options, accounts, funded: wanted.funded, ready_after })
    }

    fn newest(&self) -> Option<usize> {
        self.daemons.len().checked_sub(1)
    }

    /// Opens the accounts by commands.
    async fn visit(&self, address: &str, wallets: u32) -> Result<Place, Failure> {
        let options = crate::tool::options(self.global, address)?;
        let accounts = setup::open_accounts(&options, wallets, self.bench.funds).await?;
        Ok(Place { own: None, options, accounts, funded: true, ready_after: Duration::ZERO })
    }

    /// The load of a shape on a place.
    pub(crate) fn load(&self, place: &Place, shape: &Shape) -> Load {
        Load {
            options: place.options.clone(),
            accounts: place.accounts,
            connections: shape.connections,
            in_flight: shape.in_flight,
            batch: shape.batch,
            mix: self.bench.mix.clone(),
            amount: if place.funded { self.bench.amount } else { LITTLE.min(self.bench.amount) },
            ttl_ms: self.bench.ttl,
            goal: shape.goal,
            keys: Keys::of(shape.spread, place.accounts.count.min(shape.wallets)),
            rate: shape.rate,
            openings: None,
        }
    }

    /// Reserves holds that stay open.
    pub(crate) async fn leave_open(
        &self,
        place: &Place,
        shape: &Shape,
        holds: NonZeroU64,
    ) -> Result<Measured, Failure> {
        let mix = "reserve=1".parse().map_err(|error| Failure::bug(&error))?;
        let goal = Goal::Operations(holds.get());
        let many = Load { mix, goal, ttl_ms: LEFT_OPEN_MS, rate: None, batch: 512, ..self.load(place, shape) };
        let left = Load { connections: 4, in_flight: 4, ..many }.run().await?;
        if left.tally.refused() > 0 {
            let message = format!("{} of the holds that were to stay open are refused", left.tally.refused());
            return Err(Failure::new(Exit::Refused, "refused", message));
        }
        self.settle(place).await?;
        Ok(left)
    }

    /// A daemon of the bench's own.
    pub(crate) fn daemon(&self, place: &Place) -> Option<&OwnDaemon> {
        place.own.and_then(|own| self.daemons.get(own))
    }

    /// What the daemon of its own has resident.
    pub(crate) fn resident_bytes(&self, place: &Place) -> Option<u64> {
        self.daemon(place).map(|daemon| process::resident_bytes(daemon.process()))
    }

    /// What the daemon of its own counts.
    pub(crate) fn page(&self, place: &Place) -> Result<Option<Page>, Failure> {
        self.daemon(place).map(|daemon| Page::of(&daemon.http)).transpose()
    }

    /// Waits until the projections of the daemon of its own are at the journal's end, and says how long that took.
    pub(crate) async fn settle(&self, place: &Place) -> Result<Duration, Failure> {
        let begun = Instant::now();
        while let Some(page) = self.page(place)? {
            if page.value(LAG) == 0.0 {
                break;
            }
            if begun.elapsed() > SETTLE {
                return Err(Failure::bug(&"the projections do not reach the end of the journal"));
            }
            sleep(LOOK).await;
        }
        Ok(begun.elapsed())
    }

    /// Ends all of them. What failed is told with the end of the newest daemon's log.
    pub(crate) fn end<T>(mut self, result: Result<T, Failure>) -> Result<T, Failure> {
        match result {
            Ok(done) => {
                for daemon in self.daemons {
                    daemon.stop()?;
                }
                Ok(done)
            }
            Err(failure) if failure.code == INTERRUPTED => Err(failure),
            Err(failure) => match self.daemons.pop() {
                Some(daemon) => Err(daemon.explain(failure)),
                None => Err(failure),
            },
        }
    }
}

/// The metric of the projections' lag.
pub(crate) const LAG: &str = "creditd_projection_lag_records{projection=\"state\"}";
