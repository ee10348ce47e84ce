//! What everybody but the writer holds of a journal: where to push, how far it got, and how to read it.

use std::sync::Arc;

use crate::durability::{Durability, DurabilityMode};
use crate::group::Group;
use crate::keys::Position;
use crate::queue::Queue;
use crate::recent::RecentGroups;
use crate::room::RoomLimits;
use crate::store::{GroupBytes, GroupReader, ReadError, Store};
use crate::writer::{ChainEnd, Writer};

/// Bytes of written groups that are kept in memory unless told otherwise.
pub const RECENT_BYTES_MAX_DEFAULT: usize = 64 * 1024 * 1024;

const _: () =
    assert!(RECENT_BYTES_MAX_DEFAULT >= 8 * crate::group::GROUP_BYTES_MAX, "who follows closely finds groups");

/// How a journal is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalSettings {
    /// When answers may leave.
    pub mode: DurabilityMode,
    /// Records on their way.
    pub room: RoomLimits,
    /// Bytes of written groups that are kept in memory for those who follow the journal.
    pub recent_bytes_max: usize,
}

impl Default for JournalSettings {
    fn default() -> Self {
        Self {
            mode: DurabilityMode::default(),
            room: RoomLimits::default(),
            recent_bytes_max: RECENT_BYTES_MAX_DEFAULT,
        }
    }
}

/// A running journal, without its writer.
#[derive(Clone)]
pub struct Journal {
    /// Where records get their place.
    pub queue: Arc<Queue>,
    /// How far it got.
    pub durability: Arc<Durability>,
    recent: Arc<RecentGroups>,
    reader: Arc<dyn GroupReader>,
}

impl Journal {
    /// Puts a journal together around a recovered store: the shared half, and the writer for its thread.
    #[must_use]
    pub fn start<S: Store>(store: S, end: ChainEnd, settings: &JournalSettings) -> (Self, Writer<S>) {
        end.assert_open();
        let journal = Self {
            queue: Arc::new(Queue::new(end.last, settings.room)),
            durability: Arc::new(Durability::new(end.last, settings.mode)),
            recent: Arc::new(RecentGroups::new(settings.recent_bytes_max)),
            reader: store.reader(),
        };
        let writer = Writer::new(
            store,
            end,
            Arc::clone(&journal.queue),
            Arc::clone(&journal.durability),
            Arc::clone(&journal.recent),
        );
        assert!(journal.queue.pushed() == end.last, "I4: the first push comes after the last record");
        assert!(journal.durability.durable() == end.last, "I3: a journal that was recovered is durable");
        (journal, writer)
    }

    /// The group that contains `from`, from memory or from the store; `None` when `from` is not synced yet.
    /// [`crate::Group::trust`] reads it.
    ///
    /// # Errors
    /// When the store cannot be read, or `from` was trimmed.
    pub fn read(&self, from: Position) -> Result<Option<GroupBytes>, ReadError> {
        let synced = self.durability.synced();
        assert!(synced <= self.queue.pushed(), "I3: nothing is synced that was not pushed");
        if from > synced {
            return Ok(None);
        }
        let group = match self.recent.read(from) {
            Some(group) => Some(group),
            None => self.reader.read(from)?,
        };
        if let Some(Ok(read)) = group.as_ref().map(|group| Group::trust(group)) {
            assert!(read.header().first <= from.max(Position::FIRST), "I4: no record that is synced is left out");
            assert!(read.last() >= from, "I4: a group that was asked for has its record");
        }
        Ok(group)
    }

    /// The reading half of the store.
    #[must_use]
    pub fn reader(&self) -> &Arc<dyn GroupReader> {
        &self.reader
    }
}
