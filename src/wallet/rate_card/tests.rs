//! The card as tables: what each rule makes of a generation, on the sample card and on cards that tempt it.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::{Durations, Fits, Generation, Missing, Model, PriceError, RateCard, Settings, parse};
use crate::bucket::Split;
use crate::credits::Credits;
use crate::ids::Tier;
use crate::outcome::Field;
use crate::record::OverCommit;
use crate::reserve::AMOUNT_MAX;

const SAMPLE: &str = include_str!("../../../config/rates.toml");

/// The sample card, read once.
fn sample() -> &'static RateCard {
    static CARD: LazyLock<RateCard> = LazyLock::new(|| parse::rate_card("rates.toml", SAMPLE).unwrap());
    &CARD
}

/// A card with one tool and one model, `m`, that has these keys.
fn card_of(keys: &str) -> RateCard {
    let text = format!(
        "version = 7\n[[tool]]\nid = 1\nname = \"t\"\n[[model]]\nid = 1\nname = \"m\"\ntools = [\"t\"]\n{keys}\n"
    );
    parse::rate_card("r.toml", &text).unwrap_or_else(|error| panic!("{error}"))
}

fn credits(text: &str) -> Credits {
    text.parse().unwrap()
}

/// A request in words: the tool, the model, then quality, resolution, `+add-on`, `8s` and `x3` in any order.
fn ask(card: &RateCard, words: &str) -> Generation {
    let mut words = words.split_whitespace();
    let tool = card.tool_named(words.next().unwrap()).unwrap().id;
    let model = card.model_named(words.next().unwrap()).unwrap();
    let (mut settings, mut count) = (Settings::default(), 0);
    for word in words {
        let seconds = word.strip_suffix('s').and_then(|seconds| seconds.parse::<Credits>().ok());
        if let Some(times) = word.strip_prefix('x').and_then(|count| count.parse().ok()) {
            count = times;
        } else if let Some(name) = word.strip_prefix('+') {
            let add_on = model.add_ons.iter().find(|add_on| add_on.name == name).unwrap();
            settings.add_ons |= Settings::add_on_bit(add_on.id).unwrap();
        } else if let Some(seconds) = seconds {
            settings.tenths = u16::try_from(seconds.millis() / 100).unwrap();
        } else if let Some(step) = model.qualities.iter().find(|step| step.name == word) {
            settings.quality = step.id;
        } else {
            settings.resolution = model.resolutions.iter().find(|step| step.name == word).expect(word).id;
        }
    }
    Generation { tool, model: model.id, settings: settings.word().unwrap(), count }
}

fn price_of(card: &RateCard, words: &str) -> String {
    card.price(&ask(card, words)).map_or_else(|error| error.to_string(), |priced| priced.amount.to_string())
}

fn check(card: &RateCard, rows: &[(&str, &str)]) {
    for (words, expected) in rows {
        assert_eq!(price_of(card, words), *expected, "{words}");
    }
}

/// R17: the sample has tools, and models of both kinds in number.
#[test]
fn the_sample_card_loads() {
    let card = sample();
    assert_eq!((card.version(), card.tools().len()), (1, 6));
    let of = |tool: &str| {
        let id = card.tool_named(tool).unwrap().id;
        card.models().iter().filter(|model| model.tools.contains(&id)).count()
    };
    assert!(of("image") + of("video") >= 28, "{} images, {} videos", of("image"), of("video"));
    for tool in card.tools() {
        assert!(of(&tool.name) > 0, "nothing for {}", tool.name);
    }
    assert!(card.models().iter().any(|model| model.pro));
    assert!(card.models().iter().any(|model| !model.free_credits));
}

