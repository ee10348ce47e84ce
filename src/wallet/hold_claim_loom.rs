//! A timer that fires against a commit, an extension and a release of the same hold, in every interleaving of the locks of
//! entry and wheel and of the wallet word: one end, its credits counted once, and no timer left behind or lost. Under loom
//! (`cargo loom`), many rounds of plain threads without it.
//!
//! The entry, the wheel, their notes and every decision are those of the engine; so is the order: decide under the entry,
//! push, give, note in the wheel, mark under the entry, take notes back. What stands in for the rest is the journal, a
//! list, and the directory, which has this one entry: its map cannot run under loom. Who finds a record of another task
//! under way comes again when that has ended, as a connection does.

use crate::bucket::{Slices, Split};
use crate::credits::Credits;
use crate::hold::{Hold, HoldState};
use crate::hold_claim::Fired;
use crate::holds::{Live, Place, UnitNumber};
use crate::ids::{Position, Timestamp};
use crate::open_holds::{Ends, OpenHolds, RecordNumber};
use crate::slot::SlotIndex;
use crate::sync::Mutex;
use crate::word::{AtomicWord, Bits, Give, Narrow, Snapshot};

#[cfg(loom)]
use loom::{sync::Arc, thread};
#[cfg(not(loom))]
use std::{sync::Arc, thread};

#[cfg(loom)]
fn model(preemptions: Option<usize>, body: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    builder.check(body);
}

#[cfg(not(loom))]
fn model(_preemptions: Option<usize>, body: impl Fn() + Send + Sync + 'static) {
    for _ in 0..200 {
        body();
    }
}

/// When the hold ends, and when it does after an extension.
const END: Timestamp = Timestamp(1_000);
const LATER: Timestamp = Timestamp(5_000);
/// Who extends came before the end: one caller's time may lie a little behind another's.
const BEFORE: Timestamp = Timestamp(999);

/// What a task does to the hold.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Step {
    /// The timers that are due at the end are taken out and fire.
    Fire,
    /// All is captured.
    Commit,
    /// All goes back.
    Release,
    /// The end moves.
    Extend,
}

/// A record.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Told {
    Expired,
    Committed,
    Released,
    Extended,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Came {
    Done,
    /// A record of another task is under way.
    Elsewhere,
    /// The hold has ended.
    Refused,
}

/// What a task has decided and not pushed.
struct Unit {
    number: UnitNumber,
    told: Option<Told>,
    ends: Vec<RecordNumber>,
    ended: Vec<RecordNumber>,
}

impl Unit {
    fn new(number: u64) -> Self {
        Self { number: UnitNumber(number), told: None, ends: Vec::new(), ended: Vec::new() }
    }

    fn place(&self) -> Place {
        Place::pending(self.number, 0)
    }

    fn end(&mut self, live: &mut Live, told: Told) {
        self.ended.extend(live.claim_end());
        live.place = self.place();
        self.told = Some(told);
    }
}

/// The hold's entry: with the hold while that is open, and with the place of its last record.
struct Entry {
    place: Place,
    live: Option<Live>,
}

impl Entry {
    /// As the directory does it: what has ended is let go of at once.
    fn put(&mut self, ends: &OpenHolds, live: Live) {
        self.place = live.place;
        if let Some(record) = live.record {
            ends.set_end(record, live.hold.ends_at);
        }
        self.live = (!live.over).then_some(live);
    }

    fn publish(&mut self, position: Position) {
        self.place = Place::pushed(position);
        if let Some(live) = &mut self.live {
            live.place = self.place;
        }
    }
}

/// One hold, its wallet's word, the wheel, the journal.
struct World {
    entry: Mutex<Entry>,
    ends: OpenHolds,
    word: AtomicWord<Narrow>,
    journal: Mutex<Vec<Told>>,
}

fn split(free: u64, subscription: u64, top_up: u64) -> Split {
    let [free, subscription, top_up] = [free, subscription, top_up].map(Credits::from_millis);
    Split { free, subscription, top_up }
}

fn taken() -> Split {
    split(2, 1, 1)
}

fn word(available: Split) -> Snapshot {
    Snapshot { available, day: 1, period: 1, ..Snapshot::default() }
}

impl World {
    /// The hold is open, and its end is in the wheel.
    fn new() -> Self {
        let ends = OpenHolds::with_ends(std::thread::spawn(|| Box::new(Ends::new())).join().unwrap());
        let mut records = Vec::new();
        ends.allocate(1, &mut records);
        let record = records[0];
        ends.set_end(record, END);
        ends.follow(&mut records, &mut Vec::new(), &mut Vec::new());
        let taken = Slices { split: taken(), ..Slices::default() };
        let hold = Hold { state: HoldState::Open, taken, ends_at: END, ..Hold::tombstone(Timestamp(1)) };
        let place = Place::pushed(Position(1));
        let live = Live { place, slot: Some(SlotIndex(0)), record: Some(record), hold, over: false };
        Self {
            entry: Mutex::new(Entry { place, live: Some(live) }),
            ends,
            word: AtomicWord::new(word(split(4, 4, 2))),
            journal: Mutex::new(Vec::new()),
        }
    }

    fn run(&self, task: u64, step: Step) -> Came {
        let unit = &mut Unit::new(task);
        match step {
            Step::Fire => self.fire(unit, END),
            Step::Commit => self.settle(unit, Told::Committed),
            Step::Release => self.settle(unit, Told::Released),
            Step::Extend => self.extend(unit),
        }
    }

