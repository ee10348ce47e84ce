//! The rate card, and the prices that come of it.

use wallet::bucket::Split;
use wallet::credits::Credits;
use wallet::ids::Tier;
use wallet::rate_card::price::Generation;
use wallet::rate_card::{RateCard, parse};

/// Any text is a rate card or says what is wrong with it, and every card has an answer to every generation.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match parse::rate_card("fuzz.toml", text) {
        Ok(card) => {
            assert_eq!(parse::successor("fuzz.toml", text, &card).as_ref(), Ok(&card), "a card follows itself");
            for model in card.models() {
                for tool in model.tools.iter().copied().chain([0]) {
                    for settings in [0, 0x11, 0x0022, 0xff00, 50 << 16, u32::MAX] {
                        one(&card, Generation { tool, model: model.id, settings, count: 0 });
                        one(&card, Generation { tool, model: model.id, settings, count: model.count_max });
                    }
                }
            }
        }
        Err(error) => assert!(error.to_string().starts_with("fuzz.toml"), "{error} has no place"),
    }
}

fn one(card: &RateCard, generation: Generation) {
    let priced = card.price(&generation);
    if let Ok(priced) = priced {
        let results = u64::from(generation.count.max(1));
        assert_eq!(priced.amount.millis(), priced.per_result.millis() * results, "a price is per result");
        assert_eq!(priced.version, card.version());
    }
    let purse = Split { free: Credits::from_whole(7), subscription: Credits::from_whole(900), top_up: Credits::ZERO };
    let fits = card.fits(&generation, &purse, Tier(15));
    if let (Ok(priced), Ok(fits)) = (priced, fits)
        && fits.count > 0
    {
        let most = card.price(&Generation { count: fits.count, ..generation });
        assert!(most.is_ok_and(|most| most.per_result == priced.per_result), "what fits has a price");
    }
}

/// The shipped card, and each table of it alone.
pub fn seeds() -> Vec<Vec<u8>> {
    super::seeds::parts("config/rates.toml", "[[")
}