/// R1, R17: the price list, to the millicredit.
#[test]
fn the_sample_card_has_the_prices_of_the_list() {
    check(
        sample(),
        &[
            ("image flux-fast", "2"),
            ("edit flux-kontext-fast", "2"),
            ("image imagen-3-fast", "2"),
            ("image luma-photon-flash", "2"),
            ("image flux-pro", "8"),
            ("image imagen-3", "8"),
            ("image luma-photon", "10"),
            ("image ideogram-3 turbo", "10"),
            ("image ideogram-3", "20"),
            ("image ideogram-3 quality", "45"),
            ("image leonardo-phoenix", "15"),
            ("image leonardo-phoenix +transparent-background", "18"),
            ("image flux-kontext-pro", "20"),
            ("image gemini-2.5-flash-image", "20"),
            ("image imagen-4", "20"),
            ("image recraft", "20"),
            ("image recraft-vector", "40"),
            ("image gpt-image", "30"),
            ("image gpt-image high", "120"),
            ("image gpt-image high 1536x1024", "180"),
            ("image flux-ultra", "30"),
            ("image imagen-4-ultra", "30"),
            ("image dall-e-3", "33"),
            ("image flux-kontext-max", "40"),
            ("image nano-banana-2", "49"),
            ("image nano-banana-2 2K", "73.5"),
            ("image nano-banana-2 4K", "98"),
            ("image nano-banana-2 2K +prompt-enhancer", "75"),
            ("image nano-banana-2 2K x3", "220.5"),
            ("image nano-banana-pro 2K +prompt-enhancer +style-reference x2", "235.5"),
            ("image qwen-image", "6"),
            ("image qwen-image fine", "10.5"),
            ("image qwen-image 2K", "13.5"),
            ("image qwen-image fine 2K", "21"),
            ("image seedream-4", "24"),
            ("edit background-removal", "0"),
            ("video veo-3-fast", "210"),
            ("video veo-3-fast 8s +preview", "222"),
            ("video kling-2.6", "10"),
            ("video kling-2.6 professional", "35"),
            ("video kling-2.6 10s", "20"),
            ("video kling-2.6 professional 10s", "70"),
            ("video kling-2.6 standard-sound", "50"),
            ("video kling-2.6 professional-sound", "100"),
            ("video kling-2.6 standard-sound 10s", "100"),
            ("video kling-2.6 professional-sound 10s", "200"),
            ("video hailuo-02", "45"),
            ("video hailuo-02 10s 1080p", "131.25"),
            ("video hailuo-02 512p", "22.5"),
            ("video pixverse-5", "22.5"),
            ("video pixverse-5 6s 1080p +sound", "130"),
            ("video ltx-2 20s 2160p", "165"),
            ("video veo-3", "560"),
            ("video veo-3 4s 4K +preview +sound", "782"),
            ("video sora-2", "80"),
            ("video sora-2 12s", "228"),
            ("video sora-2-pro 1080p 12s", "1200"),
            ("animate runway-gen-4-turbo 7s", "35"),
            ("video luma-ray-2 flash 5.5s", "30.311"),
            ("video luma-ray-2 720p 9s", "267.3"),
            ("video seedance-1-pro", "37"),
            ("video seedance-1-pro 480p 3s +fixed-camera", "10.8"),
            ("video wan-2.5 480p 5s +sound", "25.01"),
            ("upscale magnific 16x", "675"),
            ("upscale topaz-video 0.5s", "1.5"),
            ("upscale topaz-video 4K 33.3s +frame-interpolation", "274.725"),
            ("lipsync sync-lipsync-2 studio 12.3s +extra-speaker x1", "131.303"),
        ],
    );
}

/// R1: a result is rounded once, up, and only then counted.
#[test]
fn a_result_is_rounded_once_and_up() {
    let thirds = card_of("price = 0.001\nresolutions = [{ id = 1, name = \"a\", times = 0.334 }]");
    check(&thirds, &[("t m", "0.001"), ("t m x1000", "1")]);
    let both = card_of(
        "price = 10\nqualities = [{ id = 1, name = \"q\", times = 1.001 }]\n\
         resolutions = [{ id = 1, name = \"r\", times = 1.001 }]",
    );
    check(&both, &[("t m", "10.021"), ("t m x2", "20.042")]);
    let exact = card_of(
        "price = 8\nqualities = [{ id = 1, name = \"q\", times = 0.125 }]\n\
         resolutions = [{ id = 1, name = \"r\", times = 0.125 }]",
    );
    check(&exact, &[("t m", "0.125"), ("t m x8", "1")]);
    let with_add_on = card_of(
        "unit = \"second\"\nprice = 0.001\nduration = { min = 0.1, max = 2, step = 0.1 }\n\
         add_ons = [{ id = 3, name = \"a\", per_second = 0.001 }]",
    );
    check(&with_add_on, &[("t m", "0.001"), ("t m 0.5s +a", "0.001"), ("t m 0.6s +a", "0.002"), ("t m 1.1s", "0.002")]);
}

