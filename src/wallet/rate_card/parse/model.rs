//! One `[[model]]` of the file.

use std::ops::RangeInclusive;

use super::{Once, title};
use crate::catalog_error::CatalogError;
use crate::catalog_section::{Section, Value};
use crate::credits::Credits;
use crate::ids::Tier;
use crate::rate_card::{
    ADD_ONS_MAX, AddOn, DURATIONS_MAX, Duration, Durations, FixedPrice, Model, PRICES_MAX, Ratio, RetiredParts,
    STEPS_MAX, Step, Tool, Unit,
};
use crate::record::OverCommit;
use crate::reserve::AMOUNT_MAX;

/// The ids that a model may have.
pub(super) const ID_RANGE: RangeInclusive<u64> = 1..=0xffff_ffff;

/// The keys of a model.
pub(super) const KEYS: &[&str] = &[
    "id",
    "name",
    "title",
    "tools",
    "unit",
    "step_seconds",
    "price",
    "qualities",
    "resolutions",
    "resolution_default",
    "duration",
    "durations",
    "prices",
    "add_ons",
    "retired_qualities",
    "retired_resolutions",
    "retired_add_ons",
    "min_tier",
    "pro",
    "free_credits",
    "ttl_default_ms",
    "ttl_max_ms",
    "over_commit",
    "count_max",
];
const DEFAULT_KEYS: &[&str] = &["ttl_default_ms", "ttl_max_ms", "over_commit", "count_max"];
const STEP_KEYS: &[&str] = &["id", "name", "price", "times", "min_tier"];
const RANGE_KEYS: &[&str] = &["min", "max", "step", "default"];
const DURATION_KEYS: &[&str] = &["seconds", "price", "times", "default"];
const PRICE_KEYS: &[&str] = &["quality", "resolution", "seconds", "price"];
const ADD_ON_KEYS: &[&str] = &["id", "name", "price", "per_second", "min_tier"];

const OVER_COMMIT: &[(&str, OverCommit)] =
    &[("reject", OverCommit::Reject), ("cap", OverCommit::Cap), ("draw", OverCommit::Draw)];
/// A day: the longest hold time (R23).
const TTL_RANGE: RangeInclusive<u64> = 1..=86_400_000;

/// What holds for models that say nothing else.
#[derive(Clone, Copy)]
pub(super) struct Defaults {
    ttl_default_ms: u32,
    ttl_max_ms: u32,
    over_commit: OverCommit,
    count_max: u16,
}

impl Defaults {
    /// The `[defaults]` of the file over what holds without one.
    pub(super) fn read(top: &Section<'_>) -> Result<Self, CatalogError> {
        let none = Self { ttl_default_ms: 0, ttl_max_ms: 0, over_commit: OverCommit::Reject, count_max: u16::MAX };
        match top.value("defaults") {
            Some(value) => none.over(&value.table(DEFAULT_KEYS)?),
            None => Ok(none),
        }
    }

    /// These, with what a table says instead.
    fn over(self, section: &Section<'_>) -> Result<Self, CatalogError> {
        let ttl = |key, default| section.value(key).map_or(Ok(default), |value| value.integer(TTL_RANGE));
        let limits = Self {
            ttl_default_ms: ttl("ttl_default_ms", self.ttl_default_ms)?,
            ttl_max_ms: ttl("ttl_max_ms", self.ttl_max_ms)?,
            over_commit: section
                .value("over_commit")
                .map_or(Ok(self.over_commit), |value| value.choice(OVER_COMMIT))?,
            count_max: section.value("count_max").map_or(Ok(self.count_max), |value| value.integer(1..=0xffff))?,
        };
        if limits.ttl_max_ms != 0 && limits.ttl_default_ms > limits.ttl_max_ms {
            let Self { ttl_default_ms, ttl_max_ms, .. } = limits;
            let value = section.value("ttl_default_ms").or_else(|| section.value("ttl_max_ms"));
            let message = format!("the default hold time {ttl_default_ms} is longer than the longest, {ttl_max_ms}");
            return Err(value.map_or_else(|| section.error(message.clone()), |value| value.error(message.clone())));
        }
        Ok(limits)
    }
}

