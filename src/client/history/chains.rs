//! The answers of one wallet linked up: each take's before is another's after, in an order that real time allows.
//!
//! A take tells what was there right after its own step, so its place is exact: it follows whatever left what it found.
//! A give tells its amount, and happened between its request and its answer. A look (a balance, a refusal, what a
//! settlement saw before its own give) tells a value that stood there in between. The search lays them one after the other.
//! What is next must have been sent before the earliest answer that is still to be placed, and the takes and looks of one
//! frame keep their order. A look is placed as soon as it fits. The earliest answer is the aim: takes that fit lead down to
//! it, and the fewest gives that make something fit lead up. A choice that leads nowhere is taken back. What is placed and
//! what is left determine the value, so no state is gone through twice. A search that takes too many steps ends undecided,
//! which the verdict counts as not checked.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use protocol::OperationKind;

use super::effects::{Effects, saw_the_wallet};
use super::entry::{Entry, Flags, Kind};
use super::signed::{Mask, Signed};
use super::violation::{Verdict, ViolationKind};
use super::{History, order};

/// Steps that a search may take, for each event and beside that; one that is taken back counts again.
const STEPS_PER_EVENT: usize = 50;
const STEPS_MORE: usize = 20_000;
/// Different gives that are tried together, at most, and equal ones.
const GIVES_TOGETHER: usize = 12;
const EQUAL_GIVES_MAX: usize = 256;

/// What one answer tells of the wallet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Tells {
    Take { before: Signed, after: Signed },
    Move(Signed),
    Look(Signed),
}

#[derive(Clone, Copy, Debug)]
struct Event {
    entry: u32,
    start_us: u64,
    end_us: u64,
    tells: Tells,
    /// What comes before it: of a give its look, of a take or look the one before it in its frame.
    follows: Option<usize>,
}

/// Checks every wallet that is not left out; says which ones could not be decided.
pub(super) fn check(history: &History, effects: &Effects, verdict: &mut Verdict) -> Vec<bool> {
    let mut undecided = vec![false; history.openings.len()];
    let by_start = order::by_key(history.indices(), |index| history.entry(index).start_us());
    let by_wallet = order::by_key(by_start.into_iter(), |index| u64::from(history.entry(index).wallet));
    let frames = frames(history);
    let (mut events, mut last) = (Vec::new(), HashMap::new());
    for of_wallet in by_wallet.chunk_by(|one, two| history.entry(*one).wallet == history.entry(*two).wallet) {
        let wallet = of_wallet.first().map_or(0, |index| history.entry(*index).wallet as usize);
        if effects.left_out[wallet] {
            continue;
        }
        let mask = effects.masks[wallet];
        events.clear();
        last.clear();
        for index in of_wallet.iter().copied() {
            let before = last.entry(frames[index as usize]).or_insert(None);
            add_events(history, effects, index, mask, &mut events, before);
        }
        let opening = mask.of(Signed::from(history.openings[wallet].available));
        match Search::new(&events, opening).run() {
            Found::Order => {}
            Found::Undecided => undecided[wallet] = true,
            Found::None { stuck, value } => verdict.add(ViolationKind::Chain, || told(history, &events[stuck], value)),
        }
    }
    undecided
}

fn told(history: &History, event: &Event, value: Signed) -> String {
    let name = history.name(event.entry);
    match event.tells {
        Tells::Take { before, after } => {
            format!("{name} found {before} and left {after}, where {value} was (free + subscription + top-up)")
        }
        Tells::Look(seen) => format!("{name} saw {seen}, where {value} was (free + subscription + top-up)"),
        Tells::Move(moved) => format!("{name} moved {moved}, and nothing after it fits"),
    }
}

/// The number of each entry's frame.
fn frames(history: &History) -> Vec<u32> {
    let mut frame = 0;
    let number = |entry: &Entry| {
        frame += u32::from(entry.flags.contains(Flags::BEGINS));
        frame
    };
    history.entries.iter().map(number).collect()
}

