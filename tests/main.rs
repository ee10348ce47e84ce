//! The tests of the whole: one binary, a module a subject.
#![allow(clippy::unwrap_used, missing_docs)]

mod clock;
mod crash;
mod fuzz;
mod order_model;
mod server;
mod sim;
mod tidy;
