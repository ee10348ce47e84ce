//! A quote: what a generation would cost, what a reserve of it would come to, and what would fit (R21). Nothing is set
//! aside, and the same functions decide that decide a reserve: the card's price, the word's take.

use crate::balance::WalletView;
use crate::bucket::{Sources, Split};
use crate::calendar::Cohort;
use crate::engine::{Archive, Engine, Journal};
use crate::estimate::Estimate;
use crate::ids::{AccountId, Now, Tier, Timestamp};
use crate::outcome::Outcome;
use crate::plan::{Plan, PlanCatalog};
use crate::rate_card::{Fits, Generation, PriceError, Priced, RateCard};
use crate::request::Answer;
use crate::subscription::roll_over;
use crate::word::{Bits, Snapshot, Take};

/// What a quote is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QuoteRequest {
    /// Whose credits would pay.
    pub account: AccountId,
    /// What would be made.
    pub generation: Generation,
    /// The buckets that may be drawn from.
    pub sources: Sources,
}

/// What a wallet can spend at an instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Purse {
    /// By bucket.
    pub available: Split,
    /// What its tier may use.
    pub tier: Tier,
}

/// What a generation would cost and come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quote {
    /// What the card says.
    pub priced: Priced,
    /// What a reserve would come to now.
    pub would: Outcome,
    /// What it would draw; zero where it would be refused.
    pub split: Split,
    /// What any reserve could take now.
    pub available: Split,
    /// What the credits are enough for.
    pub fits: Fits,
    /// The reset after which it would be granted, where it is not now; zero for none that is known.
    pub fits_after: Timestamp,
}

/// A quote against what a wallet can spend now and after its next resets. `barred` is what stops every reserve of the
/// wallet whatever it costs: that it is frozen or in debt.
///
/// # Errors
/// The card has no price.
pub fn quote(
    card: &RateCard,
    request: &QuoteRequest,
    barred: Option<Outcome>,
    now: &Purse,
    later: impl IntoIterator<Item = (Timestamp, Purse)>,
) -> Result<Quote, PriceError> {
    let priced = card.price(&request.generation)?;
    let sources = if priced.pro_model { request.sources.without_free() } else { request.sources };
    let would = |purse: &Purse| match (barred, taken(&priced, sources, purse)) {
        (None, Take::Granted(_, split)) => (Outcome::Granted, split),
        (Some(outcome), _) => (outcome, Split::ZERO),
        (None, Take::TierRequired) => (Outcome::TierRequired, Split::ZERO),
        (None, Take::Insufficient) => (Outcome::Insufficient, Split::ZERO),
        (None, Take::Attention) => unreachable!("R21: a purse asks for no attention"),
    };
    let (outcome, split) = would(now);
    let after = match outcome {
        Outcome::Granted => None,
        _ => later.into_iter().find(|(_, purse)| would(purse).0 == Outcome::Granted),
    };
    assert!(split.is_zero() || split.total() == priced.amount, "R21: the preview is what would be drawn");
    assert!(split.within(sources) == split, "R3: the preview keeps to the sources");
    assert!(after.is_none_or(|(at, _)| at > Timestamp::NONE), "R21: a reset comes at an instant");
    assert!(outcome == Outcome::Granted || split.is_zero(), "R21: a refusal draws nothing");
    Ok(Quote {
        priced,
        would: outcome,
        split,
        available: now.available,
        fits: card.fits(&request.generation, &now.available.within(sources), now.tier)?,
        fits_after: after.map_or(Timestamp::NONE, |(at, _)| at),
    })
}

/// The take of a reserve, from a word that nobody else sees.
fn taken(priced: &Priced, sources: Sources, purse: &Purse) -> Take {
    let word = Snapshot { available: purse.available, tier: purse.tier, ..Snapshot::default() };
    word.take(priced.amount, sources, priced.min_tier)
}

