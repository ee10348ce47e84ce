//! What of a store is the journal: the chain of the highest epoch, checked group by group.
//!
//! Every stored group is one of the named cases of [`CASES`]; exactly one of them matches. A gap, a wrong hash or a
//! damaged group is refused with its place. Only a damaged group at the very end cannot be told from a torn write: it is
//! dropped and reported. Then an epoch record is appended and synced, and whatever an older epoch has left at the
//! positions from there on, seen now or later, is superseded.

use std::cmp::Ordering;
use std::ops::ControlFlow;

use crate::epoch::{EpochRecord, WriterId};
use crate::group::{Group, GroupDamage, GroupHash, Header, empty_buffer, seal};
use crate::keys::{Epoch, GroupKey, Position};
use crate::store::{AppendError, GroupReader, Persist, ReadError, Start, Store};
use crate::torn::TornEnd;
use crate::writer::ChainEnd;

/// Every how many groups a check reports its progress.
const PROGRESS_EVERY_GROUPS: u64 = 1024;

const _: () = assert!(PROGRESS_EVERY_GROUPS > 0, "progress is told now and then");
const _: () = assert!(CASES.len() == Case::Reopened as usize + 1, "every case is in the table");

/// What can be the case with a stored group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// It follows the group before it, in the same epoch: part of the journal.
    Next,
    /// It follows the group before it and opens a later epoch: part of the journal.
    Opening,
    /// It is of an epoch that has ended before its position: a failed append that is on disk all the same.
    Superseded,
    /// It is damaged, and nothing follows it: a torn write. Dropped and reported.
    DamagedTail,
    /// It is damaged, and others follow it: refused.
    Damaged,
    /// It is whole, in a format of another program version: refused.
    Foreign,
    /// Records are missing before it: refused.
    Gap,
    /// It begins inside the group before it: refused.
    Overlap,
    /// It does not carry the hash of the group before it: refused.
    BrokenLink,
    /// It is of a later epoch that it does not open: refused.
    Unopened,
    /// It opens the epoch that it is in already: refused.
    Reopened,
}

/// What is known of a group, compared with the end of the chain before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Its first position, compared with the one that is expected.
    pub place: Ordering,
    /// Its epoch, compared with the one in force.
    pub epoch: Ordering,
    /// What its bytes are.
    pub shape: Shape,
    /// Whether it carries the hash of the group before it.
    pub linked: bool,
    /// Whether it is an epoch record that names its own place.
    pub opens: bool,
    /// Whether another group follows that is not superseded.
    pub followed: bool,
}

/// What the bytes of a group are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A group.
    Whole,
    /// No group.
    Damaged,
    /// A group of another format version.
    Foreign,
}

impl Facts {
    fn is_candidate(&self) -> bool {
        self.epoch.is_ge() && self.place.is_eq()
    }

    fn is_link(&self) -> bool {
        self.is_candidate() && self.shape == Shape::Whole && self.linked
    }
}

/// Whether facts are those of a case.
pub type Matches = fn(&Facts) -> bool;

/// The table: each case with what makes it so. No two match the same facts, and one always does.
pub const CASES: [(Case, Matches); 11] = [
    (Case::Next, |f| f.is_link() && f.epoch.is_eq() && !f.opens),
    (Case::Opening, |f| f.is_link() && f.epoch.is_gt() && f.opens),
    (Case::Superseded, |f| f.epoch.is_lt()),
    (Case::DamagedTail, |f| f.is_candidate() && f.shape == Shape::Damaged && !f.followed),
    (Case::Damaged, |f| f.is_candidate() && f.shape == Shape::Damaged && f.followed),
    (Case::Foreign, |f| f.is_candidate() && f.shape == Shape::Foreign),
    (Case::Gap, |f| f.epoch.is_ge() && f.place.is_gt()),
    (Case::Overlap, |f| f.epoch.is_ge() && f.place.is_lt()),
    (Case::BrokenLink, |f| f.is_candidate() && f.shape == Shape::Whole && !f.linked),
    (Case::Unopened, |f| f.is_link() && f.epoch.is_gt() && !f.opens),
    (Case::Reopened, |f| f.is_link() && f.epoch.is_eq() && f.opens),
];

impl Case {
    /// The case that the facts are.
    #[must_use]
    pub fn of(facts: &Facts) -> Self {
        assert!(CASES.iter().filter(|(_, matches)| matches(facts)).count() == 1, "one case matches: {facts:?}");
        match CASES.iter().find(|(_, matches)| matches(facts)) {
            Some((case, _)) => *case,
            None => unreachable!("one case matches: {facts:?}"),
        }
    }
}

