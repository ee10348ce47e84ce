//! One request with its answer, in 96 bytes.

use protocol::limits::{ANSWER_BYTES, OPERATION_BYTES};
use protocol::{
    AccountId, Answer, AnswerFlags, Bucket, Command, CommandAnswer, HoldId, HoldView, Operation, OperationFlags,
    OperationKind, Outcome, OverCommit, PerBucket, View,
};

use super::is_unknown;
use super::signed::Mask;
use crate::client::{decided, decided_command};

/// When a request was sent first and when its answer was read, in microseconds from the start of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Not later than its first byte was sent.
    pub start_us: u64,
    /// Not earlier than its answer was read.
    pub end_us: u64,
}

/// Three amounts of at most 42 bits, one more than any amount on the wire needs. What is larger stays as large as it gets,
/// and fits no sum.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Packed(u128);

const AMOUNT_BITS: u32 = 42;
const AMOUNT_MASK: u64 = (1 << AMOUNT_BITS) - 1;

impl Packed {
    fn of(amounts: PerBucket) -> Self {
        let field = |amount: u64| u128::from(amount.min(AMOUNT_MASK));
        let (free, subscription, top_up) = (field(amounts.free), field(amounts.subscription), field(amounts.top_up));
        Self(free | subscription << AMOUNT_BITS | top_up << (2 * AMOUNT_BITS))
    }

    fn amounts(self) -> PerBucket {
        let field = |number: u32| {
            let shifted = self.0 >> (number * AMOUNT_BITS) & u128::from(AMOUNT_MASK);
            u64::try_from(shifted).unwrap_or(AMOUNT_MASK)
        };
        PerBucket { free: field(0), subscription: field(1), top_up: field(2) }
    }
}

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Operation(OperationKind),
    /// Credits that a command gave.
    Gift,
    /// Credits that were clawed back.
    Clawback,
    /// Credits that an operator took out of a bucket.
    Correction,
    /// Credits that a command moved, no answer tells how many.
    Untold,
    /// Time, or a worker's death, ended a hold.
    Expiry,
}

/// The flag bits of an entry.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Flags(u16);

impl Flags {
    pub(super) const REPLAYED: Self = Self(1);
    pub(super) const FINAL: Self = Self(1 << 1);
    pub(super) const ALL: Self = Self(1 << 2);
    pub(super) const PRICED: Self = Self(1 << 3);
    pub(super) const DURABLE: Self = Self(1 << 4);
    /// A reserve whose commits take what is held, or draw the difference, where they are above it (R26).
    pub(super) const CAPS: Self = Self(1 << 5);
    pub(super) const DRAWS: Self = Self(1 << 6);
    /// The first of a frame.
    pub(super) const BEGINS: Self = Self(1 << 7);
    /// A hold that a worker's death may end.
    pub(super) const OF_WORKER: Self = Self(1 << 8);
    /// Which buckets may pay, as far as the request says.
    const PAYS: [Self; 3] = [Self(1 << 9), Self(1 << 10), Self(1 << 11)];

    pub(super) const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(super) const fn with(self, other: Self, set: bool) -> Self {
        if set { Self(self.0 | other.0) } else { self }
    }

    /// The buckets that may pay for what is reserved or charged (R3, R8).
    fn paid_by(self, operation: &Operation) -> Self {
        let mask = operation.sources.mask();
        let unpaid = operation.flags.contains(OperationFlags::PRO_MODEL);
        let pays = [mask & 1 != 0 && !unpaid, mask & 1 << 1 != 0, mask & 1 << 2 != 0];
        Self::PAYS.into_iter().zip(pays).fold(self, |flags, (bit, pays)| flags.with(bit, pays))
    }
}

/// A request with its answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    pub(super) hold: HoldId,
    split: Packed,
    available: Packed,
    pub(super) position: u64,
    pub(super) asked: u64,
    /// Reserve: the hold's end, milliseconds since 1970. Settlement: what was forfeited. Command: its number within all.
    pub(super) extra: u64,
    start_us: u64,
    took_us: u32,
    pub(super) wallet: u32,
    pub(super) kind: Kind,
    pub(super) outcome: Outcome,
    pub(super) number: u8,
    pub(super) flags: Flags,
}

