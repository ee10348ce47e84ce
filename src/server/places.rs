//! How many connections there may be: what the configuration allows, as far as the system gives descriptors for it.
//!
//! The stores come first: a journal that cannot open its next file ends the daemon, a connection that is turned away
//! comes again.

use std::sync::Arc;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::Semaphore;

use crate::config::ServerPart;

/// Connections beyond the caps that are told so at the same time; more are dropped without a word.
const TURNED_AWAY_MAX: u32 = 64;
/// Connections of the HTTP port at once.
const HTTP_MAX: u32 = 64;
/// Files that the store of the projections keeps open. With more files than it may keep open nearly every read of a cold row
/// opens one again, which costs more than all else (decision 0025): a part of the descriptors, between these.
const PROJECTION_FILES: std::ops::RangeInclusive<u32> = 128..=512;
const PROJECTION_FILES_PART: u32 = 8;
/// Files that the journal's store and the process itself may come to have.
const OTHER_FILES: u32 = 128;
/// Files that all of them may come to have.
const FILES: u32 = OTHER_FILES + *PROJECTION_FILES.end();
/// Files that the stores open beside those of the start, where there are few.
const FILES_SPARE: u32 = 16;

/// Connections of each sort at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Those that have shaken hands.
    pub connections: u32,
    /// Those that have not yet: nobody knows who they are, and they take no place of the others.
    pub strangers: u32,
    /// Those that are told that there is no place.
    pub turned_away: u32,
    /// Those of the HTTP port.
    pub http: u32,
}

impl Limits {
    /// What the configuration asks for.
    #[must_use]
    pub const fn wanted(server: &ServerPart) -> Self {
        Self {
            connections: server.connections_max,
            strangers: server.handshakes_max,
            turned_away: TURNED_AWAY_MAX,
            http: HTTP_MAX,
        }
    }

    /// As many descriptors as all of them need.
    #[must_use]
    pub const fn sum(self) -> u32 {
        self.connections + self.strangers + self.turned_away + self.http
    }

    /// The same within so many descriptors, of which so many are in use: the stores keep a share, each sort of
    /// connections has at least one.
    #[must_use]
    pub fn within(self, descriptors: u32, in_use: u32) -> Self {
        let files = OTHER_FILES.saturating_add(projection_files(descriptors));
        let kept = files.min(descriptors / 2).max(in_use.saturating_add(FILES_SPARE));
        let left = descriptors.saturating_sub(kept);
        if left >= self.sum() {
            return self;
        }
        let share = |wanted: u32, most: u32| wanted.min(most).max(1);
        let turned_away = share(self.turned_away, left / 8);
        let http = share(self.http, left / 8);
        let strangers = share(self.strangers, left / 4);
        let rest = left.saturating_sub(turned_away + http + strangers);
        Self { connections: share(self.connections, rest), strangers, turned_away, http }
    }
}

/// The places of connections, by their sort.
#[derive(Clone, Debug)]
pub struct Places {
    /// Of connections that have shaken hands.
    pub connections: Arc<Semaphore>,
    /// Of those that have not yet.
    pub strangers: Arc<Semaphore>,
    /// Of those that are told that there is none.
    pub turned_away: Arc<Semaphore>,
    /// Of the HTTP port.
    pub http: Arc<Semaphore>,
}

impl Places {
    /// As many as these.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let places = |count: u32| Arc::new(Semaphore::new(usize::try_from(count).unwrap_or(1)));
        Self {
            connections: places(limits.connections),
            strangers: places(limits.strangers),
            turned_away: places(limits.turned_away),
            http: places(limits.http),
        }
    }
}

/// The places of this process: its limit of open files is raised as far as needed and allowed, and what is still missing
/// is told and taken off the connections.
#[must_use]
pub fn of_process(server: &ServerPart) -> Limits {
    let wanted = Limits::wanted(server);
    let descriptors = raise_limit(u64::from(wanted.sum() + FILES));
    let limits = wanted.within(u32::try_from(descriptors).unwrap_or(u32::MAX), in_use());
    if limits != wanted {
        let Limits { connections, strangers, .. } = limits;
        tracing::warn!(descriptors, connections, strangers, "fewer connections than configured: RLIMIT_NOFILE is low");
    }
    limits
}

/// How many files the store of the projections keeps open in this process.
#[must_use]
pub fn projection_files_of_process() -> u32 {
    let descriptors = raise_limit(u64::from(*PROJECTION_FILES.end()) * u64::from(PROJECTION_FILES_PART));
    projection_files(u32::try_from(descriptors).unwrap_or(u32::MAX))
}

fn projection_files(descriptors: u32) -> u32 {
    (descriptors / PROJECTION_FILES_PART).clamp(*PROJECTION_FILES.start(), *PROJECTION_FILES.end())
}

/// Raises the soft limit of open files to so many, if the hard one allows it, and says what it is then.
fn raise_limit(needed: u64) -> u64 {
    let limit = getrlimit(Resource::Nofile);
    // `None` is no limit.
    let (Some(soft), hard) = (limit.current, limit.maximum) else { return u64::MAX };
    let raised = hard.map_or(needed, |hard| hard.min(needed));
    if raised <= soft {
        return soft;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum: hard }) {
        Ok(()) => raised,
        Err(_) => soft,
    }
}

/// Descriptors that the process has open.
fn in_use() -> u32 {
    let open = std::fs::read_dir("/proc/self/fd").map_or(usize::MAX, Iterator::count);
    u32::try_from(open).unwrap_or(FILES)
}

#[cfg(test)]
mod tests;
