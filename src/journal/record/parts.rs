//! The parts that stored records and stored rows are made of, and their conversions from and to the wallet's values.

use wallet::bucket::{Bucket, Slices, Sources, Split};
use wallet::credits::Credits;
use wallet::ids::{AccountId, CommandId, Day, HoldId, MemberId, Period, Tier, Timestamp, WorkerId};
use wallet::record::{Attribution, CaptureRequest, Issuer, OverCommit, PricedTerms, RefundReason, Terms};

use crate::codec::{
    BorrowDecode, BorrowDecoder, Decode, Decoder, Encode, EncodeError, Encoder, List, ReadError as BincodeError,
};

/// A field has a value that no record of this version has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the field {field} has the impossible value {value}")]
pub struct BadField {
    /// The field.
    pub field: &'static str,
    /// What stands there.
    pub value: u64,
}

/// I8: a replay reads what was decided; for the conversions of what is rare.
pub(crate) fn assert_kept<T: PartialEq>(written: &T, read: Result<T, BadField>) {
    assert!(read.is_ok(), "what a replay refuses is not written");
    assert!(read.is_ok_and(|read| read == *written), "a value is read as it was written");
}

const _: () = assert!(size_of::<StoredId>() == 16, "an id has sixteen bytes and no length");

const _: () = assert!(size_of::<StoredSplit>() == 3 * size_of::<u64>(), "an amount a bucket");
const _: () = assert!(size_of::<StoredSlices>() == size_of::<StoredSplit>() + 8, "amounts, a day and a period");
const _: () = assert!(Tier::MAX.0 == 15, "a tier has four bits");

impl BadField {
    pub(crate) fn new(field: &'static str, value: impl Into<u64>) -> Self {
        Self { field, value: value.into() }
    }
}

/// A 128-bit id: sixteen bytes in the order of its text form, without a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct StoredId(pub [u8; 16]);

impl StoredId {
    pub(crate) const fn of(id: u128) -> Self {
        Self(id.to_be_bytes())
    }

    pub(crate) const fn number(self) -> u128 {
        u128::from_be_bytes(self.0)
    }

    pub(crate) const fn account(self) -> AccountId {
        AccountId(self.number())
    }

    pub(crate) const fn hold(self) -> HoldId {
        HoldId(self.number())
    }

    /// Nothing for the zero id: one byte.
    fn optional(id: u128) -> Option<Self> {
        (id != 0).then(|| Self::of(id))
    }

    fn required_if_some(id: Option<Self>, field: &'static str) -> Result<u128, BadField> {
        match id.map(Self::number) {
            None => Ok(0),
            Some(0) => Err(BadField::new(field, 0_u8)),
            Some(number) => Ok(number),
        }
    }

    pub(crate) fn of_worker(worker: WorkerId) -> Option<Self> {
        Self::optional(worker.0)
    }

    pub(crate) fn worker(id: Option<Self>) -> Result<WorkerId, BadField> {
        Self::required_if_some(id, "worker").map(WorkerId)
    }
}

impl From<AccountId> for StoredId {
    fn from(id: AccountId) -> Self {
        Self::of(id.0)
    }
}

impl From<HoldId> for StoredId {
    fn from(id: HoldId) -> Self {
        Self::of(id.0)
    }
}

/// An instant in a record about a hold: milliseconds after the id's own time, which is nearly always a small number.
/// Ids without a time count from 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct AfterId(i64);

impl AfterId {
    pub(crate) fn of(hold: HoldId, at: Timestamp) -> Self {
        Self(at.0.wrapping_sub(own_time(hold)).cast_signed())
    }

    pub(crate) fn instant(self, hold: HoldId) -> Timestamp {
        Timestamp(own_time(hold).wrapping_add(self.0.cast_unsigned()))
    }
}

fn own_time(hold: HoldId) -> u64 {
    hold.own_time().map_or(0, |time| time.0)
}

/// An amount by bucket, in millicredits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct StoredSplit {
    free: u64,
    subscription: u64,
    top_up: u64,
}

impl From<Split> for StoredSplit {
    fn from(split: Split) -> Self {
        Self { free: split.free.millis(), subscription: split.subscription.millis(), top_up: split.top_up.millis() }
    }
}

impl From<StoredSplit> for Split {
    fn from(split: StoredSplit) -> Self {
        Self {
            free: Credits::from_millis(split.free),
            subscription: Credits::from_millis(split.subscription),
            top_up: Credits::from_millis(split.top_up),
        }
    }
}

