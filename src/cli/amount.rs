//! Amounts as people write them: credits with up to three decimals, exactly. The protocol's millicredits end here.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// Millicredits in a credit.
const CREDIT: u64 = 1000;
/// Decimals of a credit.
const DECIMALS: usize = 3;

/// An amount, kept in millicredits and shown in credits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Amount(pub(crate) u64);

/// The text is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadAmount {
    /// Not digits, or digits, a point and one to three digits.
    #[error("an amount is credits with up to three decimals, like 73.5")]
    Form,
    /// More than the protocol carries.
    #[error("the amount is too large")]
    TooLarge,
}

impl FromStr for Amount {
    type Err = BadAmount;

    fn from_str(text: &str) -> Result<Self, BadAmount> {
        let (whole, decimals) = match text.split_once('.') {
            Some((_, "")) => return Err(BadAmount::Form),
            Some(parts) => parts,
            None => (text, ""),
        };
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(decimals) || decimals.len() > DECIMALS {
            return Err(BadAmount::Form);
        }
        // "5" after the point is 500 thousandths: zeros on the right make every part three digits long.
        let thousandths: u64 = format!("{decimals:0<DECIMALS$}").parse().map_err(|_| BadAmount::Form)?;
        let whole: u64 = whole.parse().map_err(|_| BadAmount::TooLarge)?;
        whole
            .checked_mul(CREDIT)
            .and_then(|amount| amount.checked_add(thousandths))
            .map(Self)
            .ok_or(BadAmount::TooLarge)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, thousandths) = (self.0 / CREDIT, self.0 % CREDIT);
        if thousandths == 0 {
            return f.pad(&whole.to_string());
        }
        let text = format!("{whole}.{thousandths:0DECIMALS$}");
        f.pad(text.trim_end_matches('0'))
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests;
