//! Every refusal of the parser, with its line, key and hint.

use proptest::prelude::*;

use super::rate_card;
use crate::credits::Credits;
use crate::ids::Tier;
use crate::rate_card::{DURATIONS_MAX, Durations, MODELS_MAX, RateCard, Ratio, TOOLS_MAX, Unit};
use crate::record::OverCommit;

mod reload;

/// A small card in which every line can go wrong.
const CARD: &str = r#"version = 1
retired = [9]
[defaults]
ttl_default_ms = 1000
[[tool]]
id = 1
name = "image"
[[tool]]
id = 2
name = "video"
[[model]]
id = 1
name = "picture"
tools = ["image"]
price = 24
[[model]]
id = 2
name = "clip"
tools = ["video"]
unit = "step"
step_seconds = 5
price = 10.5
durations = [{ seconds = 5 }, { seconds = 10, times = 1.9 }]
qualities = [{ id = 1, name = "low", times = 0.5 }, { id = 2, name = "high" }]
resolutions = [{ id = 1, name = "720p" }, { id = 2, name = "1080p", price = 30 }]
add_ons = [{ id = 1, name = "sound", per_second = 1 }]
prices = [{ quality = "high", resolution = "1080p", seconds = 10, price = 33 }]
"#;

/// [`CARD`] with its only `from` replaced.
fn changed(from: &str, to: &str) -> String {
    assert_eq!(CARD.matches(from).count(), 1, "{from:?} is not there once");
    CARD.replace(from, to)
}

