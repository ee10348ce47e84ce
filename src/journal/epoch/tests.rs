//! Stored form of the epoch record.

use super::*;

fn sample() -> EpochRecord {
    EpochRecord { epoch: Epoch(3), writer: WriterId([0xab; 16]), last: Position(77), last_hash: GroupHash([0x5c; 32]) }
}

#[test]
fn golden_bytes() {
    let mut golden = vec![0];
    golden.extend([3, 0, 0, 0, 0, 0, 0, 0]);
    golden.extend([0xab; 16]);
    golden.extend([77, 0, 0, 0, 0, 0, 0, 0]);
    golden.extend([0x5c; 32]);
    assert_eq!(sample().to_bytes().as_slice(), golden);
    assert_eq!(EpochRecord::from_bytes(&golden), Some(sample()));
}

#[test]
fn any_cut_and_any_other_kind_is_no_epoch_record() {
    let mut bytes = sample().to_bytes().to_vec();
    for end in 0..bytes.len() {
        assert_eq!(EpochRecord::from_bytes(&bytes[..end]), None);
    }
    bytes.push(0);
    assert_eq!(EpochRecord::from_bytes(&bytes), None);
    bytes.pop();
    bytes[0] = 1;
    assert_eq!(EpochRecord::from_bytes(&bytes), None);
    assert!(!is_epoch_record(&bytes));
    assert!(!is_epoch_record(&[]));
}

#[test]
fn an_epoch_record_that_names_the_highest_position_opens_nothing() {
    let record = EpochRecord { last: Position::MAX, ..sample() };
    let header = crate::group::Header {
        records: 1,
        epoch: record.epoch,
        first: Position(78),
        time_ms: 0,
        previous: record.last_hash,
    };
    let mut bytes = crate::group::empty_buffer(Vec::new());
    bytes.extend_from_slice(record.to_unit().bytes());
    crate::group::seal(&mut bytes, header);
    assert_eq!(EpochRecord::opening(&Group::check(&bytes).unwrap()), None);
    let mut bytes = crate::group::empty_buffer(Vec::new());
    bytes.extend_from_slice(sample().to_unit().bytes());
    crate::group::seal(&mut bytes, header);
    assert_eq!(EpochRecord::opening(&Group::check(&bytes).unwrap()), Some(sample()));
}
