//! The asynchronous client of the daemon: many calls on one connection, a deadline on every call, retries that are safe.
//!
//! # Map
//! - [`Client`] is what programs hold: cheap to clone, connects when it is used and again when the connection is lost.
//!   [`Client::operations`] sends a batch as one frame; [`Client::reserve`], [`Client::commit`] and their siblings send
//!   one operation; [`Client::command`] and the calls named after commands do the work of operators and
//!   billing services.
//! - `connection`: one connection and the task that drives it. Frames of many calls are in flight at once, as far as the
//!   handshake allows; calls wait for room before they send, never after.
//! - [`retry`]: what to do after an attempt, as pure functions. `batch`: what is known of each operation after several.
//! - [`history`]: what a load has seen, checked after the fact.
//! - [`CallError`]: what a call came to when it has no answer.
//!
//! # Why a retry is safe
//! Every request that changes something names itself: a reserve by its hold id, a capture or refund by its number within
//! the hold, a command by its command id, a top-up by its payment id. The daemon decides each of them once. The client
//! sends the very same bytes again, so a retry gets the first decision (`replayed`) and never a second effect.
//! What a caller must keep is the id: make it with [`hold_id`], [`command_id`] or [`payment_id`] *before* the first call,
//! and after [`CallError::OutcomeUnknown`] call again with the same one.
//!
//! Two exceptions. Nothing remembers the id of [`Client::release_worker`]: the client does not send it again by itself once
//! it may have been carried out. And a hold id that is older than the daemon's id window is taken no more, so it tells
//! nothing of an attempt that was lost ([`Unknown::IdExpired`]): [`Client::show_hold`] does.
//!
//! # When a refusal is no end
//! A refusal leaves no trace, so after an attempt that was lost it says only what a later attempt met. The lost one may lie in
//! a buffer and be carried out when credits have come: so a refusal for a reason that may pass is then
//! [`Unknown::RefusedSince`] and no answer. Who wants an end of a reserve or a charge calls [`Client::release`] with the hold's id: it gives back what
//! was set aside, or keeps a reserve from ever coming (`unknown_hold`, then `already_released`; not with `hold_ids = any`);
//! of a charge that was carried out it says `already_settled`.
//!
//! # Three ways of not knowing, kept apart
//! - [`CallError::Unreachable`] and [`CallError::NotSent`]: the request was never sent. Nothing happened.
//! - [`CallError::OutcomeUnknown`]: it was sent and its answer did not come. It may have happened, or not.
//! - An [`Answer`](protocol::Answer): the daemon has decided; refusals are outcomes, not errors.
//!
//! # Example
//! ```no_run
//! # async fn example() -> Result<(), client::CallError> {
//! use client::{Client, Options};
//! use protocol::{AccountId, Operation, Outcome};
//!
//! let client = Client::connect(Options::new("127.0.0.1:7411")).await?;
//! let (account, hold) = (AccountId(1), client::hold_id());
//! let answer = client.reserve(Operation::reserve(hold, account, 73_500, 60_000)).await?;
//! if client::decided(&answer) == Outcome::Granted {
//!     client.commit(hold, account, 73_500, 1).await?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What is not here
//! No rules and no amounts in credits: the client says what the daemon said. No pool: one connection carries as many
//! calls as the daemon allows; a program that wants more opens more clients.

mod batch;
mod calls;
mod client;
mod connection;
mod driver;
mod error;
pub mod history;
mod ids;
mod options;
mod pending;
pub mod retry;

#[cfg(test)]
mod fake;

pub use client::{Client, decided, decided_command};
pub use connection::RawConnection;
pub use error::{CallError, ConnectError, Lost, NotSent, Unknown};
pub use ids::{command_id, hold_id, payment_id};
pub use options::{Backoff, Options};
