//! A small rate card and its prices as fractions (R1, R17 to R20), for the model and as a file for the engine.

use std::fmt::Write as _;

use wallet::record::OverCommit;
use wallet::request::ReserveRequest;

use super::AMOUNT_MAX;

/// What a price is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Unit {
    Result,
    Second,
    /// Begun steps of so many tenths of a second.
    Step(u64),
}

/// A quality or a resolution: a fixed price of one unit, or a multiplier in thousandths.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Choice {
    id: u32,
    price: Option<u64>,
    times: u64,
    min_tier: u8,
}

/// Durations in tenths of a second; the first is the default.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Lengths {
    None,
    From {
        default: u64,
        min: u64,
        max: u64,
        step: u64,
    },
    /// With multipliers in thousandths.
    Listed(&'static [(u64, u64)]),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct AddOn {
    id: u32,
    price: u64,
    per_second: u64,
    min_tier: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Model {
    id: u32,
    tool: u16,
    unit: Unit,
    base: Option<u64>,
    qualities: &'static [Choice],
    resolutions: &'static [Choice],
    lengths: Lengths,
    add_ons: &'static [AddOn],
    min_tier: u8,
    pro: bool,
    free_credits: bool,
    over_commit: OverCommit,
    ttl_default_ms: u32,
    ttl_max_ms: u32,
    count_max: u16,
}

const fn choice(id: u32, price: Option<u64>, times: u64, min_tier: u8) -> Choice {
    Choice { id, price, times, min_tier }
}

const PLAIN: Model = Model {
    id: 7,
    tool: 1,
    unit: Unit::Result,
    base: Some(2_345),
    qualities: &[],
    resolutions: &[],
    lengths: Lengths::None,
    add_ons: &[],
    min_tier: 0,
    pro: false,
    free_credits: true,
    over_commit: OverCommit::Reject,
    ttl_default_ms: 0,
    ttl_max_ms: 0,
    count_max: 16,
};

const MODELS: [Model; 5] = [
    Model {
        qualities: &[choice(1, None, 1_000, 0), choice(2, None, 1_333, 0), choice(3, None, 2_500, 3)],
        add_ons: &[AddOn { id: 1, price: 77, per_second: 0, min_tier: 0 }],
        ..PLAIN
    },
    Model {
        id: 8,
        tool: 2,
        unit: Unit::Second,
        base: Some(1_111),
        lengths: Lengths::From { default: 50, min: 10, max: 100, step: 5 },
        resolutions: &[choice(1, None, 999, 0), choice(2, Some(1_501), 1_000, 0), choice(3, None, 3_001, 4)],
        add_ons: &[
            AddOn { id: 2, price: 5, per_second: 33, min_tier: 0 },
            AddOn { id: 3, price: 0, per_second: 7, min_tier: 2 },
        ],
        pro: true,
        over_commit: OverCommit::Cap,
        ttl_default_ms: 90_000,
        ttl_max_ms: 86_400_000,
        count_max: 3,
        ..PLAIN
    },
    Model {
        id: 9,
        tool: 2,
        unit: Unit::Step(30),
        base: Some(4_003),
        lengths: Lengths::Listed(&[(50, 1_000), (100, 1_901), (31, 1_003)]),
        min_tier: 1,
        free_credits: false,
        over_commit: OverCommit::Draw,
        ttl_default_ms: 1_500,
        ttl_max_ms: 600_000,
        ..PLAIN
    },
    // Free of charge, and said so.
    Model { id: 10, base: Some(0), count_max: 2, ..PLAIN },
    // Sold in one resolution only.
    Model { id: 11, base: None, resolutions: &[choice(1, Some(73_500), 1_000, 0), choice(2, None, 2_000, 0)], ..PLAIN },
];

/// What a card adds to a hold that it priced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct CardTerms {
    pub(crate) version: u32,
    pub(crate) paid_only: bool,
    pub(crate) over_commit: OverCommit,
    pub(crate) min_tier: u8,
    pub(crate) amount: u64,
    pub(crate) ttl_default_ms: u32,
    pub(crate) ttl_max_ms: u32,
}

/// Why there is no price.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NoPrice {
    Tool,
    Model,
    Settings,
    Count,
    /// A duration that the model does not take.
    BadLength,
    TooMuch,
}

/// A rate card: the models of the table above at prices that follow from its version. Version 0 knows nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Card {
    pub(crate) version: u32,
}

/// A number over another.
#[derive(Clone, Copy)]
struct Fraction(u128, u128);

