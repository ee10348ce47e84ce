//! Durations: whole numbers with a unit.

use super::*;

#[test]
fn durations_are_read() {
    for (text, ms) in
        [("500ms", 500), ("5", 5000), ("5s", 5000), ("10m", 600_000), ("24h", 86_400_000), ("2d", 172_800_000)]
    {
        assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
    }
}

#[test]
fn what_is_no_duration_is_refused() {
    for text in ["", "s", "1.5s", "-1s", "5y", "5 s", "99999999999999999999h"] {
        assert!(parse(text).is_err(), "{text:?}");
    }
    assert!(parse_ms("2000h").is_err());
}