fn card(text: &str) -> RateCard {
    rate_card("r.toml", text).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(rows: &[(&str, &str, &str)]) {
    for (from, to, expected) in rows {
        let error = rate_card("r.toml", &changed(from, to)).expect_err(to);
        assert_eq!(error.to_string(), *expected, "{from:?} -> {to:?}");
    }
}

/// R17: what the file says is what the card has.
#[test]
fn a_card_has_what_its_file_says() {
    let card = card(CARD);
    assert_eq!((card.version(), card.retired()), (1, [9].as_slice()));
    let names: Vec<(u16, &str)> = card.tools().iter().map(|tool| (tool.id, tool.title.as_str())).collect();
    assert_eq!(names, [(1, "image"), (2, "video")]);
    let picture = card.model_named("picture").unwrap();
    assert_eq!(picture.base, Some(Credits::from_whole(24)));
    assert_eq!((picture.unit, &picture.durations), (Unit::Result, &Durations::None));
    assert_eq!((picture.min_tier, picture.pro, picture.free_credits), (Tier::NONE, false, true));
    assert_eq!((picture.ttl_default_ms, picture.ttl_max_ms), (1000, 0));
    assert_eq!((picture.over_commit, picture.count_max), (OverCommit::Reject, u16::MAX));
    let clip = card.model(2).unwrap();
    assert_eq!(clip.unit, Unit::Step(50));
    assert_eq!(clip.quality(0).map(|step| step.times), Some(Ratio(500)));
    assert_eq!(clip.resolution(2).map(|step| step.name.as_str()), Some("1080p"));
    assert_eq!(clip.prices.len(), 2);
    assert_eq!(clip.prices[0].names(), 3, "what names most comes first");
    assert_eq!(clip.add_on(1).unwrap().per_second, Credits::from_whole(1));
}

/// R17: keys that nobody knows are refused, with the one that was meant.
#[test]
fn unknown_keys_are_refused_with_the_nearest_one() {
    refused(&[
        ("retired = [9]", "retird = [9]", r#"r.toml, line 2: retird: unknown key; did you mean "retired"?"#),
        (
            "ttl_default_ms",
            "ttl_defualt_ms",
            r#"r.toml, line 4: defaults.ttl_defualt_ms: unknown key; did you mean "ttl_default_ms"?"#,
        ),
        (
            "name = \"image\"",
            "label = \"image\"",
            "r.toml, line 7: tool.label: unknown key; it is one of id, name, title",
        ),
        ("price = 24", "prise = 24", r#"r.toml, line 15: model.prise: unknown key; did you mean "price"?"#),
        ("times = 1.9", "time = 1.9", r#"r.toml, line 23: model.durations.time: unknown key; did you mean "times"?"#),
        ("times = 0.5", "tims = 0.5", r#"r.toml, line 24: model.qualities.tims: unknown key; did you mean "times"?"#),
        (
            "per_second = 1",
            "per_secnd = 1",
            r#"r.toml, line 26: model.add_ons.per_secnd: unknown key; did you mean "per_second"?"#,
        ),
        ("price = 33", "prices = 33", r#"r.toml, line 27: model.prices.prices: unknown key; did you mean "price"?"#),
    ]);
}

/// R1, R17: amounts are not negative, have three decimals at most, and fit.
#[test]
fn amounts_are_exact_and_not_negative() {
    let decimals = "the smallest amount is 0.001 credits";
    refused(&[
        ("price = 24", "price = -24", "r.toml, line 15: model.price: -24 is negative; 0 is the least"),
        ("price = 24", "price = \"-0.5\"", "r.toml, line 15: model.price: -0.5 is negative; 0 is the least"),
        (
            "price = 24",
            "price = 24.0005",
            &format!("r.toml, line 15: model.price: 24.0005 has more than three decimals; {decimals}"),
        ),
        (
            "price = 24",
            "price = \"1.2345\"",
            &format!("r.toml, line 15: model.price: 1.2345 has more than three decimals; {decimals}"),
        ),
        ("price = 24", "price = 1e3", "r.toml, line 15: model.price: 1e3 is not an amount of credits, such as 73.5"),
        ("price = 24", "price = inf", "r.toml, line 15: model.price: inf is not an amount of credits, such as 73.5"),
        ("price = 24", "price = true", "r.toml, line 15: model.price: true is not an amount of credits, such as 73.5"),
        ("price = 24", "price = \"\"", "r.toml, line 15: model.price: \"\" is not an amount of credits, such as 73.5"),
        (
            "price = 24",
            "price = 274877906.944",
            "r.toml, line 15: model.price: 274877906.944 is not an amount of at most 274877906.943 credits",
        ),
        (
            "price = 24",
            "price = 99999999999999999999",
            "r.toml, line 15: model.price: 99999999999999999999 is too large",
        ),
        (
            "price = 33",
            "price = 33.3333",
            &format!("r.toml, line 27: model.prices.price: 33.3333 has more than three decimals; {decimals}"),
        ),
        (
            "per_second = 1",
            "per_second = -1",
            "r.toml, line 26: model.add_ons.per_second: -1 is negative; 0 is the least",
        ),
    ]);
}

/// R1: text, whole numbers and decimals say the same amount.
#[test]
fn amounts_may_be_text_or_numbers() {
    for (written, millis) in
        [("73.5", 73_500), ("\"73.5\"", 73_500), ("73.500", 73_500), ("0", 0), ("0.001", 1), ("1_000", 1_000_000)]
    {
        let card = card(&changed("price = 24", &format!("price = {written}")));
        assert_eq!(card.model(1).unwrap().base, Some(Credits::from_millis(millis)), "{written}");
    }
}

/// R17: ids and names stand once, and are not those of something that is gone.
#[test]
fn ids_and_names_stand_once() {
    let unused = "take an id that was never used";
    refused(&[
        (
            "id = 2\nname = \"clip\"",
            "id = 1\nname = \"clip\"",
            "r.toml, line 17: model.id: model id 1 is used twice; it is that of the model in line 12",
        ),
        (
            "id = 2\nname = \"video\"",
            "id = 1\nname = \"video\"",
            "r.toml, line 9: tool.id: tool id 1 is used twice; it is that of the tool in line 6",
        ),
        (
            "name = \"clip\"",
            "name = \"Picture\"",
            "r.toml, line 18: model.name: model name \"Picture\" is used twice; it is that of the model in line 13",
        ),
        (
            "name = \"video\"",
            "name = \"image\"",
            "r.toml, line 10: tool.name: tool name \"image\" is used twice; it is that of the tool in line 7",
        ),
        (
            "id = 2\nname = \"clip\"",
            "id = 9\nname = \"clip\"",
            &format!("r.toml, line 17: model.id: id 9 is retired; {unused}"),
        ),
        (
            "{ id = 2, name = \"high\" }",
            "{ id = 1, name = \"high\" }",
            "r.toml, line 24: model.qualities.id: quality id 1 is used twice; it is that of the quality in line 24",
        ),
        (
            "id = 2, name = \"1080p\"",
            "id = 2, name = \"720p\"",
            "r.toml, line 25: model.resolutions.name: resolution name \"720p\" is used twice; \
             it is that of the resolution in line 25",
        ),
        (
            "{ id = 1, name = \"sound\", per_second = 1 }",
            "{ id = 1, name = \"sound\", price = 1 }, { id = 1, name = \"noise\", price = 1 }",
            "r.toml, line 26: model.add_ons.id: add-on id 1 is used twice; it is that of the add-on in line 26",
        ),
    ]);
}

/// R17, R20: values outside of their range.
#[test]
fn values_have_a_range() {
    let tier = "tiers are 1 to 15; leave it out for every account";
    refused(&[
        ("version = 1", "version = 0", "r.toml, line 1: version: 0 is not a whole number from 1 to 4294967295"),
        ("version = 1", "version = \"1\"", "r.toml, line 1: version: \"1\" is not a whole number from 1 to 4294967295"),
        (
            "price = 24",
            "price = 24\nmin_tier = 16",
            &format!("r.toml, line 16: model.min_tier: 16 is not a whole number from 1 to 15; {tier}"),
        ),
        (
            "price = 24",
            "price = 24\nmin_tier = 0",
            &format!("r.toml, line 16: model.min_tier: 0 is not a whole number from 1 to 15; {tier}"),
        ),
        (
            "name = \"high\"",
            "name = \"high\", min_tier = 99",
            &format!("r.toml, line 24: model.qualities.min_tier: 99 is not a whole number from 1 to 15; {tier}"),
        ),
        (
            "id = 2\nname = \"clip\"",
            "id = 0\nname = \"clip\"",
            "r.toml, line 17: model.id: 0 is not a whole number from 1 to 4294967295",
        ),
        (
            "id = 1\nname = \"image\"",
            "id = 65536\nname = \"image\"",
            "r.toml, line 6: tool.id: 65536 is not a whole number from 1 to 65535",
        ),
        (
            "{ id = 2, name = \"high\" }",
            "{ id = 16, name = \"high\" }",
            "r.toml, line 24: model.qualities.id: 16 is not a whole number from 1 to 15",
        ),
        (
            "{ id = 1, name = \"sound\"",
            "{ id = 9, name = \"sound\"",
            "r.toml, line 26: model.add_ons.id: 9 is not a whole number from 1 to 8",
        ),
        (
            "ttl_default_ms = 1000",
            "ttl_default_ms = 86400001",
            "r.toml, line 4: defaults.ttl_default_ms: 86400001 is not a whole number from 1 to 86400000",
        ),
        (
            "ttl_default_ms = 1000",
            "ttl_max_ms = 999\nttl_default_ms = 1000",
            "r.toml, line 5: defaults.ttl_default_ms: the default hold time 1000 is longer than the longest, 999",
        ),
        (
            "price = 24",
            "price = 24\nttl_max_ms = 999",
            "r.toml, line 16: model.ttl_max_ms: the default hold time 1000 is longer than the longest, 999",
        ),
        (
            "price = 24",
            "price = 24\ncount_max = 0",
            "r.toml, line 16: model.count_max: 0 is not a whole number from 1 to 65535",
        ),
        (
            "price = 24",
            "price = 24\nover_commit = \"drew\"",
            "r.toml, line 16: model.over_commit: \"drew\" is not one of reject, cap, draw; did you mean \"draw\"?",
        ),
        ("price = 24", "price = 24\npro = 1", "r.toml, line 16: model.pro: 1 is not true or false"),
        (
            "name = \"clip\"",
            "name = \"my clip\"",
            "r.toml, line 18: model.name: \"my clip\" is not a name of 1 to 64 bytes; \
             names are made of letters, digits, \"-\", \"_\" and \".\"",
        ),
        (
            "name = \"clip\"",
            "name = \"clip\"\ntitle = \"\"",
            "r.toml, line 19: model.title: \"\" is not a text of 1 to 64 bytes",
        ),
        (
            "times = 1.9",
            "times = 0",
            "r.toml, line 23: model.durations.times: not a multiplier of 0.001 to 1000; \
             a price of nothing is price = 0",
        ),
        (
            "times = 1.9",
            "times = 1.99999",
            "r.toml, line 23: model.durations.times: 1.99999 has more than three decimals; \
             multipliers are exact in thousandths",
        ),
        (
            "times = 1.9",
            "times = 1.9, price = 3",
            "r.toml, line 23: model.durations.times: a price and a multiplier at once; keep one of price and times",
        ),
    ]);
}

/// R17: tools, units and durations that fit together.
#[test]
fn a_model_fits_together() {
    let tenths = "durations are counted in tenths of a second";
    refused(&[
        (
            "tools = [\"image\"]",
            "tools = [\"imagine\"]",
            "r.toml, line 14: model.tools: unknown tool \"imagine\"; did you mean \"image\"?",
        ),
        ("tools = [\"image\"]", "tools = []", "r.toml, line 14: model.tools: a model works for at least one tool"),
        ("tools = [\"image\"]", "tools = \"image\"", "r.toml, line 14: model.tools: \"image\" is not a list"),
        ("tools = [\"image\"]", "tools = [\"image\", \"image\"]", "r.toml, line 14: model.tools: tool \"image\" twice"),
        (
            "unit = \"step\"",
            "unit = \"steps\"",
            "r.toml, line 20: model.unit: \"steps\" is not one of result, second, step; did you mean \"step\"?",
        ),
        (
            "unit = \"step\"",
            "unit = \"second\"",
            "r.toml, line 21: model.step_seconds: only models with unit = \"step\" have it; say unit = \"step\"",
        ),
        ("step_seconds = 5\n", "", "r.toml, line 16: model.step_seconds: missing; this table needs step_seconds = ..."),
        (
            "step_seconds = 5",
            "step_seconds = 0.25",
            &format!("r.toml, line 21: model.step_seconds: not a length of 0.1 to 6553.5 seconds in tenths; {tenths}"),
        ),
        (
            "step_seconds = 5",
            "step_seconds = 6553.6",
            "r.toml, line 21: model.step_seconds: not a length of 0.1 to 6553.5 seconds in tenths",
        ),
        (
            "price = 24",
            "price = 24\nunit = \"second\"",
            "r.toml, line 11: model: a price by time needs durations; \
             say duration = { min = 1, max = 10, default = 5 }, or list durations",
        ),
        (
            "prices = [",
            "duration = { min = 1, max = 2 }\nprices = [",
            "r.toml, line 27: model.duration: both a range and a list of durations; \
             keep one of duration and durations",
        ),
        (
            "durations = [{ seconds = 5 }, { seconds = 10, times = 1.9 }]",
            "duration = { min = 1, max = 10, step = 2 }",
            "r.toml, line 23: model.duration: max is not min and a whole number of steps; step = 1 is the default",
        ),
        (
            "durations = [{ seconds = 5 }, { seconds = 10, times = 1.9 }]",
            "duration = { min = 1, max = 10, default = 2.5 }",
            "r.toml, line 23: model.duration.default: not one of the durations from min to max",
        ),
        (
            "durations = [{ seconds = 5 }, { seconds = 10, times = 1.9 }]",
            "durations = []",
            "r.toml, line 23: model.durations: not a list of 1 to 64 durations",
        ),
        ("{ seconds = 5 }", "{ seconds = 10 }", "r.toml, line 23: model.durations.seconds: a duration twice"),
        (
            "{ seconds = 5 }, { seconds = 10,",
            "{ seconds = 5, default = true }, { default = true, seconds = 10,",
            "r.toml, line 23: model.durations: a second default; one duration is the default",
        ),
        (
            "price = 24",
            "price = 24\nresolution_default = \"1K\"",
            "r.toml, line 16: model.resolution_default: the model has no resolution \"1K\"",
        ),
        (
            "price = 24",
            "price = 24\nadd_ons = [{ id = 1, name = \"sound\", per_second = 1 }]",
            "r.toml, line 16: model.add_ons.per_second: the model has no durations; say price = ...",
        ),
        (
            "name = \"sound\", per_second = 1",
            "name = \"sound\"",
            "r.toml, line 26: model.add_ons: an add-on needs price or per_second; 0 is a price",
        ),
    ]);
}

/// R17, R19: fixed prices name what there is, and never two at once.
#[test]
fn fixed_prices_do_not_contradict() {
    let combinations = "list the combinations in prices = [...], or use times";
    let none = "has no price for its default settings; give it price = ...; 0 is a price";
    let at_once = |line: u32, other: u32| {
        format!(
            "r.toml, line {line}: model.prices: two fixed prices hold at once: this one and that of line {other}; \
             {combinations}"
        )
    };
    refused(&[
        (
            "quality = \"high\", r",
            "quality = \"hi\", r",
            "r.toml, line 27: model.prices.quality: the model has no quality \"hi\"; did you mean \"high\"?",
        ),
        (
            "resolution = \"1080p\", seconds = 10",
            "seconds = 7",
            "r.toml, line 27: model.prices.seconds: not one of the model's durations; list it in durations = [...]",
        ),
        (
            "quality = \"high\", resolution = \"1080p\", seconds = 10, ",
            "",
            "r.toml, line 27: model.prices: a row names a quality, a resolution or seconds; \
             the price of the model itself is its key price",
        ),
        ("resolution = \"1080p\", seconds = 10, ", "", &at_once(27, 25)),
        ("resolution = \"1080p\", seconds = 10, ", "seconds = 10, ", &at_once(27, 25)),
        (
            "price = 33 }",
            "price = 33 },\n { seconds = 10, quality = \"high\", resolution = \"1080p\", price = 34 }",
            &at_once(28, 27),
        ),
        ("price = 24\n", "", &format!("r.toml, line 11: model: \"picture\" {none}")),
        ("price = 10.5\n", "", &format!("r.toml, line 16: model: \"clip\" {none}")),
        (
            "step_seconds = 5\nprice = 10.5",
            "step_seconds = 1\nprice = 274877906",
            "r.toml, line 16: model: the price of \"clip\" is too large",
        ),
    ]);
}

/// R17: a file that is not a card at all.
#[test]
fn an_empty_card_is_refused() {
    let needs = "a card has at least one [[tool]] and one [[model]]";
    for (text, expected) in [
        ("", "r.toml, line 1: version: missing; this table needs version = ...".to_owned()),
        ("version = 1", format!("r.toml, line 1: no tools; {needs}")),
        ("version = 1\n[[tool]]\nid = 1\nname = \"image\"", format!("r.toml, line 1: no models; {needs}")),
        ("version = 1\ntool = 3", "r.toml, line 2: tool: 3 is not a list".to_owned()),
        ("version = 1\ntool = [3]", "r.toml, line 2: tool: 3 is not a table".to_owned()),
        ("version = 1\ndefaults = 3", "r.toml, line 2: defaults: 3 is not a table".to_owned()),
    ] {
        assert_eq!(rate_card("r.toml", text).unwrap_err().to_string(), expected, "{text:?}");
    }
    let broken = rate_card("r.toml", &changed("price = 24", "price = ")).unwrap_err();
    assert_eq!((broken.file.as_str(), broken.line), ("r.toml", 15), "{broken}");
    let twice = rate_card("r.toml", &changed("price = 24", "price = 24\nprice = 25")).unwrap_err();
    assert_eq!((twice.line, twice.message.contains("duplicate key")), (16, true), "{twice}");
}

/// R17: lists have a limit.
#[test]
fn lists_have_a_limit() {
    let model = |id: usize| format!("[[model]]\nid = {id}\nname = \"m{id}\"\ntools = [\"t1\"]\nprice = 1\n");
    let tool = |id: usize| format!("[[tool]]\nid = {id}\nname = \"t{id}\"\n");
    let file = |tools: usize, models: usize| {
        let tools: String = (1..=tools).map(tool).collect();
        let models: String = (1..=models).map(model).collect();
        rate_card("r.toml", &format!("version = 1\n{tools}{models}"))
    };
    assert_eq!(file(TOOLS_MAX, MODELS_MAX).unwrap().models().len(), MODELS_MAX);
    assert_eq!(file(TOOLS_MAX + 1, 1).unwrap_err().message, "more than 256 tools");
    assert_eq!(file(1, MODELS_MAX + 1).unwrap_err().message, "more than 1024 models");
}

#[test]
fn a_card_of_the_largest_size_is_read() {
    let models = (1..=crate::rate_card::MODELS_MAX).map(|id| {
        let remark = "# all of this stands before the next model\n".repeat(90);
        format!("[[model]]\nid = {id}\nname = \"m{id}\"\ntools = [\"video\"]\nprice = 1\n{remark}")
    });
    let text: String =
        std::iter::once("version = 1\n[[tool]]\nid = 1\nname = \"video\"\n".to_owned()).chain(models).collect();
    assert!(text.len() > 3 << 20, "{} bytes", text.len());
    assert_eq!(rate_card("r.toml", &text).unwrap().models().len(), crate::rate_card::MODELS_MAX);
    let twice = format!("{text}[[model]]\nid = 1024\nname = \"x\"\n");
    let error = rate_card("r.toml", &twice).unwrap_err();
    assert!(error.message.contains("more than 1024"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2_000, ..ProptestConfig::default() })]

    /// R17: whatever is in the file, it is a card or it is refused in one of its lines.
    #[test]
    fn a_damaged_file_is_a_card_or_refused_with_a_line(
        from in 0..CARD.len(),
        length in 0..12_usize,
        put in "[-0-9a-z\"\\[\\]{}=,. \n\u{e9}]{0,6}",
    ) {
        let to = (from + length).min(CARD.len());
        let text = format!("{}{put}{}", &CARD[..from], &CARD[to..]);
        match rate_card("r.toml", &text) {
            Ok(card) => prop_assert!(card.version() >= 1),
            Err(error) => {
                prop_assert!(error.line >= 1 && usize::try_from(error.line).unwrap() <= text.split('\n').count());
                prop_assert!(!error.message.is_empty() && !error.message.contains('\n'), "{}", error);
            }
        }
    }
}

/// R20: a tier that no plan reaches is refused where it stands.
#[test]
fn r20_a_tier_that_no_plan_reaches_is_refused_with_its_line() {
    let plans = |tier: u8| {
        let text = format!("version = 1\nretired = []\n[[plan]]\nid = 1\nname = \"p\"\ntier = {tier}\ncredits = 1");
        crate::plan::parse::plan_catalog("plans.toml", &text).unwrap()
    };
    let text = format!("# No min_tier is 4.\n{}", changed("price = 24", "price = 4\nmin_tier = 4"));
    let line = text.lines().zip(1_u32..).filter(|(line, _)| line.contains("min_tier")).last().unwrap().1;
    let known = |tier: u8| super::known_tiers("r.toml", &text, &plans(tier));
    assert_eq!((known(4), known(5)), (Ok(()), Ok(())));
    for tier in [1, 2, 3] {
        let error = known(tier).unwrap_err();
        assert_eq!((error.line, error.key.as_str()), (line, "model.min_tier"));
        assert!(error.message.contains("tier 4"), "{}", error.message);
    }
    let in_one_line =
        |name: &str, id: u32| format!("{{ id = {id}, name = \"{name}\", tools = [\"t\"], price = 1, min_tier = 4 }}");
    let models = format!("model = [\n{},\n{},\n]", in_one_line("one", 1), in_one_line("two", 2));
    let text = format!("version = 1\ntool = [{{ id = 1, name = \"t\" }}]\n{models}");
    assert_eq!(super::known_tiers("r.toml", &text, &plans(3)).unwrap_err().line, 4, "the first of two on a line each");
    let none = crate::plan::parse::plan_catalog("plans.toml", "version = 1\nretired = []").unwrap();
    assert_eq!(super::known_tiers("r.toml", &text, &none), Ok(()), "without plans tiers are set by hand");
}

/// R17, R23: limits at their last value: the longest hold time by default, and as many durations as there may be.
#[test]
fn r17_limits_of_a_model_at_their_last_value() {
    let times =
        |default: u32| changed("price = 24", &format!("price = 24\nttl_default_ms = {default}\nttl_max_ms = 5000"));
    let picture = card(&times(5_000)).model_named("picture").cloned().unwrap();
    assert_eq!((picture.ttl_default_ms, picture.ttl_max_ms), (5_000, 5_000));
    let error = rate_card("r.toml", &times(5_001)).unwrap_err();
    assert!(error.message.contains("5001 is longer than the longest, 5000"), "{error}");
    let listed = |count: usize| {
        let durations: Vec<String> = (1..=count).map(|seconds| format!("{{ seconds = {seconds} }}")).collect();
        let listed = changed("{ seconds = 5 }, { seconds = 10, times = 1.9 }", &durations.join(", "));
        rate_card("r.toml", &listed.replace(", seconds = 10,", ","))
    };
    let Durations::Listed { listed: most, .. } = listed(DURATIONS_MAX).unwrap().model(2).unwrap().durations.clone()
    else {
        panic!("listed durations")
    };
    assert_eq!(most.len(), DURATIONS_MAX);
    assert!(listed(DURATIONS_MAX + 1).unwrap_err().message.contains("not a list of 1 to"));
}
