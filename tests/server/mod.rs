//! The daemon from outside: a real process on a port of its own, spoken to byte by byte.

mod audit;
mod catalogue;
mod close;
mod commands;
mod daemon;
mod days;
mod environment;
mod follow;
mod hostile;
mod http;
mod http_limits;
mod interval;
mod life;
pub(crate) mod past;
mod requests;
pub(crate) mod sinks;
mod stops;
mod threads;
mod unreadable;
mod wire;
