//! The running daemon as all its tasks share it: rules, journal, clock, metrics, and the phase that it is in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use journal::directory::DataDirectory;
use journal::{Durability, Queue};
use protocol::NodeId;
use tokio::sync::{Mutex, MutexGuard, watch};
use wallet::audit::Invariant;
use wallet::engine::{Archive, Engine};
use wallet::ids::Position;

use crate::archive::ArchiveLink;
use crate::aside::Aside;
use crate::auditor::AuditCounts;
use crate::clock::{Clock, State};
use crate::config::Settings;
use crate::disk::DiskWatch;
use crate::lag::Lag;
use crate::link::JournalLink;
use crate::metrics::{Levels, Metrics};
use crate::reload::ConfigSource;
use crate::resets::Resets;
use crate::syncing::Syncing;

/// The rules over this daemon's journal and projections.
pub type Rules = Engine<JournalLink, ArchiveLink>;

/// How often somebody who waits for a projection looks again: such waits are rare.
const PROJECTION_LOOK: Duration = Duration::from_millis(1);

/// What the daemon is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Recovered, but not listening yet.
    Starting,
    /// Taking requests.
    Serving,
    /// Finishing what it has taken.
    Draining,
    /// The journal takes nothing any more, or the projections cannot follow it; the process ends within a second.
    Failed,
}

/// How far the journal is, as connections wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Answers that rest on records up to here may leave.
    pub durable: Position,
    /// Nothing further will become durable.
    pub failed: bool,
}

/// The daemon is failing: there is no point in going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failing;

/// A condition of readiness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Whether it holds.
    pub met: bool,
    /// What it is about, in words.
    pub text: String,
}

/// Who this process is, in the welcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// This run.
    pub node: NodeId,
    /// The epoch that its recovery opened.
    pub epoch: u64,
}

/// Everything that the tasks of a daemon share.
pub struct Daemon {
    /// The checked configuration.
    pub settings: Settings,
    /// Who this process is.
    pub identity: Identity,
    /// Wallets and holds.
    pub rules: Rules,
    /// The way into the journal.
    pub queue: Arc<Queue>,
    /// How far the journal is, for threads.
    pub durability: Arc<Durability>,
    /// How far the journal is, for tasks.
    pub progress: watch::Receiver<Progress>,
    /// What the daemon is doing.
    pub phase: watch::Sender<Phase>,
    /// The daemon's time.
    pub clock: Arc<Clock>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The last position that somebody waits for the projections to reach.
    pub projection_wanted: AtomicU64,
    /// How late ticks were.
    pub timer_lag: Lag,
    /// The last resets in bulk.
    pub resets: Resets,
    /// The thread for walks over all holds.
    pub aside: Aside,
    /// The thread that reads the configuration again.
    pub reader: Aside,
    /// How long the journal's thread has been at the disk.
    pub syncing: Syncing,
    /// Reads the configuration again, for a reload.
    pub config_source: ConfigSource,
    /// What the auditor has found.
    pub audit: AuditCounts,
    /// Held by the one reload that runs.
    pub reloading: Mutex<()>,
    /// Held by the one walk over all holds or accounts that runs.
    pub walking: Mutex<()>,
    /// Free space under the data folder.
    pub disk: DiskWatch,
    /// The data folder, locked as long as anything has this daemon and what it reads: it is the last that is dropped.
    pub folder: Option<DataDirectory>,
}

