//! The 128-bit ids of the wire: sixteen bytes in the order of RFC 9562, shown as UUIDs.

use core::fmt;
use core::str::FromStr;

/// The text is not a UUID of 32 hexadecimal digits, with or without its four hyphens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID: 32 hexadecimal digits, as 8-4-4-4-12 or without hyphens")]
pub struct BadId;

macro_rules! id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u128);

        impl $name {
            /// The id that names nothing: sixteen zero bytes.
            pub const NIL: Self = Self(0);

            /// The id of these bytes, as they stand on the wire.
            #[must_use]
            #[inline]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(u128::from_be_bytes(bytes))
            }

            /// The bytes as they stand on the wire.
            #[must_use]
            #[inline]
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0.to_be_bytes()
            }

            /// Whether this is the id that names nothing.
            #[must_use]
            #[inline]
            pub const fn is_nil(self) -> bool {
                self.0 == 0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_uuid(self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_uuid(self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                parse_uuid(text).map(Self)
            }
        }

        impl From<u128> for $name {
            fn from(number: u128) -> Self {
                Self(number)
            }
        }

        impl From<$name> for u128 {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.to_bytes().serialize(serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <[u8; 16]>::deserialize(deserializer).map(Self::from_bytes)
            }
        }
    };
}

id!(
    /// An account: a workspace with one wallet (R2).
    AccountId
);
id!(
    /// A hold, made by the caller: the idempotency key of a reserve or charge (R22).
    HoldId
);
id!(
    /// The member of the workspace that a request is counted to; nil = none (R2).
    MemberId
);
id!(
    /// The worker that a hold's generation runs on; nil = none (R31).
    WorkerId
);
id!(
    /// A command, made by the caller: the idempotency key of a control operation (R13).
    CommandId
);
id!(
    /// A payment: the idempotency key of a top-up (R14).
    PaymentId
);
id!(
    /// A running daemon's own id, for logs and for telling two nodes apart.
    NodeId
);

impl HoldId {
    /// The id's own time in milliseconds since 1970, if it is a UUIDv7 (version 7, variant 10).
    #[must_use]
    pub fn time_ms(self) -> Option<u64> {
        let version = (self.0 >> 76) & 0xf;
        let variant = (self.0 >> 62) & 0x3;
        if version != 7 || variant != 2 {
            return None;
        }
        u64::try_from(self.0 >> 80).ok()
    }

    /// A UUIDv7 of a time and 74 random bits of the caller's; bits beyond those 74 are left out.
    /// This crate has neither clock nor randomness, so both are arguments. Times end with 48 bits (year 10889).
    #[must_use]
    pub const fn from_time_ms(time_ms: u64, random: u128) -> Self {
        const LOW_BITS: u32 = 62;
        let time = (time_ms as u128 & ((1 << 48) - 1)) << 80;
        let version = 7_u128 << 76;
        let high = ((random >> LOW_BITS) & 0xfff) << 64;
        let variant = 2_u128 << LOW_BITS;
        let low = random & ((1 << LOW_BITS) - 1);
        Self(time | version | high | variant | low)
    }
}

fn write_uuid(id: u128, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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

/// Reads 8-4-4-4-12 or 32 plain digits; anything looser would let two texts look like two ids.
fn parse_uuid(text: &str) -> Result<u128, BadId> {
    let hyphens = match text.len() {
        32 => false,
        36 => true,
        _ => return Err(BadId),
    };
    let mut id = 0_u128;
    for (at, byte) in text.bytes().enumerate() {
        if hyphens && matches!(at, 8 | 13 | 18 | 23) {
            if byte != b'-' {
                return Err(BadId);
            }
            continue;
        }
        let digit = char::from(byte).to_digit(16).ok_or(BadId)?;
        id = (id << 4) | u128::from(digit);
    }
    Ok(id)
}

#[cfg(test)]
mod tests;