/// R17: steps that have begun count whole; a price of seconds is that of the whole result.
#[test]
fn units_are_results_seconds_or_steps() {
    let steps = card_of("unit = \"step\"\nstep_seconds = 5\nprice = 10\nduration = { min = 1, max = 30, default = 5 }");
    check(&steps, &[("t m", "10"), ("t m 1s", "10"), ("t m 6s", "20"), ("t m 10s", "20"), ("t m 30s", "60")]);
    let seconds = card_of("unit = \"second\"\nprice = 2.5\nduration = { min = 1, max = 30, step = 0.5 }");
    check(&seconds, &[("t m", "2.5"), ("t m 1.5s", "3.75"), ("t m 30s x2", "150")]);
    let fixed = card_of(
        "unit = \"second\"\nprice = 2\ndurations = [{ seconds = 4 }, { seconds = 8, price = 15 }, \
         { seconds = 10, times = 0.9 }]\nqualities = [{ id = 1, name = \"q\" }, { id = 2, name = \"h\", times = 2 }]",
    );
    check(
        &fixed,
        &[("t m", "8"), ("t m h", "16"), ("t m 8s", "15"), ("t m 8s h", "30"), ("t m 10s", "18"), ("t m 10s h", "36")],
    );
}

/// R17: the row that names most holds, and what it names does not multiply.
#[test]
fn the_fixed_price_that_names_most_holds() {
    let card = card_of(
        "price = 10\ndurations = [{ seconds = 5 }, { seconds = 10, times = 2 }]\n\
         qualities = [{ id = 1, name = \"q\" }, { id = 2, name = \"h\", price = 30 }]\n\
         resolutions = [{ id = 1, name = \"r\" }, { id = 2, name = \"s\", times = 1.5 }]\n\
         prices = [{ quality = \"h\", resolution = \"s\", price = 40 }, \
         { quality = \"h\", resolution = \"s\", seconds = 10, price = 70 }]",
    );
    check(
        &card,
        &[
            ("t m", "10"),
            ("t m 10s", "20"),
            ("t m 10s s", "30"),
            ("t m h", "30"),
            ("t m h 10s", "60"),
            ("t m h s", "40"),
            ("t m h s 10s", "70"),
        ],
    );
}

/// R19: what the card does not know is unpriced, and nothing of it is free.
#[test]
fn what_the_card_does_not_know_is_unpriced() {
    let card = sample();
    let id = |name: &str| card.model_named(name).unwrap().id;
    let word = |quality, resolution, add_ons, tenths| Settings { quality, resolution, add_ons, tenths }.word().unwrap();
    for (tool, model, settings, expected) in [
        (99, id("flux-fast"), 0, Missing::Tool),
        (0, id("flux-fast"), 0, Missing::Tool),
        (1, 9999, 0, Missing::Model),
        (1, 0, 0, Missing::Model),
        (3, id("flux-fast"), 0, Missing::ModelForTool),
        (1, id("flux-fast"), word(1, 0, 0, 0), Missing::Quality),
        (1, id("gpt-image"), word(3, 0, 0, 0), Missing::Quality),
        (1, id("flux-fast"), word(0, 1, 0, 0), Missing::Resolution),
        (1, id("nano-banana-2"), word(0, 4, 0, 0), Missing::Resolution),
        (1, id("flux-fast"), word(0, 0, 1, 0), Missing::AddOn),
        (1, id("nano-banana-2"), word(0, 0, 0b11, 0), Missing::AddOn),
        (3, id("kling-2.6"), word(0, 0, 0, 70), Missing::Duration),
    ] {
        let found = card.price(&Generation { tool, model, settings, count: 1 });
        assert_eq!(found, Err(PriceError::Unpriced(expected)), "tool {tool}, model {model}, settings {settings:#x}");
    }
    let gap = card_of("qualities = [{ id = 1, name = \"q\", price = 1 }, { id = 2, name = \"h\" }]");
    assert_eq!(gap.price(&ask(&gap, "t m h")), Err(PriceError::Unpriced(Missing::Combination)));
    assert_eq!(PriceError::Unpriced(Missing::ModelForTool).field(), Field::Model);
    assert_eq!(PriceError::Unpriced(Missing::Duration).field(), Field::Settings);
    let nothing = RateCard::default().price(&Generation { tool: 1, model: 1, settings: 0, count: 1 });
    assert_eq!(nothing, Err(PriceError::Unpriced(Missing::Tool)));
}

/// R19: a price of 0 is a price.
#[test]
fn a_model_may_be_priced_at_nothing() {
    let card = card_of("price = 0\ncount_max = 9");
    let priced = card.price(&ask(&card, "t m x9")).unwrap();
    assert_eq!((priced.amount, priced.version), (Credits::ZERO, 7));
}

