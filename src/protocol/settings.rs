//! The settings word of an operation: what is to be made, in 32 bits. The ids are those of the model on the rate card.
//!
//! ```text
//! bits 0-3 quality   4-7 resolution   8-15 add-ons, a mask   16-31 duration in tenths of a second
//! ```
//! Zero in a field is the model's default: its own quality, resolution and duration, and no add-on.

/// The settings of a generation, taken apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct GenerationSettings {
    /// The quality's id, 1 to 15; 0 = the model's default.
    pub quality: u8,
    /// The resolution's id, 1 to 15; 0 = the model's default.
    pub resolution: u8,
    /// A bit for each add-on, whose ids are 1 to 8: bit 0 is the add-on with id 1; [`Self::add_on`] makes one.
    pub add_ons: u8,
    /// The duration in tenths of a second; 0 = the model's default.
    pub duration_ds: u16,
}

impl GenerationSettings {
    /// The highest id of a quality or a resolution.
    pub const ID_MAX: u8 = 15;

    /// The highest id of an add-on.
    pub const ADD_ON_ID_MAX: u8 = 8;

    /// The bit of an add-on in [`Self::add_ons`]; `None` if its id is not 1 to [`Self::ADD_ON_ID_MAX`].
    #[must_use]
    pub const fn add_on(id: u8) -> Option<u8> {
        match id {
            1..=Self::ADD_ON_ID_MAX => Some(1 << (id - 1)),
            _ => None,
        }
    }

    const RESOLUTION_SHIFT: u32 = 4;
    const ADD_ONS_SHIFT: u32 = 8;
    const DURATION_SHIFT: u32 = 16;

    /// The word; `None` if an id is above [`Self::ID_MAX`].
    #[must_use]
    pub const fn pack(self) -> Option<u32> {
        if self.quality > Self::ID_MAX || self.resolution > Self::ID_MAX {
            return None;
        }
        Some(
            self.quality as u32
                | (self.resolution as u32) << Self::RESOLUTION_SHIFT
                | (self.add_ons as u32) << Self::ADD_ONS_SHIFT
                | (self.duration_ds as u32) << Self::DURATION_SHIFT,
        )
    }

    /// The settings of a word; every word has some.
    #[must_use]
    pub const fn unpack(word: u32) -> Self {
        let [ids, add_ons, low, high] = word.to_le_bytes();
        Self {
            quality: ids & Self::ID_MAX,
            resolution: ids >> Self::RESOLUTION_SHIFT,
            add_ons,
            duration_ds: u16::from_le_bytes([low, high]),
        }
    }
}

#[cfg(test)]
mod tests;
