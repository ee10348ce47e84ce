//! Golden bytes, every flip, every cut.

use super::*;
use crate::unit::EncodedUnit;

fn header() -> Header {
    Header {
        records: 2,
        epoch: Epoch(3),
        first: Position(41),
        time_ms: 1_700_000_000_123,
        previous: GroupHash([0xee; HASH_BYTES]),
    }
}

fn sample() -> Vec<u8> {
    let mut unit = EncodedUnit::new();
    unit.push_record(b"one").unwrap();
    unit.push_record(&[9; 200]).unwrap();
    let mut group = empty_buffer(Vec::new());
    group.extend_from_slice(unit.bytes());
    seal(&mut group, header());
    group
}

#[test]
fn golden_bytes() {
    let mut golden = vec![1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 41, 0, 0, 0, 0, 0, 0, 0];
    golden.extend(1_700_000_000_123_u64.to_le_bytes());
    golden.extend([0xee; HASH_BYTES]);
    assert_eq!(golden.len(), HEADER_BYTES);
    golden.extend(b"\x03one\xc8\x01");
    golden.extend([9; 200]);
    let hash = blake3::hash(&golden);
    golden.extend(hash.as_bytes());
    assert_eq!(sample(), golden);
}

#[test]
fn a_group_reads_back() {
    let bytes = sample();
    let group = Group::check_at(header().key(), &bytes).unwrap();
    assert_eq!(*group.header(), header());
    assert_eq!(group.last(), Position(42));
    let records: Vec<_> = group.records().collect();
    assert_eq!(records, [(Position(41), b"one".as_slice()), (Position(42), [9; 200].as_slice())]);
    assert_eq!(group.records_from(Position(42)).count(), 1);
    assert_eq!(group.records_from(Position(1)).count(), 2);
    assert_eq!(Group::trust(&bytes).unwrap().hash(), group.hash());
    let other = GroupKey { first: Position(41), epoch: Epoch(4) };
    assert_eq!(Group::check_at(other, &bytes).unwrap_err(), GroupDamage::Key);
}

#[test]
fn every_flipped_bit_and_every_cut_is_seen() {
    let whole = sample();
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(matches!(Group::check(&bytes), Err(GroupDamage::Hash)), "bit {bit}");
    }
    for end in 0..whole.len() {
        assert!(Group::check(&whole[..end]).is_err(), "cut at {end}");
    }
    let mut longer = whole;
    longer.push(0);
    assert_eq!(Group::check(&longer).unwrap_err(), GroupDamage::Hash);
    assert_eq!(Group::check(&vec![0; GROUP_BYTES_MAX + 1]).unwrap_err(), GroupDamage::Long);
}

/// Seals any header and body, also such that no writer makes.
fn sealed(change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = sample();
    bytes.truncate(bytes.len() - HASH_BYTES);
    change(&mut bytes);
    let hash = blake3::hash(&bytes);
    bytes.extend(hash.as_bytes());
    bytes
}

#[test]
fn whole_bytes_that_are_no_group_are_told_apart() {
    let foreign = |version, reserved| GroupDamage::Foreign { version, reserved };
    let damage = |change: fn(&mut Vec<u8>)| Group::check(&sealed(change)).map(|_| ()).unwrap_err();
    assert_eq!(damage(|bytes| bytes[0] = 2), foreign(2, 0));
    assert_eq!(damage(|bytes| bytes[2] = 1), foreign(1, 1));
    assert_eq!(damage(|bytes| bytes[4] = 0), GroupDamage::Numbers);
    assert_eq!(damage(|bytes| bytes[8] = 0), GroupDamage::Numbers);
    assert_eq!(damage(|bytes| bytes[16..24].fill(0)), GroupDamage::Numbers);
    assert_eq!(damage(|bytes| bytes[16..24].fill(0xff)), GroupDamage::Numbers);
    assert_eq!(damage(|bytes| bytes[4] = 1), GroupDamage::Records { records: 1 });
    assert_eq!(damage(|bytes| bytes[4] = 3), GroupDamage::Records { records: 3 });
    assert_eq!(damage(|bytes| bytes.truncate(bytes.len() - 1)), GroupDamage::Records { records: 2 });
}

#[test]
fn a_group_may_be_as_long_as_the_limit() {
    let mut unit = EncodedUnit::new();
    unit.push_record(&[9; BODY_BYTES_MAX / 2 - 3]).unwrap();
    unit.push_record(&[9; BODY_BYTES_MAX / 2 - 3]).unwrap();
    let mut group = empty_buffer(Vec::new());
    group.extend_from_slice(unit.bytes());
    seal(&mut group, header());
    assert_eq!(group.len(), GROUP_BYTES_MAX);
    assert_eq!(Group::check(&group).unwrap().last(), Position(42));
}

#[test]
fn a_hash_is_told_in_hexadecimal() {
    let mut hash = GroupHash::NONE;
    hash.0[0] = 0x0a;
    hash.0[31] = 0xf1;
    let told = format!("0a{}f1", "00".repeat(30));
    assert_eq!((hash.to_string(), format!("{hash:?}")), (told.clone(), told));
}
