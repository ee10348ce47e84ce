//! Quotes (R21): what a reserve would come to, what would fit, and after which reset.

use std::sync::Arc;

use super::world::{World, account, instant};
use crate::bucket::{Sources, Split};
use crate::credits::Credits;
use crate::estimate::{EstimateLine, estimate};
use crate::ids::{Now, PlanId, Tier, Timestamp};
use crate::outcome::{Field, Outcome};
use crate::plan::parse::plan_catalog;
use crate::quote::{Purse, Quote, QuoteRequest, cheapest_plan, quote};
use crate::rate_card::parse::rate_card;
use crate::rate_card::{Generation, RateCard};
use crate::request::{Answer, Command};
use crate::settings::Settings;
use crate::subscription::ChangeMode;

const RATES: &str = r#"
version = 3
[[tool]]
id = 1
name = "image"
[[model]]
id = 1
name = "flux"
tools = ["image"]
price = 24
resolutions = [{ id = 1, name = "1k" }, { id = 2, name = "2k", times = 1.5 }, { id = 3, name = "4k", times = 2 }]
[[model]]
id = 2
name = "gold"
tools = ["image"]
price = 30
pro = true
min_tier = 2
[[model]]
id = 3
name = "kling"
tools = ["image"]
unit = "second"
price = 10
duration = { min = 1, max = 20, step = 1, default = 5 }
"#;

const PLANS: &str = r#"
version = 1
[[plan]]
id = 1
name = "basic"
tier = 1
credits = 100
[[plan]]
id = 2
name = "pro"
tier = 2
credits = 200
[[plan]]
id = 3
name = "pro-yearly"
tier = 2
credits = 200
term = "yearly"
"#;

fn card() -> RateCard {
    rate_card("rates.toml", RATES).unwrap()
}

fn request(model: u32, count: u16) -> QuoteRequest {
    let generation = Generation { tool: 1, model, settings: 0, count };
    QuoteRequest { account: account("a"), generation, sources: Sources::ALL }
}

fn whole(free: u64, subscription: u64, top_up: u64) -> Split {
    Split {
        free: Credits::from_whole(free),
        subscription: Credits::from_whole(subscription),
        top_up: Credits::from_whole(top_up),
    }
}

fn purse(free: u64, subscription: u64, top_up: u64, tier: u8) -> Purse {
    Purse { available: whole(free, subscription, top_up), tier: Tier(tier) }
}

fn now_only(request: &QuoteRequest, purse: &Purse) -> Quote {
    quote(&card(), request, None, purse, []).unwrap()
}

/// R3, R21: the preview splits as a reserve would.
#[test]
fn the_preview_is_what_a_reserve_would_draw() {
    let told = now_only(&request(1, 3), &purse(50, 10, 100, 1));
    assert_eq!((told.would, told.split), (Outcome::Granted, whole(50, 10, 12)));
    assert_eq!(
        (told.priced.amount, told.priced.per_result, told.priced.version),
        (Credits::from_whole(72), Credits::from_whole(24), 3)
    );
    let narrowed = QuoteRequest { sources: Sources::NO_TOP_UP, ..request(1, 3) };
    let told = now_only(&narrowed, &purse(50, 10, 100, 1));
    assert_eq!((told.would, told.split, told.fits.count), (Outcome::Insufficient, Split::ZERO, 2));
}

/// R8, R20: the gates of a reserve, in its order: tier before credits, no free credits for a Pro model.
#[test]
fn the_gates_are_those_of_a_reserve() {
    assert_eq!(now_only(&request(2, 1), &purse(100, 0, 0, 1)).would, Outcome::TierRequired);
    assert_eq!(now_only(&request(2, 1), &purse(100, 0, 0, 2)).would, Outcome::Insufficient);
    let told = now_only(&request(2, 1), &purse(100, 30, 0, 2));
    assert_eq!((told.would, told.split), (Outcome::Granted, whole(0, 30, 0)));
    let barred = quote(&card(), &request(1, 1), Some(Outcome::AccountFrozen), &purse(100, 0, 0, 0), []).unwrap();
    assert_eq!((barred.would, barred.split), (Outcome::AccountFrozen, Split::ZERO));
}

