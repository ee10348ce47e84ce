//! Bugs, planted where the simulator stands between the parts: in its journals, stores, projections, starts and settings,
//! or in the model, so that none of them is in what is shipped. Each must be found within a stated number of seeds, and
//! `tests/README.md` lists them.

use super::disk::DiskGround;
use super::ground::{Ground, PlainGround};
use super::world::Step;
use super::{ages, interleaved, rich, run, usual};
use crate::order_model;

/// What is wrong on purpose.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum Planted {
    #[default]
    Nothing,
    /// The model forgets what a release gives back.
    LostReturn,
    /// The model grants every missed cycle.
    EveryGrant,
    /// The store says that a group is synced, and it is only written.
    AcknowledgedBeforeDurable,
    /// A unit that only gives gets its place behind the unit that follows it.
    CreditBeforeItsRecord,
    /// Units go through one of two queues, by their accounts.
    TwoQueues,
    /// Credits of ended periods come back into the running one.
    RefundIntoTheNewPeriod,
    /// The timer of a hold fires again: its expiry is pushed twice.
    TimerFiresTwice,
    /// A recovery opens no epoch: positions that a failed append has used are used again in the same one.
    ReusedEpoch,
    /// A start forgets that a lapse has used a period number.
    PeriodUsedTwice,
    /// A start forgets the ended holds whose ids are still taken.
    ForgottenEndedHold,
    /// Ended holds are forgotten before the disk knows their end.
    ForgottenTooEarly,
    /// A start takes no notice of the bound of forgotten ids.
    BoundGoesBack,
    /// The timer of a cycle fires again: its roll is pushed twice.
    CycleFiresTwice,
    /// What time brings passes over the ends of cycles.
    MissedCycles,
    /// The journal loses a roll that everybody has seen.
    LostRoll,
    /// The journal has a roll twice that everybody has seen once.
    DoubledRoll,
    /// The disk drops ended holds by their refund window and their ids, whenever they ended.
    DroppedByItsWindow,
    /// The store of the projections says that it has flushed, and it has only written.
    FlushOnlySaid,
    /// The journal is trimmed as far as the projections have followed it.
    TrimmedTooFar,
    /// What drops old holds takes one block more.
    PruneTakesMore,
    /// The projections follow what is written, and not only what is synced.
    AheadOfTheSync,
    /// The model cuts what comes back at what a word holds.
    CutReturn,
}