impl Daemon {
    /// What the daemon is doing now.
    #[must_use]
    pub fn phase_now(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Goes on to a later phase; there is no way back.
    pub fn enter(&self, phase: Phase) {
        self.phase.send_if_modified(|now| {
            let later = phase > *now;
            if later {
                *now = phase;
            }
            later
        });
    }

    /// Waits for a phase, and says which it is then: that one or a later.
    pub async fn reached(&self, phase: Phase) -> Phase {
        let mut phases = self.phase.subscribe();
        let reached = phases.wait_for(|now| *now >= phase).await.map(|now| *now);
        // The sender is a part of this daemon, so that it cannot be gone.
        reached.unwrap_or(Phase::Failed)
    }

    /// Whether answers are synced before they leave; each says so.
    #[must_use]
    pub const fn is_durable(&self) -> bool {
        self.settings.durability.is_durable()
    }

    /// Records that are durable and that the projections have not reached.
    #[must_use]
    pub fn projection_lag(&self) -> u64 {
        self.durability.synced().0.saturating_sub(self.rules.archive().reached().0)
    }

    /// Waits until the projections have reached a position.
    ///
    /// # Errors
    /// The daemon is failing.
    pub async fn projected(&self, position: Position) -> Result<(), Failing> {
        // Relaxed: the projections look at it again and again.
        self.projection_wanted.fetch_max(position.0, Ordering::Relaxed);
        if !self.is_durable() && self.durability.synced().0 < position.0 {
            // Projections go no further than what is synced, and an interval may be long.
            self.queue.sync_soon();
        }
        while self.rules.archive().reached() < position {
            if self.phase_now() == Phase::Failed {
                return Err(Failing);
            }
            tokio::time::sleep(PROJECTION_LOOK).await;
        }
        Ok(())
    }

    /// Waits for the turn to walk over all holds or accounts: one at a time, however many ask (I9).
    pub async fn walk(&self) -> MutexGuard<'_, ()> {
        self.walking.lock().await
    }

    /// What readiness rests on.
    #[must_use]
    pub fn readiness(&self) -> Vec<Condition> {
        let phase = self.phase_now();
        let lag = self.projection_lag();
        let lag_max = self.settings.config.projection.lag_max;
        let (sync_ms, sync_max_ms) = (millis(self.syncing.running()), self.settings.config.journal.sync_max_ms);
        let condition = |met, text: String| Condition { met, text };
        vec![
            condition(phase >= Phase::Serving, "recovered".to_owned()),
            condition(phase != Phase::Failed, format!("journal written up to {}", self.durability.synced())),
            condition(phase != Phase::Draining, "not draining".to_owned()),
            condition(lag <= lag_max, format!("projections {lag} records behind, at most {lag_max}")),
            condition(!self.disk.is_low(), self.disk_text()),
            condition(sync_ms <= sync_max_ms, format!("sync under way for {sync_ms} ms, at most {sync_max_ms}")),
        ]
    }

    /// What an operator should look at, though it does not stop requests.
    #[must_use]
    pub fn warnings(&self) -> Vec<Condition> {
        let face = self.clock.face();
        let text = match face.state {
            State::Believed => "clock believed".to_owned(),
            State::CatchingUp => {
                let behind = face.daemon_ms.saturating_sub(face.wall_ms);
                format!("clock believed: it is {behind} ms behind, and time runs at half speed")
            }
            State::Suspect => {
                format!("clock suspect: {} ms ahead, creditctl clock confirm if it is right", face.step_ms)
            }
        };
        vec![Condition { met: face.state != State::Suspect, text }]
    }

    fn disk_text(&self) -> String {
        match self.disk.free_bytes() {
            Some(free) => format!("disk has {free} bytes free, reserves need {}", self.disk.low_bytes()),
            None => "no disk is needed".to_owned(),
        }
    }

    /// All metrics in Prometheus' text form.
    #[must_use]
    pub fn render_metrics(&self) -> String {
        let gauges = self.rules.gauges();
        let now = self.clock.now().daemon;
        self.metrics.render(
            &Levels {
                wallets: gauges.wallets,
                holds_open: gauges.holds_open,
                oldest_hold_age_ms: gauges.oldest_open_hold_at.map_or(0, |at| now.0.saturating_sub(at.0)),
                position: self.durability.synced().0,
                lag: self.projection_lag(),
                timer_lag_ms: millis(self.timer_lag.worst()),
                violations: Invariant::ALL.map(|invariant| {
                    // Both look at the same rows: the projector when it flushes them, the auditor again and again.
                    self.rules.archive().violations(invariant).max(self.audit.violations(invariant))
                }),
                audit_rounds: self.audit.rounds(),
                clock_suspect: self.clock.is_suspect(),
                read_only: self.disk.is_low(),
                resets: self.rules.reset_totals(),
                timers: [gauges.hold_timers, gauges.cycle_timers, gauges.day_timers, gauges.chore_timers],
                sync_running_ms: millis(self.syncing.running()),
            },
            &self.resets,
        )
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
