//! What commands show of plans and prices.

use protocol::{
    BillingTerm, BundleView, EstimateView, List, ModelView, PlanView, PlansView, QuoteView, RatesView, Text, ToolView,
};
use wallet::estimate::Estimate;
use wallet::plan::{self, Bundle, Plan, PlanCatalog};
use wallet::quote::Quote;
use wallet::rate_card::{Model, RateCard, Tool, Unit};

use super::{outcome, per_bucket};

/// The plans, by number, and the bundles. The parser's limits are those of the wire.
#[must_use]
pub fn plans_view(catalog: &PlanCatalog) -> PlansView {
    let mut plans: Vec<PlanView> = catalog.all().iter().map(plan_view).collect();
    plans.sort_unstable_by_key(|plan| plan.plan);
    PlansView {
        version: catalog.version(),
        plans: list(plans),
        bundles: list(catalog.bundles().iter().map(bundle_view)),
    }
}

/// The largest list that takes the entries: what is more than a list takes is left out, and the parsers refuse it before.
fn list<T, const MAX: usize>(entries: impl IntoIterator<Item = T>) -> List<T, MAX> {
    List::new(entries.into_iter().take(MAX).collect()).unwrap_or_default()
}

fn plan_view(plan: &Plan) -> PlanView {
    PlanView {
        plan: plan.id.0,
        name: Text::cut(&plan.name),
        title: Text::cut(&plan.title),
        tier: plan.tier.0,
        credits: plan.credits.millis(),
        term: match plan.term {
            plan::BillingTerm::Monthly => BillingTerm::Monthly,
            plan::BillingTerm::Quarterly => BillingTerm::Quarterly,
            plan::BillingTerm::Yearly => BillingTerm::Yearly,
        },
        top_up: plan.top_up,
    }
}

fn bundle_view(bundle: &Bundle) -> BundleView {
    BundleView { name: Text::cut(&bundle.name), credits: bundle.credits.millis() }
}

/// The rate card as far as people choose by it.
#[must_use]
pub fn rates_view(card: &RateCard) -> RatesView {
    RatesView {
        version: card.version(),
        tools: list(card.tools().iter().map(tool_view)),
        models: list(card.models().iter().map(model_view)),
    }
}

fn tool_view(tool: &Tool) -> ToolView {
    ToolView { tool: tool.id, key: Text::cut(&tool.name), name: Text::cut(&tool.title) }
}

fn model_view(model: &Model) -> ModelView {
    ModelView {
        model: model.id,
        key: Text::cut(&model.name),
        name: Text::cut(&model.title),
        min_tier: model.min_tier.0,
        pro: model.is_paid_only(),
        price: price(model).millis(),
        unit: Text::cut(&unit(model.unit)),
    }
}

/// The base price; of a model with nothing but fixed prices the lowest of them.
fn price(model: &Model) -> wallet::credits::Credits {
    let lowest = || model.prices.iter().map(|row| row.price).min();
    model.base.or_else(lowest).unwrap_or_default()
}

fn unit(unit: Unit) -> String {
    match unit {
        Unit::Result => "result".to_owned(),
        Unit::Second => "second".to_owned(),
        Unit::Step(tenths) if tenths % 10 == 0 => format!("step of {} s", tenths / 10),
        Unit::Step(tenths) => format!("step of {}.{} s", tenths / 10, tenths % 10),
    }
}

/// A quote.
#[must_use]
pub fn quote_view(quote: &Quote) -> QuoteView {
    QuoteView {
        price: quote.priced.amount.millis(),
        per_result: quote.priced.per_result.millis(),
        version: quote.priced.version,
        min_tier: quote.priced.min_tier.0,
        pro_model: quote.priced.pro_model,
        would: outcome(quote.would),
        split: per_bucket(&quote.split),
        available: per_bucket(&quote.available),
        largest_count: quote.fits.count,
        longest_duration_ds: quote.fits.tenths,
        highest_resolution: quote.fits.resolution,
        fits_after_reset_at_ms: quote.fits_after.0,
    }
}

/// An estimate with the cheapest plan that covers it, with the larger buffer, and may use all of it.
#[must_use]
pub fn estimate_view(estimate: &Estimate, plan: Option<&Plan>) -> EstimateView {
    EstimateView {
        need: estimate.need.millis(),
        with_buffer_min: estimate.with_buffer_min.millis(),
        with_buffer_max: estimate.with_buffer_max.millis(),
        version: estimate.version,
        plan: plan.map_or(0, |plan| plan.id.0),
        plan_name: Text::cut(plan.map_or("", |plan| &plan.name)),
    }
}
