//! Fuzz targets: functions that take any bytes and must hold for all of them. libFuzzer calls them in a workspace of its
//! own (`tests/fuzz/run TARGET SECONDS`), the tests call the same functions with the corpus that was found.
//!
//! Every target is total (an answer for all bytes, no panic), bounded ([`Target::memory`]), and says something of what
//! the bytes come to: what is decoded is encoded to the same bytes, or to bytes that mean the same.
#![allow(unreachable_pub, dead_code, reason = "a library of its own, and a module of tests that know no allocator")]

use std::path::PathBuf;

pub mod config;
pub mod control;
pub mod frame;
pub mod group;
pub mod handshake;
pub mod packed;
pub mod plans;
pub mod rates;
pub mod rows;
pub mod seeds;

#[cfg(test)]
mod replay;

/// One target.
pub struct Target {
    /// Its name on the command line, and that of its corpus.
    pub name: &'static str,
    /// What is called with any bytes.
    pub run: fn(&[u8]),
    /// Bytes to begin with: golden files and configurations, in the form that the target takes.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Memory that one call may have at once, for an input of so many bytes.
    pub memory: fn(usize) -> usize,
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "frame", run: frame::run, seeds: frame::seeds, memory: of_wire },
    Target { name: "handshake", run: handshake::run, seeds: handshake::seeds, memory: of_wire },
    Target { name: "control", run: control::run, seeds: control::seeds, memory: of_wire },
    Target { name: "group", run: group::run, seeds: group::seeds, memory: of_disk },
    Target { name: "rows", run: rows::run, seeds: rows::seeds, memory: of_disk },
    Target { name: "config", run: config::run, seeds: config::seeds, memory: of_files },
    Target { name: "rates", run: rates::run, seeds: rates::seeds, memory: of_files },
    Target { name: "plans", run: plans::run, seeds: plans::seeds, memory: of_files },
];

/// The target with this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// What an unknown peer sends makes nobody allocate more than a few times its own length.
const fn of_wire(length: usize) -> usize {
    (64 << 10) + 16 * length
}

/// A length alone makes a reader of the disk's bytes allocate a megabyte at most, in a list and in one within it.
const fn of_disk(length: usize) -> usize {
    (4 << 20) + 32 * length
}

/// Files are written by operators; a tree of tables is larger than its text.
const fn of_files(length: usize) -> usize {
    (4 << 20) + 1024 * length
}

/// The root of the repository: where the golden files are found from.
fn root() -> PathBuf {
    let mut folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    while !folder.join("src/protocol/vectors").is_dir() {
        assert!(folder.pop(), "this is compiled within the repository");
    }
    folder
}
