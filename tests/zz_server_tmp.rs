//! Temporary.
#![allow(clippy::unwrap_used, missing_docs)]
#[path = "server/mod.rs"]
mod server;
