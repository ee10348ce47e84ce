//! The hot operations: 96 fixed bytes each, decoded and checked without a branch per field and without allocation.
//!
//! ```text
//!  0 kind u8       1 flags u8      2 sources u8    3 number u8     4 ttl_ms u32
//!  8 hold 16      24 account 16   40 amount u64   48 member 16    64 worker 16
//! 80 model u32    84 tool u16     86 count u16    88 min_tier u8  89 reason u8
//! 90 over_commit u8               91 reserved u8  92 settings u32
//! ```

use crate::bytes::{id_at, put, u16_at, u32_at, u64_at};
use crate::field::Field;
use crate::ids::{AccountId, HoldId, MemberId, WorkerId};
use crate::limits::OPERATION_BYTES;
use crate::numbered::numbered;

mod check;

use check::{bit_if, first_bad};

numbered! {
    /// What an operation asks for.
    pub enum OperationKind: u8, from_u8 {
        /// Set credits aside before a generation.
        Reserve = 1 "reserve",
        /// Take credits at once: reserve and commit in one step (R29).
        Charge = 2 "charge",
        /// Capture all or part of a hold (R25).
        Commit = 3 "commit",
        /// Give a hold back (R24).
        Release = 4 "release",
        /// Give back what was captured (R27).
        Refund = 5 "refund",
        /// Move a hold's end (R23).
        Extend = 6 "extend",
        /// Read the wallet.
        Balance = 7 "balance",
    }
}

numbered! {
    /// Why a refund is made (R27).
    pub enum RefundReason: u8, from_u8 {
        /// The provider failed.
        ProviderError = 1 "provider_error",
        /// The generation took too long.
        Timeout = 2 "timeout",
        /// The result was blocked by a safety filter.
        SafetyBlock = 3 "safety_block",
        /// The person cancelled.
        UserCancel = 4 "user_cancel",
        /// The generation was paid for twice.
        Duplicate = 5 "duplicate",
        /// The operator's kindness.
        Goodwill = 6 "goodwill",
    }
}

numbered! {
    /// What a commit of more than is held does (R26).
    pub enum OverCommit: u8, from_u8 {
        /// Refuse with `exceeds_hold`.
        Reject = 0 "reject",
        /// Take what is held.
        Cap = 1 "cap",
        /// Take the difference from the wallet now, or refuse.
        Draw = 2 "draw",
    }
}

/// The flag bits of an operation. Bits that a kind does not use must be zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct OperationFlags(pub u8);

impl OperationFlags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// Commit: this is the last capture, the rest goes back (R25).
    pub const FINAL: Self = Self(1);
    /// Commit: everything that is still held. Refund: everything captured and not refunded. `amount` must be zero.
    pub const ALL: Self = Self(1 << 1);
    /// Reserve, charge: the daemon prices it by tool, model, settings and count (0 counts as 1); `amount` is the price
    /// that is expected, or 0 for whatever it is (R18).
    pub const PRICED: Self = Self(1 << 2);
    /// Reserve, charge: free credits may not pay (R8).
    pub const PRO_MODEL: Self = Self(1 << 3);

    /// Both sets of bits.
    #[must_use]
    #[inline]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every bit of `other` is set.
    #[must_use]
    #[inline]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// Which buckets may pay, as a mask. The order in which they do never changes (R3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sources(pub u8);

impl Sources {
    /// Zero on the wire: all three.
    pub const ALL: Self = Self(0);
    /// The daily free credits.
    pub const FREE: Self = Self(1);
    /// The credits of the subscription.
    pub const SUBSCRIPTION: Self = Self(1 << 1);
    /// The credits that were bought.
    pub const TOP_UP: Self = Self(1 << 2);

    /// The mask with zero spelled out: 0 and 7 mean the same and count as the same content of a retry.
    #[must_use]
    #[inline]
    pub const fn mask(self) -> u8 {
        if self.0 == 0 { SOURCES_MASK } else { self.0 }
    }

