//! Frames of every kind, whole, cut, and with every bit flipped.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::strategies;
use crate::vectors::{self, Meaning, Value};

const EVERY_STATE: [Expecting; 4] =
    [Expecting::Hello, Expecting::Welcome, Expecting::FromClient, Expecting::FromServer];

/// Every good frame among the vectors.
fn good_frames() -> Vec<(String, Expecting, Vec<u8>)> {
    vectors::all()
        .into_iter()
        .filter(|vector| matches!(vector.meaning, Meaning::Frame(..)))
        .map(|vector| (vector.name, vector.expecting, vector.bytes))
        .collect()
}

#[test]
fn the_check_value_of_the_checksum() {
    assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
    assert_eq!(crc32c::crc32c(b""), 0);
}

#[test]
fn a_frame_cut_at_any_byte_needs_more_and_never_too_much() {
    for (name, expecting, bytes) in good_frames() {
        for cut in 0..bytes.len() {
            let Ok(Progress::NeedMore(missing)) = decode(&bytes[..cut], expecting) else {
                panic!("{name} cut at {cut}");
            };
            let header_missing = HEADER_BYTES.saturating_sub(cut);
            let expected = if header_missing > 0 { header_missing } else { bytes.len() - cut };
            assert_eq!(missing, expected, "{name} cut at {cut}");
        }
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    for (name, expecting, mut bytes) in good_frames() {
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            let expected = match bit / 8 {
                0..4 => CloseReason::BadMagic,
                4..HEADER_BYTES => CloseReason::BadHeaderCrc,
                _ => CloseReason::BadBodyCrc,
            };
            let error = decode(&bytes, expecting).unwrap_err();
            assert_eq!(error.close_reason(), expected, "{name} bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn another_protocol_is_noticed_at_its_first_wrong_byte() {
    assert_eq!(decode(b"", Expecting::Hello), Ok(Progress::NeedMore(32)));
    assert_eq!(decode(b"CR", Expecting::Hello), Ok(Progress::NeedMore(30)));
    assert_eq!(decode(b"G", Expecting::Hello), Err(FrameError::BadMagic));
    assert_eq!(decode(b"CRe", Expecting::Hello), Err(FrameError::BadMagic));
}

#[test]
fn a_length_beyond_the_limit_is_refused_before_its_body_comes() {
    for kind in FrameKind::ALL.iter().copied().filter(|kind| !kind.is_counted()) {
        let expecting = *EVERY_STATE.iter().find(|state| state.takes(kind)).unwrap();
        for body_len in [kind.body_bytes_max() + 1, BODY_BYTES_MAX + 1, u32::MAX] {
            let header = Header { kind, request_id: 0, count: 1, body_len, body_crc: 0 };
            let error = decode(&header.encode(), expecting).unwrap_err();
            assert_eq!(error.close_reason(), CloseReason::BodyTooLong, "{kind}");
        }
        let longest = Header { kind, request_id: 0, count: 1, body_len: kind.body_bytes_max(), body_crc: 0 };
        assert!(decode(&longest.encode(), expecting).is_ok(), "{kind}");
    }
}

#[test]
fn count_and_length_of_records_belong_together() {
    let check = |count: u32, body_len: u32| {
        let header = Header { kind: FrameKind::Operations, request_id: 0, count, body_len, body_crc: 0 };
        decode(&header.encode(), Expecting::FromClient).map_err(FrameError::close_reason)
    };
    assert_eq!(check(8190, 8190 * 96), Ok(Progress::NeedMore(8190 * 96)));
    assert_eq!(check(8191, 8191 * 96), Err(CloseReason::BadCount));
    assert_eq!(check(0, 0), Err(CloseReason::BadCount));
    assert_eq!(check(u32::MAX, 96), Err(CloseReason::BadCount));
    assert_eq!(check(1, 95), Err(CloseReason::BadBodyLen));
    assert_eq!(check(1, 192), Err(CloseReason::BadBodyLen));
    assert_eq!(check(1, BODY_BYTES_MAX + 1), Err(CloseReason::BodyTooLong));
}

#[test]
fn each_state_takes_its_own_kinds() {
    let table = "
        hello: hello
        welcome: welcome close
        from client: operations command close ping pong
        from server: answers command_answer close ping pong";
    for (state, line) in EVERY_STATE.iter().zip(table.trim().lines()) {
        let taken = line.split_once(": ").unwrap().1;
        for kind in FrameKind::ALL {
            let expected = taken.split(' ').any(|name| name == kind.name());
            assert_eq!(state.takes(*kind), expected, "{state:?} {kind}");
            let header = Header { kind: *kind, request_id: 0, count: 1, body_len: 0, body_crc: 0 };
            let unexpected = decode(&header.encode(), *state) == Err(FrameError::UnexpectedFrame { kind: *kind });
            assert_eq!(unexpected, !expected, "{state:?} {kind}");
        }
    }
}

#[test]
fn the_next_frame_begins_where_the_body_ends() {
    let mut bytes = Value::Ping.encode(1).unwrap();
    bytes.extend(Value::Pong.encode(2).unwrap());
    let Ok(Progress::Frame { header, body }) = decode(&bytes, Expecting::FromClient) else { panic!("the first") };
    assert_eq!((header.kind, header.request_id), (FrameKind::Ping, 1));
    let Ok(Progress::Frame { header, body }) = decode(&bytes[body.end..], Expecting::FromClient) else {
        panic!("the second")
    };
    assert_eq!((header.kind, header.request_id, body), (FrameKind::Pong, 2, 32..32));
}

proptest! {
    #[test]
    fn frames_round_trip(value in strategies::value(), request_id: u64) {
        let bytes = value.encode(request_id).unwrap();
        let kind = FrameKind::from_u8(bytes[6]).unwrap();
        let expecting = *EVERY_STATE.iter().find(|state| state.takes(kind)).unwrap();
        let Ok(Progress::Frame { header, body }) = decode(&bytes, expecting) else { panic!("whole") };
        prop_assert_eq!(header.request_id, request_id);
        prop_assert_eq!(body.end, bytes.len());
        prop_assert_eq!(Value::decode(kind, &bytes[body]), Ok(value));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), state in 0..4_usize) {
        let _ = decode(&bytes, EVERY_STATE[state]);
    }

    #[test]
    fn arbitrary_headers_with_a_right_crc_never_panic_nor_ask_for_too_much(mut bytes in prop::array::uniform32(any::<u8>()), kind: u8, state in 0..4_usize) {
        bytes[..8].copy_from_slice(&[b'C', b'R', b'D', b'T', 1, 0, kind % 12, 0]);
        let crc = crc32c::crc32c(&bytes[..28]);
        bytes[28..].copy_from_slice(&crc.to_le_bytes());
        match decode(&bytes, EVERY_STATE[state]) {
            Ok(Progress::NeedMore(missing)) => prop_assert!(missing <= BODY_BYTES_MAX as usize),
            Ok(Progress::Frame { body, .. }) => prop_assert_eq!(body, 32..32),
            Err(_) => {}
        }
    }

    #[test]
    fn any_bytes_as_any_body_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), kind in 0..9_usize) {
        let kind = FrameKind::ALL[kind];
        if let Ok(value) = Value::decode(kind, &bytes) && !kind.is_counted() && kind.body_bytes_max() > 0 {
            let again = value.encode(0).unwrap();
            prop_assert_eq!(&again[HEADER_BYTES..], &bytes[..], "two forms of one body");
        }
    }
}
