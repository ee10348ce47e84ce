//! The price of a generation: exact, in integers, rounded once, up, per result (R1, R17-R20).
//!
//! Per result it is the price of a unit, times the units, times every multiplier, and then the add-ons. All of it is one
//! fraction until the end; the count multiplies what has been rounded.

use thiserror::Error;

use super::{AddOn, Durations, FixedPrice, Model, RateCard, Ratio, Settings, Step, Unit};
use crate::credits::Credits;
use crate::ids::Tier;
use crate::outcome::Field;
use crate::record::OverCommit;
use crate::reserve::AMOUNT_MAX;

/// Tenths in a second.
const TENTHS: u128 = 10;
/// What the numerators are over: tenths of a unit, and three multipliers in thousandths.
const DENOMINATOR: u128 = TENTHS * THOUSANDTHS * THOUSANDTHS * THOUSANDTHS;
/// Thousandths in one.
const THOUSANDTHS: u128 = 1_000;

const _: () = assert!(Ratio::ONE.0 as u128 == THOUSANDTHS, "R17: multipliers are exact in thousandths");
const _: () = assert!(DENOMINATOR.is_multiple_of(TENTHS), "R1: add-ons are over the same denominator");

/// What is to be made (R18).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Generation {
    /// The tool.
    pub tool: u16,
    /// The model.
    pub model: u32,
    /// The settings word, see [`Settings`].
    pub settings: u32,
    /// How many results; 0 counts as 1.
    pub count: u16,
}

/// What the card says of a generation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Priced {
    /// What it costs: `per_result` times the count.
    pub amount: Credits,
    /// What one result costs.
    pub per_result: Credits,
    /// The version of the card.
    pub version: u32,
    /// The least tier: that of the model, or a higher one of what is chosen (R20).
    pub min_tier: Tier,
    /// Whether free credits may not pay: the Pro mark, or `free_credits = false` (R8).
    pub pro_model: bool,
    /// What a commit above the hold does (R26).
    pub over_commit: OverCommit,
    /// The hold time of a reserve that states none, in milliseconds; 0 for the daemon's.
    pub ttl_default_ms: u32,
    /// The longest hold time in milliseconds; 0 for the daemon's.
    pub ttl_max_ms: u32,
}

/// Why a generation has no price. All of it rests on the card that is loaded: a retry of a known hold is answered without it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum PriceError {
    /// The card does not know it: refused, never free (R19).
    #[error("unpriced: the rate card has no {}", .0.name())]
    Unpriced(Missing),
    /// The model is known, and does not take this value: the count or a duration.
    #[error("{} is outside of what the model takes", .0.name())]
    BadSetting(Field),
    /// The amount is larger than a hold can be.
    #[error("the price is larger than {AMOUNT_MAX} credits")]
    Overflow,
}

impl PriceError {
    /// The field of the request that it is about.
    #[must_use]
    pub const fn field(self) -> Field {
        match self {
            Self::Unpriced(missing) => missing.field(),
            Self::BadSetting(field) => field,
            // Each model has a price for its defaults, so it is the count that makes it too large, or a step on top of it.
            Self::Overflow => Field::Count,
        }
    }
}

/// What the card does not know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Missing {
    /// The tool.
    Tool,
    /// The model.
    Model,
    /// The model for this tool.
    ModelForTool,
    /// The quality, for this model.
    Quality,
    /// The resolution, for this model.
    Resolution,
    /// The duration, for this model.
    Duration,
    /// An add-on, for this model.
    AddOn,
    /// A price for this combination.
    Combination,
}

impl Missing {
    /// What it is, in words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tool => "such tool",
            Self::Model => "such model",
            Self::ModelForTool => "such model for this tool",
            Self::Quality => "such quality for this model",
            Self::Resolution => "such resolution for this model",
            Self::Duration => "such duration for this model",
            Self::AddOn => "such add-on for this model",
            Self::Combination => "price for this combination",
        }
    }

    /// The field of the request that it is about.
    #[must_use]
    pub const fn field(self) -> Field {
        match self {
            Self::Tool => Field::Tool,
            Self::Model | Self::ModelForTool => Field::Model,
            Self::Quality | Self::Resolution | Self::Duration | Self::AddOn | Self::Combination => Field::Settings,
        }
    }
}

