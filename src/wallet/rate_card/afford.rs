//! What would fit into the credits there are: by the same price rule, one setting varied at a time (R21).

use super::price::{Choice, Generation, PriceError};
use super::{Durations, RateCard, Settings};
use crate::bucket::{Bucket, Split};
use crate::credits::Credits;
use crate::ids::Tier;

/// The largest of each setting that can be paid, everything else as it was asked for. Zero where nothing fits.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Fits {
    /// The largest count.
    pub count: u16,
    /// The longest duration in tenths of a second; 0 also where the model has no durations.
    pub tenths: u16,
    /// The id of the highest resolution; 0 also where the model has none.
    pub resolution: u8,
}

impl RateCard {
    /// What would fit into `available`, what the eligible buckets hold, for an account of this tier. Free credits are left
    /// out where they may not pay for the model (R8), and what the tier may not use does not fit (R20).
    ///
    /// # Errors
    /// As [`RateCard::price`], but for an amount that is too large: then a smaller one may fit.
    pub fn fits(&self, generation: &Generation, available: &Split, tier: Tier) -> Result<Fits, PriceError> {
        let choice = Choice::of(self, generation)?;
        if let Err(error @ (PriceError::Unpriced(_) | PriceError::BadSetting(_))) = choice.per_result() {
            return Err(error);
        }
        let model = choice.model;
        let free = if model.is_paid_only() { Credits::ZERO } else { available.of(Bucket::Free) };
        let spendable = Split { free, ..*available };
        let spendable =
            Bucket::ALL.iter().try_fold(Credits::ZERO, |sum, bucket| sum.checked_add(spendable.of(*bucket)));
        let purse = Purse { card: self, spendable: spendable.unwrap_or(Credits::from_millis(u64::MAX)), tier };
        let fits = Fits {
            count: purse.largest_count(generation, model.count_max),
            tenths: purse.longest(generation, &model.durations),
            resolution: model
                .resolutions
                .iter()
                .map(|step| step.id)
                .rfind(|id| purse.pays(&with(generation, |settings| settings.resolution = *id)))
                .unwrap_or(0),
        };
        assert!(fits.count <= model.count_max, "R21: more results than the model makes at once");
        assert!(fits.resolution == 0 || model.resolution(fits.resolution).is_some(), "R21: another model's resolution");
        let paid = |change: &dyn Fn(&mut Settings)| purse.pays(&with(generation, change));
        assert!(
            fits.count == 0 || purse.pays(&Generation { count: fits.count, ..*generation }),
            "R21: a count that fits can be paid"
        );
        assert!(fits.tenths == 0 || paid(&|of| of.tenths = fits.tenths), "R21: a duration that fits can be paid");
        assert!(
            fits.resolution == 0 || paid(&|of| of.resolution = fits.resolution),
            "R21: a resolution that fits can be paid"
        );
        Ok(fits)
    }
}

/// What can be spent, and by whom.
struct Purse<'a> {
    card: &'a RateCard,
    spendable: Credits,
    tier: Tier,
}

impl Purse<'_> {
    fn pays(&self, generation: &Generation) -> bool {
        let price = self.card.price(generation);
        price.is_ok_and(|priced| priced.amount <= self.spendable && priced.min_tier <= self.tier)
    }

    fn largest_count(&self, generation: &Generation, most: u16) -> u16 {
        last_that(most, |count| count == 0 || self.pays(&Generation { count, ..*generation })).unwrap_or(0)
    }

    fn longest(&self, generation: &Generation, durations: &Durations) -> u16 {
        let pays = |tenths: u16| self.pays(&with(generation, |settings| settings.tenths = tenths));
        match durations {
            Durations::None => 0,
            Durations::Listed { listed, .. } => {
                listed.iter().map(|duration| duration.tenths).rfind(|tenths| pays(*tenths)).unwrap_or(0)
            }
            Durations::Range { min, max, step, .. } => {
                let nth = |index: u16| min.saturating_add(index.saturating_mul(*step));
                let most = max.saturating_sub(*min).checked_div(*step).unwrap_or(0);
                let longest = last_that(most, |index| pays(nth(index))).map_or(0, nth);
                assert!(longest <= *max, "R21: a duration beyond the longest");
                longest
            }
        }
    }
}

/// The generation with a changed setting.
fn with(generation: &Generation, change: impl FnOnce(&mut Settings)) -> Generation {
    let mut settings = Settings::from_word(generation.settings);
    change(&mut settings);
    let word = settings.word().unwrap_or(generation.settings);
    assert!(Settings::from_word(word) == settings, "a settings word is read as it was written");
    Generation { settings: word, ..*generation }
}

/// The largest number up to `most` for which `fits` is true, which must be true up to it and false beyond.
fn last_that(most: u16, fits: impl Fn(u16) -> bool) -> Option<u16> {
    if !fits(0) {
        return None;
    }
    let (mut good, mut bad) = (0, u32::from(most).saturating_add(1));
    while let Some(middle) = u16::try_from(u32::midpoint(u32::from(good), bad)).ok().filter(|middle| *middle > good) {
        if fits(middle) {
            good = middle;
        } else {
            bad = u32::from(middle);
        }
    }
    assert!(good <= most, "what fits has a limit");
    assert!(u32::from(good).saturating_add(1) == bad, "the next larger one does not fit");
    Some(good)
}
