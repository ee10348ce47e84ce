//! A group of the journal: as bytes from the disk, with a hash that is made right, and the records in it.

use journal::codec::{decode_any, encode_record};
use journal::group::{GROUP_BYTES_MAX, HASH_BYTES, HEADER_BYTES};
use journal::record::Meaning;
use journal::store::Start;
use journal::{EncodedUnit, EpochRecord, Group, GroupKey, Position};

use super::seeds;

const RAW: u8 = 0;
const SEALED: u8 = 1;
const RECORD: u8 = 2;

/// The first byte says what the rest is.
pub fn run(data: &[u8]) {
    let Some((mode, bytes)) = data.split_first() else { return };
    match mode % 3 {
        RAW => group(bytes),
        SEALED => group(&sealed(bytes)),
        _ => record(bytes),
    }
}

fn sealed(content: &[u8]) -> Vec<u8> {
    [content, blake3::hash(content).as_bytes().as_slice()].concat()
}

fn group(bytes: &[u8]) {
    // A group that is trusted is one of this process: whatever the bytes are, they are no panic.
    let trusted = Group::trust(bytes).is_ok();
    let Ok(group) = Group::check(bytes) else { return };
    assert!(trusted, "what is checked can be trusted");
    assert!(bytes.len() <= GROUP_BYTES_MAX);
    let header = *group.header();
    assert_eq!(group.hash().0, bytes[bytes.len() - HASH_BYTES..]);
    assert!(Group::check_at(header.key(), bytes).is_ok());
    let other = GroupKey { first: header.first.next(), ..header.key() };
    assert!(Group::check_at(other, bytes).is_err(), "a group stands under its own key");
    let opening = EpochRecord::opening(&group);
    assert!(Start::from_bytes(&Start::at(&group).to_bytes()) == Some(Start::at(&group)), "{opening:?}");

    let (mut expected, mut length, mut unit) = (header.first, HEADER_BYTES + HASH_BYTES, EncodedUnit::new());
    for (position, bytes) in group.records() {
        assert_eq!(position, expected, "records have positions without a gap");
        expected = expected.next();
        record(bytes);
        unit.push_record(bytes).unwrap();
    }
    length += unit.bytes().len();
    assert_eq!(length, bytes.len(), "all bytes are header, records or hash");
    assert_eq!(unit.bytes(), &bytes[HEADER_BYTES..bytes.len() - HASH_BYTES], "records are framed as they were");
    assert_eq!(unit.records(), header.records);
    assert_eq!(group.last().next(), expected);
    assert_eq!(group.records_from(group.last()).count(), 1);
    assert_eq!(group.records_from(Position(group.last().0 + 1)).count(), 0);
}

/// What a record means is encoded to bytes that mean the same.
fn record(bytes: &[u8]) {
    let Ok(Meaning::Record(value)) = decode_any(bytes) else { return };
    let mut unit = EncodedUnit::new();
    encode_record(&value, &mut unit).unwrap();
    let first = unit.bytes().to_vec();
    let (prefix, again) = first.split_at(prefix_length(&first));
    assert!(!prefix.is_empty());
    match decode_any(again) {
        Ok(Meaning::Record(same)) => assert_eq!(same, value, "a record comes back"),
        other => panic!("{value:?} comes back as {other:?}"),
    }
}

fn prefix_length(record: &[u8]) -> usize {
    1 + record.iter().take_while(|byte| **byte >= 0x80).count()
}

/// Golden records alone, and in groups.
pub fn seeds() -> Vec<Vec<u8>> {
    let golden = seeds::golden();
    let records = golden.iter().filter(|(name, _)| name.starts_with(|first: char| first.is_ascii_digit()));
    let mut all = Vec::new();
    let mut unit = EncodedUnit::new();
    for (_, record) in records {
        all.push([&[RECORD], record.as_slice()].concat());
        let mut alone = EncodedUnit::new();
        alone.push_record(record).unwrap();
        unit.push_record(record).unwrap();
        all.push([&[SEALED], content(&alone).as_slice()].concat());
    }
    all.push([&[SEALED], content(&unit).as_slice()].concat());
    all.push([&[RAW], sealed(&content(&unit)).as_slice()].concat());
    all
}

/// Header and records of a group without its hash.
fn content(unit: &EncodedUnit) -> Vec<u8> {
    let mut bytes = vec![0; HEADER_BYTES];
    bytes[0] = 1;
    bytes[4..8].copy_from_slice(&unit.records().to_le_bytes());
    bytes[8] = 3;
    bytes[16] = 41;
    bytes.extend_from_slice(unit.bytes());
    bytes
}
