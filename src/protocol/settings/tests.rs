//! Every word has settings, and settings within their limits have one word.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

#[test]
fn each_setting_has_its_bits() {
    let none = GenerationSettings::default();
    assert_eq!(none.pack(), Some(0));
    assert_eq!(GenerationSettings { quality: 15, ..none }.pack(), Some(0x0000_000f));
    assert_eq!(GenerationSettings { resolution: 15, ..none }.pack(), Some(0x0000_00f0));
    assert_eq!(GenerationSettings { add_ons: 255, ..none }.pack(), Some(0x0000_ff00));
    assert_eq!(GenerationSettings { duration_ds: u16::MAX, ..none }.pack(), Some(0xffff_0000));
}

#[test]
fn ids_beyond_four_bits_have_no_word() {
    let none = GenerationSettings::default();
    assert_eq!(GenerationSettings { quality: 16, ..none }.pack(), None);
    assert_eq!(GenerationSettings { resolution: 16, ..none }.pack(), None);
}

proptest! {
    #[test]
    fn every_word_comes_back(word in any::<u32>()) {
        prop_assert_eq!(GenerationSettings::unpack(word).pack(), Some(word));
    }
}

/// R17: the add-ons of a model have the ids 1 to 8.
#[test]
fn r17_the_bit_of_an_add_on_is_one_below_its_id() {
    assert_eq!(GenerationSettings::add_on(1), Some(0b1));
    assert_eq!(GenerationSettings::add_on(8), Some(0b1000_0000));
    assert_eq!((GenerationSettings::add_on(0), GenerationSettings::add_on(9)), (None, None));
}