/// A damaged last group that is not taken as part of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DroppedTail {
    /// Where it is.
    pub key: GroupKey,
    /// Its length.
    pub bytes: usize,
    /// What is wrong with it.
    pub damage: GroupDamage,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Where the journal begins.
    pub start: Start,
    /// Where it ends.
    pub end: ChainEnd,
    /// Its groups.
    pub groups: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Groups of ended epochs that are still stored.
    pub superseded: Vec<GroupKey>,
    /// The torn end, if there was one.
    pub dropped: Option<DroppedTail>,
    /// What the newest write-ahead log of the store ended with, where that was no group: whoever opened the store knows.
    pub torn: Option<TornEnd>,
    /// The highest epoch that any stored group names, so that the next one is new.
    pub highest_epoch: Epoch,
}

impl Checked {
    /// I4: what was followed is a prefix of whole groups, in epochs that only go up.
    pub(crate) fn assert_prefix(&self) {
        let Self { start, end, groups, bytes, .. } = self;
        assert!((end.last == start.first.before()) == (*groups == 0), "a journal grows by its groups");
        assert!((*groups == 0) == (*bytes == 0), "groups have bytes");
        assert!(end.epoch >= start.epoch, "epochs only go up");
        assert!(self.highest_epoch >= end.epoch, "the highest epoch is that of a group, or the start's");
    }

    /// The stored groups that are not the journal: superseded ones, and the torn end.
    #[must_use]
    pub fn outside(&self) -> Vec<GroupKey> {
        let mut outside = self.superseded.clone();
        outside.extend(self.dropped.map(|dropped| dropped.key));
        assert!(outside.iter().all(|key| key.first >= self.start.first), "what is not the journal lies in it");
        outside
    }
}

/// Tells a store what of it is the journal: before the journal in it is read by position, or goes on.
pub fn adopt(store: &mut impl Store, found: &Checked) {
    found.assert_prefix();
    store.adopt(found.end.last, found.outside());
    assert!(store.tail() == found.end.last, "the store was told where the journal ends");
}

/// A journal that is ready to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// What was found.
    pub found: Checked,
    /// Where the journal ends now: at the epoch record.
    pub end: ChainEnd,
}

/// Why there is no journal to go on with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecoveryError {
    /// A group is not what must be there. Nothing was changed.
    #[error("the journal is refused at {key}: {} (expected: position {expected}){}", case.reason(), place_of(damage))]
    Refused {
        /// Which group.
        key: GroupKey,
        /// What is the case with it.
        case: Case,
        /// The position that should come next.
        expected: Position,
        /// What is wrong with its bytes.
        damage: Option<GroupDamage>,
    },
    /// The store cannot be read. Nothing was changed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The epoch record could not be written.
    #[error("the epoch record was not written: {0}")]
    Epoch(#[source] AppendError),
    /// A group names the last epoch that there is, so that none can be opened after it. Nothing was changed.
    #[error("the journal names the epoch 2^64 - 1, which no daemon comes to; `creditd fsck` says where")]
    LastEpoch,
}

fn place_of(damage: &Option<GroupDamage>) -> String {
    damage.as_ref().map_or_else(String::new, |damage| format!("; {damage}"))
}

impl Case {
    /// The case in words, for the operator.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Next => "it continues the journal",
            Self::Opening => "it opens an epoch",
            Self::Superseded => "it belongs to an epoch that has ended",
            Self::DamagedTail => "it is damaged and the last one",
            Self::Damaged => "it is damaged",
            Self::Foreign => "it was written by another version of the program",
            Self::Gap => "records are missing before it",
            Self::Overlap => "it overlaps the group before it",
            Self::BrokenLink => "it does not carry the hash of the group before it",
            Self::Unopened => "no epoch record opens its epoch",
            Self::Reopened => "it opens an epoch that is open already",
        }
    }
}

/// How far the journal can be followed, and what stops it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    /// What was found up to there; after a refusal, without what follows it.
    pub checked: Checked,
    /// Why it goes no further.
    pub refused: Option<RecoveryError>,
}

