//! Which fields a kind of operation takes: the table "Used fields" of WIRE.md as sets of bits, so that an operation
//! is checked without a branch per field.

use super::{BadField, Operation, OperationFlags, OperationKind, OverCommit, SOURCES_MASK};
use crate::field::Field;
use crate::limits::{AMOUNT_MAX, HOLD_TTL_MS_MAX, TIER_MAX};

impl Operation {
    /// A bit for each bad field: used by no kind, missing, or out of range.
    #[inline]
    pub(super) fn bad_fields(&self) -> u32 {
        let used = Used::by(self.kind);
        let stated = self.stated_fields();
        let unused = stated & !used.may;
        let missing = used.must & !stated;
        let all = self.flags.contains(OperationFlags::ALL);
        let out_of_range = bit_if(self.flags.0 & !used.flags != 0, Field::Flags)
            | bit_if(self.sources.0 > SOURCES_MASK, Field::Sources)
            | bit_if(self.ttl_ms > HOLD_TTL_MS_MAX, Field::TtlMs)
            | bit_if(self.amount > AMOUNT_MAX, Field::Amount)
            | bit_if(all && self.amount != 0, Field::Amount)
            | bit_if(self.min_tier > TIER_MAX, Field::MinTier);
        unused | missing | out_of_range
    }

    /// A bit for each field that is not zero.
    #[inline]
    fn stated_fields(&self) -> u32 {
        bit(Field::Kind)
            | bit_if(self.flags.0 != 0, Field::Flags)
            | bit_if(self.sources.0 != 0, Field::Sources)
            | bit_if(self.number != 0, Field::Number)
            | bit_if(self.ttl_ms != 0, Field::TtlMs)
            | bit_if(!self.hold.is_nil(), Field::Hold)
            | bit_if(!self.account.is_nil(), Field::Account)
            | bit_if(self.amount != 0, Field::Amount)
            | bit_if(!self.member.is_nil(), Field::Member)
            | bit_if(!self.worker.is_nil(), Field::Worker)
            | bit_if(self.model != 0, Field::Model)
            | bit_if(self.tool != 0, Field::Tool)
            | bit_if(self.count != 0, Field::Count)
            | bit_if(self.min_tier != 0, Field::MinTier)
            | bit_if(self.reason.is_some(), Field::Reason)
            | bit_if(self.over_commit != OverCommit::Reject, Field::OverCommit)
            | bit_if(self.settings != 0, Field::Settings)
    }
}

/// Which fields a kind may and must state, and which flags.
#[derive(Clone, Copy)]
struct Used {
    may: u32,
    must: u32,
    flags: u8,
}

impl Used {
    #[inline]
    const fn by(kind: OperationKind) -> Self {
        const HOLD: u32 = bit(Field::Kind) | bit(Field::Hold) | bit(Field::Account);
        const MADE: u32 = bit(Field::Flags)
            | bit(Field::Sources)
            | bit(Field::Amount)
            | bit(Field::Member)
            | bit(Field::Worker)
            | bit(Field::Model)
            | bit(Field::Tool)
            | bit(Field::Count)
            | bit(Field::MinTier)
            | bit(Field::Settings);
        const MADE_FLAGS: u8 = OperationFlags::PRICED.with(OperationFlags::PRO_MODEL).0;
        const COMMIT_FLAGS: u8 = OperationFlags::FINAL.with(OperationFlags::ALL).0;
        const STEP: u32 = bit(Field::Flags) | bit(Field::Number) | bit(Field::Amount);
        match kind {
            OperationKind::Reserve => {
                Self { may: HOLD | MADE | bit(Field::TtlMs) | bit(Field::OverCommit), must: HOLD, flags: MADE_FLAGS }
            }
            OperationKind::Charge => Self { may: HOLD | MADE, must: HOLD, flags: MADE_FLAGS },
            OperationKind::Commit => Self { may: HOLD | STEP, must: HOLD, flags: COMMIT_FLAGS },
            OperationKind::Release => Self { may: HOLD, must: HOLD, flags: 0 },
            OperationKind::Refund => Self {
                may: HOLD | STEP | bit(Field::Reason),
                must: HOLD | bit(Field::Reason),
                flags: OperationFlags::ALL.0,
            },
            OperationKind::Extend => Self { may: HOLD | bit(Field::TtlMs), must: HOLD | bit(Field::TtlMs), flags: 0 },
            OperationKind::Balance => {
                let account = bit(Field::Kind) | bit(Field::Account);
                Self { may: account, must: account, flags: 0 }
            }
        }
    }
}

#[inline(always)]
const fn bit(field: Field) -> u32 {
    1 << field.number()
}

#[inline(always)]
pub(super) const fn bit_if(condition: bool, field: Field) -> u32 {
    (condition as u32) << field.number()
}

#[inline]
pub(super) fn first_bad(bad: u32) -> Result<(), BadField> {
    if bad == 0 {
        return Ok(());
    }
    // Only bits of fields are ever set, so the lowest one has a field.
    let number = u16::try_from(bad.trailing_zeros()).unwrap_or(u16::MAX);
    let field = Field::from_u16(number).unwrap_or(Field::Kind);
    Err(BadField { field })
}