/// What an entry tells: up to three events. `before` is the last take or look of its frame.
fn add_events(
    history: &History,
    effects: &Effects,
    index: u32,
    mask: Mask,
    events: &mut Vec<Event>,
    before: &mut Option<usize>,
) {
    let entry = history.entry(index);
    let (taken, given) = effects.moved(history, index);
    let mut add = |tells, follows| {
        events.push(Event { entry: index, start_us: entry.start_us(), end_us: entry.end_us(), tells, follows });
        events.len() - 1
    };
    let available = Signed::from(entry.available());
    let mut look = None;
    if entry.is_replayed() {
        // What is available is of the retry, the effect of the first try.
        add(Tells::Look(mask.of(available)), None);
        if effects.is_repeated(index) {
            return;
        }
    } else if is_exact_take(entry) {
        *before = Some(add(Tells::Take { before: mask.of(available + taken), after: mask.of(available) }, *before));
        return;
    } else if looks(entry) {
        // A settlement saw the wallet after its own take and before its own give, and told what would be there after that.
        *before = Some(add(Tells::Look(mask.of(available - given)), *before));
        look = before.filter(|_| taken == Signed::default());
    }
    for moved in [mask.of(Signed::default() - taken), mask.of(given)] {
        if moved != Signed::default() {
            add(Tells::Move(moved), look);
        }
    }
}

fn is_exact_take(entry: &Entry) -> bool {
    entry.took_effect() && (entry.is(OperationKind::Reserve) || entry.is(OperationKind::Charge))
}

fn looks(entry: &Entry) -> bool {
    let settles = matches!(
        entry.kind,
        Kind::Operation(
            OperationKind::Commit | OperationKind::Release | OperationKind::Refund | OperationKind::Balance
        )
    );
    settles && entry.outcome.is_success() || saw_the_wallet(entry)
}

/// What a search comes to.
enum Found {
    Order,
    Undecided,
    /// The event that fits nowhere, and what was there where it should have been.
    None {
        stuck: usize,
        value: Signed,
    },
}

/// Events that were sent and are not placed yet.
#[derive(Debug, Default)]
struct Pending {
    by_end: BTreeSet<(u64, usize)>,
    takes: HashMap<Signed, BTreeSet<(u64, usize)>>,
    looks: HashMap<Signed, BTreeSet<(u64, usize)>>,
    moves: BTreeMap<Signed, BTreeSet<(u64, usize)>>,
    /// Tells sets of events apart.
    mark: u64,
}

impl Pending {
    fn shelf(&mut self, tells: Tells) -> &mut BTreeSet<(u64, usize)> {
        match tells {
            Tells::Take { before, .. } => self.takes.entry(before).or_default(),
            Tells::Look(seen) => self.looks.entry(seen).or_default(),
            Tells::Move(moved) => self.moves.entry(moved).or_default(),
        }
    }

    fn add(&mut self, event: &Event, index: usize) {
        self.by_end.insert((event.end_us, index));
        self.shelf(event.tells).insert((event.end_us, index));
        self.mark ^= mark(index);
    }

    fn remove(&mut self, event: &Event, index: usize) {
        self.by_end.remove(&(event.end_us, index));
        let shelf = self.shelf(event.tells);
        shelf.remove(&(event.end_us, index));
        if shelf.is_empty() {
            match event.tells {
                Tells::Take { before, .. } => drop(self.takes.remove(&before)),
                Tells::Look(seen) => drop(self.looks.remove(&seen)),
                Tells::Move(moved) => drop(self.moves.remove(&moved)),
            }
        }
        self.mark ^= mark(index);
    }

    /// The earliest end: nothing that was sent after it comes before it.
    fn horizon(&self) -> u64 {
        self.by_end.first().map_or(u64::MAX, |(end_us, _)| *end_us)
    }
}

/// Scattered bits for an index (the finalizer of splitmix64).
fn mark(index: usize) -> u64 {
    let mut bits = u64::try_from(index).unwrap_or(u64::MAX).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

/// A step of the search, to be taken back.
#[derive(Clone, Copy, Debug)]
enum Step {
    Admitted,
    /// With the value before it.
    Placed(usize, Signed),
}

/// Where a choice was left: how long the log was, the stages that were not tried, and what is left of the last one.
#[derive(Debug)]
struct Choice {
    log_len: usize,
    stage: usize,
    others: Vec<Vec<usize>>,
}

/// What is tried at a point.
#[derive(Clone, Copy, Debug)]
enum Try {
    Takes,
    /// Equal gives after which something fits.
    EqualGives,
    /// So many different gives after which something fits.
    Gives(usize),
    AnyGive,
}

/// When the aim is above what is there, and otherwise.
const UP: [Try; 5] = [Try::EqualGives, Try::Gives(2), Try::Gives(3), Try::Takes, Try::AnyGive];
const DOWN: [Try; 5] = [Try::Takes, Try::EqualGives, Try::Gives(2), Try::Gives(3), Try::AnyGive];

struct Search<'a> {
    events: &'a [Event],
    /// The latest end of the events up to each.
    latest_ends_us: Vec<u64>,
    /// Whether a take or look of the same frame waits for it.
    followed: Vec<bool>,
    value: Signed,
    pending: Pending,
    next: usize,
    placed: usize,
    log: Vec<Step>,
    choices: Vec<Choice>,
    seen: HashSet<(usize, u64)>,
    steps_left: usize,
    /// The dead end that came furthest.
    furthest: Option<(usize, usize, Signed)>,
}

