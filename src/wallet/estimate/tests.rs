//! The estimate's figures (R21).

use super::{EstimateError, EstimateLine, LINES_MAX, estimate};
use crate::credits::Credits;
use crate::ids::Tier;
use crate::rate_card::{Missing, PriceError, RateCard, parse};

fn card() -> RateCard {
    let text = r#"
        version = 3
        tool = [{ id = 1, name = "image" }, { id = 2, name = "video" }]
        model = [
            { id = 1, name = "picture", tools = ["image"], price = 24, min_tier = 1 },
            { id = 2, name = "clip", tools = ["video"], price = 210, min_tier = 2 },
            { id = 3, name = "odd", tools = ["image"], price = 0.001 },
            { id = 4, name = "dear", tools = ["image"], price = 200_000_000 },
        ]
    "#;
    parse::rate_card("rates.toml", text).unwrap()
}

fn line(tool: u16, model: u32, per_day: u32) -> EstimateLine {
    EstimateLine { tool, model, settings: 0, per_day }
}

fn credits(text: &str) -> Credits {
    text.parse().unwrap()
}

/// R21, the acceptance figures.
#[test]
fn thirty_images_and_ten_videos_a_day_are_62_040_credits_a_month() {
    let found = estimate(&card(), &[line(1, 1, 30), line(2, 2, 10)], 22, (20, 30)).unwrap();
    assert_eq!(found.need, credits("62040"));
    assert_eq!((found.with_buffer_min, found.with_buffer_max), (credits("74448"), credits("80652")));
    assert_eq!(found.lines, [credits("15840"), credits("46200")]);
    assert_eq!((found.min_tier, found.version), (Tier(2), 3));
}

/// R21: the sample card has the image and the video of the acceptance figures.
#[test]
fn the_sample_card_has_the_estimate_of_the_acceptance() {
    let card = parse::rate_card("rates.toml", include_str!("../../../config/rates.toml")).unwrap();
    let per_day = |tool: &str, model: &str, per_day| {
        line(card.tool_named(tool).unwrap().id, card.model_named(model).unwrap().id, per_day)
    };
    let lines = [per_day("image", "seedream-4", 30), per_day("video", "veo-3-fast", 10)];
    let found = estimate(&card, &lines, 22, (20, 30)).unwrap();
    let figures = [found.need, found.with_buffer_min, found.with_buffer_max];
    assert_eq!(figures, [credits("62040"), credits("74448"), credits("80652")]);
}

/// R21, R1: a buffer is rounded up once, after the sum.
#[test]
fn a_buffer_is_rounded_up() {
    let found = estimate(&card(), &[line(1, 3, 1), line(1, 3, 2)], 1, (0, 10)).unwrap();
    assert_eq!(found.need, credits("0.003"));
    assert_eq!((found.with_buffer_min, found.with_buffer_max), (credits("0.003"), credits("0.004")));
}

/// R21: nothing a day, no days, and no lines need nothing.
#[test]
fn nothing_needs_nothing() {
    for (lines, days) in [(vec![], 22), (vec![line(1, 1, 0)], 22), (vec![line(1, 1, 30)], 0)] {
        assert_eq!(estimate(&card(), &lines, days, (20, 30)).unwrap().with_buffer_max, Credits::ZERO);
    }
}

/// R19, R21: a line without a price is named, and what does not fit is an error.
#[test]
fn a_line_without_a_price_is_named() {
    let unknown = EstimateError::Line { line: 2, error: PriceError::Unpriced(Missing::Model) };
    for (lines, buffer, expected) in [
        (vec![line(1, 1, 1), line(1, 99, 1)], (20, 30), unknown),
        (vec![line(1, 1, 1)], (30, 20), EstimateError::BufferRange),
        (vec![line(1, 4, u32::MAX)], (0, 0), EstimateError::Overflow),
        (vec![line(1, 1, 1); LINES_MAX + 1], (0, 0), EstimateError::TooManyLines),
    ] {
        assert_eq!(estimate(&card(), &lines, u16::MAX, buffer), Err(expected));
    }
}

/// R21: as many lines as there may be, and buffers of one size.
#[test]
fn an_estimate_may_have_all_its_lines_and_one_buffer() {
    let found = estimate(&card(), &vec![line(1, 1, 1); LINES_MAX], 1, (30, 30)).unwrap();
    assert_eq!((found.lines.len(), found.with_buffer_min), (LINES_MAX, found.with_buffer_max));
}
