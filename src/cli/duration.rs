//! Times to wait, as people write them: `500ms`, `30s`, `10m`, `24h`, `30d`; a bare number is seconds.

use std::time::Duration;

/// Reads a duration.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit_ms: u64 = match &text[digits.len()..] {
        "ms" => 1,
        "" | "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err("the unit is ms, s, m, h or d".to_owned()),
    };
    let number: u64 = digits.parse().map_err(|_| "a duration is a whole number and a unit, like 30s".to_owned())?;
    number.checked_mul(unit_ms).map(Duration::from_millis).ok_or_else(|| "the duration is too long".to_owned())
}

/// Reads a duration into the protocol's milliseconds.
pub(crate) fn parse_ms(text: &str) -> Result<u32, String> {
    u32::try_from(parse(text)?.as_millis()).map_err(|_| "the duration is too long".to_owned())
}

#[cfg(test)]
mod tests;