pub(super) fn read(
    section: &Section<'_>,
    id: u32,
    name: String,
    tools: &[Tool],
    defaults: &Defaults,
) -> Result<Model, CatalogError> {
    let unit = unit(section)?;
    let mut prices = Vec::new();
    let qualities = steps(section, "qualities", "quality", &mut prices)?;
    let resolutions = steps(section, "resolutions", "resolution", &mut prices)?;
    let durations = durations(section, unit, &mut prices)?;
    let names = Names { qualities: &qualities, resolutions: &resolutions, durations: &durations };
    listed_prices(section, &names, &mut prices)?;
    let limits = defaults.over(section)?;
    let flag = |key, default| section.value(key).map_or(Ok(default), |value| value.flag());
    let mut model = Model {
        id,
        title: title(section, &name)?,
        name,
        tools: tools_of(section, tools)?,
        unit,
        base: price(section, "price")?,
        resolution_default: resolution_default(section, &resolutions)?,
        prices: in_order(prices)?,
        add_ons: add_ons(section, &durations)?,
        retired: RetiredParts::default(),
        qualities,
        resolutions,
        durations,
        min_tier: min_tier(section)?,
        pro: flag("pro", false)?,
        free_credits: flag("free_credits", true)?,
        ttl_default_ms: limits.ttl_default_ms,
        ttl_max_ms: limits.ttl_max_ms,
        over_commit: limits.over_commit,
        count_max: limits.count_max,
    };
    model.retired = retired(section, &model)?;
    model.assert_whole();
    assert!(model.tools.len() <= tools.len(), "R17: a model works for a tool once");
    Ok(model)
}

/// The ids of the model's own that are gone; one that is in use is refused where it is listed.
fn retired(section: &Section<'_>, model: &Model) -> Result<RetiredParts, CatalogError> {
    let ids = |key: &str, most: u8, is_used: &dyn Fn(u8) -> bool| -> Result<Vec<u8>, CatalogError> {
        let Some(list) = section.value(key) else { return Ok(Vec::new()) };
        let mut ids: Vec<u8> = Vec::new();
        for item in list.list()? {
            let id = item.integer(1..=u64::from(most))?;
            if is_used(id) {
                return Err(item.error(format!("id {id} is in use")).hint("take an id that was never used"));
            }
            ids.push(id);
        }
        ids.sort_unstable();
        ids.dedup();
        assert!(ids.len() <= usize::from(most), "R17: an id is retired once");
        Ok(ids)
    };
    Ok(RetiredParts {
        qualities: ids("retired_qualities", STEPS_MAX, &|id| model.qualities.iter().any(|step| step.id == id))?,
        resolutions: ids("retired_resolutions", STEPS_MAX, &|id| model.resolutions.iter().any(|step| step.id == id))?,
        add_ons: ids("retired_add_ons", ADD_ONS_MAX, &|id| model.add_ons.iter().any(|add_on| add_on.id == id))?,
    })
}

fn tools_of(section: &Section<'_>, tools: &[Tool]) -> Result<Vec<u16>, CatalogError> {
    let value = section.required("tools")?;
    let mut ids: Vec<u16> = Vec::new();
    for item in value.list()? {
        let name = item.text()?;
        let known = || tools.iter().map(|tool| tool.name.as_str());
        let tool = tools.iter().find(|tool| tool.name == name);
        let tool = tool.ok_or_else(|| item.error(format!("unknown tool \"{name}\"")).nearest_of(name, known()))?;
        if ids.contains(&tool.id) {
            return Err(item.error(format!("tool \"{name}\" twice")));
        }
        ids.push(tool.id);
    }
    if ids.is_empty() {
        return Err(value.error("a model works for at least one tool"));
    }
    assert!(ids.len() <= tools.len(), "R17: a model works for a tool once");
    Ok(ids)
}