/// Follows a store as far as it is a journal, without changing it. `progress` is called now and then with the groups and
/// bytes so far.
///
/// # Errors
/// Not even its start can be read.
pub fn examine(reader: &dyn GroupReader, progress: &mut dyn FnMut(u64, u64)) -> Result<Examined, ReadError> {
    let start = reader.start()?;
    let mut follower = Follower::new(start);
    let mut refused = None;
    let scanned = reader.scan(start.first, &mut |key, bytes| {
        if follower.checked.groups.is_multiple_of(PROGRESS_EVERY_GROUPS) {
            progress(follower.checked.groups, follower.checked.bytes);
        }
        match follower.meet(Seen::of(key, bytes)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                refused = Some(error);
                ControlFlow::Break(())
            }
        }
    });
    // What cannot be read follows the last group that was.
    let unread = scanned.err().map(RecoveryError::Read);
    if refused.is_none() {
        refused = follower.finish(unread.is_some()).err();
    }
    assert!(refused.is_some() || follower.undecided.is_none(), "every group was decided");
    follower.checked.assert_prefix();
    assert!(follower.checked.start == start, "what was examined begins where the store does");
    Ok(Examined { checked: follower.checked, refused: refused.or(unread) })
}

/// Checks a whole store without changing it. `progress` is called now and then with the groups and bytes so far.
///
/// # Errors
/// [`RecoveryError::Refused`] with the place, or [`RecoveryError::Read`].
pub fn check(reader: &dyn GroupReader, progress: &mut dyn FnMut(u64, u64)) -> Result<Checked, RecoveryError> {
    let Examined { checked, refused } = examine(reader, progress)?;
    checked.assert_prefix();
    refused.map_or(Ok(checked), Err)
}

/// Opens the next epoch after a check: tells the store what the journal is, appends the epoch record and syncs it.
///
/// # Errors
/// [`RecoveryError::Epoch`], [`RecoveryError::LastEpoch`].
pub fn open_epoch(
    store: &mut impl Store,
    found: Checked,
    writer: WriterId,
    now_ms: u64,
) -> Result<Recovered, RecoveryError> {
    found.assert_prefix();
    // The key of a damaged last group may name any.
    let epoch = found.highest_epoch.following().ok_or(RecoveryError::LastEpoch)?;
    adopt(store, &found);
    let record = EpochRecord { epoch, writer, last: found.end.last, last_hash: found.end.hash };
    assert!(record.epoch > found.end.epoch, "I4: each recovery opens a later epoch");
    let header = Header {
        records: 1,
        epoch: record.epoch,
        first: found.end.last.next(),
        time_ms: now_ms,
        previous: found.end.hash,
    };
    let mut group = empty_buffer(Vec::new());
    group.extend_from_slice(record.to_unit().bytes());
    header.assert_follows(&found.end);
    let hash = seal(&mut group, header);
    let last = store.append(found.end.last, &group, Persist::Synced).map_err(RecoveryError::Epoch)?;
    assert_eq!(last, header.first, "an epoch record is one record");
    assert_eq!(store.tail(), last, "the store ends with the epoch record");
    let end = ChainEnd { last, hash, epoch: record.epoch };
    end.assert_open();
    Ok(Recovered { found, end })
}

/// Checks a store and opens the next epoch in it.
///
/// # Errors
/// Those of [`check`] and [`open_epoch`].
pub fn recover(store: &mut impl Store, writer: WriterId, now_ms: u64) -> Result<Recovered, RecoveryError> {
    let found = check(store.reader().as_ref(), &mut |_, _| {})?;
    let recovered = open_epoch(store, found, writer, now_ms)?;
    assert!(recovered.end.last > recovered.found.end.last, "I4: a recovery appends its epoch record");
    assert!(recovered.end.epoch > recovered.found.highest_epoch, "I4: no epoch comes twice");
    Ok(recovered)
}

/// A stored group, read once.
struct Seen {
    key: GroupKey,
    bytes: usize,
    read: Result<Link, GroupDamage>,
}

/// What the chain needs of a whole group.
struct Link {
    last: Position,
    previous: GroupHash,
    hash: GroupHash,
    opens: bool,
}

impl Seen {
    fn of(key: GroupKey, bytes: &[u8]) -> Self {
        let read = Group::check_at(key, bytes).map(|group| Link {
            last: group.last(),
            previous: group.header().previous,
            hash: group.hash(),
            opens: EpochRecord::opening(&group).is_some(),
        });
        assert!(read.as_ref().is_ok_and(|link| link.last >= key.first) || read.is_err(), "a group ends after its key");
        let is_long = |link: &Link| link.opens && link.last != key.first;
        assert!(!read.as_ref().is_ok_and(is_long), "the record that opens an epoch is alone in its group");
        Self { key, bytes: bytes.len(), read }
    }

