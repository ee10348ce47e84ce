//! Instants as people give them: RFC 3339, or a time from now on the daemon's clock (`+30d`, `+2s`).

use std::str::FromStr;

use crate::duration;
use crate::time::parse_instant;

/// When something is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// At an instant, in milliseconds since 1970.
    At(u64),
    /// So many milliseconds after the daemon's present.
    In(u64),
}

impl Moment {
    /// Whether the daemon's time is needed to know the instant.
    pub(crate) const fn counts_from_now(self) -> bool {
        matches!(self, Self::In(_))
    }

    /// The instant, in milliseconds since 1970.
    pub(crate) const fn after(self, now_ms: u64) -> u64 {
        match self {
            Self::At(ms) => ms,
            Self::In(ms) => now_ms.saturating_add(ms),
        }
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix('+') {
            Some(ahead) => parse_ahead(ahead),
            None => parse_instant(text).map(Self::At),
        }
    }
}

/// Reads a time from now, without the plus.
pub(crate) fn parse_ahead(text: &str) -> Result<Moment, String> {
    let ms = u64::try_from(duration::parse(text)?.as_millis()).map_err(|_| "the time is too long".to_owned())?;
    Ok(Moment::In(ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_and_times_from_now_are_read() {
        assert_eq!("2026-11-23T00:00:00Z".parse(), Ok(Moment::At(1_795_392_000_000)));
        assert_eq!("+2s".parse(), Ok(Moment::In(2000)));
        assert_eq!("+30d".parse::<Moment>().map(|moment| moment.after(1)), Ok(30 * 86_400_000 + 1));
        assert_eq!(parse_ahead("500ms"), Ok(Moment::In(500)));
        assert!("2s".parse::<Moment>().is_err());
        assert!("+evening".parse::<Moment>().is_err());
    }
}
