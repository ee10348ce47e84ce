//! A chunk of operations on its way through the engine: what its look ahead found, its answers, and the unit that it pushes.

use std::sync::Arc;

use crate::bucket::Slices;
use crate::directory::Hash;
use crate::engine::CHUNK_OPERATIONS_MAX;
use crate::holds::{Guessed, Place, UnitNumber};
use crate::ids::{HoldId, Position, Timestamp};
use crate::open_holds::RecordNumber;
use crate::rate_card::RateCard;
use crate::record::Record;
use crate::request::Answer;
use crate::slot::SlotIndex;

/// The running state of one connection's chunk; reused from chunk to chunk.
#[derive(Debug)]
pub struct Chunk {
    pub(crate) unit: Unit,
    pub(crate) answers: Vec<Answer>,
    /// The wallets of the operations from `looked_from` on, where the look ahead found them.
    pub(crate) looked: Vec<Option<SlotIndex>>,
    pub(crate) looked_from: usize,
    /// How many operations there are.
    pub(crate) operations: usize,
    /// By what the look ahead looks.
    pub(crate) hashes: Vec<(Option<Hash>, Hash)>,
    pub(crate) guessed: Vec<Guessed>,
    /// The card that prices this chunk, taken once by the first operation that asks for a price.
    pub(crate) rates: Option<Arc<RateCard>>,
}

impl Chunk {
    pub(crate) const fn new(number: UnitNumber) -> Self {
        let unit = Unit {
            number,
            records: Vec::new(),
            marks: Vec::new(),
            gives: Vec::new(),
            ends: Vec::new(),
            ended: Vec::new(),
            spare: Vec::new(),
            opened: 0,
            closed: Vec::new(),
        };
        Self {
            unit,
            answers: Vec::new(),
            looked: Vec::new(),
            looked_from: 0,
            operations: 0,
            hashes: Vec::new(),
            guessed: Vec::new(),
            rates: None,
        }
    }

    /// The answers so far, in the order of the operations.
    #[must_use]
    pub fn answers(&self) -> &[Answer] {
        &self.answers
    }

    /// What must be durable before the answers leave (I3).
    #[must_use]
    pub fn needs(&self) -> Position {
        self.answers.iter().map(|answer| answer.needs).max().unwrap_or_default()
    }

    /// Forgets the answers, for the next chunk.
    pub fn clear(&mut self) {
        assert!(self.unit.records.is_empty(), "a chunk is cleared with records that were not pushed");
        assert!(self.unit.gives.is_empty(), "a chunk is cleared with credits that were not given");
        assert!(self.unit.ends.is_empty(), "a chunk is cleared with ends that were not noted");
        assert!(self.unit.ended.is_empty(), "a chunk is cleared with records of holds that were not let go");
        assert!(self.unit.marks.is_empty(), "a chunk is cleared with marks of records that were not pushed");
        assert!(self.unit.spare.is_empty(), "a chunk is cleared with records that did not go back");
        assert!(self.unit.opened == 0, "a chunk is cleared with holds that were not counted as open");
        assert!(self.unit.closed.is_empty(), "a chunk is cleared with ends that were not counted");
        self.answers.clear();
        self.looked.clear();
        self.rates = None;
    }

    /// The wallet of the operation at hand, where the look ahead found it: a slot is an account's for ever.
    pub(crate) fn looked(&self) -> Option<SlotIndex> {
        assert!(self.looked.len() <= CHUNK_OPERATIONS_MAX, "I9: a look ahead has a limit");
        let index = self.answers.len().checked_sub(self.looked_from)?;
        self.looked.get(index).copied().flatten()
    }

    /// Adds the record of the operation at hand and says its place.
    pub(crate) fn add(&mut self, record: Record, hold: HoldId) -> Place {
        let place = Place::pending(self.unit.number, self.unit.records.len());
        self.unit.records.push(record);
        self.unit.marks.push(Mark { answer: self.answers.len(), hold });
        assert!(self.unit.marks.len() == self.unit.records.len(), "every record has its mark");
        assert!(place.is_in(self.unit.number), "a record waits in the unit that it was added to");
        place
    }
}

/// The records of a chunk, and what follows their push.
#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) number: UnitNumber,
    pub(crate) records: Vec<Record>,
    /// One a record.
    pub(crate) marks: Vec<Mark>,
    pub(crate) gives: Vec<(SlotIndex, Slices)>,
    /// Holds that were opened, or whose end was moved.
    pub(crate) ends: Vec<RecordNumber>,
    /// Holds that were ended.
    pub(crate) ended: Vec<RecordNumber>,
    /// Records for holds to come, never more than there are operations left.
    pub(crate) spare: Vec<RecordNumber>,
    /// Holds opened by this unit, all at its `now`.
    pub(crate) opened: u64,
    /// When the holds that this unit ended were opened.
    pub(crate) closed: Vec<Timestamp>,
}

/// The operation and the hold that a record is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pub(crate) answer: usize,
    pub(crate) hold: HoldId,
}
