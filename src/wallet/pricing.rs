//! The rate card in the engine (R18 to R20): what a reserve asks for, priced where it is to be.

use std::sync::Arc;

use crate::bucket::{Bucket, Sources};
use crate::chunk::Chunk;
use crate::credits::Credits;
use crate::engine::{Archive, Engine, Journal};
use crate::ids::Tier;
use crate::outcome::{Field, Outcome};
use crate::rate_card::{Generation, PriceError, Priced, RateCard};
use crate::record::{PricedTerms, Terms};
use crate::request::{Answer, ReserveRequest};

/// What a new hold is to take, and on which terms.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) amount: Credits,
    /// Without the free bucket where request or card mark the model Pro (R8).
    pub(crate) sources: Sources,
    /// The higher one of request and card (R20).
    pub(crate) min_tier: Tier,
    pub(crate) terms: Terms,
    /// What the card says against it; ranks behind a freeze.
    pub(crate) refused: Option<NoPrice>,
}

/// Why the card gives no price that the caller wants (R18, R19).
#[derive(Clone, Copy, Debug)]
pub(crate) enum NoPrice {
    /// The card does not know it; the field says what.
    Unpriced(Field),
    /// It costs something else than the request expects.
    Changed(Credits),
}

impl NoPrice {
    pub(crate) const fn answer(self) -> Answer {
        match self {
            Self::Unpriced(field) => Answer::reused(Outcome::Unpriced, field),
            Self::Changed(amount) => Answer::of(Outcome::PriceChanged).with_amount(amount),
        }
    }
}

impl<J: Journal, A: Archive> Engine<J, A> {
    /// Prices by this card from the next chunk on. Open holds keep what they were priced with (R18).
    pub fn set_rates(&self, rates: Arc<RateCard>) {
        *self.rates.write() = rates;
    }

    /// The card that prices now.
    pub fn rates(&self) -> Arc<RateCard> {
        Arc::clone(&self.rates.read())
    }

    /// What a request that names no known hold asks for.
    ///
    /// # Errors
    /// `bad_request` where the model does not take what the request says.
    #[inline]
    pub(crate) fn asked(&self, chunk: &mut Chunk, request: &ReserveRequest, charge: bool) -> Result<Asked, Answer> {
        if request.priced {
            return self.asked_of_card(chunk, request, charge);
        }
        let hold_ms = self.hold_ms(request, charge, (0, 0));
        let terms = terms(request, None, hold_ms);
        Ok(Asked { amount: request.amount, sources: terms.sources(), min_tier: request.min_tier, terms, refused: None })
    }

    fn asked_of_card(&self, chunk: &mut Chunk, request: &ReserveRequest, charge: bool) -> Result<Asked, Answer> {
        let card = chunk.rates.get_or_insert_with(|| self.rates());
        let generation = Generation {
            tool: request.attribution.tool,
            model: request.attribution.model,
            settings: request.settings,
            count: request.attribution.count,
        };
        let priced = match card.price(&generation) {
            Ok(priced) => priced,
            Err(bad @ (PriceError::BadSetting(_) | PriceError::Overflow)) => {
                return Err(Answer::bad_request(bad.field()));
            }
            Err(PriceError::Unpriced(missing)) => {
                let refused = Some(NoPrice::Unpriced(missing.field()));
                let terms = terms(request, None, request.ttl_ms);
                return Ok(Asked {
                    amount: request.amount,
                    sources: terms.sources(),
                    min_tier: request.min_tier,
                    terms,
                    refused,
                });
            }
        };
        if priced.ttl_max_ms > 0 && request.ttl_ms > priced.ttl_max_ms {
            return Err(Answer::bad_request(Field::TtlMs));
        }
        let expected = !request.amount.is_zero();
        let hold_ms = self.hold_ms(request, charge, (priced.ttl_default_ms, priced.ttl_max_ms));
        let terms = terms(request, Some(priced_terms(&priced, expected)), hold_ms);
        let changed = expected && request.amount != priced.amount;
        assert!(priced.version == card.version(), "R18: a price of another card");
        let free = terms.sources().contains(Bucket::Free);
        assert!(!priced.pro_model || !free, "R8: free credits do not pay for what the card marks");
        assert!(priced.amount <= crate::reserve::AMOUNT_MAX, "R17: a price that no hold takes");
        Ok(Asked {
            amount: priced.amount,
            sources: terms.sources(),
            min_tier: request.min_tier.max(priced.min_tier),
            terms,
            refused: changed.then_some(NoPrice::Changed(priced.amount)),
        })
    }

    /// The hold time that is granted: what was asked for, else the card's or the daemon's, within the card's longest
    /// (R23). The card's numbers are zero where it has none.
    #[inline]
    fn hold_ms(&self, request: &ReserveRequest, charge: bool, (default_ms, max_ms): (u32, u32)) -> u32 {
        let usual = if default_ms == 0 { self.settings.hold_ttl_default_ms } else { default_ms };
        let longest = if max_ms == 0 { self.settings.hold_ttl_max_ms } else { max_ms };
        let hold_ms = match () {
            () if charge => 0,
            () if request.ttl_ms != 0 => request.ttl_ms,
            () => usual.min(longest).min(self.settings.hold_ttl_max_ms),
        };
        assert!(hold_ms <= self.settings.hold_ttl_max_ms, "R23: a hold time has a limit");
        hold_ms
    }
}

const fn terms(request: &ReserveRequest, priced: Option<PricedTerms>, hold_ms: u32) -> Terms {
    Terms {
        sources: request.sources,
        pro_model: request.pro_model,
        min_tier: request.min_tier,
        over_commit: request.over_commit,
        ttl_ms: request.ttl_ms,
        priced,
        hold_ms,
    }
}

const fn priced_terms(priced: &Priced, expected: bool) -> PricedTerms {
    let Priced { version, pro_model, over_commit, .. } = *priced;
    PricedTerms { version, expected, pro_model, over_commit }
}