// The history of ten million operations is one gigabyte, and half of what went over the wire.
const _: () = assert!(size_of::<Entry>() <= 96);
const _: () = assert!(size_of::<Entry>() * 2 <= OPERATION_BYTES + ANSWER_BYTES);

impl Entry {
    /// `None` for an answer that says that nothing happened, for want of room or time.
    pub(super) fn of(operation: &Operation, answer: &Answer, span: Span, wallet: u32) -> Option<Self> {
        let outcome = decided(answer);
        if outcome.is_retryable() && !is_unknown(outcome) {
            return None;
        }
        let has = |flag| operation.flags.contains(flag);
        let takes = matches!(operation.kind, OperationKind::Reserve | OperationKind::Charge);
        let flags = Flags::default()
            .with(Flags::REPLAYED, answer.outcome == Outcome::Replayed)
            .with(Flags::FINAL, has(OperationFlags::FINAL))
            .with(Flags::ALL, has(OperationFlags::ALL))
            .with(Flags::PRICED, has(OperationFlags::PRICED))
            .with(Flags::DURABLE, answer.flags.contains(AnswerFlags::DURABLE))
            .with(Flags::CAPS, operation.over_commit == OverCommit::Cap)
            .with(Flags::DRAWS, operation.over_commit == OverCommit::Draw)
            .with(Flags::OF_WORKER, !operation.worker.is_nil())
            .paid_by(operation);
        Some(Self {
            hold: operation.hold,
            split: Packed::of(answer.split),
            available: Packed::of(answer.available),
            position: answer.position,
            asked: operation.amount,
            extra: if takes { answer.time_ms } else { answer.forfeited },
            start_us: span.start_us,
            took_us: took(span),
            wallet,
            kind: Kind::Operation(operation.kind),
            outcome,
            number: operation.number,
            flags,
        })
    }

    /// `None` for commands that move no credits within a period, or did nothing.
    pub(super) fn of_command(command: &Command, answer: &CommandAnswer, span: Span, wallet: u32) -> Option<Self> {
        let (kind, bucket, amount) = moved_by(command, answer)?;
        let outcome = decided_command(answer);
        if !outcome.is_success() && !is_unknown(outcome) {
            return None;
        }
        let nothing = PerBucket::default();
        let split = match bucket {
            Bucket::Free => PerBucket { free: amount, ..nothing },
            Bucket::Subscription => PerBucket { subscription: amount, ..nothing },
            Bucket::TopUp => PerBucket { top_up: amount, ..nothing },
        };
        let flags = Flags::default()
            .with(Flags::REPLAYED, answer.outcome == Outcome::Replayed)
            .with(Flags::DURABLE, answer.flags.contains(AnswerFlags::DURABLE));
        Some(Self {
            hold: HoldId::NIL,
            split: Packed::of(split),
            available: Packed::default(),
            position: answer.position,
            asked: amount,
            extra: 0,
            start_us: span.start_us,
            took_us: took(span),
            wallet,
            kind,
            outcome,
            number: 0,
            flags,
        })
    }

    /// A hold that ended without a request, at `after_us` by the daemon's clock at the earliest. What came back is what was
    /// left of it.
    pub(super) fn of_expiry(view: &HoldView, wallet: u32, after_us: u64) -> Self {
        Self {
            hold: view.hold,
            split: Packed::default(),
            available: Packed::default(),
            position: view.position,
            asked: 0,
            extra: 0,
            // The clocks of daemon and client were compared once, over a network.
            start_us: after_us.saturating_sub(CLOCKS_APART_US),
            took_us: u32::MAX,
            wallet,
            kind: Kind::Expiry,
            // The position of its record is told only while nothing came after it.
            outcome: if last_is_expiry(view) { Outcome::Done } else { Outcome::OutcomeUnknown },
            number: 0,
            flags: Flags::DURABLE,
        }
    }

    pub(super) fn split(&self) -> PerBucket {
        self.split.amounts()
    }

    /// What is available after it; of `replayed` and of a refusal, what was available then.
    pub(super) fn available(&self) -> PerBucket {
        self.available.amounts()
    }

