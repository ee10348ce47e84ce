//! Frames of the rate card: quotes, estimates, listings and reloads.

use super::Vector;
use super::valid::{ACCOUNT, MIDNIGHT_MS, command, shown, text};
use crate::{
    Command, EstimateLine, EstimateView, GenerationSettings, List, ModelView, Outcome, PerBucket, QuoteView, RatesView,
    ReloadView, ToolView, View,
};

pub(super) fn vectors() -> Vec<Vector> {
    let mut vectors = commands();
    vectors.extend(answers());
    vectors
}

fn commands() -> Vec<Vector> {
    let settings = GenerationSettings { quality: 2, resolution: 3, add_ons: 0b1, duration_ds: 50 }.pack().unwrap();
    let lines = vec![
        EstimateLine { tool: 1, model: 101, settings: 0, per_day: 30 },
        EstimateLine { tool: 2, model: 201, settings, per_day: 10 },
    ];
    vec![
        command("command-list-rates", "Shows the rate card.", Command::ListRates),
        command(
            "command-quote",
            "What four videos of five seconds cost, without free credits.",
            Command::Quote { account: ACCOUNT, tool: 2, model: 201, settings, count: 4, sources: 6 },
        ),
        command(
            "command-estimate",
            "30 images and 10 videos a day over 22 days, with a buffer of 20 to 30 %.",
            Command::Estimate {
                lines: List::new(lines).unwrap(),
                days: 22,
                buffer_percent_min: 20,
                buffer_percent_max: 30,
            },
        ),
        command("command-reload", "Reads the plan and rate files again.", Command::Reload),
    ]
}

fn answers() -> Vec<Vector> {
    let quote = QuoteView {
        price: 840_000,
        per_result: 210_000,
        version: 3,
        min_tier: 2,
        pro_model: true,
        would: Outcome::Insufficient,
        split: PerBucket::default(),
        available: PerBucket { free: 0, subscription: 400_000, top_up: 50_000 },
        largest_count: 2,
        longest_duration_ds: 20,
        highest_resolution: 1,
        fits_after_reset_at_ms: MIDNIGHT_MS,
    };
    let passes = QuoteView {
        would: Outcome::Granted,
        split: PerBucket { free: 0, subscription: 800_000, top_up: 40_000 },
        available: PerBucket { free: 0, subscription: 800_000, top_up: 50_000 },
        largest_count: 4,
        longest_duration_ds: 50,
        highest_resolution: 3,
        fits_after_reset_at_ms: 0,
        ..quote
    };
    let estimate = EstimateView {
        need: 62_040_000,
        with_buffer_min: 74_448_000,
        with_buffer_max: 80_652_000,
        version: 3,
        plan: 41,
        plan_name: text("ultimate"),
    };
    let covered_by_none = EstimateView { plan: 0, plan_name: text(""), ..estimate.clone() };
    let reload = ReloadView {
        plans_version: 2,
        rates_version: 4,
        changed: List::new(vec![text("rates: version 3 is now 4"), text("model 201: price 21 is now 20")]).unwrap(),
        needs_restart: List::new(vec![text("plans: file")]).unwrap(),
        error: text(""),
    };
    let refused = ReloadView {
        plans_version: 2,
        rates_version: 3,
        error: text("rates.toml:12: models.flash.price: below zero; a price is 0 or more"),
        ..ReloadView::default()
    };
    vec![
        shown("command-answer-rates", "A rate card of two models.", View::Rates(Box::new(rates()))),
        shown("command-answer-quote", "Too much for four, but enough for two.", View::Quote(Box::new(quote))),
        shown("command-answer-quote-granted", "A quote that would pass.", View::Quote(Box::new(passes))),
        shown("command-answer-estimate", "62,040 credits a month.", View::Estimate(Box::new(estimate))),
        shown("command-answer-estimate-uncovered", "No plan has so much.", View::Estimate(Box::new(covered_by_none))),
        shown("command-answer-reload", "A new rate card is in force.", View::Reload(Box::new(reload))),
        shown("command-answer-reload-refused", "A file has a mistake.", View::Reload(Box::new(refused))),
    ]
}

fn rates() -> RatesView {
    let tool = |tool, key, name| ToolView { tool, key: text(key), name: text(name) };
    let image = ModelView {
        model: 101,
        key: text("flash-image"),
        name: text("Flash Image"),
        min_tier: 0,
        pro: false,
        price: 24_000,
        unit: text("image"),
    };
    let video = ModelView {
        model: 201,
        key: text("reel"),
        name: text("Reel"),
        min_tier: 2,
        pro: true,
        price: 42_000,
        unit: text("second"),
    };
    RatesView {
        version: 3,
        tools: List::new(vec![tool(1, "image", "Text to image"), tool(2, "video", "Text to video")]).unwrap(),
        models: List::new(vec![image, video]).unwrap(),
    }
}
