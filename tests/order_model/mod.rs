//! An explicit-state model of what goes first, memory or journal: the rules of the design's section 4 as steps of up to
//! three connections, and every interleaving of them.
//!
//! Each step is one atomic action of the daemon (a CAS, a push, a lock, a look at an entry). Scenarios begin with two
//! wallets and two open holds; day and cycle boundaries pass at any moment. What must hold:
//!
//! - **At every record**, the journal up to there replays to a valid state ([`replay`]): a crash may come after any. Two
//!   journals that replay to the same rows are one for all that follows, which is why there are so few states.
//! - **At every answer**, what it tells of is durable when its own wait is over ([`step`]). A sync needs no step then.
//! - **At every take and give**, the period, the way back and the cover are right ([`credits`], [`rolls`]).
//! - **At rest**, nobody is stuck and replay equals what lives, both rolled to the same day ([`explore`]).
//!
//! Nothing is sampled: all multisets of two and of three out of 23 kinds of request, under each calendar in which they
//! have something to meet; all pairs and triples of chunks of two operations, all pairs of chunks of three; packed rolls,
//! debt, policies and a nearly full queue beside them; then what comes later or again ([`later`]): several captures of one
//! hold, draws, releases of unknown ids, refunds, retried commands, policies that come into force. 159,496 scenarios,
//! 151 million states, a minute and a half of one core, 100 MB; of 127,604 more every 29th, and all with `ORDER_STRIDE=1`.
//! Then each rule is left out ([`left_out`]), and the model must notice. An unoptimized build explores every 29th scenario.
//!
//! Where the model says more than section 4 does: freezing takes the wallet's lock (a freeze and an unfreeze do not
//! commute either), what a refund restores rolls the row to its day, an extended end is in the entry before the entry's new position is published, a roll changes the word
//! before the instants, and a re-debit of a hold that expired in the same unit pushes that unit and applies its returns.

mod commands;
mod credits;
mod explore;
mod families;
mod intern;
mod later;
mod left_out;
mod rare;
mod record;
mod replay;
mod rolls;
mod rules;
mod scenario;
mod state;
mod step;
mod violation;
mod world;

use explore::Explorer;
use families::Family::{self, *};
use rules::Rules;
use scenario::Start::{Free, Lapsing, Subscribed};

/// Without optimization only a part is explored.
const STRIDE: usize = if cfg!(debug_assertions) { 29 } else { 1 };

/// So much of the largest families in a test run: every 29th scenario. `ORDER_STRIDE=1` explores all.
fn soak_stride() -> usize {
    std::env::var("ORDER_STRIDE").map_or(29, |stride| stride.parse().expect("ORDER_STRIDE is a number"))
}

#[test]
fn any_two_requests() {
    holds(&[(Two(Subscribed), 1333), (Two(Lapsing), 1081), (Two(Free), 1080)]);
}

#[test]
fn any_three_requests_with_a_subscription() {
    holds(&[(Three(Subscribed), 10_926)]);
}

#[test]
fn any_three_requests_at_a_lapse() {
    holds(&[(Three(Lapsing), 8924)]);
}

#[test]
fn any_three_requests_without_a_subscription() {
    holds(&[(Three(Free), 8902)]);
}

#[test]
fn chunks_on_two_connections() {
    holds(&[(ChunksOfTwo, 4788), (ChunksOfThree, 56_616)]);
}

#[test]
fn chunks_on_three_connections() {
    holds(&[(ThreeChunks, 30_856)]);
}

#[test]
fn packed_rolls_debt_policies_and_scarce_room() {
    holds(&[(PackedRolls, 198), (Debt, 180), (Policies, 84), (ScarceRoom, 100)]);
}

#[test]
fn captures_releases_and_refunds() {
    holds(&[(TwoLater(Subscribed), 732), (TwoLater(Lapsing), 584), (TwoLater(Free), 592), (ChunksLater, 4788)]);
}

#[test]
fn any_three_with_a_capture_release_or_refund() {
    holds(&[(ThreeLater(Subscribed), 7164), (ThreeLater(Lapsing), 5708), (ThreeLater(Free), 5848)]);
}

#[test]
fn what_is_too_much_for_a_test_run() {
    let families = [
        (ThreeOfAll(Subscribed), 15_332),
        (ThreeOfAll(Lapsing), 12_404),
        (ThreeOfAll(Free), 12_396),
        (LongChunksLater, 56_616),
        (ThreeChunksLater, 30_856),
    ];
    holds_at(soak_stride(), &families);
}

#[test]
fn refunds_of_a_captured_hold() {
    holds(&[(Refunds(Subscribed), 1469), (Refunds(Lapsing), 1183), (Refunds(Free), 1183)]);
}

#[test]
fn commands_that_are_retried() {
    holds(&[(RetriedCommands(Subscribed), 1241), (RetriedCommands(Lapsing), 979), (RetriedCommands(Free), 1021)]);
}

#[test]
fn policies_that_come_into_force() {
    holds(&[(PoliciesInForce, 936)]);
}

#[test]
fn every_rule_left_out_is_missed() {
    let mut explorer = Explorer::new();
    for left_out in left_out::MISSED.iter().chain(left_out::NOT_MISSED) {
        match left_out.find(&mut explorer) {
            Ok(found) => println!("without {found}"),
            Err(why) => panic!("{why}"),
        }
    }
}

/// Whether [`every_rule_left_out_is_missed`] leaves this rule out.
pub(crate) fn explores_without(rule: &str) -> bool {
    left_out::MISSED.iter().any(|left_out| left_out.rule == rule)
}

/// Nothing goes wrong with all rules kept; if something does, the family's shortest trace is shown. The number of scenarios
/// stands beside each family, so that none shrinks unnoticed.
fn holds(families: &[(Family, usize)]) {
    holds_at(STRIDE, families);
}

fn holds_at(stride: usize, families: &[(Family, usize)]) {
    let mut explorer = Explorer::new();
    for (family, count) in families {
        let scenarios = family.scenarios();
        assert_eq!(scenarios.len(), *count, "{family:?}");
        let mut states = 0;
        let mut shortest: Option<(usize, String)> = None;
        for scenario in scenarios.iter().step_by(stride) {
            states += explorer.run(Rules::ALL, scenario);
            for trace in &explorer.traces {
                if shortest.as_ref().is_none_or(|&(steps, _)| trace.steps.len() < steps) {
                    shortest = Some((trace.steps.len(), trace.print(scenario)));
                }
            }
        }
        println!("{family:?}: {} scenarios, {states} states", count.div_ceil(stride));
        if let Some((_, trace)) = shortest {
            panic!("{family:?}: {trace}");
        }
    }
}