impl Fraction {
    fn times(self, numerator: u64, denominator: u64) -> Self {
        Self(self.0 * u128::from(numerator), self.1 * u128::from(denominator))
    }

    fn plus(self, other: Self) -> Self {
        Self(self.0 * other.1 + other.0 * self.1, self.1 * other.1)
    }

    fn rounded_up(self) -> u64 {
        u64::try_from(self.0.div_ceil(self.1)).unwrap()
    }
}

impl Card {
    pub(crate) const EMPTY: Self = Self { version: 0 };

    /// The models that this version knows: every third version one less, every fifth at a price beyond all bounds.
    fn models(self) -> impl Iterator<Item = Model> {
        let version = u64::from(self.version);
        let left_out =
            if version.is_multiple_of(3) { Some(MODELS[usize::try_from(version / 3 % 5).unwrap()].id) } else { None };
        let known = MODELS.into_iter().filter(move |model| version > 0 && Some(model.id) != left_out);
        known.map(move |model| {
            let base = model.base.map(|base| match model.id {
                7 if version.is_multiple_of(5) => AMOUNT_MAX / 2 + 1,
                10 => 0,
                _ => base + version % 4 * 501,
            });
            Model { base, ..model }
        })
    }

    /// What a request costs (R17), or why there is no price (R19).
    pub(super) fn price(self, request: &ReserveRequest) -> Result<CardTerms, NoPrice> {
        let attribution = request.attribution;
        let word = request.settings;
        if ![1, 2].contains(&attribution.tool) || self.version == 0 {
            return Err(NoPrice::Tool);
        }
        let model = self.models().find(|model| model.id == attribution.model).ok_or(NoPrice::Model)?;
        if model.tool != attribution.tool {
            return Err(NoPrice::Model);
        }
        let (quality_id, resolution_id, mask) = (word & 0xf, word >> 4 & 0xf, word >> 8 & 0xff);
        let chosen = |from: &'static [Choice], id: u32| match (from.first(), id) {
            (first, 0) => Ok(first),
            _ => from.iter().find(|choice| choice.id == id).map(Some).ok_or(NoPrice::Settings),
        };
        let quality = chosen(model.qualities, quality_id)?;
        let resolution = chosen(model.resolutions, resolution_id)?;
        let (tenths, length_times) = length(model.lengths, u64::from(word >> 16))?;
        let add_ons: Vec<&AddOn> = model.add_ons.iter().filter(|add_on| mask >> (add_on.id - 1) & 1 == 1).collect();
        if u32::try_from(add_ons.len()).unwrap() != mask.count_ones() {
            return Err(NoPrice::Settings);
        }
        let count = u64::from(attribution.count.max(1));
        if count > u64::from(model.count_max) {
            return Err(NoPrice::Count);
        }
        let steps = [quality, resolution].into_iter().flatten();
        let fixed = steps.clone().find_map(|choice| choice.price);
        let unit_price = fixed.or(model.base).ok_or(NoPrice::Settings)?;
        let mut price = Fraction(u128::from(unit_price), 1).times(length_times, 1_000);
        price = match model.unit {
            Unit::Result => price,
            Unit::Second => price.times(tenths, 10),
            Unit::Step(step) => price.times(tenths.div_ceil(step), 1),
        };
        for choice in steps.clone().filter(|choice| choice.price.is_none()) {
            price = price.times(choice.times, 1_000);
        }
        for add_on in &add_ons {
            let timed = Fraction(u128::from(add_on.per_second), 1).times(tenths, 10);
            price = price.plus(Fraction(u128::from(add_on.price), 1)).plus(timed);
        }
        let amount = price.rounded_up() * count;
        if amount > AMOUNT_MAX {
            return Err(NoPrice::TooMuch);
        }
        let tiers = steps.map(|choice| choice.min_tier).chain(add_ons.iter().map(|add_on| add_on.min_tier));
        Ok(CardTerms {
            version: self.version,
            paid_only: model.pro || !model.free_credits,
            over_commit: model.over_commit,
            min_tier: tiers.fold(model.min_tier, u8::max),
            amount,
            ttl_default_ms: model.ttl_default_ms,
            ttl_max_ms: model.ttl_max_ms,
        })
    }

    /// The card as a file.
    pub(crate) fn text(self) -> String {
        let mut text = format!("version = {}\n", self.version);
        for (id, name) in [(1, "image"), (2, "video")] {
            writeln!(text, "[[tool]]\nid = {id}\nname = \"{name}\"").unwrap();
        }
        for model in self.models() {
            write_model(&mut text, &model).unwrap();
        }
        text
    }
}

