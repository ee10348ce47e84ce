//! Ids in text and bytes.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

const HOLD: &str = "0192f0c1-7a00-7abc-8def-0123456789ab";

#[test]
fn bytes_stand_in_text_order() {
    let hold: HoldId = HOLD.parse().unwrap();
    assert_eq!(hold.to_bytes()[..4], [0x01, 0x92, 0xf0, 0xc1]);
    assert_eq!(HoldId::from_bytes(hold.to_bytes()), hold);
    assert_eq!(hold.to_string(), HOLD);
    assert_eq!(HOLD.replace('-', "").parse(), Ok(hold));
}

#[test]
fn other_texts_are_no_ids() {
    let without_a_digit = &HOLD[1..];
    let hyphen_moved = HOLD.replacen('-', "", 1) + "-";
    let plus = HOLD.replacen('0', "+", 1);
    for text in ["", "0", without_a_digit, &hyphen_moved, &plus, &HOLD.replace('f', "g"), &"é".repeat(16)] {
        assert_eq!(text.parse::<HoldId>(), Err(BadId), "{text}");
    }
}

#[test]
fn only_version_seven_has_a_time() {
    let hold: HoldId = HOLD.parse().unwrap();
    assert_eq!(hold.time_ms(), Some(0x0192_f0c1_7a00));
    let version_4: HoldId = "0192f0c1-7a00-4abc-8def-0123456789ab".parse().unwrap();
    let other_variant: HoldId = "0192f0c1-7a00-7abc-cdef-0123456789ab".parse().unwrap();
    assert_eq!(version_4.time_ms(), None);
    assert_eq!(other_variant.time_ms(), None);
    assert_eq!(HoldId::NIL.time_ms(), None);
}

proptest! {
    #[test]
    fn an_id_shows_the_time_it_was_made_of(time_ms in 0..1_u64 << 48, random: u128) {
        let hold = HoldId::from_time_ms(time_ms, random);
        prop_assert_eq!(hold.time_ms(), Some(time_ms));
    }

    #[test]
    fn different_random_bits_give_different_ids(one in 0..1_u128 << 74, other in 0..1_u128 << 74) {
        prop_assert_eq!(one == other, HoldId::from_time_ms(1, one) == HoldId::from_time_ms(1, other));
    }

    #[test]
    fn text_round_trips(number: u128) {
        prop_assert_eq!(AccountId(number).to_string().parse(), Ok(AccountId(number)));
    }

    #[test]
    fn arbitrary_text_never_panics(text in ".{0,40}") {
        let _ = text.parse::<HoldId>();
    }
}
