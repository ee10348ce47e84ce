//! The groups that were written last, in memory: who follows the journal closely never reads the disk.

use std::collections::VecDeque;

use parking_lot::Mutex;

use crate::group::Group;
use crate::keys::Position;
use crate::store::GroupBytes;

/// A group that fills less than this part of its buffer is copied into one of its own size.
const COPY_BELOW_PART: usize = 4;

const _: () = assert!(COPY_BELOW_PART > 1, "a full buffer is not copied");

/// A ring of written groups, bounded by the bytes of their buffers. They are written, not always synced: the reader
/// stops at [`crate::Durability::synced`].
#[derive(Debug)]
pub struct RecentGroups {
    ring: Mutex<Ring>,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Ring {
    groups: VecDeque<Recent>,
    bytes: usize,
}

#[derive(Debug)]
struct Recent {
    first: Position,
    last: Position,
    group: GroupBytes,
}

impl Ring {
    /// I9, between two calls: the ring has a limit, and the last group stays.
    fn assert_bounded(&self, bytes_max: usize) {
        assert!(self.bytes <= bytes_max || self.groups.len() == 1, "the ring has a limit");
        assert!(self.groups.is_empty() == (self.bytes == 0), "bytes are those of groups");
    }
}

impl RecentGroups {
    /// An empty ring that keeps at most so many bytes, and at least the last group.
    #[must_use]
    pub const fn new(bytes_max: usize) -> Self {
        Self { ring: Mutex::new(Ring { groups: VecDeque::new(), bytes: 0 }), bytes_max }
    }

    /// The group that contains `from`, if it is still here. `None`: ask the store.
    #[must_use]
    pub fn read(&self, from: Position) -> Option<GroupBytes> {
        let ring = self.ring.lock();
        ring.assert_bounded(self.bytes_max);
        let after = ring.groups.partition_point(|recent| recent.first <= from);
        let recent = ring.groups.get(after.checked_sub(1)?)?;
        assert!(recent.first <= from, "the group that contains a position begins at it or before");
        assert!(recent.first <= recent.last, "a group has records");
        (recent.last >= from).then(|| recent.group.clone())
    }

    /// Bytes that are held now.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.ring.lock().bytes
    }

    /// Adds a written group; hands buffers that are free to `recycle`.
    pub(crate) fn push(&self, group: Vec<u8>, recycle: impl Fn(Vec<u8>)) {
        let (first, last) = match Group::trust(&group) {
            Ok(read) => (read.header().first, read.last()),
            Err(damage) => unreachable!("a group that was just sealed: {damage}"),
        };
        assert!(first <= last, "a group has records");
        let group = if group.len() < group.capacity() / COPY_BELOW_PART {
            let small = GroupBytes::from(group.as_slice().to_vec());
            recycle(group);
            small
        } else {
            GroupBytes::from(group)
        };
        let mut freed = Vec::new();
        let mut ring = self.ring.lock();
        assert!(ring.groups.back().is_none_or(|recent| recent.last.next() == first), "groups follow each other");
        ring.bytes += group.0.capacity();
        ring.groups.push_back(Recent { first, last, group });
        while ring.bytes > self.bytes_max && ring.groups.len() > 1 {
            if let Some(oldest) = ring.groups.pop_front() {
                ring.bytes -= oldest.group.0.capacity();
                freed.push(oldest.group);
            }
        }
        assert!(!ring.groups.is_empty(), "the last group stays");
        ring.assert_bounded(self.bytes_max);
        drop(ring);
        // A group that somebody still reads is freed by its last reader.
        freed.into_iter().filter_map(|group| std::sync::Arc::into_inner(group.0)).for_each(recycle);
    }
}

#[cfg(test)]
mod tests;