    const fn shape(&self) -> Shape {
        match self.read {
            Ok(_) => Shape::Whole,
            Err(GroupDamage::Foreign { .. }) => Shape::Foreign,
            Err(_) => Shape::Damaged,
        }
    }

    fn facts(&self, end: &ChainEnd, followed: bool) -> Facts {
        let link = self.read.as_ref().ok();
        assert!(link.is_none() || self.shape() == Shape::Whole, "what was read is a group");
        Facts {
            place: self.key.first.cmp(&end.last.next()),
            epoch: self.key.epoch.cmp(&end.epoch),
            shape: self.shape(),
            linked: link.is_some_and(|link| link.previous == end.hash),
            opens: link.is_some_and(|link| link.opens),
            followed,
        }
    }
}

/// Follows the chain through the groups in the order of their keys, one behind: a group is decided when it is known
/// what comes after it.
struct Follower {
    checked: Checked,
    undecided: Option<Seen>,
}

impl Follower {
    fn new(start: Start) -> Self {
        let end = ChainEnd { last: start.first.before(), hash: start.previous, epoch: start.epoch };
        let checked = Checked {
            start,
            end,
            groups: 0,
            bytes: 0,
            superseded: Vec::new(),
            dropped: None,
            torn: None,
            highest_epoch: start.epoch,
        };
        checked.assert_prefix();
        assert!(end.last.next() == start.first, "I4: the first group begins at the start");
        Self { checked, undecided: None }
    }

    fn meet(&mut self, seen: Seen) -> Result<(), RecoveryError> {
        self.checked.highest_epoch = self.checked.highest_epoch.max(seen.key.epoch);
        let before = self.undecided.as_ref().map(|before| before.key);
        assert!(before.is_none_or(|before| before < seen.key), "groups come in the order of their keys");
        match self.undecided.take() {
            // Of two groups at one position the later epoch's took the place of the other.
            Some(before) if before.key.first == seen.key.first => self.checked.superseded.push(before.key),
            // What is superseded does not count as following a damaged group.
            Some(before) if before.shape() == Shape::Damaged && seen.key.epoch < self.checked.end.epoch => {
                self.undecided = Some(before);
                self.checked.superseded.push(seen.key);
                return Ok(());
            }
            Some(before) => self.decide(&before, true)?,
            None => {}
        }
        assert!(self.checked.dropped.is_none(), "what is dropped is the last");
        assert!(self.checked.highest_epoch >= seen.key.epoch, "I4: no epoch comes twice");
        self.undecided = Some(seen);
        Ok(())
    }

    fn finish(&mut self, followed: bool) -> Result<(), RecoveryError> {
        assert!(self.checked.dropped.is_none(), "the last group is decided once");
        if let Some(last) = self.undecided.take() {
            self.decide(&last, followed)?;
        }
        self.checked.assert_prefix();
        Ok(())
    }

    fn decide(&mut self, seen: &Seen, followed: bool) -> Result<(), RecoveryError> {
        let end = &mut self.checked.end;
        let case = Case::of(&seen.facts(end, followed));
        match (case, &seen.read) {
            (Case::Next | Case::Opening, Ok(link)) => {
                assert!(link.last > end.last, "I4: the journal grows by whole records");
                assert!(seen.key.epoch >= end.epoch, "epochs only go up");
                assert!(seen.key.first == end.last.next(), "I4: no record is left out");
                assert!(link.previous == end.hash, "I4: a group carries the hash of the one before it");
                *end = ChainEnd { last: link.last, hash: link.hash, epoch: seen.key.epoch };
                self.checked.groups += 1;
                self.checked.bytes += seen.bytes as u64;
            }
            (Case::Superseded, _) => {
                assert!(seen.key.epoch < end.epoch, "I4: only what an ended epoch has left is passed over");
                self.checked.superseded.push(seen.key);
            }
            (Case::DamagedTail, Err(damage)) => {
                assert!(!followed, "I4: only the last group may be a torn write");
                self.checked.dropped = Some(DroppedTail { key: seen.key, bytes: seen.bytes, damage: *damage });
            }
            (case, read) => {
                return Err(RecoveryError::Refused {
                    key: seen.key,
                    case,
                    expected: end.last.next(),
                    damage: read.as_ref().err().copied(),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