impl RateCard {
    /// The price of a generation (R17), or why there is none (R19).
    ///
    /// # Errors
    /// What the card does not know is [`PriceError::Unpriced`].
    pub fn price(&self, generation: &Generation) -> Result<Priced, PriceError> {
        let choice = Choice::of(self, generation)?;
        let count = generation.count.max(1);
        if count > choice.model.count_max {
            return Err(PriceError::BadSetting(Field::Count));
        }
        let per_result = choice.per_result()?;
        let amount = per_result.millis().checked_mul(u64::from(count)).map(Credits::from_millis);
        let amount = amount.filter(|amount| *amount <= AMOUNT_MAX).ok_or(PriceError::Overflow)?;
        assert!(amount >= per_result, "R17: a generation costs at least one result");
        assert!(amount.is_zero() == per_result.is_zero(), "R19: the count makes nothing free");
        assert!(choice.min_tier() >= choice.model.min_tier, "R20: what is chosen lowers no tier");
        let model = choice.model;
        Ok(Priced {
            amount,
            per_result,
            version: self.version,
            min_tier: choice.min_tier(),
            pro_model: model.is_paid_only(),
            over_commit: model.over_commit,
            ttl_default_ms: model.ttl_default_ms,
            ttl_max_ms: model.ttl_max_ms,
        })
    }
}

/// The settings of a generation, looked up in its model.
pub(super) struct Choice<'a> {
    pub(super) model: &'a Model,
    quality: Option<&'a Step>,
    resolution: Option<&'a Step>,
    /// The duration and its multiplier; zero tenths where the model has none.
    pub(super) tenths: u16,
    duration_times: Ratio,
    settings: Settings,
}

impl<'a> Choice<'a> {
    pub(super) fn of(card: &'a RateCard, generation: &Generation) -> Result<Self, PriceError> {
        let tool = card.tool(generation.tool).ok_or(PriceError::Unpriced(Missing::Tool))?;
        let model = card.model(generation.model).ok_or(PriceError::Unpriced(Missing::Model))?;
        assert!(tool.id == generation.tool, "R17: another tool than was asked for");
        assert!(model.id == generation.model, "R17: another model than was asked for");
        if !model.tools.contains(&tool.id) {
            return Err(PriceError::Unpriced(Missing::ModelForTool));
        }
        let settings = Settings::from_word(generation.settings);
        Self::of_model(model, settings)
    }

    pub(super) fn of_model(model: &'a Model, settings: Settings) -> Result<Self, PriceError> {
        let quality = model.quality(settings.quality);
        if quality.is_none() && settings.quality != 0 {
            return Err(PriceError::Unpriced(Missing::Quality));
        }
        let resolution = model.resolution(settings.resolution);
        if resolution.is_none() && settings.resolution != 0 {
            return Err(PriceError::Unpriced(Missing::Resolution));
        }
        let (tenths, duration_times) = model.durations.chosen(settings.tenths)?;
        let known =
            model.add_ons.iter().filter_map(|add_on| Settings::add_on_bit(add_on.id)).fold(0, |mask, bit| mask | bit);
        if settings.add_ons & !known != 0 {
            return Err(PriceError::Unpriced(Missing::AddOn));
        }
        assert!(
            settings.quality == 0 || quality.is_some_and(|step| step.id == settings.quality),
            "R17: another quality"
        );
        assert!(
            settings.resolution == 0 || resolution.is_some_and(|step| step.id == settings.resolution),
            "R17: another resolution"
        );
        assert!(settings.tenths == 0 || tenths == settings.tenths, "R17: another duration than was asked for");
        Ok(Self { model, quality, resolution, tenths, duration_times, settings })
    }

    fn add_ons(&self) -> impl Iterator<Item = &'a AddOn> + use<'a> {
        let settings = self.settings;
        self.model.add_ons.iter().filter(move |add_on| settings.has_add_on(add_on.id))
    }

    fn min_tier(&self) -> Tier {
        let steps = [self.quality, self.resolution].into_iter().flatten().map(|step| step.min_tier);
        let least = steps.chain(self.add_ons().map(|add_on| add_on.min_tier)).fold(self.model.min_tier, Tier::max);
        assert!(least <= Tier::MAX, "R20: a tier that no word holds");
        least
    }

