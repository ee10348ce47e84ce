//! Entries of the projections' store: wallets, holds, blocks of ended holds, commands, how far the journal was followed.

use journal::projections::{KeyKind, reread};

use super::seeds;

/// The first byte is the kind of the key; sixteen bytes after it the id of the key where the kind has one.
pub fn run(data: &[u8]) {
    let Some((key, value)) = split(data) else { return };
    let Ok(first) = reread(&key, value) else { return };
    let second = reread(&key, &first);
    assert_eq!(second.as_ref(), Ok(&first), "what an entry means is written to bytes that mean the same");
}

fn split(data: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (kind, rest) = data.split_first()?;
    let kind = KeyKind::ALL[usize::from(*kind) % KeyKind::ALL.len()];
    let length = match kind {
        KeyKind::Reached | KeyKind::IdBound | KeyKind::Policies => 0,
        KeyKind::EndedHolds => 32,
        _ => 16,
    };
    let (id, value) = rest.split_at_checked(length)?;
    Some(([&[kind as u8], id].concat(), value))
}

/// Golden entries.
pub fn seeds() -> Vec<Vec<u8>> {
    let golden = seeds::golden();
    let block_key = golden.iter().find(|(name, _)| name == "block-key").map(|(_, bytes)| bytes[1..].to_vec());
    let id = 0x0190_a000_0000_7000_8000_0000_0000_0010_u128.to_be_bytes();
    let mut all = Vec::new();
    for (name, value) in &golden {
        let (kind, key) = match name.as_str() {
            "row-reached" => (KeyKind::Reached, Vec::new()),
            "row-id-bound" => (KeyKind::IdBound, Vec::new()),
            "row-policies" => (KeyKind::Policies, Vec::new()),
            "row-wallet" => (KeyKind::Wallet, id.to_vec()),
            "row-command" => (KeyKind::Command, id.to_vec()),
            "row-payment" => (KeyKind::Payment, id.to_vec()),
            "block" => (KeyKind::EndedHolds, block_key.clone().unwrap_or_default()),
            name if name.starts_with("row-") => (KeyKind::OpenHold, id.to_vec()),
            _ => continue,
        };
        let place = KeyKind::ALL.iter().position(|known| *known == kind).unwrap_or_default();
        all.push([&[u8::try_from(place).unwrap()], key.as_slice(), value.as_slice()].concat());
    }
    all
}