/// R17: a model has limits of count and duration.
#[test]
fn count_and_duration_have_limits() {
    let card = sample();
    for (words, expected) in [
        ("image flux-fast x17", Field::Count),
        ("video veo-3-fast x5", Field::Count),
        ("image flux-fast 5s", Field::Settings),
        ("animate runway-gen-4-turbo 11s", Field::Settings),
        ("animate runway-gen-4-turbo 1s", Field::Settings),
        ("animate runway-gen-4-turbo 2.5s", Field::Settings),
    ] {
        assert_eq!(card.price(&ask(card, words)), Err(PriceError::BadSetting(expected)), "{words}");
    }
    assert_eq!(price_of(card, "image flux-fast x16"), "32");
    assert_eq!(price_of(card, "image flux-fast x0"), "2", "no count is one result");
}

/// R17: a price that no hold can have is an error of its own, up to the last millicredit.
#[test]
fn a_price_that_does_not_fit_is_an_error() {
    let most = card_of("price = 274877906.943");
    assert_eq!(most.price(&ask(&most, "t m")).unwrap().amount, AMOUNT_MAX);
    assert_eq!(most.price(&ask(&most, "t m x2")), Err(PriceError::Overflow));
    assert_eq!(PriceError::Overflow.field(), crate::outcome::Field::Count, "what a caller can make smaller");
    let steep = card_of(
        "unit = \"second\"\nprice = 0.001\nduration = { min = 0.1, max = 6553.5, step = 0.1 }\n\
         qualities = [{ id = 1, name = \"q\" }, { id = 2, name = \"h\", times = 1000 }]\n\
         resolutions = [{ id = 1, name = \"r\" }, { id = 2, name = \"s\", times = 1000 }]",
    );
    assert_eq!(price_of(&steep, "t m h s 6553.5s"), "6553500");
    assert_eq!(price_of(&steep, "t m h s 6553.5s x41"), "268693500");
    assert_eq!(steep.price(&ask(&steep, "t m h s 6553.5s x65535")), Err(PriceError::Overflow));
    let steeper = card_of(
        "unit = \"second\"\nprice = 100000000\nduration = { min = 0.1, max = 6553.5, step = 0.1 }\n\
         qualities = [{ id = 1, name = \"q\" }, { id = 2, name = \"h\", times = 1000 }]\n\
         resolutions = [{ id = 1, name = \"r\" }, { id = 2, name = \"s\", times = 1000 }]",
    );
    assert_eq!(steeper.price(&ask(&steeper, "t m h s 6553.5s")), Err(PriceError::Overflow));
}

/// R8: the Pro mark and `free_credits = false` both keep free credits away.
#[test]
fn free_credits_do_not_pay_for_what_is_marked() {
    let card = sample();
    for (words, expected) in [
        ("image flux-fast", false),
        ("image recraft-vector", false),
        ("image nano-banana-pro", true),
        ("image flux-ultra", true),
        ("video vidu-q1", true),
    ] {
        assert_eq!(card.price(&ask(card, words)).unwrap().pro_model, expected, "{words}");
    }
    assert!(!card.model_named("vidu-q1").unwrap().pro, "no Pro mark, and no free credits");
}

/// R20: the least tier is the highest of the model's and of what is chosen.
#[test]
fn the_least_tier_is_the_highest_of_what_is_chosen() {
    let card = sample();
    for (words, expected) in [
        ("image flux-fast", 0),
        ("image recraft-vector", 1),
        ("image gpt-image", 0),
        ("image gpt-image high", 4),
        ("image nano-banana-pro", 0),
        ("image nano-banana-pro 4K", 3),
        ("video veo-3", 2),
        ("video veo-3 1080p", 2),
        ("video veo-3 4K", 4),
    ] {
        assert_eq!(card.price(&ask(card, words)).unwrap().min_tier, Tier(expected), "{words}");
    }
    let add_on = card_of("price = 1\nmin_tier = 2\nadd_ons = [{ id = 8, name = \"a\", price = 1, min_tier = 5 }]");
    assert_eq!(add_on.price(&ask(&add_on, "t m")).unwrap().min_tier, Tier(2));
    assert_eq!(add_on.price(&ask(&add_on, "t m +a")).unwrap().min_tier, Tier(5));
}

