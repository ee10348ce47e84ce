//! Texts and lists within their limits.

#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn a_text_takes_its_limit_in_bytes() {
    assert_eq!(Text::<4>::new("äö").unwrap().as_str(), "äö");
    assert_eq!(Text::<4>::new("äöx"), Err(TooLong { len: 5, max: 4 }));
    assert_eq!(Text::<4>::try_from("abcd").unwrap().to_string(), "abcd");
}

#[test]
fn a_cut_text_ends_with_a_whole_character() {
    assert_eq!(Text::<4>::cut("abc€").as_str(), "abc");
    assert_eq!(Text::<6>::cut("abc€").as_str(), "abc€");
    assert_eq!(Text::<0>::cut("abc").as_str(), "");
}

#[test]
fn a_secret_is_never_printed() {
    let secret = Secret::<8>::new(b"hunter2").unwrap();
    assert_eq!(format!("{secret:?}"), "Secret(7 bytes)");
    assert_eq!(secret.expose(), b"hunter2");
    assert!(Secret::<8>::new(&[0; 9]).is_err());
}

#[test]
fn a_list_takes_its_limit() {
    assert_eq!(List::<u8, 2>::new(vec![1, 2]).unwrap().as_slice(), [1, 2]);
    assert_eq!(List::<u8, 2>::new(vec![1, 2, 3]), Err(TooLong { len: 3, max: 2 }));
}

/// A list that claims any length; asking it for an entry is a failure.
struct Bomb;

impl Iterator for Bomb {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        panic!("an entry was read, and room made for the others");
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, Some(usize::MAX))
    }
}

#[test]
fn a_list_that_claims_too_much_is_refused_before_room_is_made() {
    let bomb = serde::de::value::SeqDeserializer::<_, serde::de::value::Error>::new(Bomb);
    assert!(List::<u8, 255>::deserialize(bomb).is_err());
}
