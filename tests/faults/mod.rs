//! Faults of the machine, met by the real program, with the books of the crash tests beside it.
//!
//! - [`sweep`]: every write, sync, rename, open, truncation, allocation and removal of a fixed run fails once (input/output
//!   error, no space), is late, or is where the process is killed; every write is short, or torn by a kill.
//! - [`order`]: every acknowledgement leaves after the sync of what it rests on.
//! - [`ready`]: what a start decides is synced before it is ready.
//! - [`space`]: the disk fills up, is freed, and fills up at once.
//! - [`slow`]: each sync takes half a second; memory is short at ten times the load.
//! - [`ends`]: how a daemon ends that fails while nobody reads its log, before it is ready, or while a disk hangs.
//! - [`forgetful`]: a file system that forgets at a kill what was not synced, names too.
//!
//! `cargo faults` runs the short forms of all; `cargo test --release --test main -- crash::faults::sweep` those of one part,
//! with `FAULTS_EVERY=1` the whole sweep, and `crash::faults::forgetful` with `FORGETFUL_CYCLES=200` as many power cuts.

mod ends;
mod forgetful;
mod order;
mod ready;
mod shim;
mod slow;
mod space;
mod sweep;

/// `EX_TEMPFAIL`: a write failed, a start later decides.
const EXIT_WRITE_FAILED: i32 = 75;