/// R17, R23, R26: hold times and the over-commit policy come with the price.
#[test]
fn a_price_carries_hold_times_and_the_over_commit_policy() {
    let card = sample();
    for (words, over_commit, ttl_default_ms) in [
        ("image flux-fast", OverCommit::Reject, 600_000),
        ("video veo-3", OverCommit::Cap, 1_800_000),
        ("animate runway-gen-4-turbo", OverCommit::Draw, 600_000),
    ] {
        let priced = card.price(&ask(card, words)).unwrap();
        assert_eq!((priced.over_commit, priced.ttl_default_ms), (over_commit, ttl_default_ms), "{words}");
        assert_eq!(priced.ttl_max_ms, 7_200_000, "{words}");
    }
    let silent = card_of("price = 1");
    let priced = silent.price(&ask(&silent, "t m")).unwrap();
    assert_eq!((priced.ttl_default_ms, priced.ttl_max_ms), (0, 0), "the daemon's");
}

/// R21: what would fit, one setting varied at a time.
#[test]
fn what_would_fit_is_found_by_the_same_price() {
    let card = sample();
    let fits = |count, tenths, resolution| Fits { count, tenths, resolution };
    let split = |free: &str, subscription: &str, top_up: &str| Split {
        free: credits(free),
        subscription: credits(subscription),
        top_up: credits(top_up),
    };
    for (words, available, tier, expected) in [
        ("image seedream-4 x10", split("100", "0", "0"), 0, fits(4, 0, 0)),
        ("image seedream-4 x10", split("100", "0", "20"), 0, fits(5, 0, 0)),
        ("image seedream-4 x10", split("23.999", "0", "0"), 0, fits(0, 0, 0)),
        ("image flux-fast", split("100", "0", "0"), 0, fits(16, 0, 0)),
        ("edit background-removal", split("0", "0", "0"), 0, fits(16, 0, 0)),
        // R8: free credits do not count for a Pro model.
        ("image nano-banana-pro", split("100", "87.999", "0"), 1, fits(0, 0, 0)),
        ("image nano-banana-pro", split("100", "88", "0"), 1, fits(1, 0, 1)),
        ("image nano-banana-2 4K", split("0", "50", "24"), 1, fits(0, 0, 2)),
        ("image nano-banana-2 4K", split("0", "50", "48"), 1, fits(1, 0, 3)),
        // R20: what the tier may not use does not fit.
        ("image nano-banana-pro", split("0", "1000", "0"), 1, fits(11, 0, 2)),
        ("image nano-banana-pro", split("0", "1000", "0"), 3, fits(11, 0, 3)),
        ("video veo-3", split("0", "1000", "0"), 1, fits(0, 0, 0)),
        ("video veo-3", split("0", "1000", "0"), 2, fits(1, 80, 2)),
        ("video veo-3 x2", split("0", "1000", "0"), 2, fits(1, 60, 0)),
        ("animate runway-gen-4-turbo 10s", split("0", "37", "0"), 1, fits(0, 70, 0)),
        ("animate runway-gen-4-turbo 10s", split("0", "9.999", "0"), 1, fits(0, 0, 0)),
        ("animate runway-gen-4-turbo 2s", split("0", "1000", "0"), 1, fits(4, 100, 0)),
        ("upscale topaz-video 600s", split("0", "100", "0"), 1, fits(0, 333, 0)),
        ("video pixverse-5 15s", split("60", "0", "0"), 0, fits(0, 100, 1)),
    ] {
        let found = card.fits(&ask(card, words), &available, Tier(tier));
        assert_eq!(found, Ok(expected), "{words} from {available:?} on tier {tier}");
    }
    let unknown = Generation { tool: 1, model: 9999, settings: 0, count: 1 };
    let none = card.fits(&unknown, &Split::ZERO, Tier::NONE);
    assert_eq!(none, Err(PriceError::Unpriced(Missing::Model)));
}

/// R18: the settings word holds its parts, and every word has some.
#[test]
fn the_settings_word_keeps_its_parts() {
    let settings = Settings { quality: 0xa, resolution: 0x5, add_ons: 0b1000_0001, tenths: 0x1234 };
    assert_eq!(settings.word(), Some(0x1234_815a));
    assert_eq!(Settings::from_word(0x1234_815a), settings);
    assert_eq!((settings.has_add_on(1), settings.has_add_on(8), settings.has_add_on(2)), (true, true, false));
    assert_eq!((settings.has_add_on(0), settings.has_add_on(9)), (false, false));
    assert_eq!(Settings { quality: 16, ..settings }.word(), None);
    assert_eq!(Settings { resolution: 16, ..settings }.word(), None);
}