    /// Both sets of buckets.
    #[must_use]
    #[inline]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

pub(crate) const SOURCES_MASK: u8 = 0b111;

/// One operation. Every field is there for every kind; those that a kind does not use are zero
/// (WIRE.md has the table, [`Operation::check`] the same in code).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// What is asked for.
    pub kind: OperationKind,
    /// Flag bits.
    pub flags: OperationFlags,
    /// Reserve, charge: which buckets may pay.
    pub sources: Sources,
    /// Commit, refund: the capture's or refund's number, its idempotency within the hold.
    pub number: u8,
    /// Reserve (0 = the daemon's default), extend (from now, at least 1): milliseconds.
    pub ttl_ms: u32,
    /// All but balance: the hold.
    pub hold: HoldId,
    /// Always: the account.
    pub account: AccountId,
    /// Millicredits; with [`OperationFlags::PRICED`] the expected price, 0 = none is expected.
    pub amount: u64,
    /// Reserve, charge: who is counted.
    pub member: MemberId,
    /// Reserve, charge: where the generation runs.
    pub worker: WorkerId,
    /// Reserve, charge: the model's number, 0 = none.
    pub model: u32,
    /// Reserve, charge: the tool's number, 0 = none.
    pub tool: u16,
    /// Reserve, charge: how many results, 0 = not said.
    pub count: u16,
    /// Reserve, charge: the lowest tier that may use it.
    pub min_tier: u8,
    /// Refund: why; `None` for every other kind.
    pub reason: Option<RefundReason>,
    /// Reserve: what a commit of more than is held does.
    pub over_commit: OverCommit,
    /// Reserve, charge: settings of the generation ([`GenerationSettings`](crate::GenerationSettings)); looked into
    /// only with [`OperationFlags::PRICED`].
    pub settings: u32,
}

/// An operation or command that is refused with `bad_request`: the first field that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bad {field}")]
pub struct BadField {
    /// The field, in the order of [`Field`].
    pub field: Field,
}

impl Operation {
    /// Nothing but a kind, a hold and an account: the start of every constructor.
    const fn of(kind: OperationKind, hold: HoldId, account: AccountId) -> Self {
        Self {
            kind,
            flags: OperationFlags::NONE,
            sources: Sources::ALL,
            number: 0,
            ttl_ms: 0,
            hold,
            account,
            amount: 0,
            member: MemberId::NIL,
            worker: WorkerId::NIL,
            model: 0,
            tool: 0,
            count: 0,
            min_tier: 0,
            reason: None,
            over_commit: OverCommit::Reject,
            settings: 0,
        }
    }

    /// A reserve of an amount for a time.
    #[must_use]
    pub const fn reserve(hold: HoldId, account: AccountId, amount: u64, ttl_ms: u32) -> Self {
        Self { amount, ttl_ms, ..Self::of(OperationKind::Reserve, hold, account) }
    }

    /// A charge of an amount.
    #[must_use]
    pub const fn charge(hold: HoldId, account: AccountId, amount: u64) -> Self {
        Self { amount, ..Self::of(OperationKind::Charge, hold, account) }
    }

    /// This reserve or charge, priced by the daemon (R18). Its amount, if any, becomes the price that is expected.
    /// The settings word is made with [`GenerationSettings::pack`](crate::GenerationSettings::pack).
    #[must_use]
    pub const fn priced(self, tool: u16, model: u32, settings: u32, count: u16) -> Self {
        Self { flags: self.flags.with(OperationFlags::PRICED), tool, model, settings, count, ..self }
    }

    /// The last capture of a hold; the rest goes back. For one of several clear [`OperationFlags::FINAL`].
    #[must_use]
    pub const fn commit(hold: HoldId, account: AccountId, amount: u64, number: u8) -> Self {
        let flags = OperationFlags::FINAL;
        Self { amount, number, flags, ..Self::of(OperationKind::Commit, hold, account) }
    }

    /// The last capture of a hold, of everything that is still held.
    #[must_use]
    pub const fn commit_all(hold: HoldId, account: AccountId, number: u8) -> Self {
        let flags = OperationFlags::FINAL.with(OperationFlags::ALL);
        Self { number, flags, ..Self::of(OperationKind::Commit, hold, account) }
    }

    /// A release of what is still held.
    #[must_use]
    pub const fn release(hold: HoldId, account: AccountId) -> Self {
        Self::of(OperationKind::Release, hold, account)
    }

    /// A refund of captured credits. For all that is not refunded yet: no amount and [`OperationFlags::ALL`].
    #[must_use]
    pub const fn refund(hold: HoldId, account: AccountId, amount: u64, number: u8, reason: RefundReason) -> Self {
        Self { amount, number, reason: Some(reason), ..Self::of(OperationKind::Refund, hold, account) }
    }

    /// A new end of a hold, counted from now.
    #[must_use]
    pub const fn extend(hold: HoldId, account: AccountId, ttl_ms: u32) -> Self {
        Self { ttl_ms, ..Self::of(OperationKind::Extend, hold, account) }
    }

    /// A look at the wallet.
    #[must_use]
    pub const fn balance(account: AccountId) -> Self {
        Self::of(OperationKind::Balance, HoldId::NIL, account)
    }