    fn fire(&self, unit: &mut Unit, now: Timestamp) -> Came {
        let mut again = Vec::new();
        for record in self.ends.due(now, 4) {
            let entry = &mut *self.entry.lock();
            let Some(mut live) = entry.live.clone() else { continue };
            match live.fired(now) {
                Fired::Ends => {
                    unit.end(&mut live, Told::Expired);
                    entry.put(&self.ends, live);
                }
                Fired::Later => again.push(record),
                Fired::Gone => {}
            }
        }
        self.push(unit);
        for record in again {
            let entry = self.entry.lock();
            if entry.live.is_some() {
                self.ends.note(record);
            }
        }
        Came::Done
    }

    /// Before the expiry record a settlement counts, whatever its time (R28).
    fn settle(&self, unit: &mut Unit, told: Told) -> Came {
        let mut entry = self.entry.lock();
        if entry.place.position().is_none() {
            return Came::Elsewhere;
        }
        let Some(mut live) = entry.live.clone() else { return Came::Refused };
        unit.end(&mut live, told);
        entry.put(&self.ends, live);
        drop(entry);
        self.push(unit);
        Came::Done
    }

    fn extend(&self, unit: &mut Unit) -> Came {
        let mut entry = self.entry.lock();
        if entry.place.position().is_none() {
            return Came::Elsewhere;
        }
        let Some(mut live) = entry.live.clone() else { return Came::Refused };
        assert!(live.hold.ends_at > BEFORE, "the end has not come");
        unit.ends.extend(live.move_end(LATER));
        live.place = unit.place();
        unit.told = Some(Told::Extended);
        entry.put(&self.ends, live);
        drop(entry);
        self.push(unit);
        Came::Done
    }

    fn push(&self, unit: &mut Unit) {
        let Some(told) = unit.told.take() else { return };
        let position = {
            let mut journal = self.journal.lock();
            journal.push(told);
            Position(1 + u64::try_from(journal.len()).unwrap())
        };
        if matches!(told, Told::Expired | Told::Released) {
            self.word.transition(|word| match word.give(&taken(), &Bits::NARROW) {
                Give::Given(next) => (Some(next), ()),
                Give::Attention => panic!("nothing wants attention"),
            });
        }
        self.ends.follow(&mut unit.ends, &mut unit.ended, &mut Vec::new());
        let mut entry = self.entry.lock();
        if entry.place == unit.place() {
            entry.publish(position);
        }
    }

    /// After all tasks: each has its record or was refused; the hold ends once, and by its timer if nothing else ends it.
    fn check(&self, steps: &[Step], came: &[Came]) {
        let journal = self.journal.lock().clone();
        let context = format!("{steps:?} came to {came:?} and left {journal:?}");
        for (step, record) in
            [(Step::Commit, Told::Committed), (Step::Release, Told::Released), (Step::Extend, Told::Extended)]
        {
            let done = steps.iter().zip(came).filter(|(one, came)| **one == step && **came == Came::Done).count();
            let told = journal.iter().filter(|one| **one == record).count();
            assert_eq!(done, told, "{context}: {record:?}");
        }
        let extended = journal.contains(&Told::Extended);
        assert!(!extended || !journal.contains(&Told::Expired), "R23: expired before its new end: {context}");
        let ended = |journal: &[Told]| journal.iter().filter(|one| **one != Told::Extended).count();
        let open = ended(&journal) == 0;
        assert_eq!(self.ends.noted(), u64::from(open), "one timer of an open hold, none of an ended one: {context}");
        self.fire(&mut Unit::new(90), Timestamp(LATER.0 - 1));
        assert!(!extended || !self.journal.lock().contains(&Told::Expired), "R23: before its new end: {context}");
        self.fire(&mut Unit::new(91), LATER);
        let journal = self.journal.lock().clone();
        assert_eq!(ended(&journal), 1, "I6: {context}, then {journal:?}");
        let back = if journal.contains(&Told::Committed) { Split::ZERO } else { taken() };
        assert_eq!(self.word.load(), word(split(4, 4, 2).plus(&back)), "credits are counted once: {context}");
        assert_eq!(self.ends.noted(), 0, "{context}");
    }
}

fn check(preemptions: Option<usize>, steps: &[Step]) {
    let steps = steps.to_vec();
    model(preemptions, move || {
        let world = Arc::new(World::new());
        let tasks: Vec<_> = (0..)
            .zip(&steps)
            .map(|(task, step)| {
                let (world, step) = (Arc::clone(&world), *step);
                thread::spawn(move || world.run(task, step))
            })
            .collect();
        let mut came: Vec<Came> = tasks.into_iter().map(|task| task.join().unwrap()).collect();
        for (task, (step, came)) in (10..).zip(steps.iter().zip(&mut came)) {
            if *came == Came::Elsewhere {
                *came = world.run(task, *step);
                assert_ne!(*came, Came::Elsewhere, "nothing is under way any more");
            }
        }
        world.check(&steps, &came);
    });
}

#[test]
fn loom_a_timer_that_fires_meets_one_other_end_or_extension() {
    for other in [Step::Commit, Step::Release, Step::Extend, Step::Fire] {
        check(None, &[Step::Fire, other]);
    }
}

/// Three tasks have too many interleavings to try all: every one with at most two preemptions.
#[test]
fn loom_a_timer_that_fires_meets_two_others() {
    for [one, other] in [
        [Step::Extend, Step::Release],
        [Step::Extend, Step::Commit],
        [Step::Extend, Step::Fire],
        [Step::Commit, Step::Release],
    ] {
        check(Some(2), &[Step::Fire, one, other]);
    }
}
