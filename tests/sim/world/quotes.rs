//! Quotes say what a reserve would come to, what would fit, and after which reset (R21).

use wallet::credits::Credits;
use wallet::ids::{Tier, Timestamp};
use wallet::outcome::Outcome;
use wallet::quote::{Quote, QuoteRequest};
use wallet::rate_card::Generation;
use wallet::request::{Operation, ReserveRequest};

use super::World;
use super::agree::amounts;
use crate::sim::ground::Ground;
use crate::sim::model::Clock;
use crate::sim::random::Random;

const QUOTES: usize = 4;

impl<G: Ground> World<G> {
    pub(super) fn quotes(&mut self, random: &mut Random) -> Result<(), String> {
        for _ in 0..QUOTES {
            let (Operation::Reserve(asked) | Operation::Charge(asked)) =
                self.clients.priced(random, self.now, &self.model)
            else {
                unreachable!("a reserve or a charge")
            };
            let asked = ReserveRequest { amount: Credits::ZERO, pro_model: false, min_tier: Tier::NONE, ..asked };
            if self.model.wallets.contains_key(&asked.account.0) {
                self.quote(&asked).map_err(|wrong| format!("R21: {wrong}\n  of {asked:?}"))?;
            }
        }
        Ok(())
    }

    fn quote(&self, asked: &ReserveRequest) -> Result<(), String> {
        let told = self.engine.quote(&quote_request(asked), self.clock());
        let (quote, (price, would, split)) = match (told, self.model.quoted(asked, self.now)) {
            (Err(_), None) => return Ok(()),
            (Ok(quote), Some(expected)) => (quote, expected),
            (told, expected) => return Err(format!("{told:?}, expected {expected:?}")),
        };
        if (quote.priced.amount.millis(), quote.would, amounts(&quote.split)) != (price, would, split) {
            return Err(format!("{quote:?}, expected {price} {would:?} {split:?}"));
        }
        self.fits(asked, &quote)?;
        self.fits_after(asked, &quote)
    }

    /// The largest count is paid for by what is there, and one more is not, or is more than the card lets be made.
    fn fits(&self, asked: &ReserveRequest, quote: &Quote) -> Result<(), String> {
        let price = |count: u16| {
            let mut more = *asked;
            more.attribution.count = count;
            self.model.price(&more)
        };
        let there = self.model.eligible(asked, self.now);
        let count = quote.fits.count;
        let usable = self.model.wallet(asked.account.0, self.now).tier() >= quote.priced.min_tier.0;
        let too_much = !usable || price(count.saturating_add(1)).is_none_or(|price| price > there);
        let enough = count == 0 || usable && price(count).is_some_and(|price| price <= there);
        if enough && too_much { Ok(()) } else { Err(format!("{count} fit into {there}: {quote:?}")) }
    }

    /// A reserve at the named reset would be granted; where none is named, the next reset does not help.
    fn fits_after(&self, asked: &ReserveRequest, quote: &Quote) -> Result<(), String> {
        let granted_at = |at: u64| {
            let then = Clock { daemon: at, wall: at };
            self.model.quoted(asked, then).is_some_and(|(_, would, _)| would == Outcome::Granted)
        };
        let next = self.model.view_of_wallet(asked.account.0, self.now).next_reset_at;
        match quote.fits_after {
            _ if quote.would == Outcome::Granted => Ok(()),
            Timestamp::NONE if next == 0 || !granted_at(next) => Ok(()),
            Timestamp(at) if at > 0 && granted_at(at) => Ok(()),
            at => Err(format!("after {at:?}, next reset {next}: {quote:?}")),
        }
    }
}

const fn quote_request(asked: &ReserveRequest) -> QuoteRequest {
    let of = asked.attribution;
    let generation = Generation { tool: of.tool, model: of.model, settings: asked.settings, count: of.count };
    QuoteRequest { account: asked.account, generation, sources: asked.sources }
}