impl StoredSplit {
    /// Nothing where nothing moved: one byte.
    pub(crate) fn optional(split: Split) -> Option<Self> {
        (!split.is_zero()).then(|| split.into())
    }

    pub(crate) fn or_zero(split: Option<Self>) -> Split {
        split.map_or(Split::ZERO, Split::from)
    }
}

/// Amounts with the day and the period that they belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct StoredSlices {
    split: StoredSplit,
    day: u32,
    period: u32,
}

impl From<Slices> for StoredSlices {
    fn from(slices: Slices) -> Self {
        Self { split: slices.split.into(), day: slices.day.0, period: slices.period.0 }
    }
}

impl From<StoredSlices> for Slices {
    fn from(slices: StoredSlices) -> Self {
        Self { split: slices.split.into(), day: Day(slices.day), period: Period(slices.period) }
    }
}

impl StoredSlices {
    /// Nothing where all five numbers are zero: one byte.
    pub(crate) fn optional(slices: Slices) -> Option<Self> {
        (slices != Slices::default()).then(|| slices.into())
    }

    pub(crate) fn or_zero(slices: Option<Self>) -> Slices {
        slices.map_or_else(Slices::default, Slices::from)
    }

    pub(crate) fn all(slices: &[Slices]) -> List<Self> {
        List(slices.iter().copied().map(Self::from).collect())
    }

    pub(crate) fn values(slices: List<Self>) -> Vec<Slices> {
        slices.0.into_iter().map(Slices::from).collect()
    }
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct StoredAttribution {
    member: Option<StoredId>,
    tool: u16,
    model: u32,
    count: u16,
}

impl From<Attribution> for StoredAttribution {
    fn from(attribution: Attribution) -> Self {
        let Attribution { member, tool, model, count } = attribution;
        let stored = Self { member: StoredId::optional(member.0), tool, model, count };
        assert!(stored.member.map_or(0, StoredId::number) == member.0, "I8: a member is read as it was written");
        stored
    }
}

impl TryFrom<StoredAttribution> for Attribution {
    type Error = BadField;

    fn try_from(stored: StoredAttribution) -> Result<Self, BadField> {
        let StoredAttribution { member, tool, model, count } = stored;
        let stored_member = member;
        let member = StoredId::required_if_some(member, "member").map(MemberId)?;
        assert!(StoredId::optional(member.0) == stored_member, "a member is written as it was read");
        Ok(Self { member, tool, model, count })
    }
}

/// What a hold's request asked for besides the amount: two bytes, and the hold time where it is not the distance
/// between the two instants beside it. What follows only where its flag says so costs nothing elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredTerms {
    /// Bits 0 to 2: sources; bit 3: the model is marked Pro; bits 4 and 5: what a commit above the hold does; bit 6: the
    /// rate card priced it; bit 7: the granted hold time follows.
    flags: u8,
    min_tier: u8,
    ttl_ms: Option<u32>,
    hold_ms: Option<u32>,
    priced: Option<StoredPricedTerms>,
}

const SOURCES_MASK: u8 = 0b0000_0111;
const PRO_MODEL: u8 = 0b0000_1000;
const OVER_COMMIT_SHIFT: u8 = 4;
const OVER_COMMIT_MASK: u8 = 0b11;
const PRICED: u8 = 0b0100_0000;
const HOLD_MS: u8 = 0b1000_0000;

const _: () = assert!(
    SOURCES_MASK & (PRO_MODEL | OVER_COMMIT_MASK << OVER_COMMIT_SHIFT | PRICED | HOLD_MS) == 0,
    "each part of the flags has its own bits"
);
const _: () = assert!(
    PRO_MODEL & (OVER_COMMIT_MASK << OVER_COMMIT_SHIFT | PRICED | HOLD_MS) == 0,
    "each part of the flags has its own bits"
);
const _: () = assert!(
    (OVER_COMMIT_MASK << OVER_COMMIT_SHIFT) & (PRICED | HOLD_MS) == 0,
    "each part of the flags has its own bits"
);
const _: () = assert!(PRICED & HOLD_MS == 0, "each part of the flags has its own bits");
const _: () = assert!(SOURCES_MASK == Sources::ALL.bits(), "every source has its bit, and no other has one");
const _: () = assert!(OverCommit::Draw as u8 <= OVER_COMMIT_MASK, "what a commit above the hold does fits");