/// R21: the largest count, the highest resolution, the longest duration.
#[test]
fn what_would_fit() {
    let told = now_only(&request(1, 1), &purse(40, 0, 0, 0));
    assert_eq!((told.fits.count, told.fits.resolution, told.fits.tenths), (1, 2, 0));
    let told = now_only(&request(3, 1), &purse(75, 0, 0, 0));
    assert_eq!((told.fits.count, told.fits.resolution, told.fits.tenths), (1, 0, 70));
}

/// R21: the first reset after which a reserve would be granted.
#[test]
fn the_reset_that_brings_enough() {
    let later =
        [(Timestamp(5), purse(40, 0, 0, 0)), (Timestamp(9), purse(80, 0, 0, 0)), (Timestamp(12), purse(90, 0, 0, 0))];
    let after = |count| quote(&card(), &request(1, count), None, &purse(10, 0, 0, 0), later).unwrap().fits_after;
    assert_eq!((after(1), after(3), after(4)), (Timestamp(5), Timestamp(9), Timestamp::NONE));
    let granted = quote(&card(), &request(1, 1), None, &purse(50, 0, 0, 0), later).unwrap();
    assert_eq!(granted.fits_after, Timestamp::NONE, "nothing to wait for");
}

fn world() -> World {
    let mut world = World::new(Settings::default());
    world.engine.set_rates(Arc::new(card()));
    world.engine.set_plans(Arc::new(plan_catalog("plans.toml", PLANS).unwrap()));
    world.check("open a => done");
    world
}

fn told(world: &World, model: u32, count: u16) -> Quote {
    world.engine.quote(&request(model, count), world.now).unwrap()
}

fn subscribe(world: &mut World, plan: u16) {
    let (account, plan) = (account("a"), PlanId(plan));
    let command = Command::Subscribe { account, plan, auto_renew: true, paid_through: Timestamp::NONE };
    assert_eq!(world.command(command).outcome, Outcome::Done);
}

/// R5, R21: the next day brings free credits to an account without a subscription.
#[test]
fn an_unsubscribed_account_waits_for_its_day() {
    let mut world = world();
    world.check("charge h1 a 90 => granted left=10/0/0");
    let quote = told(&world, 1, 2);
    assert_eq!((quote.would, quote.fits_after), (Outcome::Insufficient, instant("2026-03-11T00:00:00Z")));
    assert_eq!(told(&world, 1, 5).fits_after, Timestamp::NONE, "no day brings 120");
}

/// R10, R21: a subscriber waits for the cycle; with a plan change that waits, for its credits and tier (R12).
#[test]
fn a_subscribed_account_waits_for_its_cycle() {
    let mut world = world();
    subscribe(&mut world, 1);
    world.check("charge h1 a 190 => granted left=0/10/0");
    let quote = told(&world, 1, 3);
    assert_eq!((quote.would, quote.fits_after), (Outcome::Insufficient, instant("2026-04-10T12:00:00Z")));
    assert_eq!(told(&world, 1, 8).fits_after, Timestamp::NONE, "192 are more than the plan brings");
    assert_eq!(told(&world, 2, 1).fits_after, Timestamp::NONE, "the tier stays too low");
    let change = Command::ChangePlan { account: account("a"), plan: PlanId(2), mode: ChangeMode::AtRenewal };
    assert_eq!(world.command(change).outcome, Outcome::Done);
    assert_eq!(told(&world, 1, 8).fits_after, instant("2026-04-10T12:00:00Z"));
    assert_eq!(told(&world, 2, 1).fits_after, instant("2026-04-10T12:00:00Z"));
}

