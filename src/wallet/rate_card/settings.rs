//! The settings word: quality, resolution, add-ons and duration of a generation in 32 bits.
//!
//! | bits | meaning |
//! |---|---|
//! | 0-3 | the id of the quality, 0 = the model's default |
//! | 4-7 | the id of the resolution, 0 = the model's default |
//! | 8-15 | the add-ons, bit 8 for the add-on with id 1 |
//! | 16-31 | the duration in tenths of a second, 0 = the model's default |

use super::{ADD_ONS_MAX, STEPS_MAX};

const _: () = assert!(STEPS_MAX == 0xf, "a step fits its four bits, and every number of them is one");
const _: () = assert!(ADD_ONS_MAX as u32 == u8::BITS, "each add-on has its bit");
const _: () = assert!(matches!(Settings::from_word(u32::MAX).word(), Some(u32::MAX)), "every bit has its place");
const _: () = assert!(matches!(Settings::add_on_bit(1), Some(1)) && Settings::add_on_bit(0).is_none());
const _: () = assert!(matches!(Settings::add_on_bit(ADD_ONS_MAX), Some(0x80)), "the last add-on has the last bit");

/// The settings word in its parts. Every word has a meaning; whether the card has a price for it is another matter.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Settings {
    /// The id of the quality; 0 for the default.
    pub quality: u8,
    /// The id of the resolution; 0 for the default.
    pub resolution: u8,
    /// The add-ons: bit 0 for the one with id 1.
    pub add_ons: u8,
    /// The duration in tenths of a second; 0 for the default.
    pub tenths: u16,
}

impl Settings {
    /// The parts of a word.
    #[must_use]
    pub const fn from_word(word: u32) -> Self {
        let [steps, add_ons, low, high] = word.to_le_bytes();
        Self { quality: steps & 0xf, resolution: steps >> 4, add_ons, tenths: u16::from_le_bytes([low, high]) }
    }

    /// The word; `None` where a quality or resolution has an id above 15.
    #[must_use]
    pub const fn word(self) -> Option<u32> {
        if self.quality > STEPS_MAX || self.resolution > STEPS_MAX {
            return None;
        }
        let [low, high] = self.tenths.to_le_bytes();
        Some(u32::from_le_bytes([self.quality | (self.resolution << 4), self.add_ons, low, high]))
    }

    /// The mask bit of an add-on; `None` where the id is not 1 to 8.
    #[must_use]
    pub const fn add_on_bit(id: u8) -> Option<u8> {
        match id {
            1..=8 => Some(1 << id.saturating_sub(1)),
            _ => None,
        }
    }

    /// Whether the add-on with this id is chosen.
    #[must_use]
    pub const fn has_add_on(self, id: u8) -> bool {
        match Self::add_on_bit(id) {
            Some(bit) => self.add_ons & bit != 0,
            None => false,
        }
    }
}
