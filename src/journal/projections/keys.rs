//! The keys of the projections' store: all kinds in one enum. Numbers in keys are big-endian, so that keys sort by them.

use wallet::ids::{AccountId, HoldId};
use wallet::ledger::CommandKey;

use super::store::Family;

/// All kinds of keys: the first byte. Persisted, keep stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum KeyKind {
    /// `state`, nothing follows: how far the journal was followed.
    Reached = 1,
    /// `state`, nothing follows: the bound of forgotten ids.
    IdBound = 2,
    /// `state`, nothing follows: the free allowances.
    Policies = 3,
    /// `state`, account id: a wallet.
    Wallet = 4,
    /// `state`, hold id: an open hold.
    OpenHold = 5,
    /// `state`, command id: what a command did.
    Command = 6,
    /// `state`, payment id: what a top-up did.
    Payment = 7,
    /// `holds`, second u64, position u64, hold id: a block of ended holds.
    EndedHolds = 8,
}

impl KeyKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Reached,
        Self::IdBound,
        Self::Policies,
        Self::Wallet,
        Self::OpenHold,
        Self::Command,
        Self::Payment,
        Self::EndedHolds,
    ];

    /// Where entries of this kind are.
    #[must_use]
    pub const fn family(self) -> Family {
        match self {
            Self::EndedHolds => Family::Holds,
            _ => Family::State,
        }
    }
}

/// Length of a key with an id.
pub(crate) const ID_KEY_BYTES: usize = 17;

const _: () = assert!(matches!(KeyKind::EndedHolds.family(), Family::Holds), "ended holds have a family of their own");
const _: () = assert!(ID_KEY_BYTES == 1 + size_of::<u128>(), "a key is its kind and an id");
const _: () = {
    let mut index = 0;
    while index < KeyKind::ALL.len() {
        assert!(KeyKind::ALL[index] as usize == index + 1, "persisted, keep stable: kinds are numbered from 1");
        index += 1;
    }
};

/// A key with an id.
pub(crate) fn id_key(kind: KeyKind, id: u128) -> [u8; ID_KEY_BYTES] {
    assert!(kind >= KeyKind::Wallet, "what is there once has a key of one byte");
    assert!(kind <= KeyKind::Payment, "a block has a key of its own form");
    let mut bytes = [kind as u8; ID_KEY_BYTES];
    bytes[1..].copy_from_slice(&id.to_be_bytes());
    assert!(id_of(kind, &bytes) == Some(id), "a key is read as it was written");
    bytes
}

pub(crate) fn wallet_key(account: AccountId) -> [u8; ID_KEY_BYTES] {
    id_key(KeyKind::Wallet, account.0)
}

pub(crate) fn open_hold_key(hold: HoldId) -> [u8; ID_KEY_BYTES] {
    id_key(KeyKind::OpenHold, hold.0)
}

pub(crate) fn command_key(key: CommandKey) -> [u8; ID_KEY_BYTES] {
    match key {
        CommandKey::Command(id) => id_key(KeyKind::Command, id.0),
        CommandKey::Payment(id) => id_key(KeyKind::Payment, id.0),
    }
}

/// The id in a key of this kind.
pub(crate) fn id_of(kind: KeyKind, key: &[u8]) -> Option<u128> {
    let key: &[u8; ID_KEY_BYTES] = key.try_into().ok()?;
    let (first, id) = key.split_first()?;
    (*first == kind as u8).then_some(u128::from_be_bytes(id.try_into().ok()?))
}

/// Length of the key of a block.
pub(crate) const BLOCK_KEY_BYTES: usize = 1 + 8 + 8 + 16;

const _: () = assert!(BLOCK_KEY_BYTES != ID_KEY_BYTES, "the two forms of keys are told apart by their length");

/// Which block of ended holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BlockKey {
    /// The ids' own time in seconds; 0 for ids without one.
    pub(crate) second: u64,
    /// The position that the flush which wrote it had reached: newer wins.
    pub(crate) flushed: u64,
    /// The lowest id in it.
    pub(crate) first: HoldId,
}

impl BlockKey {
    pub(crate) fn to_bytes(self) -> [u8; BLOCK_KEY_BYTES] {
        let mut bytes = [KeyKind::EndedHolds as u8; BLOCK_KEY_BYTES];
        bytes[1..9].copy_from_slice(&self.second.to_be_bytes());
        bytes[9..17].copy_from_slice(&self.flushed.to_be_bytes());
        bytes[17..].copy_from_slice(&self.first.0.to_be_bytes());
        assert!(Self::from_bytes(&bytes) == Some(self), "a key is read as it was written");
        assert!(bytes[0] == KeyKind::EndedHolds as u8, "a key begins with its kind");
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; BLOCK_KEY_BYTES] = bytes.try_into().ok()?;
        let (kind, rest) = bytes.split_first()?;
        let (second, rest) = rest.split_first_chunk()?;
        let (flushed, first) = rest.split_first_chunk()?;
        (*kind == KeyKind::EndedHolds as u8).then_some(Self {
            second: u64::from_be_bytes(*second),
            flushed: u64::from_be_bytes(*flushed),
            first: HoldId(u128::from_be_bytes(first.try_into().ok()?)),
        })
    }
}

/// The second that a hold's blocks are kept under.
pub(crate) fn second_of(hold: HoldId) -> u64 {
    hold.own_time().map_or(0, |time| time.seconds())
}
