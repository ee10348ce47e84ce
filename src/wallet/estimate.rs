//! The estimate: what an account needs a month, from what it makes a day (R21).

use thiserror::Error;

use crate::credits::Credits;
use crate::ids::Tier;
use crate::rate_card::{Generation, PriceError, RateCard};

/// Lines of an estimate at most.
pub const LINES_MAX: usize = 64;

/// What is made each day.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct EstimateLine {
    /// The tool.
    pub tool: u16,
    /// The model.
    pub model: u32,
    /// The settings word.
    pub settings: u32,
    /// How many results a day.
    pub per_day: u32,
}

/// What a month needs. The plan that covers it is the plan catalogue's to find.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Estimate {
    /// The need: the sum over the lines of per day x days x price.
    pub need: Credits,
    /// The need with the smaller buffer.
    pub with_buffer_min: Credits,
    /// The need with the larger buffer.
    pub with_buffer_max: Credits,
    /// The least tier that may use all of it (R20).
    pub min_tier: Tier,
    /// The version of the card.
    pub version: u32,
    /// The need of each line, in their order.
    pub lines: Vec<Credits>,
}

/// Why there is no estimate.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum EstimateError {
    /// More lines than [`LINES_MAX`].
    #[error("more than {LINES_MAX} lines")]
    TooManyLines,
    /// The smaller buffer is larger than the larger one.
    #[error("the smaller buffer is larger than the larger one")]
    BufferRange,
    /// A line has no price.
    #[error("line {line}: {error}")]
    Line {
        /// Its place, counted from 1.
        line: u32,
        /// Why.
        error: PriceError,
    },
    /// The need does not fit.
    #[error("the need is larger than an amount can be")]
    Overflow,
}

/// The need of `days` days, each with these lines, and with a buffer of so many per cent. A buffer is rounded up.
///
/// # Errors
/// A line without a price, or a sum that does not fit.
pub fn estimate(
    card: &RateCard,
    lines: &[EstimateLine],
    days: u16,
    buffer_percent: (u8, u8),
) -> Result<Estimate, EstimateError> {
    let (smaller, larger) = buffer_percent;
    if lines.len() > LINES_MAX {
        return Err(EstimateError::TooManyLines);
    }
    if smaller > larger {
        return Err(EstimateError::BufferRange);
    }
    let (mut need, mut min_tier, mut needs) = (Credits::ZERO, Tier::NONE, Vec::with_capacity(lines.len()));
    for (line, number) in lines.iter().zip(1_u32..) {
        let &EstimateLine { tool, model, settings, per_day } = line;
        let priced = card
            .price(&Generation { tool, model, settings, count: 1 })
            .map_err(|error| EstimateError::Line { line: number, error })?;
        let results = u64::from(per_day).checked_mul(u64::from(days)).ok_or(EstimateError::Overflow)?;
        let of_line = priced.per_result.millis().checked_mul(results).ok_or(EstimateError::Overflow)?;
        needs.push(Credits::from_millis(of_line));
        need = need.checked_add(Credits::from_millis(of_line)).ok_or(EstimateError::Overflow)?;
        min_tier = min_tier.max(priced.min_tier);
    }
    assert!(needs.len() == lines.len(), "every line has its need");
    assert!(needs.iter().all(|of_line| *of_line <= need), "R21: a line is a part of the need");
    assert!(needs.iter().fold(Credits::ZERO, |sum, of_line| sum + *of_line) == need, "R21: the lines are the need");
    let (with_buffer_min, with_buffer_max) = (with_buffer(need, smaller)?, with_buffer(need, larger)?);
    assert!(with_buffer_min <= with_buffer_max, "R21: a larger buffer is no less");
    Ok(Estimate { need, with_buffer_min, with_buffer_max, min_tier, version: card.version(), lines: needs })
}

fn with_buffer(need: Credits, percent: u8) -> Result<Credits, EstimateError> {
    let percent = u128::from(percent).saturating_add(100);
    let hundredths = u128::from(need.millis()).checked_mul(percent).ok_or(EstimateError::Overflow)?;
    let buffered = hundredths.div_ceil(100);
    assert!(buffered >= u128::from(need.millis()), "R21: a buffer adds to the need");
    assert!(buffered.saturating_mul(100) >= hundredths, "R21: a buffer is rounded up");
    u64::try_from(buffered).map(Credits::from_millis).map_err(|_| EstimateError::Overflow)
}

#[cfg(test)]
mod tests;
