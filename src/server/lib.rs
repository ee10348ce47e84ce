//! creditd, the daemon: the only place with sockets, threads and a clock. The rules are `wallet`'s, the disk is
//! `journal`'s, the bytes on the wire are `protocol`'s.
//!
//! # Map
//!
//! | module | subject |
//! |---|---|
//! | [`config`] | every key with its default and limits; checked once, into [`config::Settings`] |
//! | [`catalogue`], [`reload`] | plans and prices: read at the start, and again while the daemon runs |
//! | [`text_file`] | files that an operator names, read within limits |
//! | [`data`] | the data folder |
//! | [`clock`] | the daemon's time, the only place that reads a clock |
//! | [`start`], [`catchup`], `loading` | from a folder to a running daemon: recovery, projections, memory, threads |
//! | [`daemon`] | what all tasks share, and the phase that it is in |
//! | [`run`] | listening, readiness, the stop: everything that happens to the process |
//! | [`places`], [`listener`], [`connection`] | sockets: a reader that runs frames and a writer that waits for durability |
//! | [`admission`], [`link`] | room in the journal and what is refused when there is none |
//! | [`disk`] | free space: what is refused before a write fails |
//! | [`dispatch`] | between the types of the wire and those of the rules |
//! | [`archive`] | the projections as the rules read them |
//! | [`journaling`], [`projector`], [`ticker`], [`sweep`], [`auditor`] | the threads: writing, following, what time brings, the ends of days, checking |
//! | [`aside`], [`syncing`] | the threads for what takes long; how long the journal's thread has been at the disk |
//! | [`resets`] | the last resets in bulk |
//! | [`fsck`] | the check of a data folder that no daemon uses |
//! | [`seed`] | a new data folder with many accounts, for measurements |
//! | [`metrics`], [`lag`], [`http`] | what operators see |
//! | [`shutdown`] | signals, exit codes, failing and panicking: the process ends first, and is told of then |
//! | [`seldom`] | log lines that do not become a flood |
//!
//! # Threads
//!
//! Requests run on tokio's workers. The journal's writer, the projector, the ticker, the sweep and the auditor have a thread
//! each: none of them waits for a connection, and no connection waits for them but through [`daemon::Daemon::progress`] and
//! [`daemon::Daemon::projected`]. One more does nothing but end the process ([`shutdown`]).
//!
//! What takes long for one command goes to one of two more threads ([`aside`]), one for walks over all holds and one for
//! reading files, which are there from the start too: nothing takes a thread later.
//!
//! Lines of the log are no data: one that cannot be written is lost, and nothing else with it. One that waits for somebody
//! to take it holds up its thread; a daemon that fails ends all the same.
//!
//! # Deliberately absent
//!
//! Rules about credits, formats, `unsafe`, a second way to change a wallet; TLS and keys (until they come, only loopback
//! addresses are served).

pub mod admission;
pub mod archive;
pub mod aside;
pub mod auditor;
pub mod catalogue;
pub mod catchup;
pub mod clock;
pub mod config;
pub mod connection;
pub mod cycles;
pub mod daemon;
pub mod data;
pub mod disk;
pub mod dispatch;
pub mod fsck;
pub mod http;
#[cfg(test)]
mod in_memory;
pub mod journaling;
pub mod lag;
pub mod link;
pub mod listener;
mod loading;
pub mod metrics;
pub mod places;
pub mod priority;
pub mod projector;
pub mod pruning;
pub mod reclaim;
pub mod reload;
pub mod resets;
pub mod run;
pub mod seed;
pub mod seldom;
pub mod shutdown;
pub mod start;
pub mod sweep;
pub mod syncing;
pub mod text_file;
pub mod ticker;
