//! Lines are counted, and names that look alike are found.

use super::{CatalogError, Source, nearest};

#[test]
fn lines_count_from_one() {
    let source = Source { file: "rates.toml", text: "a\nbc\n\nd" };
    let lines: Vec<u32> = (0..9).map(|offset| source.line_of(offset)).collect();
    assert_eq!(lines, [1, 1, 2, 2, 2, 3, 4, 4, 4]);
}

#[test]
fn the_nearest_name_is_one_that_looks_alike() {
    let known = ["price", "pro", "tools", "min_tier"];
    for (name, expected) in [
        ("prise", Some("price")),
        ("Price", Some("price")),
        ("tool", Some("tools")),
        ("mintier", Some("min_tier")),
        ("colour", None),
        ("", None),
    ] {
        assert_eq!(nearest(name, known), expected, "{name}");
    }
}

#[test]
fn an_error_is_one_line_with_its_place_and_hint() {
    let source = Source { file: "rates.toml", text: "version = 1\nprise = 3\n" };
    let error = CatalogError::at(&source, &(12..17), "model.prise", "unknown key").nearest_of("prise", ["price"]);
    assert_eq!(error.to_string(), "rates.toml, line 2: model.prise: unknown key; did you mean \"price\"?");
    let error = CatalogError::at(&source, &(0..0), "", "no models").nearest_of("zzz", ["price", "pro"]);
    assert_eq!(error.to_string(), "rates.toml, line 1: no models; it is one of price, pro");
}

#[test]
fn errors_of_the_toml_parser_keep_their_line() {
    let source = Source { file: "p.toml", text: "a = 1\nb = \n" };
    let error = toml::from_str::<toml::Table>(source.text).unwrap_err();
    let error = CatalogError::from_toml(&source, &error);
    assert_eq!((error.line, error.key.as_str()), (2, ""));
    assert!(!error.message.contains('\n'), "{error}");
}

/// A key that a type does not know is told as the project's own parsers tell it.
#[test]
fn a_key_that_serde_does_not_know_is_told_with_the_nearest() {
    let source = Source { file: "p.toml", text: "secs = 1\nnanoz = 1\n" };
    let error = toml::from_str::<std::time::Duration>(source.text).unwrap_err();
    let told = CatalogError::from_toml(&source, &error).to_string();
    assert_eq!(told, "p.toml, line 2: nanoz: unknown key; did you mean \"nanos\"?");
}
