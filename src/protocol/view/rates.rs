//! Views of the rate card, of a quote, an estimate and a reload.

use crate::answer::PerBucket;
use crate::limits::{
    CHANGE_BYTES_MAX, CHANGES_MAX, KEY_BYTES_MAX, MODELS_MAX, RELOAD_ERROR_BYTES_MAX, TITLE_BYTES_MAX, TOOLS_MAX,
    UNIT_BYTES_MAX,
};
use crate::outcome::Outcome;
use crate::text::{List, Text};

/// The rate card, as far as people choose by it. Multipliers and add-ons show in a quote.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RatesView {
    /// The version of the file; 0 = there is no rate card.
    pub version: u32,
    /// The tools, by number.
    pub tools: List<ToolView, TOOLS_MAX>,
    /// The models, by number.
    pub models: List<ModelView, MODELS_MAX>,
}

/// One tool: a feature that makes something with a model.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ToolView {
    /// Its number.
    pub tool: u16,
    /// Its key in the file.
    pub key: Text<KEY_BYTES_MAX>,
    /// What people read.
    pub name: Text<TITLE_BYTES_MAX>,
}

/// One model (R17).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ModelView {
    /// Its number.
    pub model: u32,
    /// Its key in the file.
    pub key: Text<KEY_BYTES_MAX>,
    /// What people read.
    pub name: Text<TITLE_BYTES_MAX>,
    /// The lowest tier that may use it (R20).
    pub min_tier: u8,
    /// Whether free credits may not pay (R8).
    pub pro: bool,
    /// The base price in millicredits, of a model with fixed prices alone the lowest of them; 0 where it is free.
    pub price: u64,
    /// What the base price is for, such as `image`, `second` or `step of 5 s`.
    pub unit: Text<UNIT_BYTES_MAX>,
}

/// What a generation would cost now, and what would fit (R21). Nothing is set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct QuoteView {
    /// Millicredits of all results.
    pub price: u64,
    /// Millicredits of one result.
    pub per_result: u64,
    /// The version of the rate card.
    pub version: u32,
    /// The lowest tier that may use it.
    pub min_tier: u8,
    /// Whether free credits may not pay (R8).
    pub pro_model: bool,
    /// What a reserve would come to now.
    pub would: Outcome,
    /// What it would draw; zero if it would be refused.
    pub split: PerBucket,
    /// What a reserve could take now.
    pub available: PerBucket,
    /// The most results that the credits are enough for, at these settings.
    pub largest_count: u16,
    /// The longest duration that fits, in tenths of a second, for this count; 0 = none, or it does not apply.
    pub longest_duration_ds: u16,
    /// The id of the highest resolution that fits, for this count; 0 = none, or it does not apply.
    pub highest_resolution: u8,
    /// The reset after which it would fit, milliseconds since 1970; 0 = none that is known.
    pub fits_after_reset_at_ms: u64,
}

/// What a month of generations needs (R21).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct EstimateView {
    /// Millicredits of all lines over all days.
    pub need: u64,
    /// The same with the smaller buffer.
    pub with_buffer_min: u64,
    /// The same with the larger buffer.
    pub with_buffer_max: u64,
    /// The version of the rate card.
    pub version: u32,
    /// The number of the cheapest plan that covers it; 0 = none does.
    pub plan: u16,
    /// That plan's name.
    pub plan_name: Text<KEY_BYTES_MAX>,
}

/// What became of a reload of the plan and rate files.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ReloadView {
    /// The version of the plans that are in force now.
    pub plans_version: u32,
    /// The version of the rate card that is in force now; 0 = none.
    pub rates_version: u32,
    /// What is different now, a line each.
    pub changed: List<Text<CHANGE_BYTES_MAX>, CHANGES_MAX>,
    /// What is different in the files and waits for a restart, a line each.
    pub needs_restart: List<Text<CHANGE_BYTES_MAX>, CHANGES_MAX>,
    /// What is wrong with the files, and nothing was applied; empty = applied.
    pub error: Text<RELOAD_ERROR_BYTES_MAX>,
}