fn unit(section: &Section<'_>) -> Result<Unit, CatalogError> {
    let step = section.value("step_seconds");
    let unit = section
        .value("unit")
        .map_or(Ok("result"), |value| value.choice(&[("result", "result"), ("second", "second"), ("step", "step")]))?;
    match (unit, step) {
        ("step", _) => Ok(Unit::Step(seconds(&section.required("step_seconds")?)?)),
        (_, Some(step)) => Err(step.error("only models with unit = \"step\" have it").hint("say unit = \"step\"")),
        ("second", None) => Ok(Unit::Second),
        (_, None) => Ok(Unit::Result),
    }
}

/// A length of time in seconds with at most one decimal, as tenths; at least 0.1.
fn seconds(value: &Value<'_>) -> Result<u16, CatalogError> {
    let thousandths = value.thousandths("a number of seconds", "durations are counted in tenths of a second")?;
    let wrong = || value.error("not a length of 0.1 to 6553.5 seconds in tenths");
    if !thousandths.is_multiple_of(100) || thousandths == 0 {
        return Err(wrong().hint("durations are counted in tenths of a second"));
    }
    let tenths = u16::try_from(thousandths / 100).map_err(|_| wrong())?;
    assert!(u64::from(tenths).saturating_mul(100) == thousandths, "R17: a duration is read without a loss");
    Ok(tenths)
}

fn price(section: &Section<'_>, key: &str) -> Result<Option<Credits>, CatalogError> {
    section.value(key).map(|value| value.credits(AMOUNT_MAX)).transpose()
}

fn min_tier(section: &Section<'_>) -> Result<Tier, CatalogError> {
    let Some(value) = section.value("min_tier") else { return Ok(Tier::NONE) };
    let tier = value.integer(1..=u64::from(Tier::MAX.0)).map(Tier);
    tier.map_err(|error| error.hint("tiers are 1 to 15; leave it out for every account"))
}

/// `price` or `times` of an entry: a price becomes a row of fixed prices, and the multiplier is one then.
fn price_or_times(section: &Section<'_>) -> Result<(Option<Credits>, Ratio), CatalogError> {
    let price = price(section, "price")?;
    let Some(value) = section.value("times") else { return Ok((price, Ratio::ONE)) };
    if price.is_some() {
        return Err(value.error("a price and a multiplier at once").hint("keep one of price and times"));
    }
    let thousandths = value.thousandths("a multiplier", "multipliers are exact in thousandths")?;
    let ratio = u32::try_from(thousandths).ok().map(Ratio).filter(|ratio| (Ratio(1)..=Ratio::MAX).contains(ratio));
    let wrong = || value.error("not a multiplier of 0.001 to 1000").hint("a price of nothing is price = 0");
    Ok((None, ratio.ok_or_else(wrong)?))
}

/// A row of fixed prices with the place where it stands.
struct Row<'a> {
    section: Section<'a>,
    fixed: FixedPrice,
}

const ANY: FixedPrice = FixedPrice { quality: None, resolution: None, tenths: None, price: Credits::ZERO };

fn steps<'a>(
    section: &Section<'a>,
    key: &str,
    what: &'static str,
    prices: &mut Vec<Row<'a>>,
) -> Result<Vec<Step>, CatalogError> {
    let mut once = Once::new(what);
    let mut steps: Vec<Step> = Vec::new();
    for entry in section.tables(key, STEP_KEYS)? {
        let id: u8 = once.id(&entry.required("id")?, 1..=u64::from(STEPS_MAX))?;
        let name = once.name(&entry.required("name")?)?;
        let (price, times) = price_or_times(&entry)?;
        steps.push(Step { id, name, times, min_tier: min_tier(&entry)? });
        if let Some(price) = price {
            let (quality, resolution) = if what == "quality" { (Some(id), None) } else { (None, Some(id)) };
            prices.push(Row { section: entry, fixed: FixedPrice { quality, resolution, price, ..ANY } });
        }
    }
    assert!(steps.len() <= usize::from(STEPS_MAX), "I9: steps have a limit");
    assert!(once.names.len() == steps.len(), "R17: a name is one step's");
    Ok(steps)
}

