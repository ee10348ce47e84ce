//! The rate card: what a generation costs (R17). A value made by [`parse`], never changed, replaced as a whole.
//!
//! | where | what |
//! |---|---|
//! | [`price`] | the price of a generation, exact to the millicredit (R1, R18-R20) |
//! | [`settings`] | the settings word of requests and records |
//! | [`afford`] | what would fit into the credits there are (R21) |
//! | [`parse`] | the file: TOML, refused as a whole with the place of what is wrong |
//! | [`reuse`] | ids keep their meaning over reloads |

use crate::credits::Credits;
use crate::ids::Tier;
use crate::record::OverCommit;

pub mod afford;
pub mod parse;
pub mod price;
pub mod reuse;
pub mod settings;

pub use afford::Fits;
pub use price::{Generation, Missing, PriceError, Priced};
pub use settings::Settings;

/// Tools on a card at most.
pub const TOOLS_MAX: usize = 256;
/// Models on a card at most.
pub const MODELS_MAX: usize = 1024;
/// Quality steps, and resolutions, of a model at most: their ids have four bits.
pub const STEPS_MAX: u8 = 15;
/// Add-ons of a model at most: each has a bit of the settings word.
pub const ADD_ONS_MAX: u8 = 8;
/// Listed durations of a model at most.
pub const DURATIONS_MAX: usize = 64;
/// Rows of fixed prices of a model at most, those of its steps and durations included.
pub const PRICES_MAX: usize = 256;
/// Bytes of a name or title at most.
pub const NAME_BYTES_MAX: usize = 64;

const _: () =
    assert!(STEPS_MAX as usize * STEPS_MAX as usize <= PRICES_MAX, "R17: every pair of steps can have a price");
const _: () = assert!(TOOLS_MAX <= u16::MAX as usize, "R17: every tool has a number");
const _: () = assert!(Ratio::ONE.0 < Ratio::MAX.0, "R17: a multiplier can be more than one");

/// Tools and models with their prices, of one version. [`parse::rate_card`] makes one; the default card has version 0
/// and knows nothing, so that everything is unpriced (R19).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RateCard {
    /// At least 1 for a card from a file.
    version: u32,
    /// By id, ascending.
    tools: Vec<Tool>,
    /// By id, ascending.
    models: Vec<Model>,
    /// Ids of models that are gone and may not come back, ascending.
    retired: Vec<u32>,
}

impl RateCard {
    /// The version, which holds keep (R18).
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// The tools, by id.
    #[must_use]
    pub fn tools(&self) -> &[Tool] {
        &self.tools
    }

    /// The models, by id.
    #[must_use]
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// The ids of models that are gone.
    #[must_use]
    pub fn retired(&self) -> &[u32] {
        &self.retired
    }

    /// What holds of a card however it was read: ids in order and each one's alone, models whole (R17).
    pub(crate) fn assert_whole(&self) {
        assert!(self.version > 0, "R18: a card from a file has a version");
        assert!(self.tools.len() <= TOOLS_MAX, "I9: tools have a limit");
        assert!(self.models.len() <= MODELS_MAX, "I9: models have a limit");
        assert!(self.tools.is_sorted_by(|one, next| one.id < next.id), "R17: an id is one tool's");
        assert!(self.models.is_sorted_by(|one, next| one.id < next.id), "R17: an id is one model's");
        assert!(self.retired.is_sorted_by(|one, next| one < next), "R17: a model is retired once");
        for tool in &self.tools {
            assert!(self.tool_named(&tool.name) == Some(tool), "R17: a name is one tool's");
            assert!((1..=NAME_BYTES_MAX).contains(&tool.name.len()), "R17: a tool has a name, which has a limit");
        }
        for model in &self.models {
            assert!(!self.retired.contains(&model.id), "R17: a retired id is no model's");
            assert!(self.model_named(&model.name) == Some(model), "R17: a name is one model's");
            assert!(model.base.is_some() || !model.prices.is_empty(), "R17: a model has a price");
            assert!((1..=NAME_BYTES_MAX).contains(&model.name.len()), "R17: a model has a name, which has a limit");
            assert!(
                model.tools.iter().all(|tool| self.tool(*tool).is_some()),
                "R17: a model of a tool that is not there"
            );
            model.assert_whole();
        }
    }