/// R7, R11, R21: after a lapse the allowance comes back with the next day, and not with the lapse.
#[test]
fn an_account_that_will_lapse_waits_for_the_day_after() {
    let mut world = world();
    subscribe(&mut world, 1);
    let cancel = Command::Cancel { account: account("a"), at_period_end: true };
    assert_eq!(world.command(cancel).outcome, Outcome::Done);
    world.check("charge h1 a 200 => granted left=0/0/0");
    assert_eq!(told(&world, 1, 1).fits_after, instant("2026-04-11T00:00:00Z"));
}

/// R16, R33: what bars every reserve bars a quote, and no reset changes it.
#[test]
fn a_wallet_that_is_barred() {
    let mut world = world();
    world.check("freeze a => done");
    let quote = told(&world, 1, 1);
    assert_eq!((quote.would, quote.fits_after), (Outcome::AccountFrozen, Timestamp::NONE));
    world.check("unfreeze a => done\nclawback a 1 => done debt=1");
    let quote = told(&world, 1, 1);
    assert_eq!((quote.would, quote.fits_after), (Outcome::Debt, Timestamp::NONE));
}

/// R7, R21: a lapse within a day brings no allowance, also where subscribers have one: the day's is used.
#[test]
fn a_cycle_that_ends_within_a_day_brings_no_allowance() {
    let mut world = world();
    world.check(
        "policy 40 all                => 1
         after 3d
         subscribe a 50 for=2h        => done left=40/50/0
         charge h1 a 80               => granted left=0/10/0",
    );
    assert_eq!(told(&world, 1, 1).fits_after, instant("2026-03-14T00:00:00Z"));
}

/// R6, R21: on the last day of the calendar there is no reset to wait for.
#[test]
fn a_day_that_does_not_end_is_none_to_wait_for() {
    let mut world = world();
    world.check("at 9999-12-30T12:00:00Z\ncharge h1 a 90 => granted left=10/0/0");
    let quote = told(&world, 1, 2);
    assert_eq!((quote.would, quote.fits_after), (Outcome::Insufficient, Timestamp::NONE));
}

/// R19: what has no price has no quote, and a quote leaves nothing behind.
#[test]
fn refused_quotes_and_quotes_without_a_trace() {
    let mut world = world();
    let refused = |request: QuoteRequest| world.engine.quote(&request, world.now).unwrap_err();
    assert_eq!(refused(request(9, 1)), Answer::reused(Outcome::Unpriced, Field::Model));
    let unknown = QuoteRequest { account: account("z"), ..request(1, 1) };
    assert_eq!(refused(unknown).outcome, Outcome::UnknownAccount);
    told(&world, 1, 4);
    world.check("balance a => done left=100/0/0");
}

/// R20, R21: the cheapest plan covers the need with its larger buffer, and its tier may use every line.
#[test]
fn the_cheapest_plan_that_covers_an_estimate() {
    let plans = plan_catalog("plans.toml", PLANS).unwrap();
    let plan = |model, per_day, buffer| {
        let lines = [EstimateLine { tool: 1, model, settings: 0, per_day }];
        let estimate = estimate(&card(), &lines, 1, (0, buffer)).unwrap();
        cheapest_plan(&plans, &estimate).map(|plan| plan.name.clone())
    };
    assert_eq!(plan(1, 4, 0).as_deref(), Some("basic"));
    assert_eq!(plan(1, 4, 10).as_deref(), Some("pro"), "96 and a tenth are more than 100");
    assert_eq!(plan(2, 1, 0).as_deref(), Some("pro"), "the model needs tier 2");
    assert_eq!(plan(1, 9, 0), None);
}

/// R10: a wallet that is due is rolled by the look at it.
#[test]
fn a_quote_sees_no_credits_of_an_ended_cycle() {
    let mut world = world();
    subscribe(&mut world, 1);
    world.check("charge h1 a 190 => granted left=0/10/0");
    world.now = Now::at(instant("2026-04-10T12:00:00Z"));
    assert_eq!(told(&world, 1, 4).split, whole(0, 96, 0));
}
