//! Golden entries of every kind are written again as they were; what is no entry is refused.

use super::super::keys::id_key;
use super::*;
use crate::record::samples::{HOLD_TIME_MS, hold_id};

fn golden(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hex");
    digits.chunks(2).map(byte).collect()
}

/// The key of an entry, and its golden bytes.
fn entries() -> Vec<(Vec<u8>, Vec<u8>)> {
    let hold = hold_id(HOLD_TIME_MS, 9).0;
    let named = [
        (vec![KeyKind::Reached as u8], include_str!("../../golden/row-reached.hex")),
        (vec![KeyKind::IdBound as u8], include_str!("../../golden/row-id-bound.hex")),
        (vec![KeyKind::Policies as u8], include_str!("../../golden/row-policies.hex")),
        (id_key(KeyKind::Wallet, 1).to_vec(), include_str!("../../golden/row-wallet.hex")),
        (id_key(KeyKind::OpenHold, hold).to_vec(), include_str!("../../golden/row-open-hold.hex")),
        (id_key(KeyKind::Command, 1).to_vec(), include_str!("../../golden/row-command.hex")),
        (id_key(KeyKind::Payment, 1).to_vec(), include_str!("../../golden/row-payment.hex")),
        (golden(include_str!("../../golden/block-key.hex")), include_str!("../../golden/block.hex")),
    ];
    named.into_iter().map(|(key, value)| (key, golden(value))).collect()
}

#[test]
fn golden_entries_of_every_kind_are_written_as_they_were() {
    let entries = entries();
    for (key, value) in &entries {
        assert_eq!(&reread(key, value).expect("golden bytes are read"), value, "kind {}", key[0]);
    }
    assert_eq!(entries.len(), KeyKind::ALL.len());
}

#[test]
fn a_key_of_another_length_or_kind_is_no_entry() {
    for (key, value) in entries() {
        let longer = [key.as_slice(), &[0]].concat();
        assert!(reread(&longer, &value).is_err(), "kind {} with a longer key", key[0]);
        if key.len() > 1 {
            assert!(reread(&key[..key.len() - 1], &value).is_err(), "kind {} with a shorter key", key[0]);
        }
    }
    assert!(reread(&[], &[]).is_err());
    assert!(reread(&[9], &[]).is_err());
}