    /// The tool with this id.
    #[must_use]
    pub fn tool(&self, id: u16) -> Option<&Tool> {
        self.tools.binary_search_by_key(&id, |tool| tool.id).ok().and_then(|index| self.tools.get(index))
    }

    /// The tool with this name.
    #[must_use]
    pub fn tool_named(&self, name: &str) -> Option<&Tool> {
        self.tools.iter().find(|tool| tool.name == name)
    }

    /// The model with this id.
    #[must_use]
    pub fn model(&self, id: u32) -> Option<&Model> {
        self.models.binary_search_by_key(&id, |model| model.id).ok().and_then(|index| self.models.get(index))
    }

    /// The model with this name.
    #[must_use]
    pub fn model_named(&self, name: &str) -> Option<&Model> {
        self.models.iter().find(|model| model.name == name)
    }
}

/// A feature of the platform that models work for: image, video, upscale.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tool {
    /// The number on the wire and in records; never reused.
    pub id: u16,
    /// The name in files and commands.
    pub name: String,
    /// The name for people.
    pub title: String,
}

/// A model and its prices.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Model {
    /// The number on the wire and in records; never reused.
    pub id: u32,
    /// The name in files and commands.
    pub name: String,
    /// The name for people.
    pub title: String,
    /// The tools that it works for, at least one.
    pub tools: Vec<u16>,
    /// What a price is for.
    pub unit: Unit,
    /// The price of one unit where no fixed price holds.
    pub base: Option<Credits>,
    /// Quality steps; the first is the default.
    pub qualities: Vec<Step>,
    /// Resolutions from the lowest to the highest; `resolution_default` says which is the default.
    pub resolutions: Vec<Step>,
    /// The id of the default resolution; 0 where the model has none.
    pub resolution_default: u8,
    /// How long a result may be.
    pub durations: Durations,
    /// Fixed prices, those that name most first: the first that fits holds.
    pub prices: Vec<FixedPrice>,
    /// What can be added.
    pub add_ons: Vec<AddOn>,
    /// Ids of its own that are gone and may not come back.
    pub retired: RetiredParts,
    /// The least tier (R20); zero for every account.
    pub min_tier: Tier,
    /// The Pro mark: free credits do not pay (R8).
    pub pro: bool,
    /// Whether free credits may pay at all (R8).
    pub free_credits: bool,
    /// The hold time of a reserve that states none, in milliseconds; 0 for the daemon's.
    pub ttl_default_ms: u32,
    /// The longest hold time in milliseconds; 0 for the daemon's.
    pub ttl_max_ms: u32,
    /// What a commit above the hold does (R26).
    pub over_commit: OverCommit,
    /// Results of one request at most.
    pub count_max: u16,
}