impl Encode for StoredTerms {
    #[inline]
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        assert!((self.flags & HOLD_MS != 0) == self.hold_ms.is_some(), "what follows has its flag");
        assert!((self.flags & PRICED != 0) == self.priced.is_some(), "what follows has its flag");
        self.flags.encode(encoder)?;
        self.min_tier.encode(encoder)?;
        self.ttl_ms.encode(encoder)?;
        self.hold_ms.iter().try_for_each(|hold| hold.encode(encoder))?;
        self.priced.iter().try_for_each(|priced| priced.encode(encoder))
    }
}

impl<C> Decode<C> for StoredTerms {
    #[inline]
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, BincodeError> {
        let (flags, min_tier, ttl_ms) = Decode::decode(decoder)?;
        let hold_ms = if flags & HOLD_MS == 0 { None } else { Some(Decode::decode(decoder)?) };
        let priced = if flags & PRICED == 0 { None } else { Some(Decode::decode(decoder)?) };
        Ok(Self { flags, min_tier, ttl_ms, hold_ms, priced })
    }
}

impl<'de, C> BorrowDecode<'de, C> for StoredTerms {
    #[inline]
    fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(decoder: &mut D) -> Result<Self, BincodeError> {
        Decode::decode(decoder)
    }
}

/// What the rate card added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
struct StoredPricedTerms {
    version: u32,
    /// Bit 0: the request named the price; bit 1: free credits may not pay; bits 2 and 3: what a commit above the hold
    /// does.
    flags: u8,
}

const EXPECTED: u8 = 0b01;
const PAID_ONLY: u8 = 0b10;
const PRICED_OVER_COMMIT_SHIFT: u8 = 2;

const _: () = assert!((EXPECTED | PAID_ONLY) >> PRICED_OVER_COMMIT_SHIFT == 0, "the flags stand below");
const _: () = assert!(EXPECTED & PAID_ONLY == 0, "each flag has its bit");

impl From<PricedTerms> for StoredPricedTerms {
    fn from(priced: PricedTerms) -> Self {
        let PricedTerms { version, expected, pro_model, over_commit } = priced;
        let flag = |set, flag| if set { flag } else { 0 };
        let flags = flag(expected, EXPECTED) | flag(pro_model, PAID_ONLY);
        let stored = Self { version, flags: flags | (over_commit as u8) << PRICED_OVER_COMMIT_SHIFT };
        assert!(stored.flags >> PRICED_OVER_COMMIT_SHIFT == over_commit as u8, "nothing else stands in these bits");
        assert!(stored.flags & EXPECTED != 0 || !expected, "I8: a price that was named is told");
        stored
    }
}

impl TryFrom<StoredPricedTerms> for PricedTerms {
    type Error = BadField;

    fn try_from(stored: StoredPricedTerms) -> Result<Self, BadField> {
        let StoredPricedTerms { version, flags } = stored;
        let over_commit = OverCommit::from_code(flags >> PRICED_OVER_COMMIT_SHIFT);
        let priced = Self {
            version,
            expected: flags & EXPECTED != 0,
            pro_model: flags & PAID_ONLY != 0,
            over_commit: over_commit.ok_or_else(|| BadField::new("priced terms", flags))?,
        };
        assert!(StoredPricedTerms::from(priced) == stored, "terms are written as they were read");
        Ok(priced)
    }
}

/// The granted hold time where none is stored: what was asked for, else the distance between the two instants.
fn usual_hold_ms(ttl_ms: u32, held_ms: u64) -> u32 {
    if ttl_ms == 0 { u32::try_from(held_ms).unwrap_or(0) } else { ttl_ms }
}

impl StoredTerms {
    pub(crate) fn of(terms: &Terms, held_ms: u64) -> Self {
        // What `terms` refuses would stop every later start (I8).
        assert!(terms.sources.bits() != 0, "credits come from somewhere");
        assert!(terms.min_tier <= Tier::MAX, "a tier has four bits");
        let hold_ms = (terms.hold_ms != usual_hold_ms(terms.ttl_ms, held_ms)).then_some(terms.hold_ms);
        let priced = terms.priced.map(StoredPricedTerms::from);
        let flag = |set, flag| if set { flag } else { 0 };
        let flags =
            flag(terms.pro_model, PRO_MODEL) | flag(priced.is_some(), PRICED) | flag(hold_ms.is_some(), HOLD_MS);
        let stored = Self {
            flags: terms.sources.bits() | flags | (terms.over_commit as u8) << OVER_COMMIT_SHIFT,
            min_tier: terms.min_tier.0,
            ttl_ms: (u64::from(terms.ttl_ms) != held_ms).then_some(terms.ttl_ms),
            hold_ms,
            priced,
        };
        assert!((stored.flags & PRICED != 0) == stored.priced.is_some(), "what follows has its flag");
        assert!((stored.flags & HOLD_MS != 0) == stored.hold_ms.is_some(), "what follows has its flag");
        stored
    }

