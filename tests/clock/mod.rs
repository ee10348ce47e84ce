//! The real program and its time: steps of the wall clock while it runs and between two runs.
//!
//! The wall clock of the daemon is moved by libfaketime (Debian package `faketime`), its monotonic clock is the real one:
//! so a step of the wall clock is a step against the monotonic clock, as in life.

mod daemon;
mod faketime;
mod suspect;