    /// Decodes and checks one operation. A bad one is refused by itself and does not harm its frame.
    ///
    /// # Errors
    /// The first bad field, in the order of [`Field`].
    #[inline]
    pub fn decode(record: &[u8; OPERATION_BYTES]) -> Result<Self, BadField> {
        let kind = OperationKind::from_u8(record[at::KIND]).ok_or(BadField { field: Field::Kind })?;
        let operation = Self {
            kind,
            flags: OperationFlags(record[at::FLAGS]),
            sources: Sources(record[at::SOURCES]),
            number: record[at::NUMBER],
            ttl_ms: u32_at(record, at::TTL_MS),
            hold: HoldId(id_at(record, at::HOLD)),
            account: AccountId(id_at(record, at::ACCOUNT)),
            amount: u64_at(record, at::AMOUNT),
            member: MemberId(id_at(record, at::MEMBER)),
            worker: WorkerId(id_at(record, at::WORKER)),
            model: u32_at(record, at::MODEL),
            tool: u16_at(record, at::TOOL),
            count: u16_at(record, at::COUNT),
            min_tier: record[at::MIN_TIER],
            reason: RefundReason::from_u8(record[at::REASON]),
            over_commit: OverCommit::from_u8(record[at::OVER_COMMIT]).unwrap_or(OverCommit::Reject),
            settings: u32_at(record, at::SETTINGS),
        };
        // What the typed fields cannot show: numbers that no variant has, and the reserved byte.
        let raw = bit_if(record[at::REASON] != 0 && operation.reason.is_none(), Field::Reason)
            | bit_if(operation.over_commit.number() != record[at::OVER_COMMIT], Field::OverCommit)
            | bit_if(record[at::RESERVED] != 0, Field::Reserved);
        first_bad(operation.bad_fields() | raw)?;
        Ok(operation)
    }

    /// The 96 bytes. A caller's mistake is encoded as it stands; [`Operation::check`] finds it without a daemon.
    #[must_use]
    #[inline]
    pub fn encode(&self) -> [u8; OPERATION_BYTES] {
        let mut record = [0; OPERATION_BYTES];
        record[at::KIND] = self.kind.number();
        record[at::FLAGS] = self.flags.0;
        record[at::SOURCES] = self.sources.0;
        record[at::NUMBER] = self.number;
        put(&mut record, at::TTL_MS, self.ttl_ms.to_le_bytes());
        put(&mut record, at::HOLD, self.hold.to_bytes());
        put(&mut record, at::ACCOUNT, self.account.to_bytes());
        put(&mut record, at::AMOUNT, self.amount.to_le_bytes());
        put(&mut record, at::MEMBER, self.member.to_bytes());
        put(&mut record, at::WORKER, self.worker.to_bytes());
        put(&mut record, at::MODEL, self.model.to_le_bytes());
        put(&mut record, at::TOOL, self.tool.to_le_bytes());
        put(&mut record, at::COUNT, self.count.to_le_bytes());
        record[at::MIN_TIER] = self.min_tier;
        record[at::REASON] = self.reason.map_or(0, RefundReason::number);
        record[at::OVER_COMMIT] = self.over_commit.number();
        put(&mut record, at::SETTINGS, self.settings.to_le_bytes());
        record
    }

    /// Whether the daemon would take this operation apart without `bad_request`.
    ///
    /// # Errors
    /// The first bad field, in the order of [`Field`].
    #[inline]
    pub fn check(&self) -> Result<(), BadField> {
        first_bad(self.bad_fields())
    }
}

/// The operations of a body that a decoded frame has vouched for.
#[derive(Clone, Debug)]
pub struct Operations<'a> {
    records: core::slice::Iter<'a, [u8; OPERATION_BYTES]>,
}

impl<'a> Operations<'a> {
    /// Iterates over a body of kind `operations`; the frame decoder has checked its length, a rest that is no whole
    /// operation is left out.
    #[must_use]
    #[inline]
    pub fn of_body(body: &'a [u8]) -> Self {
        Self { records: body.as_chunks().0.iter() }
    }
}

impl Iterator for Operations<'_> {
    type Item = Result<Operation, BadField>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.records.next().map(Operation::decode)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.records.size_hint()
    }
}

impl ExactSizeIterator for Operations<'_> {}

/// Offsets within an operation.
mod at {
    pub(super) const KIND: usize = 0;
    pub(super) const FLAGS: usize = 1;
    pub(super) const SOURCES: usize = 2;
    pub(super) const NUMBER: usize = 3;
    pub(super) const TTL_MS: usize = 4;
    pub(super) const HOLD: usize = 8;
    pub(super) const ACCOUNT: usize = 24;
    pub(super) const AMOUNT: usize = 40;
    pub(super) const MEMBER: usize = 48;
    pub(super) const WORKER: usize = 64;
    pub(super) const MODEL: usize = 80;
    pub(super) const TOOL: usize = 84;
    pub(super) const COUNT: usize = 86;
    pub(super) const MIN_TIER: usize = 88;
    pub(super) const REASON: usize = 89;
    pub(super) const OVER_COMMIT: usize = 90;
    pub(super) const RESERVED: usize = 91;
    pub(super) const SETTINGS: usize = 92;
}

#[cfg(test)]
mod tests;