    pub(crate) fn terms(self, held_ms: u64) -> Result<Terms, BadField> {
        let bad = || BadField::new("terms", self.flags);
        let sources = self.flags & SOURCES_MASK;
        let ttl_ms = match self.ttl_ms {
            Some(ttl) => ttl,
            None => u32::try_from(held_ms).map_err(|_| BadField::new("ttl_ms", held_ms))?,
        };
        let terms = Terms {
            sources: Sources::from_bits(sources).filter(|_| sources != 0).ok_or_else(bad)?,
            pro_model: self.flags & PRO_MODEL != 0,
            min_tier: tier(self.min_tier)?,
            over_commit: OverCommit::from_code(self.flags >> OVER_COMMIT_SHIFT & OVER_COMMIT_MASK).ok_or_else(bad)?,
            ttl_ms,
            priced: self.priced.map(PricedTerms::try_from).transpose()?,
            hold_ms: self.hold_ms.unwrap_or_else(|| usual_hold_ms(ttl_ms, held_ms)),
        };
        assert!(terms.sources.bits() == sources, "sources are written as they were read");
        assert!(terms.min_tier <= Tier::MAX, "a tier that was read was checked");
        Ok(terms)
    }
}

/// What a commit asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct StoredRequest {
    number: u8,
    amount: Option<u64>,
    last: bool,
}

impl From<CaptureRequest> for StoredRequest {
    fn from(request: CaptureRequest) -> Self {
        let CaptureRequest { number, amount, last } = request;
        Self { number, amount: amount.map(Credits::millis), last }
    }
}

impl From<StoredRequest> for CaptureRequest {
    fn from(request: StoredRequest) -> Self {
        let StoredRequest { number, amount, last } = request;
        Self { number, amount: amount.map(Credits::from_millis), last }
    }
}

/// Who gave a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub struct StoredIssuer<'a> {
    command: StoredId,
    by: &'a str,
    reason: &'a str,
    at: u64,
}

impl<'a> From<&'a Issuer> for StoredIssuer<'a> {
    fn from(issuer: &'a Issuer) -> Self {
        let Issuer { command, by, reason, at } = issuer;
        let stored = Self { command: StoredId::of(command.0), by, reason, at: at.0 };
        assert!(stored.command.number() == command.0, "R13: a command is known by its id");
        stored
    }
}

impl From<StoredIssuer<'_>> for Issuer {
    fn from(stored: StoredIssuer<'_>) -> Self {
        Self {
            command: CommandId(stored.command.number()),
            by: stored.by.to_owned(),
            reason: stored.reason.to_owned(),
            at: Timestamp(stored.at),
        }
    }
}

pub(crate) fn tier(code: u8) -> Result<Tier, BadField> {
    if code <= Tier::MAX.0 { Ok(Tier(code)) } else { Err(BadField::new("tier", code)) }
}

/// What a wallet rolled into opens with. A lapse opens nothing (R11).
pub(crate) fn opened(tier: u8, allocation: u64) -> Result<Credits, BadField> {
    if tier == Tier::NONE.0 && allocation > 0 {
        return Err(BadField::new("allocation of a lapse", allocation));
    }
    Ok(Credits::from_millis(allocation))
}

pub(crate) const fn bucket_code(bucket: Bucket) -> u8 {
    match bucket {
        Bucket::Free => 1,
        Bucket::Subscription => 2,
        Bucket::TopUp => 3,
    }
}

const _: () = assert!(bucket_code(Bucket::Free) == Bucket::Free as u8 + 1, "persisted, keep stable");
const _: () = assert!(bucket_code(Bucket::Subscription) == Bucket::Subscription as u8 + 1, "persisted, keep stable");
const _: () = assert!(bucket_code(Bucket::TopUp) == Bucket::TopUp as u8 + 1, "persisted, keep stable");

pub(crate) fn bucket(code: u8) -> Result<Bucket, BadField> {
    Bucket::ALL.into_iter().find(|bucket| bucket_code(*bucket) == code).ok_or_else(|| BadField::new("bucket", code))
}

const _: () = assert!(RefundReason::ProviderError as u8 == 1, "persisted, keep stable");
const _: () = assert!(RefundReason::Goodwill as u8 == 6, "persisted, keep stable");

pub(crate) fn refund_reason(code: u8) -> Result<RefundReason, BadField> {
    RefundReason::from_code(code).ok_or_else(|| BadField::new("refund reason", code))
}