/// The named one, or the first.
fn resolution_default(section: &Section<'_>, resolutions: &[Step]) -> Result<u8, CatalogError> {
    match section.value("resolution_default") {
        Some(value) => step_named(&value, "resolution", resolutions),
        None => Ok(resolutions.first().map_or(0, |step| step.id)),
    }
}

fn step_named(value: &Value<'_>, what: &str, steps: &[Step]) -> Result<u8, CatalogError> {
    let name = value.text()?;
    let step = steps.iter().find(|step| step.name == name).map(|step| step.id);
    step.ok_or_else(|| {
        let error = value.error(format!("the model has no {what} \"{name}\""));
        error.nearest_of(name, steps.iter().map(|step| step.name.as_str()))
    })
}

fn durations<'a>(section: &Section<'a>, unit: Unit, prices: &mut Vec<Row<'a>>) -> Result<Durations, CatalogError> {
    match (section.value("duration"), section.value("durations")) {
        (Some(value), Some(_)) => {
            Err(value.error("both a range and a list of durations").hint("keep one of duration and durations"))
        }
        (Some(value), None) => range(&value.table(RANGE_KEYS)?),
        (None, Some(value)) => listed(section, &value, prices),
        (None, None) if unit == Unit::Result => Ok(Durations::None),
        (None, None) => {
            let error = section.error("a price by time needs durations");
            Err(error.hint("say duration = { min = 1, max = 10, default = 5 }, or list durations"))
        }
    }
}

fn range(section: &Section<'_>) -> Result<Durations, CatalogError> {
    let min = seconds(&section.required("min")?)?;
    let max = seconds(&section.required("max")?)?;
    let step = section.value("step").map_or(Ok(10), |value| seconds(&value))?;
    let default = section.value("default");
    let fits = |tenths: u16| tenths <= max && tenths.checked_sub(min).is_some_and(|above| above.is_multiple_of(step));
    if !fits(max) {
        return Err(section.error("max is not min and a whole number of steps").hint("step = 1 is the default"));
    }
    match default {
        None => Ok(Durations::Range { min, max, step, default: min }),
        Some(value) => match seconds(&value)? {
            default if fits(default) => Ok(Durations::Range { min, max, step, default }),
            _ => Err(value.error("not one of the durations from min to max")),
        },
    }
}

fn listed<'a>(section: &Section<'a>, value: &Value<'a>, prices: &mut Vec<Row<'a>>) -> Result<Durations, CatalogError> {
    let mut listed: Vec<Duration> = Vec::new();
    let mut default = None;
    for entry in section.tables("durations", DURATION_KEYS)? {
        let length = entry.required("seconds")?;
        let tenths = seconds(&length)?;
        if listed.iter().any(|known| known.tenths == tenths) {
            return Err(length.error("a duration twice"));
        }
        let (price, times) = price_or_times(&entry)?;
        listed.push(Duration { tenths, times });
        let wanted = entry.value("default");
        if wanted.as_ref().map_or(Ok(false), Value::flag)? && default.replace(tenths).is_some() {
            return Err(entry.error("a second default").hint("one duration is the default"));
        }
        if let Some(price) = price {
            prices.push(Row { section: entry, fixed: FixedPrice { tenths: Some(tenths), price, ..ANY } });
        }
    }
    assert!(default.is_none_or(|of| listed.iter().any(|one| one.tenths == of)), "R17: a default that is not listed");
    let first = listed.first().map(|first| first.tenths);
    listed.sort_unstable_by_key(|duration| duration.tenths);
    match default.or(first) {
        Some(default) if listed.len() <= DURATIONS_MAX => Ok(Durations::Listed { listed, default }),
        _ => Err(value.error(format!("not a list of 1 to {DURATIONS_MAX} durations"))),
    }
}

/// What the rows of `prices` may name.
struct Names<'a> {
    qualities: &'a [Step],
    resolutions: &'a [Step],
    durations: &'a Durations,
}