fn length(lengths: Lengths, tenths: u64) -> Result<(u64, u64), NoPrice> {
    match lengths {
        Lengths::None if tenths == 0 => Ok((0, 1_000)),
        Lengths::None => Err(NoPrice::BadLength),
        Lengths::Listed(all) if tenths == 0 => Ok(all[0]),
        Lengths::Listed(all) => all.iter().find(|(known, _)| *known == tenths).copied().ok_or(NoPrice::Settings),
        Lengths::From { default, .. } if tenths == 0 => Ok((default, 1_000)),
        Lengths::From { min, max, step, .. }
            if tenths < min || tenths > max || !(tenths - min).is_multiple_of(step) =>
        {
            Err(NoPrice::BadLength)
        }
        Lengths::From { .. } => Ok((tenths, 1_000)),
    }
}

/// Thousandths as a decimal number.
pub(crate) fn thousandths(number: u64) -> String {
    format!("\"{}.{:03}\"", number / 1_000, number % 1_000)
}

fn tenths(number: u64) -> String {
    format!("{}.{}", number / 10, number % 10)
}

fn tier(min_tier: u8) -> String {
    if min_tier == 0 { String::new() } else { format!(", min_tier = {min_tier}") }
}

fn write_model(text: &mut String, model: &Model) -> std::fmt::Result {
    let Model { id, pro, free_credits, count_max, ttl_default_ms, ttl_max_ms, .. } = *model;
    let tool = if model.tool == 1 { "image" } else { "video" };
    let over_commit = match model.over_commit {
        OverCommit::Reject => "reject",
        OverCommit::Cap => "cap",
        OverCommit::Draw => "draw",
    };
    writeln!(text, "[[model]]\nid = {id}\nname = \"model-{id}\"\ntools = [\"{tool}\"]\npro = {pro}")?;
    writeln!(text, "free_credits = {free_credits}\ncount_max = {count_max}\nover_commit = \"{over_commit}\"")?;
    match model.unit {
        Unit::Result => writeln!(text, "unit = \"result\"")?,
        Unit::Second => writeln!(text, "unit = \"second\"")?,
        Unit::Step(step) => writeln!(text, "unit = \"step\"\nstep_seconds = {}", tenths(step))?,
    }
    if let Some(base) = model.base {
        writeln!(text, "price = {}", thousandths(base))?;
    }
    if model.min_tier > 0 {
        writeln!(text, "min_tier = {}", model.min_tier)?;
    }
    if ttl_default_ms > 0 {
        writeln!(text, "ttl_default_ms = {ttl_default_ms}\nttl_max_ms = {ttl_max_ms}")?;
    }
    for (key, choices) in [("qualities", model.qualities), ("resolutions", model.resolutions)] {
        let written = choices.iter().map(|choice| {
            let price = match choice.price {
                Some(price) => format!("price = {}", thousandths(price)),
                None => format!("times = {}", thousandths(choice.times)),
            };
            format!("{{ id = {}, name = \"{key}-{}\", {price}{} }}", choice.id, choice.id, tier(choice.min_tier))
        });
        let written: Vec<String> = written.collect();
        if !written.is_empty() {
            writeln!(text, "{key} = [{}]", written.join(", "))?;
        }
    }
    match model.lengths {
        Lengths::None => {}
        Lengths::From { default, min, max, step } => {
            let [min, max, step, default] = [min, max, step, default].map(tenths);
            writeln!(text, "duration = {{ min = {min}, max = {max}, step = {step}, default = {default} }}")?;
        }
        Lengths::Listed(all) => {
            let written = all
                .iter()
                .map(|(length, times)| format!("{{ seconds = {}, times = {} }}", tenths(*length), thousandths(*times)));
            writeln!(text, "durations = [{}]", written.collect::<Vec<_>>().join(", "))?;
        }
    }
    if !model.add_ons.is_empty() {
        let written = model.add_ons.iter().map(|add_on| {
            let mut price = format!("price = {}", thousandths(add_on.price));
            if add_on.per_second > 0 {
                write!(price, ", per_second = {}", thousandths(add_on.per_second)).unwrap();
            }
            format!("{{ id = {}, name = \"add-on-{}\", {price}{} }}", add_on.id, add_on.id, tier(add_on.min_tier))
        });
        writeln!(text, "add_ons = [{}]", written.collect::<Vec<_>>().join(", "))?;
    }
    Ok(())
}