/// Settings that the model takes, from any numbers.
fn settings_of(model: &Model, (quality, resolution, add_ons, duration): (u8, u8, u8, u16)) -> Settings {
    let pick = |count: usize, number: u16| (count != 0).then(|| usize::from(number) % count);
    let known =
        model.add_ons.iter().filter_map(|add_on| Settings::add_on_bit(add_on.id)).fold(0, |mask, bit| mask | bit);
    Settings {
        quality: pick(model.qualities.len(), quality.into()).map_or(0, |index| model.qualities[index].id),
        resolution: pick(model.resolutions.len(), resolution.into()).map_or(0, |index| model.resolutions[index].id),
        add_ons: add_ons & known,
        tenths: match &model.durations {
            Durations::None => 0,
            Durations::Listed { listed, .. } => listed[usize::from(duration) % listed.len()].tenths,
            Durations::Range { min, max, step, .. } => min + duration % ((max - min) / step + 1) * step,
        },
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2_000, ..ProptestConfig::default() })]

    /// R18: every settings word is its parts and nothing else.
    #[test]
    fn every_settings_word_comes_back(word in any::<u32>()) {
        prop_assert_eq!(Settings::from_word(word).word(), Some(word));
    }

    /// R1, R17: the amount is the rounded price of a result times the count, and grows with the count.
    #[test]
    fn an_amount_is_its_results(index in 0..40_usize, numbers in any::<(u8, u8, u8, u16)>(), count in 0..20_u16) {
        let card = sample();
        let model = &card.models()[index % card.models().len()];
        let settings = settings_of(model, numbers).word().unwrap();
        let ask = |count| card.price(&Generation { tool: model.tools[0], model: model.id, settings, count });
        let one = ask(1).unwrap();
        prop_assert_eq!(one.amount, one.per_result);
        match ask(count) {
            Ok(priced) => {
                let results = u64::from(count.max(1));
                prop_assert_eq!(priced.per_result, one.per_result);
                prop_assert_eq!(priced.amount.millis(), one.per_result.millis() * results);
                prop_assert!(count >= model.count_max || ask(count + 1).unwrap().amount >= priced.amount);
            }
            Err(error) => {
                prop_assert_eq!(error, PriceError::BadSetting(Field::Count));
                prop_assert!(count > model.count_max);
            }
        }
    }

    /// R21: what is said to fit can be paid, and the next larger cannot.
    #[test]
    fn what_fits_can_be_paid_and_the_next_cannot(
        index in 0..40_usize,
        numbers in any::<(u8, u8, u8, u16)>(),
        purse in (0..300_000_u64, 0..3_000_000_u64, 0..300_000_u64),
        tier in 0..=4_u8,
    ) {
        let card = sample();
        let model = &card.models()[index % card.models().len()];
        let settings = settings_of(model, numbers);
        let generation = Generation { tool: model.tools[0], model: model.id, settings: settings.word().unwrap(), count: 1 };
        let (free, subscription, top_up) = purse;
        let millis = Credits::from_millis;
        let available = Split { free: millis(free), subscription: millis(subscription), top_up: millis(top_up) };
        let fits = card.fits(&generation, &available, Tier(tier)).unwrap();
        let pays = |generation: &Generation| {
            card.price(generation).is_ok_and(|priced| {
                let spendable = available.total() - if priced.pro_model { available.free } else { Credits::ZERO };
                priced.amount <= spendable && priced.min_tier <= Tier(tier)
            })
        };
        let with = |settings: Settings| Generation { settings: settings.word().unwrap(), ..generation };
        let counted = |count| Generation { count, ..generation };
        prop_assert!(fits.count == 0 || pays(&counted(fits.count)));
        prop_assert!(!pays(&counted(fits.count + 1)));
        let lengths: Vec<u16> = match &model.durations {
            Durations::None => Vec::new(),
            Durations::Listed { listed, .. } => listed.iter().map(|duration| duration.tenths).collect(),
            Durations::Range { min, max, step, .. } => (*min..=*max).step_by(usize::from(*step)).collect(),
        };
        let longest = lengths.into_iter().rev().find(|tenths| pays(&with(Settings { tenths: *tenths, ..settings })));
        prop_assert_eq!(fits.tenths, longest.unwrap_or(0));
        let ids = model.resolutions.iter().map(|step| step.id);
        let highest = ids.rev().find(|id| pays(&with(Settings { resolution: *id, ..settings })));
        prop_assert_eq!(fits.resolution, highest.unwrap_or(0));
    }
}