fn listed_prices<'a>(section: &Section<'a>, names: &Names<'_>, prices: &mut Vec<Row<'a>>) -> Result<(), CatalogError> {
    for entry in section.tables("prices", PRICE_KEYS)? {
        let quality = entry.value("quality").map(|value| step_named(&value, "quality", names.qualities)).transpose()?;
        let resolution =
            entry.value("resolution").map(|value| step_named(&value, "resolution", names.resolutions)).transpose()?;
        let tenths = entry.value("seconds").map(|value| names.duration(&value)).transpose()?;
        let price = entry.required("price")?.credits(AMOUNT_MAX)?;
        let fixed = FixedPrice { quality, resolution, tenths, price };
        if fixed.names() == 0 {
            let error = entry.error("a row names a quality, a resolution or seconds");
            return Err(error.hint("the price of the model itself is its key price"));
        }
        prices.push(Row { section: entry, fixed });
    }
    Ok(())
}

impl Names<'_> {
    fn duration(&self, value: &Value<'_>) -> Result<u16, CatalogError> {
        let tenths = seconds(value)?;
        match self.durations {
            Durations::Listed { listed, .. } if listed.iter().any(|known| known.tenths == tenths) => Ok(tenths),
            _ => Err(value.error("not one of the model's durations").hint("list it in durations = [...]")),
        }
    }
}

/// The fixed prices, those that name most first. Of two that may hold at once one must name all that the other names, and
/// more: so it is never a matter of order which one holds.
fn in_order(mut rows: Vec<Row<'_>>) -> Result<Vec<FixedPrice>, CatalogError> {
    for (index, row) in rows.iter().enumerate() {
        if index >= PRICES_MAX {
            return Err(row.section.error(format!("more than {PRICES_MAX} fixed prices")));
        }
        let rival = rows.iter().take(index).find(|other| contradict(&other.fixed, &row.fixed));
        if let Some(rival) = rival {
            let message = format!("two fixed prices hold at once: this one and that of line {}", rival.section.line());
            return Err(row.section.error(message).hint("list the combinations in prices = [...], or use times"));
        }
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.fixed.names()));
    assert!(rows.len() <= PRICES_MAX, "I9: fixed prices have a limit");
    Ok(rows.into_iter().map(|row| row.fixed).collect())
}

fn contradict(a: &FixedPrice, b: &FixedPrice) -> bool {
    let numbers = |row: &FixedPrice| [row.quality.map(u16::from), row.resolution.map(u16::from), row.tenths];
    let (a, b) = (numbers(a), numbers(b));
    let may_meet = a.iter().zip(&b).all(|(a, b)| a.is_none() || b.is_none() || a == b);
    let only_a = a.iter().zip(&b).any(|(a, b)| a.is_some() && b.is_none());
    let only_b = a.iter().zip(&b).any(|(a, b)| a.is_none() && b.is_some());
    may_meet && only_a == only_b
}

fn add_ons(section: &Section<'_>, durations: &Durations) -> Result<Vec<AddOn>, CatalogError> {
    let mut once = Once::new("add-on");
    let mut add_ons: Vec<AddOn> = Vec::new();
    for entry in section.tables("add_ons", ADD_ON_KEYS)? {
        let id: u8 = once.id(&entry.required("id")?, 1..=u64::from(ADD_ONS_MAX))?;
        let name = once.name(&entry.required("name")?)?;
        let (fixed, timed) = (price(&entry, "price")?, price(&entry, "per_second")?);
        if fixed.is_none() && timed.is_none() {
            return Err(entry.error("an add-on needs price or per_second").hint("0 is a price"));
        }
        if let (Some(value), Durations::None) = (entry.value("per_second"), durations) {
            return Err(value.error("the model has no durations").hint("say price = ..."));
        }
        let (price, per_second) = (fixed.unwrap_or_default(), timed.unwrap_or_default());
        add_ons.push(AddOn { id, name, price, per_second, min_tier: min_tier(&entry)? });
    }
    assert!(add_ons.len() <= usize::from(ADD_ONS_MAX), "I9: add-ons have a limit");
    assert!(once.names.len() == add_ons.len(), "R17: a name is one add-on's");
    Ok(add_ons)
}