impl<'a> Search<'a> {
    fn new(events: &'a [Event], value: Signed) -> Self {
        let ends = events.iter().scan(0, |latest: &mut u64, event| {
            *latest = event.end_us.max(*latest);
            Some(*latest)
        });
        let mut followed = vec![false; events.len()];
        let waiting = events.iter().filter(|event| !matches!(event.tells, Tells::Move(_)));
        waiting.filter_map(|event| event.follows).for_each(|before| followed[before] = true);
        Self {
            events,
            followed,
            latest_ends_us: ends.collect(),
            value,
            pending: Pending::default(),
            next: 0,
            placed: 0,
            log: Vec::new(),
            choices: Vec::new(),
            seen: HashSet::new(),
            steps_left: events.len().saturating_mul(STEPS_PER_EVENT).saturating_add(STEPS_MORE),
            furthest: None,
        }
    }

    fn run(mut self) -> Found {
        while self.spend() {
            self.admit();
            if self.pending.by_end.is_empty() {
                return Found::Order;
            }
            if !self.place_look() && !self.go_on(0, Vec::new()) && !self.choose_again() {
                return self.none();
            }
        }
        Found::Undecided
    }

    /// `false` when no step is left.
    fn spend(&mut self) -> bool {
        self.steps_left = self.steps_left.saturating_sub(1);
        self.steps_left > 0
    }

    /// Takes in what was sent before the earliest answer that is still to be placed.
    fn admit(&mut self) {
        let ended = self.next.checked_sub(1).and_then(|last| self.latest_ends_us.get(last));
        let next = self.events.get(self.next);
        if self.pending.by_end.is_empty() && next.zip(ended).is_some_and(|(next, ended)| next.start_us > *ended) {
            // Everything before has ended, so every order of it leads here: no other choice leads anywhere else.
            self.log.clear();
            self.choices.clear();
            self.seen.clear();
        }
        while let Some(event) = self.events.get(self.next)
            && event.start_us <= self.pending.horizon()
        {
            self.pending.add(event, self.next);
            self.log.push(Step::Admitted);
            self.next += 1;
        }
    }

    /// Lays down what fits, from a stage on; notes what else would. `false` at a dead end.
    fn go_on(&mut self, mut stage: usize, mut others: Vec<Vec<usize>>) -> bool {
        let tries = if self.is_below_its_aim() { UP } else { DOWN };
        while others.is_empty() {
            let Some(next) = tries.get(stage).copied() else {
                self.note_dead_end();
                return false;
            };
            others = self.fitting(next);
            // The likeliest is taken from the end.
            others.reverse();
            stage += 1;
        }
        let Some(chosen) = others.pop() else { return false };
        if !others.is_empty() || !self.pending.moves.is_empty() {
            self.choices.push(Choice { log_len: self.log.len(), stage, others });
        }
        chosen.into_iter().for_each(|index| self.place(index));
        self.seen.insert((self.next, self.pending.mark))
    }

    /// Goes back to the last choice that leads somewhere new.
    fn choose_again(&mut self) -> bool {
        while let Some(Choice { log_len, stage, others }) = self.choices.pop() {
            while self.log.len() > log_len {
                self.take_back();
            }
            if self.steps_left == 0 || self.go_on(stage, others) {
                return true;
            }
        }
        false
    }

    fn place(&mut self, index: usize) {
        let event = &self.events[index];
        self.log.push(Step::Placed(index, self.value));
        self.pending.remove(event, index);
        self.placed += 1;
        match event.tells {
            Tells::Take { after, .. } => self.value = after,
            Tells::Move(moved) => self.value = self.value + moved,
            Tells::Look(_) => {}
        }
    }

    fn take_back(&mut self) {
        self.spend();
        match self.log.pop() {
            Some(Step::Placed(index, value)) => {
                self.pending.add(&self.events[index], index);
                self.placed -= 1;
                self.value = value;
            }
            Some(Step::Admitted) => {
                self.next -= 1;
                self.pending.remove(&self.events[self.next], self.next);
            }
            None => {}
        }
    }

    /// Whether the earliest take or look that is to be placed needs more than is there.
    fn is_below_its_aim(&self) -> bool {
        let needs = |(_, index): &(u64, usize)| match self.events[*index].tells {
            Tells::Take { before, .. } => Some(before),
            Tells::Look(seen) => Some(seen),
            Tells::Move(_) => None,
        };
        let aim = self.pending.by_end.iter().find_map(needs);
        aim.is_some_and(|aim| aim.0.iter().sum::<i128>() > self.value.0.iter().sum())
    }

