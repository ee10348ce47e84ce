//! Reading the configuration, the plans and the prices again while the daemon runs: all or nothing.
//!
//! What a reload reaches are the two files of the catalogue, and which files those are. Everything else of the
//! configuration is compared with what the daemon runs on and named as waiting for a restart. A file with a mistake changes
//! nothing. Open holds keep the price and the version that they were made with (R18); subscriptions keep their terms.

use std::sync::Arc;

use protocol::{List, ReloadView, Text};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::catalogue::{Catalogue, CatalogueError};
use crate::config::{Config, ConfigError, Contradiction};
use crate::daemon::Daemon;
use crate::metrics::Metrics;

mod changes;

/// Reads the configuration again: defaults, file, environment and flags as at the start.
pub type ConfigSource = Arc<dyn Fn() -> Result<Config, ConfigError> + Send + Sync>;

/// The keys that a reload reaches.
const REACHED: &str = "catalog.";

/// What a reload came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reloaded {
    /// What is different now, a line each.
    pub changed: Vec<String>,
    /// The keys of the configuration that are different and wait for a restart.
    pub needs_restart: Vec<String>,
}

/// Why nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReloadError {
    /// The configuration cannot be read.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The configuration contradicts itself.
    #[error(transparent)]
    Contradiction(#[from] Contradiction),
    /// The plans or the prices are refused.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The thread that read the files was cut off by the end of the daemon.
    #[error("the daemon is stopping")]
    Stopping,
}

impl Daemon {
    /// Reads the configuration and the catalogue again and goes by them from here on, or by nothing of them.
    ///
    /// # Errors
    /// [`ReloadError`]; everything is as it was.
    pub async fn reload(self: &Arc<Self>) -> Result<Reloaded, ReloadError> {
        // One at a time: a second one compares with what the first has made.
        let _alone = self.reloading.lock().await;
        let daemon = Arc::clone(self);
        let read = self.reader.run(move || daemon.read_again()).await;
        let outcome = read.unwrap_or(Err(ReloadError::Stopping)).map(|(next, reloaded)| {
            self.go_by(&next);
            reloaded
        });
        match &outcome {
            Ok(Reloaded { changed, needs_restart }) => {
                tracing::info!(?changed, ?needs_restart, "plans and prices were read again");
            }
            Err(error) => tracing::warn!(%error, "reload refused: plans and prices stay as they are"),
        }
        outcome
    }

    /// The catalogue that is in force.
    #[must_use]
    pub fn catalogue(&self) -> Catalogue {
        Catalogue { plans: self.rules.plans(), rates: self.rules.rates() }
    }

    fn read_again(&self) -> Result<(Catalogue, Reloaded), ReloadError> {
        let config = (self.config_source)()?;
        config.validate()?;
        let now = self.catalogue();
        let next = now.successor(&config.catalog)?;
        let mut needs_restart = config.differing_keys(&self.settings.config)?;
        needs_restart.retain(|key| !key.starts_with(REACHED));
        Ok((next.clone(), Reloaded { changed: changes::between(&now, &next), needs_restart }))
    }

    fn go_by(&self, catalogue: &Catalogue) {
        self.rules.set_plans(Arc::clone(&catalogue.plans));
        self.rules.set_rates(Arc::clone(&catalogue.rates));
        Metrics::config_loaded(self.clock.now().wall.seconds());
    }
}

/// What is told of a reload: the versions are those that are in force after it.
#[must_use]
pub fn view(outcome: &Result<Reloaded, ReloadError>, now: &Catalogue) -> ReloadView {
    let (plans_version, rates_version) = (now.plans.version(), now.rates.version());
    let versions = ReloadView { plans_version, rates_version, ..ReloadView::default() };
    match outcome {
        Ok(Reloaded { changed, needs_restart }) => {
            ReloadView { changed: lines(changed), needs_restart: lines(needs_restart), ..versions }
        }
        Err(error) => ReloadView { error: Text::cut(&error.to_string()), ..versions },
    }
}

/// As many lines as the list takes; the last then says how many more there are.
fn lines<const BYTES: usize, const MAX: usize>(all: &[String]) -> List<Text<BYTES>, MAX> {
    let shown = if all.len() > MAX { MAX.saturating_sub(1) } else { all.len() };
    let mut lines: Vec<Text<BYTES>> = all[..shown].iter().map(|line| Text::cut(line)).collect();
    if shown < all.len() {
        lines.push(Text::cut(&format!("and {} more", all.len() - shown)));
    }
    List::new(lines).unwrap_or_default()
}

/// The signal that asks for a reload. From here on it does not end the process.
///
/// # Errors
/// The handler cannot be installed.
pub fn hangups() -> std::io::Result<Signal> {
    signal(SignalKind::hangup())
}

/// Reloads with each signal, until the daemon drops it.
pub async fn on_hangup(daemon: Arc<Daemon>, mut hangups: Signal) {
    while hangups.recv().await.is_some() {
        // What it came to is in the log; the operator who wants an answer sends the command.
        let _ = daemon.reload().await;
    }
}
