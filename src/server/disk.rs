//! Free space on the disks of the data folder: below a watermark reserves and charges are refused (`not_durable_now`),
//! so that settlements still fit, and nothing has to fail first. Freeing space is enough to go on.
//!
//! The thread that looks is the ticker's; requests read one atomic.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use journal::directory::DataDirectory;

/// Of the watermark, so much more must be free before reserves are taken again: no answer flickers at the edge.
const HYSTERESIS_DIVISOR: u64 = 16;

/// Watches the free space under a data folder.
#[derive(Debug)]
pub struct DiskWatch {
    /// Journal and projections can be on disks of their own: the fuller one decides.
    folders: Vec<PathBuf>,
    low_bytes: u64,
    low: AtomicBool,
    free_bytes: AtomicU64,
    unreadable: AtomicBool,
}

/// What a look at the disk has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Space is low from now on.
    Low,
    /// There is enough again.
    Enough,
}

impl DiskWatch {
    /// A watch over a data folder; without one nothing is kept, and nothing is ever low. `low_bytes` = 0 never refuses.
    #[must_use]
    pub fn new(directory: Option<&DataDirectory>, low_bytes: u64) -> Self {
        let folders = directory.map_or_else(Vec::new, |directory| vec![directory.journal(), directory.projections()]);
        Self {
            folders,
            low_bytes,
            low: AtomicBool::new(false),
            free_bytes: AtomicU64::new(u64::MAX),
            unreadable: AtomicBool::new(false),
        }
    }

    /// Whether reserves and charges are refused.
    #[must_use]
    pub fn is_low(&self) -> bool {
        // Relaxed: which of the requests at the edge is the first to be refused does not matter.
        self.low.load(Ordering::Relaxed)
    }

    /// Bytes that were free at the last look, where there is a disk.
    #[must_use]
    pub fn free_bytes(&self) -> Option<u64> {
        // Relaxed: a figure for people.
        Some(self.free_bytes.load(Ordering::Relaxed)).filter(|free| *free < u64::MAX)
    }

    /// The watermark.
    #[must_use]
    pub const fn low_bytes(&self) -> u64 {
        self.low_bytes
    }

    /// Looks at the disk, and says so once where something has changed.
    pub fn look(&self) {
        match self.least_free() {
            Ok(None) => {}
            Ok(Some(free)) => {
                self.unreadable.store(false, Ordering::Relaxed);
                match self.note(free) {
                    Some(Change::Low) => {
                        tracing::error!(
                            free,
                            low = self.low_bytes,
                            "disk space is low: reserves and charges are refused"
                        );
                    }
                    Some(Change::Enough) => tracing::info!(free, "disk space is enough again: reserves are taken"),
                    None => {}
                }
            }
            Err(error) => {
                // What the last look found stays in force: a write will tell more.
                if !self.unreadable.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "free disk space cannot be read");
                }
            }
        }
    }

    /// Takes what is free now.
    fn note(&self, free: u64) -> Option<Change> {
        self.free_bytes.store(free, Ordering::Relaxed);
        let was_low = self.is_low();
        let margin = if was_low { self.low_bytes / HYSTERESIS_DIVISOR } else { 0 };
        let low = free < self.low_bytes.saturating_add(margin);
        self.low.store(low, Ordering::Relaxed);
        match (was_low, low) {
            (false, true) => Some(Change::Low),
            (true, false) => Some(Change::Enough),
            _ => None,
        }
    }

    fn least_free(&self) -> std::io::Result<Option<u64>> {
        let mut least = None;
        for folder in &self.folders {
            let disk = rustix::fs::statvfs(folder)?;
            // What is kept for the superuser is not counted: the daemon is not meant to be one.
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            least = Some(least.map_or(free, |least: u64| least.min(free)));
        }
        Ok(least)
    }
}

#[cfg(test)]
mod tests;
