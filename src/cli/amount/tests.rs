//! Amounts: exact both ways, and nothing else is an amount.

use super::*;

#[test]
fn amounts_are_read_and_shown() {
    for (text, millicredits, shown) in [
        ("0", 0, "0"),
        ("73.5", 73_500, "73.5"),
        ("73.500", 73_500, "73.5"),
        ("0.001", 1, "0.001"),
        ("0.010", 10, "0.01"),
        ("007", 7_000, "7"),
        ("1500", 1_500_000, "1500"),
        ("18446744073709551.615", u64::MAX, "18446744073709551.615"),
    ] {
        let amount: Amount = text.parse().unwrap();
        assert_eq!(amount, Amount(millicredits), "{text}");
        assert_eq!(amount.to_string(), shown);
    }
}

#[test]
fn what_is_no_amount_is_refused() {
    for text in ["", ".", ".5", "5.", "-1", "+1", "1e3", "1,5", "1.0000", "1.2.3", " 1", "1 ", "٣", "0x1", "NaN"] {
        assert_eq!(text.parse::<Amount>(), Err(BadAmount::Form), "{text:?}");
    }
    for text in ["18446744073709551.616", "18446744073709552", "99999999999999999999999"] {
        assert_eq!(text.parse::<Amount>(), Err(BadAmount::TooLarge), "{text:?}");
    }
}

#[test]
fn every_amount_comes_back() {
    for millicredits in (0..5000).chain([u64::MAX - 1, u64::MAX]) {
        assert_eq!(Amount(millicredits).to_string().parse(), Ok(Amount(millicredits)));
    }
}

#[test]
fn json_shows_a_string_and_tables_can_align_it() {
    assert_eq!(serde_json::to_string(&Amount(73_500)).unwrap(), "\"73.5\"");
    assert_eq!(format!("{:>6}", Amount(73_500)), "  73.5");
}
