//! Identifiers, instants and numbers: each its own type, so that none stands in for another.

use std::fmt;

macro_rules! id128 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub u128);

        impl $name {
            /// The id that means "none" (members, workers) or is refused (accounts, holds, commands).
            pub const NONE: Self = Self(0);

            /// Whether this is the zero id.
            #[must_use]
            pub const fn is_none(self) -> bool {
                self.0 == 0
            }
        }

        /// The text form of a UUID.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let id = self.0;
                write!(
                    f,
                    "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
                    id >> 96,
                    (id >> 80) & 0xffff,
                    (id >> 64) & 0xffff,
                    (id >> 48) & 0xffff,
                    id & 0xffff_ffff_ffff
                )
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }
    };
}

id128!(
    /// A workspace with one wallet (R2).
    AccountId
);
id128!(
    /// A hold, named by its caller: a UUIDv7 that doubles as the idempotency key (R22).
    HoldId
);
id128!(
    /// The member of the workspace on whose behalf a request is made; zero means none (R2).
    MemberId
);
id128!(
    /// The worker that runs the generation; zero means none (R31).
    WorkerId
);
id128!(
    /// A command, named by its caller: the idempotency key of commands (R13).
    CommandId
);
id128!(
    /// A payment, named by the billing service: the idempotency key of top-ups (R14).
    PaymentId
);

impl HoldId {
    /// The id's own time in milliseconds since 1970, when it is a UUIDv7 (R22).
    #[must_use]
    #[inline]
    pub const fn own_time(self) -> Option<Timestamp> {
        let version = (self.0 >> 76) & 0xf;
        let variant = (self.0 >> 62) & 0b11;
        if version == 7 && variant == 0b10 {
            let [b0, b1, b2, b3, b4, b5, ..] = self.0.to_be_bytes();
            Some(Timestamp(u64::from_be_bytes([0, 0, b0, b1, b2, b3, b4, b5])))
        } else {
            None
        }
    }
}

/// An instant: milliseconds since 1970-01-01T00:00:00Z. Zero means "none" where an instant is optional.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// No instant.
    pub const NONE: Self = Self(0);
    /// Later than every instant that a clock shows.
    pub const NEVER: Self = Self(u64::MAX);

    /// This instant and `millis` more; saturates at [`Timestamp::NEVER`].
    #[must_use]
    #[inline]
    pub const fn plus_millis(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// This instant less `millis`; saturates at zero.
    #[must_use]
    #[inline]
    pub const fn minus_millis(self, millis: u64) -> Self {
        Self(self.0.saturating_sub(millis))
    }

    /// Whole seconds since 1970.
    #[must_use]
    #[inline]
    pub const fn seconds(self) -> u64 {
        self.0 / 1_000
    }
}

const _: () = assert!(Timestamp::NONE.0 < Timestamp::NEVER.0, "none is before every instant, never after it");
const _: () = assert!(Timestamp::NEVER.plus_millis(1).0 == Timestamp::NEVER.0, "nothing is later than never");
const _: () = assert!(Timestamp::NONE.minus_millis(1).0 == Timestamp::NONE.0, "nothing is before none");

/// What a request knows of the time: both instants are read once, by the server's clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Now {
    /// The daemon's time, which never goes back: every rule but one is decided by it (R35).
    pub daemon: Timestamp,
    /// The raw wall clock: the age of ids is measured against it (R22).
    pub wall: Timestamp,
}

impl Now {
    /// A moment at which both clocks agree.
    #[must_use]
    pub const fn at(instant: Timestamp) -> Self {
        Self { daemon: instant, wall: instant }
    }
}

/// The number of a calendar date in an account's zone: days since 1970-01-01. Never decreases for an account (R6).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Day(pub u32);

/// The number of a period of the subscription bucket, counted from zero for the life of the account (I7).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Period(pub u32);

impl Period {
    /// The period after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

const _: () = assert!(Period(0).next().0 == 1, "I7: periods are counted one by one");

/// The number of a record in the journal. The first record is 1; zero means "rests on nothing".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Position(pub u64);

impl Position {
    /// Before the first record.
    pub const NONE: Self = Self(0);

    /// The position `count` records further on.
    #[must_use]
    #[inline]
    pub const fn plus(self, count: u64) -> Self {
        Self(self.0.saturating_add(count))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A plan's tier, 1 to 15; zero means that no subscription is active.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Tier(pub u8);

impl Tier {
    /// No active subscription.
    pub const NONE: Self = Self(0);
    /// The highest tier that the wallet word can hold.
    pub const MAX: Self = Self(15);
}

/// The number of a plan in the catalogue, never reused (R9); zero means "none": a subscription set by hand.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct PlanId(pub u16);

impl PlanId {
    /// No plan of the catalogue.
    pub const NONE: Self = Self(0);

    /// Whether this is the zero id.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for PlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