    /// Whether nothing that comes before the event is still to be placed.
    fn may_come(&self, index: usize) -> bool {
        let event = &self.events[index];
        let is_pending = |before: &usize| self.pending.by_end.contains(&(self.events[*before].end_us, *before));
        event.start_us <= self.pending.horizon() && !event.follows.as_ref().is_some_and(is_pending)
    }

    /// Of equal events the one that was answered first.
    fn first<'b>(&'b self, shelf: Option<&'b BTreeSet<(u64, usize)>>) -> impl Iterator<Item = usize> + 'b {
        let all = shelf.into_iter().flatten().map(|(_, index)| *index);
        all.filter(|index| self.may_come(*index))
    }

    fn place_look(&mut self) -> bool {
        let look = self.first(self.pending.looks.get(&self.value)).next();
        look.is_some_and(|index| {
            self.place(index);
            true
        })
    }

    /// Whether a take or a look could come at this value.
    fn fits(&self, value: Signed) -> bool {
        self.first(self.pending.takes.get(&value)).next().is_some()
            || self.first(self.pending.looks.get(&value)).next().is_some()
    }

    /// What may come next, the likeliest first.
    fn fitting(&self, what: Try) -> Vec<Vec<usize>> {
        match what {
            Try::Takes => self.fitting_takes(),
            Try::EqualGives => self.equal_gives(),
            Try::Gives(count) => {
                let (gives, mut found) = (self.gives(), Vec::new());
                let gives = &gives[..gives.len().min(GIVES_TOGETHER)];
                self.together(gives, count, self.value, &mut Vec::new(), &mut found);
                found
            }
            Try::AnyGive => self.gives().into_iter().map(|index| vec![index]).collect(),
        }
    }

    /// Takes of what is there. Of equal ones that nothing in their frame waits for the first; others lead elsewhere.
    fn fitting_takes(&self) -> Vec<Vec<usize>> {
        let mut fitting: Vec<(Signed, usize)> = Vec::new();
        for index in self.first(self.pending.takes.get(&self.value)) {
            if let Tells::Take { after, .. } = self.events[index].tells
                && (self.followed[index] || fitting.iter().all(|(other, of)| *other != after || self.followed[*of]))
            {
                fitting.push((after, index));
            }
        }
        fitting.into_iter().map(|(_, index)| vec![index]).collect()
    }

    /// The fewest equal gives after which something fits, for each amount.
    fn equal_gives(&self) -> Vec<Vec<usize>> {
        let mut found: Vec<Vec<usize>> = Vec::new();
        for (moved, shelf) in &self.pending.moves {
            let (mut set, mut value) = (Vec::new(), self.value);
            for index in self.first(Some(shelf)).take(EQUAL_GIVES_MAX) {
                set.push(index);
                value = value + *moved;
                if self.fits(value) {
                    found.push(set);
                    break;
                }
            }
        }
        found.sort_by_key(Vec::len);
        found
    }

    /// One give of each amount, those first whose answers came first.
    fn gives(&self) -> Vec<usize> {
        let shelves = self.pending.moves.values();
        let mut gives: Vec<usize> = shelves.filter_map(|shelf| self.first(Some(shelf)).next()).collect();
        gives.sort_by_key(|index| self.events[*index].end_us);
        gives
    }

    /// The sets of so many of these gives after which something fits.
    fn together(
        &self,
        gives: &[usize],
        count: usize,
        value: Signed,
        set: &mut Vec<usize>,
        found: &mut Vec<Vec<usize>>,
    ) {
        for (number, index) in gives.iter().enumerate() {
            let Tells::Move(moved) = self.events[*index].tells else { continue };
            let value = value + moved;
            set.push(*index);
            if count > 1 {
                self.together(&gives[number + 1..], count - 1, value, set, found);
            } else if self.fits(value) {
                found.push(set.clone());
            }
            set.pop();
        }
    }

    fn note_dead_end(&mut self) {
        let is_further = self.furthest.is_none_or(|(furthest, ..)| self.placed > furthest);
        if let Some((_, index)) = self.pending.by_end.first().filter(|_| is_further) {
            self.furthest = Some((self.placed, *index, self.value));
        }
    }

    fn none(self) -> Found {
        match self.furthest {
            Some((_, stuck, value)) => Found::None { stuck, value },
            None => Found::Undecided,
        }
    }
}