impl<J: Journal, A: Archive> Engine<J, A> {
    /// What a generation would cost an account now. Room for one record has been taken before: a wallet that is due is
    /// rolled, as by every request.
    ///
    /// # Errors
    /// The refusal, where there is no account or no price.
    pub fn quote(&self, request: &QuoteRequest, now: Now) -> Result<Quote, Answer> {
        let wallet = self.wallet_view(request.account, now);
        let index = self.wallets.find(request.account);
        let (Some(wallet), Some(index)) = (wallet, index) else { return Err(Answer::of(Outcome::UnknownAccount)) };
        let barred = match () {
            () if wallet.frozen => Some(Outcome::AccountFrozen),
            () if !wallet.debt.is_zero() => Some(Outcome::Debt),
            () => None,
        };
        assert!(self.wallets.slot(index).account() == request.account, "the wallet of another account");
        assert!(wallet.debt.is_zero() || wallet.available.top_up.is_zero(), "R16: debt beside top-up credits");
        // One reserve takes no more out of a bucket than a word holds.
        let purse = Purse { available: wallet.available.at_most(&Bits::WIDE.most()), tier: wallet.tier };
        let later = self.later_purses(self.wallets.slot(index).cohort(), &wallet, now);
        quote(&self.rates(), request, barred, &purse, later).map_err(refused)
    }

    /// What a wallet can spend after each of its next resets: the end of its day, the end of its cycle, and after a lapse
    /// the end of the day then, with which the allowance comes back (R7).
    fn later_purses(&self, cohort: Cohort, wallet: &WalletView, now: Now) -> Vec<(Timestamp, Purse)> {
        let day_ends = self.cohorts.end_of(cohort, wallet.day);
        let mut resets = vec![day_ends];
        if wallet.cycle_ends_at != Timestamp::NONE {
            resets.push(wallet.cycle_ends_at);
            resets.push(self.cohorts.end_of(cohort, self.cohorts.day_at(cohort, wallet.cycle_ends_at)));
        }
        resets.retain(|at| *at > now.daemon && *at != Timestamp::NEVER);
        resets.sort_unstable();
        resets.dedup();
        assert!(resets.is_sorted_by(|one, next| one < next), "R21: resets come one after the other");
        assert!(resets.len() <= 3, "I9: a quote looks at three resets at most");
        assert!(
            resets.first().is_none_or(|first| *first > now.daemon),
            "R21: a reset that has been is none to wait for"
        );
        resets.into_iter().map(|at| (at, self.purse_at(cohort, wallet, at))).collect()
    }

    /// What a wallet could spend at a later instant, if nothing was spent until then. At one instant the cycle comes before
    /// the day (R10).
    fn purse_at(&self, cohort: Cohort, wallet: &WalletView, at: Timestamp) -> Purse {
        let mut purse = Purse { available: wallet.available.at_most(&Bits::WIDE.most()), tier: wallet.tier };
        let zone = self.cohorts.zone(cohort);
        let rolled = wallet.subscription.and_then(|before| roll_over(&before, wallet.pending.as_ref(), &zone, at));
        if let Some(rolled) = rolled {
            purse.tier = rolled.after.map_or(Tier::NONE, |after| after.tier);
            purse.available.subscription = rolled.after.map_or_else(Default::default, |after| after.allocation);
        }
        assert!(rolled.is_none_or(|rolled| rolled.boundary <= at), "R10: a boundary that has not come");
        let day = self.cohorts.day_at(cohort, at);
        if day > wallet.day {
            // The day began with the tier of before a boundary that lies within it.
            let began_before =
                rolled.is_some_and(|rolled| self.cohorts.day_at(cohort, rolled.boundary.minus_millis(1)) == day);
            let tier = if began_before { wallet.tier } else { purse.tier };
            purse.available.free = self.policies.read().allowance(day, tier);
        }
        purse
    }
}

/// The cheapest plan whose credits cover an estimate with its larger buffer, and whose tier may use all of it (R21).
#[must_use]
pub fn cheapest_plan<'a>(plans: &'a PlanCatalog, estimate: &Estimate) -> Option<&'a Plan> {
    plans.cheapest_covering(estimate.with_buffer_max, estimate.min_tier)
}

/// How a request without a price is refused (R19).
#[must_use]
pub const fn refused(error: PriceError) -> Answer {
    match error {
        PriceError::Unpriced(missing) => Answer::reused(Outcome::Unpriced, missing.field()),
        PriceError::BadSetting(_) | PriceError::Overflow => Answer::bad_request(error.field()),
    }
}
