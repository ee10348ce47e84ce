//! The daemon from outside: a real process on a port of its own, spoken to byte by byte.

mod catalogue;
mod close;
mod commands;
mod daemon;
mod hostile;
mod http;
mod life;
mod requests;
mod wire;