impl Model {
    /// What holds of a model: each default is one of what it is the default of, each limit is kept, and what names most comes
    /// first.
    pub(crate) fn assert_whole(&self) {
        assert!(!self.tools.is_empty(), "R17: a model works for at least one tool");
        assert!(self.count_max > 0, "R17: a model makes at least one result");
        assert!(!matches!(self.unit, Unit::Step(0)), "R17: a step lasts some time");
        assert!(
            self.unit == Unit::Result || self.durations != Durations::None,
            "R17: what is priced by time has durations"
        );
        assert!(self.prices.len() <= PRICES_MAX, "I9: fixed prices have a limit");
        assert!(self.prices.is_sorted_by_key(|row| std::cmp::Reverse(row.names())), "R17: what names most comes first");
        assert!(self.prices.iter().all(|row| row.names() > 0), "R17: a fixed price names something");
        assert!(
            self.resolutions.is_empty() == (self.resolution_default == 0),
            "R17: one of the resolutions is the default"
        );
        assert!(self.resolutions.is_empty() || self.resolution(0).is_some(), "R17: a default that is not there");
        assert!(self.ttl_max_ms == 0 || self.ttl_default_ms <= self.ttl_max_ms, "R23: a hold time beyond the longest");
        assert!(self.min_tier <= Tier::MAX, "R20: a tier that no word holds");
        assert!(self.base.is_none_or(|price| price <= crate::reserve::AMOUNT_MAX), "R17: a price that no hold takes");
        for row in &self.prices {
            assert!(row.price <= crate::reserve::AMOUNT_MAX, "R17: a price that no hold takes");
            assert!(row.tenths.is_none_or(|tenths| self.durations.lists(tenths)), "R17: a price of no duration");
            assert!(row.quality.is_none_or(|id| id > 0 && self.quality(id).is_some()), "R17: a price of no quality");
            assert!(
                row.resolution.is_none_or(|id| id > 0 && self.resolution(id).is_some()),
                "R17: a price of no resolution"
            );
        }
        assert!(self.qualities.iter().all(|step| self.quality(step.id) == Some(step)), "R17: an id is one quality's");
        assert!(
            self.resolutions.iter().all(|step| self.resolution(step.id) == Some(step)),
            "R17: an id is one resolution's"
        );
        for step in self.qualities.iter().chain(&self.resolutions) {
            assert!(step.min_tier <= Tier::MAX, "R20: a tier that no word holds");
            assert!((1..=STEPS_MAX).contains(&step.id), "R17: a step fits the settings word");
            assert!(step.times <= Ratio::MAX, "R17: a multiplier has a limit");
        }
        for add_on in &self.add_ons {
            assert!((1..=ADD_ONS_MAX).contains(&add_on.id), "R17: an add-on fits the settings word");
            assert!(self.add_on(add_on.id) == Some(add_on), "R17: an id is one add-on's");
            assert!(add_on.price <= crate::reserve::AMOUNT_MAX, "R17: a price that no hold takes");
            assert!(add_on.per_second <= crate::reserve::AMOUNT_MAX, "R17: a price that no hold takes");
            assert!(
                add_on.per_second.is_zero() || self.durations != Durations::None,
                "R17: what is priced by time has durations"
            );
            assert!(add_on.min_tier <= Tier::MAX, "R20: a tier that no word holds");
        }
        self.durations.assert_whole();
        self.assert_retired();
    }

    /// No id is in use and retired.
    fn assert_retired(&self) {
        let RetiredParts { qualities, resolutions, add_ons } = &self.retired;
        for list in [qualities, resolutions, add_ons] {
            assert!(list.is_sorted_by(|one, next| one < next), "R17: an id is retired once");
            assert!(list.iter().all(|id| (1..=STEPS_MAX).contains(id)), "R17: an id that no part of a model has");
        }
        assert!(self.qualities.iter().all(|step| !qualities.contains(&step.id)), "R17: a retired id is no quality's");
        assert!(
            self.resolutions.iter().all(|step| !resolutions.contains(&step.id)),
            "R17: a retired id is no resolution's"
        );
        assert!(self.add_ons.iter().all(|add_on| !add_ons.contains(&add_on.id)), "R17: a retired id is no add-on's");
    }

    /// The quality with this id; 0 stands for the default. `None` where the model has no such quality.
    #[must_use]
    pub fn quality(&self, id: u8) -> Option<&Step> {
        self.qualities.iter().find(|step| id == 0 || step.id == id)
    }

    /// The resolution with this id; 0 stands for the default. `None` where the model has no such resolution.
    #[must_use]
    pub fn resolution(&self, id: u8) -> Option<&Step> {
        let id = if id == 0 { self.resolution_default } else { id };
        self.resolutions.iter().find(|step| step.id == id)
    }

    /// The add-on with this id.
    #[must_use]
    pub fn add_on(&self, id: u8) -> Option<&AddOn> {
        self.add_ons.iter().find(|add_on| add_on.id == id)
    }

    /// Whether free credits must not pay for it (R8).
    #[must_use]
    pub const fn is_paid_only(&self) -> bool {
        self.pro || !self.free_credits
    }
}

/// Ids of a model's qualities, resolutions and add-ons that are gone, each list ascending: old records name them (R17).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RetiredParts {
    /// Of qualities.
    pub qualities: Vec<u8>,
    /// Of resolutions.
    pub resolutions: Vec<u8>,
    /// Of add-ons.
    pub add_ons: Vec<u8>,
}

/// What the price of a model is for (R17).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// One result: an image, a clip of any length.
    Result,
    /// One second of a result; tenths count as tenths.
    Second,
    /// A step of so many tenths of a second, begun steps counted whole.
    Step(u16),
}