    /// The price of one result, rounded here and nowhere else (R1).
    pub(super) fn per_result(&self) -> Result<Credits, PriceError> {
        let unit_price = self.unit_price()?;
        assert!(unit_price.price <= AMOUNT_MAX, "R17: a price that no hold takes");
        let sum = self.numerator(&unit_price).ok_or(PriceError::Overflow)?;
        let millis = u64::try_from(sum.div_ceil(DENOMINATOR)).map_err(|_| PriceError::Overflow)?;
        let price = Credits::from_millis(millis);
        assert!(u128::from(millis).saturating_mul(DENOMINATOR) >= sum, "R1: a price is rounded up");
        if price > AMOUNT_MAX { Err(PriceError::Overflow) } else { Ok(price) }
    }

    /// The fixed price that names most of what is chosen, or the base price.
    fn unit_price(&self) -> Result<FixedPrice, PriceError> {
        let id = |step: Option<&Step>| step.map_or(0, |step| step.id);
        let (quality, resolution) = (id(self.quality), id(self.resolution));
        let fixed = self.model.prices.iter().find(|row| row.fits(quality, resolution, self.tenths));
        let base = self.model.base.map(|price| FixedPrice { quality: None, resolution: None, tenths: None, price });
        let price = fixed.copied().or(base).ok_or(PriceError::Unpriced(Missing::Combination))?;
        assert!(price.fits(quality, resolution, self.tenths), "R17: a price of something else");
        assert!(fixed.is_none_or(|row| row.names() > 0), "R17: a fixed price names something");
        Ok(price)
    }

    /// The price of one result over [`DENOMINATOR`]; `None` where it does not fit.
    fn numerator(&self, unit_price: &FixedPrice) -> Option<u128> {
        let tenths = u128::from(self.tenths);
        let units = match self.model.unit {
            _ if unit_price.tenths.is_some() => TENTHS,
            Unit::Result => TENTHS,
            Unit::Second => tenths,
            Unit::Step(step) => tenths.div_ceil(u128::from(step.max(1))).checked_mul(TENTHS)?,
        };
        assert!(units > 0, "R17: a price by time is for some time");
        let mut sum = u128::from(unit_price.price.millis()).checked_mul(units)?;
        let times = |step: Option<&Step>| step.map_or(Ratio::ONE, |step| step.times);
        for (named, ratio) in [
            (unit_price.quality.is_some(), times(self.quality)),
            (unit_price.resolution.is_some(), times(self.resolution)),
            (unit_price.tenths.is_some(), self.duration_times),
        ] {
            let ratio = if named { Ratio::ONE } else { ratio };
            sum = sum.checked_mul(u128::from(ratio.0))?;
        }
        let chosen = usize::try_from(self.settings.add_ons.count_ones());
        assert!(chosen == Ok(self.add_ons().count()), "R17: each chosen add-on is paid for once");
        for add_on in self.add_ons() {
            assert!(self.settings.has_add_on(add_on.id), "R17: an add-on that was not chosen");
            let fixed = u128::from(add_on.price.millis()).checked_mul(TENTHS)?;
            let timed = u128::from(add_on.per_second.millis()).checked_mul(tenths)?;
            sum = sum.checked_add(fixed.checked_add(timed)?.checked_mul(DENOMINATOR / TENTHS)?)?;
        }
        Some(sum)
    }
}

impl Durations {
    /// The duration that a request means, with its multiplier.
    fn chosen(&self, tenths: u16) -> Result<(u16, Ratio), PriceError> {
        let bad = Err(PriceError::BadSetting(Field::Settings));
        match self {
            Self::None if tenths == 0 => Ok((0, Ratio::ONE)),
            Self::None => bad,
            Self::Listed { listed, default } => {
                let tenths = if tenths == 0 { *default } else { tenths };
                let found = listed.iter().find(|duration| duration.tenths == tenths);
                found.map(|found| (tenths, found.times)).ok_or(PriceError::Unpriced(Missing::Duration))
            }
            Self::Range { default, .. } if tenths == 0 => Ok((*default, Ratio::ONE)),
            Self::Range { min, max, step, .. } => match tenths.checked_sub(*min) {
                Some(above) if tenths <= *max && above.is_multiple_of(*step) => Ok((tenths, Ratio::ONE)),
                _ => bad,
            },
        }
    }
}
