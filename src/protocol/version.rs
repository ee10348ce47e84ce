//! The versions of the wire format. The first 32 bytes of every frame keep their layout in all of them.

use crate::numbered::numbered;

numbered! {
    /// A version of the wire format.
    pub enum Version: u16, from_u16 {
        /// The first: everything in this crate.
        V1 = 1 "1",
    }
}

impl Version {
    /// The newest version of this crate.
    pub const NEWEST: Self = Self::V1;

    /// The newest version within what a hello offers; `None` = close with `bad_version`.
    #[must_use]
    pub fn agree(offered_min: u16, offered_max: u16) -> Option<Self> {
        Self::ALL.iter().rev().copied().find(|version| (offered_min..=offered_max).contains(&version.number()))
    }
}

#[cfg(test)]
mod tests;