/// A quality step or a resolution.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// 1 to 15: the number in the settings word; keeps its name.
    pub id: u8,
    /// The name in files and commands: "high", "1080p".
    pub name: String,
    /// What it multiplies the price by, where it has no fixed price.
    pub times: Ratio,
    /// The least tier for this step; zero for that of the model.
    pub min_tier: Tier,
}

/// How long a result may be, in tenths of a second.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Durations {
    /// The model has no durations: images.
    None,
    /// These, ascending.
    Listed {
        /// The durations.
        listed: Vec<Duration>,
        /// The default, one of them.
        default: u16,
    },
    /// Every duration from `min` to `max` in steps from `min` on.
    Range {
        /// The shortest.
        min: u16,
        /// The longest.
        max: u16,
        /// The distance from one to the next, at least 1.
        step: u16,
        /// The default, one of them.
        default: u16,
    },
}

impl Durations {
    fn lists(&self, tenths: u16) -> bool {
        matches!(self, Self::Listed { listed, .. } if listed.iter().any(|one| one.tenths == tenths))
    }

    /// The default is one of the durations; they are in order.
    fn assert_whole(&self) {
        match self {
            Self::None => {}
            Self::Listed { listed, default } => {
                assert!(listed.len() <= DURATIONS_MAX, "I9: durations have a limit");
                assert!(listed.iter().all(|one| one.tenths > 0), "R17: a result of no length");
                assert!(listed.iter().all(|one| one.times <= Ratio::MAX), "R17: a multiplier has a limit");
                assert!(listed.is_sorted_by(|one, next| one.tenths < next.tenths), "R17: a duration is listed once");
                assert!(listed.iter().any(|one| one.tenths == *default), "R17: a default that is not listed");
            }
            Self::Range { min, max, step, default } => {
                assert!(*step > 0, "R17: durations that do not go up");
                assert!(*min > 0, "R17: a result of no length");
                assert!(max.abs_diff(*min).is_multiple_of(*step), "R17: the longest is one of the durations");
                assert!(min <= default && default <= max, "R17: a default outside of the durations");
                assert!(default.abs_diff(*min).is_multiple_of(*step), "R17: a default between two durations");
            }
        }
    }
}

/// A duration that the card lists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Duration {
    /// Its length in tenths of a second.
    pub tenths: u16,
    /// What it multiplies the price by, where it has no fixed price.
    pub times: Ratio,
}

/// A price that holds instead of the base price where everything that it names is chosen. The multipliers of what it
/// names are left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FixedPrice {
    /// The id of the quality; `None` for any.
    pub quality: Option<u8>,
    /// The id of the resolution; `None` for any.
    pub resolution: Option<u8>,
    /// The duration in tenths of a second, then it is the price of the whole result; `None` for any, then it is that of
    /// one unit.
    pub tenths: Option<u16>,
    /// The price.
    pub price: Credits,
}

impl FixedPrice {
    /// How many things it names: the more, the sooner it holds.
    #[must_use]
    pub fn names(&self) -> usize {
        [self.quality.is_some(), self.resolution.is_some(), self.tenths.is_some()]
            .into_iter()
            .filter(|named| *named)
            .count()
    }

    /// Whether it holds for this choice.
    #[must_use]
    pub fn fits(&self, quality: u8, resolution: u8, tenths: u16) -> bool {
        self.quality.is_none_or(|named| named == quality)
            && self.resolution.is_none_or(|named| named == resolution)
            && self.tenths.is_none_or(|named| named == tenths)
    }
}

/// Something that is added to each result for its own price; multipliers leave it alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddOn {
    /// 1 to 8: bit `id - 1` of the add-on mask; keeps its name.
    pub id: u8,
    /// The name in files and commands: "prompt-enhancer".
    pub name: String,
    /// The price a result.
    pub price: Credits,
    /// The price a second of the result, on top.
    pub per_second: Credits,
    /// The least tier for it; zero for that of the model.
    pub min_tier: Tier,
}

/// A multiplier, exact in thousandths: "1.5" is 1500.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Ratio(pub u32);

impl Ratio {
    /// What leaves a price as it is.
    pub const ONE: Self = Self(1_000);
    /// The largest on a card: a thousand times.
    pub const MAX: Self = Self(1_000_000);
}

#[cfg(test)]
mod tests;
