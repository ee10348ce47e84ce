//! Length prefixes: round trip, cuts, other spellings.

use super::*;

#[test]
fn records_of_every_length_class_read_back() {
    let lengths = [0, 1, 127, 128, 300, 16_383, 16_384, RECORD_BYTES_MAX];
    let mut unit = EncodedUnit::new();
    for length in lengths {
        unit.push_record(&vec![7; length]).unwrap();
    }
    assert_eq!(unit.records(), 8);
    let mut body = unit.bytes();
    for length in lengths {
        let range = first_record(body).unwrap();
        assert_eq!(range.len(), length);
        assert!(body[range.clone()].iter().all(|&byte| byte == 7));
        body = &body[range.end..];
    }
    assert!(body.is_empty());
}

#[test]
fn a_record_that_is_too_long_leaves_the_unit_alone() {
    let mut unit = EncodedUnit::new();
    unit.push_record(b"kept").unwrap();
    let refused = unit.push_record(&vec![0; RECORD_BYTES_MAX + 1]);
    assert_eq!(refused, Err(RecordTooLong { bytes: RECORD_BYTES_MAX + 1 }));
    assert_eq!((unit.records(), unit.bytes()), (1, b"\x04kept".as_slice()));
    unit.clear();
    assert!(unit.is_empty() && unit.bytes().is_empty());
}

#[test]
fn cut_overlong_and_oversized_prefixes_are_refused() {
    assert_eq!(first_record(&[]), None);
    assert_eq!(first_record(&[3, 1, 2]), None);
    assert_eq!(first_record(&[0x80]), None);
    assert_eq!(first_record(&[0x81, 0x00, 9]), None, "1 in two bytes");
    assert_eq!(first_record(&[0xff, 0xff, 0xff, 0xff, 0x7f]), None, "more than 32 bits");
    assert_eq!(first_record(&[0x81, 0x80, 0x80, 0x80, 0x10, 9]), None, "2^32 more than the 1 that fits");
    assert_eq!(first_record(&[0xff; 6]), None);
    assert_eq!(first_record(&[1, 5, 9]), Some(1..2));
}

#[test]
fn a_record_that_is_too_long_is_not_read() {
    let mut body = Prefix::of(u32::try_from(RECORD_BYTES_MAX + 1).unwrap()).bytes().to_vec();
    body.resize(body.len() + RECORD_BYTES_MAX + 1, 7);
    assert_eq!(first_record(&body), None);
}
