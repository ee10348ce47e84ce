//! The journal of one partition: the durable order of everything that was decided, and what is derived from it.
//!
//! The journal is the truth. A record is known by its position; what survives a crash is a prefix (I4), and a positive
//! answer leaves only after the sync of what it rests on (I3). The way of a record:
//!
//! ```text
//!  tasks             EncodedUnit ── push ──> Queue        one FIFO; gives each record its position
//!  writer's thread   Queue ── group ──> Writer ── append, sync ──> Store (RocksDB | memory | faulty)
//!                                         │
//!                                         ├─> Durability     how far: written, synced, failed; who waits is woken
//!                                         └─> RecentGroups   the last groups, for the projections
//!  at a start        Store ── scan ──> recovery: follow the chain, refuse a gap, drop a torn tail, open an epoch
//! ```
//!
//! | module | subject |
//! |---|---|
//! | [`keys`] | positions, epochs, and what the store's keys look like |
//! | [`mod@unit`] | encoded records that are pushed together |
//! | [`room`], [`queue`] | the bounded FIFO |
//! | [`group`], [`epoch`] | the bytes of a group, the chain of hashes, the record that opens an epoch |
//! | [`store`] | the store as a trait; its forms are [`rocks`], [`memory`], [`faulty`] |
//! | [`writer`], [`durability`], [`recent`] | group commit and what it makes known |
//! | [`handle`] | all of a running journal but its writer |
//! | [`recovery`] | what is the journal and what is not, as a table of cases |
//! | [`record`], [`codec`] | records as they are stored, and every call of bincode |
//! | [`projections`] | rows and holds derived from the journal, with their own position |
//! | [`fsck`] | the check of a whole folder, and the cut of a journal by hand |
//! | [`torn`] | the end of a write-ahead log that was not finished |
//! | [`made`] | whether a folder has a store, or is free for a new one |
//! | [`caught`] | panics of the rules that become an error or a finding |
//! | [`directory`] | the data directory: made on request, used by one process |
//!
//! Deliberately absent: a clock and randomness (both are arguments), sockets, wallets and rules (replay uses those of
//! the `wallet` crate), and any guess about a damaged journal: it is refused with its place.
//!
//! The bytes on disk are drawn in `FORMAT.md`.

pub mod caught;
pub mod codec;
pub mod directory;
pub mod durability;
pub mod epoch;
pub mod faulty;
pub mod fsck;
pub mod group;
pub mod handle;
pub mod keys;
pub mod made;
pub mod memory;
pub mod projections;
pub mod queue;
pub mod recent;
pub mod record;
pub mod recovery;
#[cfg(feature = "rocks")]
pub mod rocks;
pub mod room;
pub mod store;
pub mod torn;
pub mod unit;
pub mod writer;

pub use durability::{Durability, DurabilityMode};
pub use epoch::{EpochRecord, WriterId};
pub use group::{Group, GroupHash};
pub use handle::{Journal, JournalSettings};
pub use keys::{Epoch, GroupKey, Position};
pub use queue::Queue;
pub use recent::RecentGroups;
pub use recovery::{Recovered, RecoveryError};
pub use room::{Class, RoomLimits};
pub use store::{GroupBytes, GroupReader, Store};
pub use unit::EncodedUnit;
pub use writer::{ChainEnd, Instants, Published, WriteFailed, Writer, WriterEvents};
