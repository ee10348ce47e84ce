//! What the story rests on before any daemon is there.

use protocol::{ModelView, ToolView};

use super::card::{IMAGE_MODEL, PRO_MODEL, TOP_MODEL, VIDEO_MODEL};
use super::*;
use crate::files;

/// No midnight comes into the story, at whatever hour it is told: the zone's clock is at 11:30 to 12:30.
#[test]
fn the_zone_is_one_where_it_is_about_noon() {
    for (minutes, zone) in [
        (0, "Etc/GMT-12"),
        (29, "Etc/GMT-12"),
        (30, "Etc/GMT-11"),
        (11 * 60 + 45, "Etc/GMT"),
        (12 * 60, "Etc/GMT"),
        (12 * 60 + 31, "Etc/GMT+1"),
        (23 * 60, "Etc/GMT+11"),
        (23 * 60 + 45, "Etc/GMT-12"),
    ] {
        assert_eq!(noon(minutes * 60_000), zone, "{minutes}");
    }
    for minutes in 0..24 * 60_i64 {
        let at = jiff::Timestamp::from_millisecond(minutes * 60_000).unwrap();
        let local = at.in_tz(&noon(u64::try_from(minutes).unwrap() * 60_000)).unwrap();
        let since_midnight = i64::from(local.hour()) * 60 + i64::from(local.minute());
        assert!((11 * 60..=13 * 60).contains(&since_midnight), "{minutes} is {local}");
    }
}

/// The models of the story cost what it says, on the sample card.
#[test]
fn the_sample_card_has_the_prices_of_the_story() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/rates.toml");
    let card = files::read(sample.as_ref(), wallet::rate_card::parse::rate_card).unwrap();
    for ((tool, model), credits) in [(IMAGE_MODEL, 24), (VIDEO_MODEL, 210), (PRO_MODEL, 88), (TOP_MODEL, 30)] {
        let (tool, model) = (card.tool_named(tool).unwrap().id, card.model_named(model).unwrap().id);
        let generation = wallet::rate_card::Generation { tool, model, settings: 0, count: 1 };
        assert_eq!(card.price(&generation).unwrap().amount.millis(), credits * CREDIT, "{model}");
    }
}

#[test]
fn models_are_found_by_their_names() {
    let tool = ToolView { tool: 1, key: Text::cut("image"), name: Text::cut("Images") };
    let model = ModelView {
        model: 115,
        key: Text::cut("seedream-4"),
        name: Text::cut("Seedream 4"),
        min_tier: 0,
        pro: false,
        price: IMAGE.0,
        unit: Text::cut("result"),
    };
    let rates =
        RatesView { version: 1, tools: List::new(vec![tool]).unwrap(), models: List::new(vec![model]).unwrap() };
    let named = |name: &str| Some(Named(name.to_owned()));
    let what = What { tool: named(IMAGE_MODEL.0), model: named(IMAGE_MODEL.1), count: 3, ..What::default() };
    assert_eq!(what.resolve(&rates).unwrap(), Generation { tool: 1, model: 115, settings: 0, count: 3 });
}

#[test]
fn a_wrong_balance_says_what_must_be() {
    let expected = Expected(PerBucket { free: 28_500, ..PerBucket::default() });
    let failure = wrong("the balance", &Expected(PerBucket::default()), &expected);
    assert_eq!(failure.exit, Exit::Bug);
    assert!(
        failure.message.starts_with("WRONG: the balance is 0 and must be 28.5 (free 28.5) "),
        "{}",
        failure.message
    );
}