    pub(super) const fn start_us(&self) -> u64 {
        self.start_us
    }

    pub(super) const fn end_us(&self) -> u64 {
        if self.took_us == u32::MAX { u64::MAX } else { self.start_us.saturating_add(self.took_us as u64) }
    }

    pub(super) const fn is_replayed(&self) -> bool {
        self.flags.contains(Flags::REPLAYED)
    }

    pub(super) const fn is(&self, kind: OperationKind) -> bool {
        matches!(self.kind, Kind::Operation(own) if own.number() == kind.number())
    }

    /// Which buckets may pay for it, as far as the request says: a rate card may take away the free one (R8).
    pub(super) fn pays(&self) -> Mask {
        Mask(Flags::PAYS.map(|bit| self.flags.contains(bit)))
    }

    /// Whether it is a request, of an operation or a command, and not what time did.
    pub(super) const fn is_request(&self) -> bool {
        !matches!(self.kind, Kind::Expiry)
    }

    /// Whether it has a record of its own, so that its position is nobody else's. An extend that changes nothing tells the
    /// hold's last one.
    pub(super) const fn has_its_own_position(&self) -> bool {
        self.took_effect() && !self.is(OperationKind::Extend) && !matches!(self.kind, Kind::Untold)
    }

    /// Whether it has a record.
    pub(super) const fn took_effect(&self) -> bool {
        self.outcome.is_success() && !self.is(OperationKind::Balance)
    }

    /// Whether both are the same request.
    pub(super) fn same_request(&self, other: &Self) -> bool {
        let same = |one: &Self| (one.kind, one.hold, one.number, one.wallet, one.asked);
        same(self) == same(other)
    }

    pub(super) fn name(&self, account: AccountId) -> String {
        let what = match self.kind {
            Kind::Operation(kind @ (OperationKind::Commit | OperationKind::Refund)) => {
                format!("{kind} {} of hold {}", self.number, self.hold)
            }
            Kind::Operation(OperationKind::Balance) => "balance".to_owned(),
            Kind::Operation(kind) => format!("{kind} of hold {}", self.hold),
            Kind::Gift => "gift".to_owned(),
            Kind::Clawback => "clawback".to_owned(),
            Kind::Correction => "correction".to_owned(),
            Kind::Untold => "command".to_owned(),
            Kind::Expiry => format!("expiry of hold {}", self.hold),
        };
        format!("{what}, account {account}, position {}", self.position)
    }
}

/// What a command moved, which bucket, and how much. A command that opens a period (R10, R12) is seen by its number: what
/// it does to the bucket is not looked at.
fn moved_by(command: &Command, answer: &CommandAnswer) -> Option<(Kind, Bucket, u64)> {
    match (command, &answer.view) {
        (Command::Grant { bucket, amount, .. }, _) => Some((Kind::Gift, *bucket, *amount)),
        (Command::TopUp { amount, .. }, _) => Some((Kind::Gift, Bucket::TopUp, *amount)),
        (Command::Clawback { amount, .. }, _) => Some((Kind::Clawback, Bucket::TopUp, *amount)),
        (Command::Correct { bucket, .. }, _) => Some((Kind::Correction, *bucket, answer.amount)),
        // A retry shows the subscription as it is by then.
        (Command::ChangePlan { .. }, View::Subscription(change)) if answer.outcome == Outcome::Done => {
            (change.amount > 0).then_some((Kind::Gift, Bucket::Subscription, change.amount))
        }
        (
            Command::ChangePlan { .. } | Command::ConfirmTopUp { .. } | Command::TopUpBundle { pending: false, .. },
            _,
        ) => Some((Kind::Untold, Bucket::TopUp, 0)),
        _ => None,
    }
}

fn last_is_expiry(view: &HoldView) -> bool {
    view.refunds.as_slice().iter().all(|refund| refund.position != view.position)
        && view.captures.as_slice().iter().all(|capture| capture.position != view.position)
}

const CLOCKS_APART_US: u64 = 1_000_000;

fn took(span: Span) -> u32 {
    // More than an hour is as good as for ever: it allows more orders, never fewer.
    u32::try_from(span.end_us.saturating_sub(span.start_us)).unwrap_or(u32::MAX)
}
