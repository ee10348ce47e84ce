//! The protocol's milliseconds and day numbers as people and JSON see them: RFC 3339 in UTC.

use jiff::Timestamp;
use jiff::civil::{Date, date};

/// An instant; `None` for the protocol's 0, which means none.
pub(crate) fn instant(ms: u64) -> Option<String> {
    if ms == 0 {
        return None;
    }
    let timestamp = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    Some(timestamp.map_or_else(|| format!("{ms} ms since 1970"), |timestamp| timestamp.to_string()))
}

/// The same for a table.
pub(crate) fn instant_or_none(ms: u64) -> String {
    instant(ms).unwrap_or_else(|| "none".to_owned())
}

/// A calendar date of a day number.
pub(crate) fn day(days: u32) -> Option<String> {
    let since: Date = date(1970, 1, 1);
    since.checked_add(jiff::Span::new().try_days(i64::from(days)).ok()?).ok().map(|date| date.to_string())
}

/// Reads an instant, for `--ends-at`.
pub(crate) fn parse_instant(text: &str) -> Result<u64, String> {
    let timestamp: Timestamp =
        text.parse().map_err(|_| "an instant is written like 2027-01-31T00:00:00Z".to_owned())?;
    u64::try_from(timestamp.as_millisecond()).map_err(|_| "the instant is before 1970".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_and_days_are_shown() {
        assert_eq!(instant(1_795_392_000_000).as_deref(), Some("2026-11-23T00:00:00Z"));
        assert_eq!(instant(0), None);
        assert_eq!(instant_or_none(0), "none");
        assert!(instant(u64::MAX).is_some());
        assert_eq!(day(20_779).as_deref(), Some("2026-11-22"));
    }

    #[test]
    fn instants_are_read() {
        assert_eq!(parse_instant("2026-11-23T00:00:00Z"), Ok(1_795_392_000_000));
        assert!(parse_instant("tomorrow").is_err());
        assert!(parse_instant("1960-01-01T00:00:00Z").is_err());
    }
}
