//! Logs as RocksDB writes them, made here and by RocksDB.

use super::*;
use crate::torn::tests::append;

/// A log of values of a few and of many bytes.
fn made() -> Vec<u8> {
    let mut log = Vec::new();
    (0..40_u8).for_each(|number| append(&mut log, &vec![number; 30 + usize::from(number) * 61]));
    log
}

#[cfg(feature = "rocks")]
fn logs() -> [Vec<u8>; 2] {
    let folder = tempfile::tempdir().unwrap();
    {
        let db = rocksdb::DB::open_default(folder.path()).unwrap();
        for number in 0..40_u8 {
            db.put([number], vec![number; usize::from(number) * 61]).unwrap();
        }
    }
    let logs = read(folder.path()).unwrap();
    assert!(logs.iter().all(|log| log.bad.is_none()), "{logs:?}");
    [made(), std::fs::read(&logs.last().unwrap().path).unwrap()]
}

#[cfg(not(feature = "rocks"))]
fn logs() -> [Vec<u8>; 1] {
    [made()]
}

/// A part of a record of any type, with the right sum.
fn part(kind: u8, content: &[u8]) -> Vec<u8> {
    let sum = crc32c::crc32c_append(crc32c::crc32c(&[kind]), content);
    let length = u16::try_from(content.len()).unwrap();
    [&masked(sum).to_le_bytes()[..], &length.to_le_bytes(), &[kind], content].concat()
}

#[test]
fn a_log_is_good_and_every_flipped_bit_is_found_in_its_record() {
    for whole in logs() {
        assert!(whole.len() > BLOCK_BYTES, "more than a block");
        assert_eq!(first_bad(&whole), None);
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            let (bad, _) = first_bad(&bytes).unwrap_or_else(|| panic!("byte {at} is not missed"));
            assert!(bad <= at as u64 && bad + (BLOCK_BYTES as u64) > at as u64, "byte {at}: {bad}");
        }
    }
}

#[test]
fn room_that_was_set_aside_ends_a_log_and_bytes_after_it_are_bad() {
    for mut bytes in logs() {
        let end = bytes.len();
        assert!(end % BLOCK_BYTES < BLOCK_BYTES - 64, "in the last block");
        bytes.resize(end + 64, 0);
        assert_eq!(first_bad(&bytes), None);
        bytes[end + 40] = 1;
        assert_eq!(first_bad(&bytes), Some((end as u64, "bytes after the end of a log")));
    }
}

#[test]
fn a_log_that_was_cut_inside_a_record_is_found() {
    for whole in logs() {
        let bad = (1..whole.len()).filter(|end| first_bad(&whole[..*end]).is_some()).count();
        // Cuts between records, and those that leave zeros of a header, are ends like any other.
        assert!(bad > whole.len() * 9 / 10, "{bad} of {}", whole.len());
    }
}

#[test]
fn every_type_of_a_part_is_known_or_bad() {
    for number in 0..=u8::MAX {
        let expected = match number {
            1 => Seen::Whole(Fragment { at: 0, end: 10, kind: Kind::Full }),
            2 => Seen::Whole(Fragment { at: 0, end: 10, kind: Kind::First }),
            3 => Seen::Whole(Fragment { at: 0, end: 10, kind: Kind::Middle }),
            4 => Seen::Whole(Fragment { at: 0, end: 10, kind: Kind::Last }),
            9 | 10 | 130 => Seen::Whole(Fragment { at: 0, end: 10, kind: Kind::Other }),
            _ => Seen::Bad("no known type of record"),
        };
        assert_eq!(fragment(&part(number, b"abc"), 0), expected, "{number}");
    }
}

#[test]
fn a_part_that_goes_beyond_its_block_is_bad() {
    for block in [1, 2, 3] {
        let mut bytes = vec![1; block * BLOCK_BYTES - 20];
        let at = bytes.len();
        bytes.extend(part(1, &[7; 100]));
        assert_eq!(fragment(&bytes, at), Seen::Bad("a record that is longer than what is left"));
        bytes.truncate(at);
        bytes.extend(part(1, &[7; 13]));
        assert_eq!(fragment(&bytes, at), Seen::Whole(Fragment { at, end: block * BLOCK_BYTES, kind: Kind::Full }));
    }
}

#[test]
fn the_logs_of_a_folder_are_read_in_their_order_each_with_its_first_bad_record() {
    let folder = tempfile::tempdir().unwrap();
    let (mut damaged, good) = (made(), made());
    let second = (HEADER_BYTES + 30) as u64;
    damaged[HEADER_BYTES + 30 + HEADER_BYTES] ^= 1;
    std::fs::write(folder.path().join("1000012.log"), &damaged).unwrap();
    std::fs::write(folder.path().join("999999.log"), &good).unwrap();
    std::fs::write(folder.path().join("CURRENT"), b"?").unwrap();
    let logs = read(folder.path()).unwrap();
    let seen: Vec<_> = logs.iter().map(|log| (log.path.file_name().unwrap(), log.bytes, log.bad)).collect();
    let bytes = good.len() as u64;
    let bad = Some((second, "a record with a wrong checksum"));
    assert_eq!(seen, [("999999.log".as_ref(), bytes, None), ("1000012.log".as_ref(), bytes, bad)]);
}

#[test]
fn a_block_without_room_for_a_header_ends_in_zeros() {
    for left in 1..HEADER_BYTES {
        let mut log = Vec::new();
        append(&mut log, &vec![7; BLOCK_BYTES - HEADER_BYTES - left]);
        append(&mut log, &[8; 50]);
        assert_eq!(first_bad(&log), None, "{left} bytes are left");
        log[BLOCK_BYTES - 1] = 1;
        assert_eq!(first_bad(&log), Some(((BLOCK_BYTES - left) as u64, "half a header")), "{left} bytes are left");
    }
}
