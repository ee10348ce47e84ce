//! The wire format of creditd: a codec without input, output, clock or allocation per operation, shared by daemon and clients.
//! WIRE.md beside this file draws every byte, OUTCOMES.md says what each outcome means; `vectors/` holds golden frames that any
//! client's author can test against.
//!
//! # Map
//! - [`decode`] looks at bytes and says: so many more, one whole frame ([`Header`] and where its body is), or a
//!   [`FrameError`] with the [`CloseReason`] to close with. [`Expecting`] names what a side takes in its present state.
//! - Hot path: [`Operations`] and [`Answers`] iterate over a body without copying it; [`FrameWriter`] writes such frames.
//!   [`Operation`] and [`Answer`] are 96 bytes each; a bad operation is a [`BadField`] of its own and harms no other.
//! - Everything else is a [`Body`]: [`Hello`], [`Welcome`], [`Command`], [`CommandAnswer`], [`Close`].
//! - [`Outcome`], [`Field`], [`LimitKind`], [`CloseReason`] are numbers for ever. [`limits`] has every limit by name.
//!
//! # What the two sides do
//! ```
//! use protocol::{AccountId, Answer, Expecting, HoldId, Operation, Operations, Outcome, Progress};
//!
//! let mut bytes = Vec::new();
//! let reserve = Operation::reserve(HoldId(7), AccountId(1), 73_500, 60_000);
//! protocol::encode_operations(&mut bytes, 1, &[reserve])?;
//!
//! // The daemon, with what it has read so far:
//! let Progress::Frame { header, body } = protocol::decode(&bytes, Expecting::FromClient)? else {
//!     panic!("all of it has come");
//! };
//! let answers: Vec<Answer> = Operations::of_body(&bytes[body])
//!     .map(|operation| match operation {
//!         Ok(_) => Answer::of(Outcome::Granted),
//!         Err(bad) => Answer::bad_request(bad.field),
//!     })
//!     .collect();
//! let mut out = Vec::new();
//! protocol::encode_answers(&mut out, header.request_id, &answers)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is not here
//! No socket, no clock, no randomness (ids are made by callers), no rules: which outcome a request gets is `wallet`'s.

mod answer;
mod bytes;
mod close;
mod codec;
mod command;
mod field;
mod frame;
mod handshake;
mod ids;
pub mod limits;
mod numbered;
mod operation;
mod outcome;
mod settings;
mod text;
mod version;
mod view;
mod writer;

#[cfg(test)]
mod document;
#[cfg(test)]
mod strategies;
#[cfg(test)]
mod vectors;

pub use answer::{Answer, AnswerFlags, Answers, PerBucket, UnknownOutcome};
pub use close::{Close, CloseReason};
pub use codec::{Body, MalformedBody};
pub use command::{Bucket, ChangeMode, Command, EstimateLine};
pub use field::{Field, LimitKind};
pub use frame::{Expecting, FrameError, FrameKind, Header, MAGIC, Progress, decode};
pub use handshake::{Durability, Hello, Welcome};
pub use ids::{AccountId, BadId, CommandId, HoldId, MemberId, NodeId, PaymentId, WorkerId};
pub use operation::{
    BadField, Operation, OperationFlags, OperationKind, Operations, OverCommit, RefundReason, Sources,
};
pub use outcome::{Outcome, precedence};
pub use settings::GenerationSettings;
pub use text::{List, Secret, Text, TooLong};
pub use version::Version;
pub use view::{
    AccountView, BillingTerm, BucketView, BundleView, CaptureView, ClockState, ClockView, CommandAnswer,
    DayBoundaryView, EstimateView, HoldLine, HoldState, HoldView, ModelView, PendingChangeView, PendingTopUpView,
    PlanView, PlansView, QuoteView, RatesView, RefundView, ReloadView, ResetKind, ResetRunView, ResetsView,
    SubscriptionChangeView, SubscriptionView, ToolView, View,
};
pub use writer::{EncodeError, FrameWriter, encode_answers, encode_operations, encode_ping, encode_pong};