/// Who finds a bug.
enum Finder {
    /// The simulator, over a plain journal, within so many seeds: its message says this.
    Plain(Planted, u64, &'static str),
    /// The simulator, where one wallet is at its most, within so many seeds: its message says this.
    Rich(Planted, u64, &'static str),
    /// The simulator, over the real journal and projections and faulty stores, within so many seeds: its message says this.
    Disk(Planted, u64, &'static str),
    /// The explicit-state model, with this rule left out: every interleaving of it.
    Order(&'static str),
    /// A life of some weeks with all zones: its message says this.
    Ages(Planted, &'static str),
    /// The list of interleavings of one word.
    Word,
}

use Finder::{Disk, Order, Plain, Rich, Word};

/// What is available is not what the model says.
const OTHER_BALANCE: &str = "available, next reset or top-up allowed differs";
/// A retry or a settlement of a hold that there was.
const NOT_KNOWN: &str = "answered Answer { outcome: UnknownHold";
/// A start whose projections want records that were trimmed.
const TOO_LITTLE_JOURNAL: &str = "only, and the journal begins at";

/// The bugs, as `tests/README.md` names them.
const BUGS: [(&str, Finder); 35] = [
    ("acknowledged before durable", Disk(Planted::AcknowledgedBeforeDurable, 3, "records were acknowledged and")),
    ("a credit before its record is durable", Plain(Planted::CreditBeforeItsRecord, 20, OTHER_BALANCE)),
    ("a credit before its record is pushed", Order("gives_push_first")),
    ("a reset that overwrites a concurrent spend", Word),
    ("a refund into the new period", Plain(Planted::RefundIntoTheNewPeriod, 3, "split differs")),
    ("a timer that fires twice", Plain(Planted::TimerFiresTwice, 3, "R23: an expiry of")),
    ("a position and epoch used again", Disk(Planted::ReusedEpoch, 10, "the journal is refused at")),
    ("a period number used twice", Plain(Planted::PeriodUsedTwice, 5, "is opened, and the row is in period")),
    ("a roll outside the lock", Order("rolls_lock")),
    ("a command outside the lock", Order("commands_lock")),
    ("two queues, a crash", Plain(Planted::TwoQueues, 20, OTHER_BALANCE)),
    ("two queues, interleaved", Order("one_queue")),
    ("a forgotten ended hold", Plain(Planted::ForgottenEndedHold, 5, NOT_KNOWN)),
    (
        "a hold forgotten before the disk knows its end",
        Plain(Planted::ForgottenTooEarly, 5, "R32: a bound counts once the projections have it"),
    ),
    ("a bound that goes back", Plain(Planted::BoundGoesBack, 5, NOT_KNOWN)),
    (
        "a hold dropped before its refund window has ended",
        Plain(Planted::DroppedByItsWindow, 5, "expected Expected { outcome: UnknownHold"),
    ),
    ("a return that is lost", Plain(Planted::LostReturn, 3, OTHER_BALANCE)),
    ("every missed cycle granted", Plain(Planted::EveryGrant, 40, "I1: counters differ")),
    ("an answer before its entries are durable", Order("answers_wait_for_entries")),
    ("a cycle that fires twice", Finder::Ages(Planted::CycleFiresTwice, "a cycle roll before the end")),
    ("cycles that are missed", Finder::Ages(Planted::MissedCycles, "R10: missed")),
    ("a roll that the journal loses", Finder::Ages(Planted::LostRoll, "R35: a roll is left out")),
    ("a roll that the journal doubles", Finder::Ages(Planted::DoubledRoll, "R35: a roll comes twice")),
    ("a capture that counts too late", Order("captures_count_at_decision")),
    ("a settlement that goes on with what it saw", Order("settlement_looks_again")),
    ("a return without its period", Order("restore_names_period")),
    ("a restored return without its day", Order("returns_carry_day")),
    ("a release that leaves no tombstone", Order("release_leaves_tombstone")),
    ("a command that its retry executes again", Order("command_id_guarded")),
    ("a policy that holds from its record on", Order("policy_by_date")),
    ("a flush that is only said", Disk(Planted::FlushOnlySaid, 20, TOO_LITTLE_JOURNAL)),
    ("a journal that is trimmed too far", Disk(Planted::TrimmedTooFar, 20, TOO_LITTLE_JOURNAL)),
    ("a removal that takes one block more", Disk(Planted::PruneTakesMore, 40, "R27: after a start hold")),
    ("projections ahead of the sync", Disk(Planted::AheadOfTheSync, 20, "the projections are ahead of the journal")),
    ("a return that is cut at what a word holds", Rich(Planted::CutReturn, 3, OTHER_BALANCE)),
];

const FIRST_SEED: u64 = 1;

/// The number of seeds that it takes until one shows what the bug is to be found by, and how that one tells it. What another
/// shows is printed, and does not count.
fn seeds_needed<G: Ground>(
    planted: Planted,
    most: u64,
    says: &str,
    steps: fn(u64) -> Vec<Step>,
) -> Option<(u64, String)> {
    for seed in FIRST_SEED..FIRST_SEED + most {
        match run::<G>(seed, &steps(seed), planted) {
            Err(wrong) if wrong.contains(says) => return Some((seed + 1 - FIRST_SEED, wrong)),
            Err(wrong) => println!("{planted:?}, seed {seed}, not as {says:?}: {}", wrong.replace('\n', " ")),
            Ok(_) => {}
        }
    }
    None
}

#[test]
fn every_planted_bug_is_found_within_its_seeds() {
    let mut missed = Vec::new();
    for (name, finder) in &BUGS {
        let found = match finder {
            Plain(planted, most, says) => seeds_needed::<PlainGround>(*planted, *most, says, usual),
            Rich(planted, most, says) => seeds_needed::<PlainGround>(*planted, *most, says, rich::steps),
            Disk(planted, most, says) => seeds_needed::<DiskGround>(*planted, *most, says, usual),
            // That it is missed is explored, every time, by `order_model::every_rule_left_out_is_missed`.
            Order(rule) => order_model::explores_without(rule).then(|| (1, format!("order_model: {rule}"))),
            Finder::Ages(planted, says) => {
                ages::found(*planted).filter(|wrong| wrong.contains(says)).map(|wrong| (1, wrong))
            }
            Word => {
                let (found, all) = interleaved::overwriting_resets_found();
                (found > 0).then(|| (1, format!("{found} of {all} interleavings")))
            }
        };
        match found {
            Some((seeds, wrong)) => println!("{name}: {seeds}: {}", wrong.replace('\n', " ")),
            None => missed.push(name),
        }
    }
    assert!(missed.is_empty(), "not found within their seeds by what finds them: {missed:?}");
}

/// The page tells what there is, and the numbers that hold.
#[test]
fn the_page_of_tests_lists_every_planted_bug() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/README.md");
    let page = std::fs::read_to_string(page).unwrap();
    for (name, finder) in &BUGS {
        let rows: Vec<_> = page.lines().filter(|line| line.starts_with(&format!("| {name} |"))).collect();
        let [row] = rows[..] else { panic!("tests/README.md has not one row for {name:?}: {rows:?}") };
        let told = match finder {
            Plain(_, most, _) | Rich(_, most, _) | Disk(_, most, _) => format!("| {most} |"),
            Order(rule) => format!("`{rule}`"),
            Finder::Ages(..) => "`sim::ages`".to_owned(),
            Word => "`sim::interleaved`".to_owned(),
        };
        assert!(row.contains(&told), "{name:?} must tell {told}: {row}");
    }
}
