//! What is to be made, read from arguments and lines.

use protocol::{List, ModelView, Text, ToolView};

use super::*;

fn rates() -> RatesView {
    let tool = ToolView { tool: 1, key: Text::cut("image"), name: Text::cut("Images") };
    let model = ModelView {
        model: 42,
        key: Text::cut("imagen-4"),
        name: Text::cut("Imagen 4"),
        min_tier: 0,
        pro: false,
        price: 24_000,
        unit: Text::cut("image"),
    };
    RatesView { version: 1, tools: List::new(vec![tool]).unwrap(), models: List::new(vec![model]).unwrap() }
}

#[test]
fn durations_are_tenths_of_a_second() {
    for (text, tenths, shown) in [("5s", 50, "5s"), ("7.5s", 75, "7.5s"), ("10", 100, "10s"), ("0.1s", 1, "0.1s")] {
        assert_eq!(text.parse(), Ok(Tenths(tenths)), "{text}");
        assert_eq!(seconds(tenths), shown);
    }
    for text in ["", "s", "5.", ".5", "5.25s", "-1s", "5m", "6553.6s", "+5s"] {
        assert!(text.parse::<Tenths>().is_err(), "{text:?}");
    }
}

#[test]
fn a_line_of_an_estimate_says_how_many_of_what() {
    let line: Line = "images=30/day@image:imagen-4".parse().unwrap();
    assert_eq!((line.label.as_str(), line.per_day), ("images", 30));
    assert_eq!(line.what.resolve(&rates()), Ok(Generation { tool: 1, model: 42, settings: 0, count: 1 }));
    let line: Line = "10/day@1:42,quality=2,resolution=3,duration=7.5s,add-on=1,add-on=3".parse().unwrap();
    assert_eq!(line.label, "42");
    assert!(!line.what.has_names());
    let settings = 2 | 3 << 4 | 0b101 << 8 | 75 << 16;
    let expected = Generation { tool: 1, model: 42, settings, count: 1 };
    assert_eq!(line.what.resolve(&RatesView::default()), Ok(expected));
}

#[test]
fn what_is_no_line_is_refused() {
    for text in [
        "",
        "30@image:imagen-4",
        "30/day",
        "30/day@",
        "/day@image:imagen-4",
        "-1/day@image:imagen-4",
        "=30/day@image:imagen-4",
        "30/day@imagen-4",
        "30/day@:imagen-4",
        "30/day@image:imagen-4,quality",
        "30/day@image:imagen-4,quality=16",
        "30/day@image:imagen-4,colour=1",
        "30/day@image:imagen-4,add-on=9",
    ] {
        assert!(text.parse::<Line>().is_err(), "{text:?}");
    }
}

#[test]
fn names_that_the_card_does_not_know_are_usage_errors() {
    let what = What { model: Some(Named("imagen-5".to_owned())), ..What::default() };
    assert!(what.has_names());
    let failure = what.resolve(&rates()).unwrap_err();
    assert_eq!(failure.message, "no model is named imagen-5; there is imagen-4");
}
