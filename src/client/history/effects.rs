//! What became of every hold, in the order of positions, and what each record moved.

use std::collections::{HashMap, HashSet};

use protocol::{HoldId, OperationKind, Outcome, PerBucket};

use super::entry::{Entry, Flags, Kind};
use super::signed::{Mask, Signed};
use super::standing::Standing;
use super::violation::{Violation, ViolationKind};
use super::{History, is_unknown, order};

/// What one wallet's holds come to.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Totals {
    pub(super) held: Signed,
    pub(super) spent: Signed,
    pub(super) open_holds: u64,
    /// What expiries gave back that the wallet's own standing may have been shown without.
    pub(super) on_its_way: Signed,
}

/// The outcome of the walk over all holds.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// What came back to the wallet with a commit or an expiry, by entry.
    back: HashMap<u32, PerBucket>,
    /// What commits took from the wallet above their holds, by entry.
    drawn: HashMap<u32, PerBucket>,
    /// Entries that repeat the answer of another one.
    repeated: HashSet<u32>,
    /// Holds that nothing has ended, with the earliest instant at which something else than a request may have.
    pub(super) open: Vec<(HoldId, u64)>,
    /// By wallet.
    pub(super) totals: Vec<Totals>,
    /// By wallet: the balance that the records come to.
    pub(super) balances: Vec<Signed>,
    /// By wallet: whether something in it cannot be known.
    pub(super) left_out: Vec<bool>,
    /// By wallet: the buckets whose period runs, and that were not clawed back.
    pub(super) masks: Vec<Mask>,
    pub(super) violations: Vec<Violation>,
}

impl Effects {
    pub(super) fn of(history: &History, closings: &[Standing]) -> Self {
        let wallets = history.openings.len();
        let mut effects = Self {
            totals: vec![Totals::default(); wallets],
            balances: vec![Signed::default(); wallets],
            left_out: vec![false; wallets],
            masks: masks(history, closings),
            ..Self::default()
        };
        let mut in_doubt = HashSet::new();
        for entry in &history.entries {
            let late = matches!(entry.outcome, Outcome::Late | Outcome::LateUncovered);
            if late || is_unknown(entry.outcome) || entry.kind == Kind::Untold {
                effects.left_out[entry.wallet as usize] = true;
                in_doubt.insert(entry.hold);
            }
        }
        let last_told = history.entries.iter().filter(|entry| entry.is_request()).map(|entry| entry.position);
        let last_told = last_told.max().unwrap_or(0);
        let by_position = effects.by_position(history);
        // An extend moves nothing, and may tell the position of another record of its hold.
        let of_holds = by_position.into_iter().filter(|index| {
            let entry = history.entry(*index);
            !entry.hold.is_nil() && !entry.is(OperationKind::Extend)
        });
        let mut by_hold = order::by_key(of_holds, |index| spread(history.entry(index).hold));
        let same_key = |one: &u32, two: &u32| spread(history.entry(*one).hold) == spread(history.entry(*two).hold);
        for run in by_hold.chunk_by_mut(same_key) {
            // Ids whose keys are equal by chance are told apart.
            run.sort_by_key(|index| history.entry(*index).hold);
            for of_hold in run.chunk_by(|one, two| history.entry(*one).hold == history.entry(*two).hold) {
                let of_doubt = of_hold.first().is_some_and(|index| in_doubt.contains(&history.entry(*index).hold));
                let hold = Hold { in_doubt: of_doubt, ..Hold::default() };
                Walk { history, effects: &mut effects, closings, last_told, hold }.walk(of_hold);
            }
        }
        effects
    }

    /// The records in the order of their positions.
    pub(super) fn by_position(&self, history: &History) -> Vec<u32> {
        let records = history.indices().filter(|index| {
            let entry = history.entry(*index);
            entry.took_effect() && !self.repeated.contains(index)
        });
        order::by_key(records, |index| history.entry(index).position)
    }

    pub(super) fn is_repeated(&self, index: u32) -> bool {
        self.repeated.contains(&index)
    }

    /// What an entry took from its wallet and what it gave.
    pub(super) fn moved(&self, history: &History, index: u32) -> (Signed, Signed) {
        let entry = history.entry(index);
        let nothing = Signed::default();
        let of = |map: &HashMap<u32, PerBucket>| map.get(&index).copied().map_or(nothing, Signed::from);
        if !entry.took_effect() {
            return (nothing, nothing);
        }
        let split = || Signed::from(entry.split());
        match entry.kind {
            Kind::Operation(OperationKind::Reserve | OperationKind::Charge) | Kind::Clawback | Kind::Correction => {
                (split(), nothing)
            }
            Kind::Operation(OperationKind::Release | OperationKind::Refund) | Kind::Gift => (nothing, split()),
            Kind::Operation(OperationKind::Commit) | Kind::Expiry => (of(&self.drawn), of(&self.back)),
            Kind::Operation(OperationKind::Extend | OperationKind::Balance) | Kind::Untold => (nothing, nothing),
        }
    }
}

/// A bucket is looked at as long as its period runs; top-up credits while nothing was clawed back, because debt is netted
/// in memory and in records at different moments (R16).
fn masks(history: &History, closings: &[Standing]) -> Vec<Mask> {
    let mut masks = vec![Mask([true; 3]); history.openings.len()];
    for ((mask, opening), closing) in masks.iter_mut().zip(&history.openings).zip(closings) {
        mask.0 = [opening.day == closing.day, opening.period == closing.period, opening.debt == 0];
    }
    for entry in history.entries.iter().filter(|entry| entry.kind == Kind::Clawback) {
        masks[entry.wallet as usize].0[2] = false;
    }
    masks
}

/// A key for an id: equal ids have equal ones, others hardly ever.
fn spread(hold: HoldId) -> u64 {
    let half = |shift: u32| u64::try_from(hold.0 >> shift & u128::from(u64::MAX)).unwrap_or(u64::MAX);
    (half(64).rotate_left(32) ^ half(0)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// What has become of a hold so far.
#[derive(Debug, Default)]
struct Hold {
    granted: Option<u32>,
    rest: PerBucket,
    captured: PerBucket,
    refunded: PerBucket,
    /// What was captured and no refund has undone.
    refundable: PerBucket,
    ended: Option<u32>,
    /// Whether what became of it is not known: nobody knows an outcome, or a commit came after its end.
    in_doubt: bool,
    captures: Vec<(u8, u32)>,
    refunds: Vec<(u8, u32)>,
}

/// The walk over the records of one hold.
struct Walk<'a> {
    history: &'a History,
    effects: &'a mut Effects,
    closings: &'a [Standing],
    last_told: u64,
    hold: Hold,
}

impl Walk<'_> {
    fn walk(mut self, indices: &[u32]) {
        let mut before: Option<u32> = None;
        for index in indices.iter().copied() {
            if before.is_some_and(|before| self.repeats(before, index)) {
                self.effects.repeated.insert(index);
                continue;
            }
            before = Some(index);
            match self.history.entry(index).kind {
                Kind::Operation(OperationKind::Reserve | OperationKind::Charge) => self.grant(index),
                Kind::Operation(OperationKind::Commit) => self.capture(index),
                Kind::Operation(OperationKind::Release) => self.release(index),
                Kind::Operation(OperationKind::Refund) => self.refund(index),
                Kind::Expiry => self.expire(index),
                // They name no hold, or move nothing.
                Kind::Operation(OperationKind::Extend | OperationKind::Balance) => {}
                Kind::Gift | Kind::Clawback | Kind::Correction | Kind::Untold => {}
            }
        }
        self.sum(indices);
    }

    /// Whether an entry is a retry of the one before it, answered with the first decision.
    fn repeats(&mut self, before: u32, index: u32) -> bool {
        let (first, again) = (self.history.entry(before), self.history.entry(index));
        let same = first.position == again.position && first.same_request(again);
        if same && first.split() != again.split() {
            self.add(ViolationKind::Amount, |walk| format!("{}: a replay with another split", walk.name(index)));
        }
        same && (first.is_replayed() || again.is_replayed())
    }

    fn grant(&mut self, index: u32) {
        let entry = *self.history.entry(index);
        if let Some(first) = self.hold.granted {
            self.add(ViolationKind::Doubled, |walk| {
                format!("{} was decided before: {}", walk.name(index), walk.name(first))
            });
            return;
        }
        self.hold.granted = Some(index);
        let charged = entry.is(OperationKind::Charge);
        // A priced one may name the price that it expects (R18).
        let is_price_told = !entry.flags.contains(Flags::PRICED) || entry.asked > 0;
        if is_price_told && total(entry.split()) != entry.asked {
            self.amount(index, || format!("{} asked for, {} granted", entry.asked, Signed::from(entry.split())));
        } else if !is_drawn_in_order(&entry) {
            let before = Signed::from(entry.available()) + Signed::from(entry.split());
            self.amount(index, || format!("{} granted of {before}: not in their order", Signed::from(entry.split())));
        }
        if charged {
            self.capture_of(entry.split());
            self.hold.ended = Some(index);
        } else {
            self.hold.rest = entry.split();
        }
    }

    fn capture(&mut self, index: u32) {
        let entry = *self.history.entry(index);
        if !self.is_granted(index) {
            return;
        }
        let number = |(number, _): &&(u8, u32)| *number == entry.number;
        if let Some((_, first)) = self.hold.captures.iter().find(number).copied() {
            self.add(ViolationKind::Doubled, |walk| {
                format!("{} took effect twice: first {}", walk.name(index), walk.name(first))
            });
            return;
        }
        self.hold.captures.push((entry.number, index));
        if entry.outcome != Outcome::Done {
            // In time or after the expiry: no answer tells.
            self.capture_of(entry.split());
            return;
        }
        if self.has_ended(index) {
            return;
        }
        let split = entry.split();
        let rest = self.hold.rest;
        let in_hold = draw(rest, total(split).min(total(rest)));
        let drawn = Signed::from(split) - Signed::from(in_hold);
        let above = total(split) > total(rest);
        let wanted = if entry.flags.contains(Flags::ALL) { total(rest) } else { entry.asked };
        let capped = self.may_cap() && wanted > total(rest) && total(split) == total(rest);
        let most = self.may_draw();
        let may = |(amount, allowed): (&i128, bool)| *amount == 0 || *amount > 0 && above && allowed;
        if !drawn.0.iter().zip(most.0).all(may) || (total(split) != wanted && !capped) {
            self.amount(index, || {
                format!("{wanted} asked for, {} held, {} captured", Signed::from(rest), Signed::from(split))
            });
        }
        self.capture_of(split);
        self.hold.rest = less(rest, in_hold);
        if above {
            self.effects.drawn.insert(index, less(split, in_hold));
        }
        if entry.flags.contains(Flags::FINAL) {
            self.give_back(index);
        }
    }

    fn capture_of(&mut self, split: PerBucket) {
        self.hold.captured = plus(self.hold.captured, split);
        self.hold.refundable = plus(self.hold.refundable, split);
    }

    /// Whether a commit above the hold may take what is held: its reserve says so, or the rate card, which no answer tells.
    fn may_cap(&self) -> bool {
        let made_by = self.hold.granted.map(|granted| self.history.entry(granted).flags);
        made_by.is_some_and(|flags| flags.contains(Flags::CAPS) || flags.contains(Flags::PRICED))
    }

    /// The buckets that a commit above the hold may draw from: those of its reserve, where that or the rate card says so (R26).
    fn may_draw(&self) -> Mask {
        let none = Mask([false; 3]);
        let Some(made_by) = self.hold.granted.map(|granted| self.history.entry(granted)) else { return none };
        let may = made_by.flags.contains(Flags::DRAWS) || made_by.flags.contains(Flags::PRICED);
        if may { made_by.pays() } else { none }
    }

    fn release(&mut self, index: u32) {
        let entry = *self.history.entry(index);
        if !self.is_granted(index) || self.has_ended(index) {
            return;
        }
        let (back, rest) = (entry.split(), self.hold.rest);
        if total(back).saturating_add(entry.extra) != total(rest) || !is_within(back, rest) {
            self.amount(index, || format!("{} held, {} returned", Signed::from(rest), Signed::from(back)));
        }
        self.hold.ended = Some(index);
        self.hold.rest = PerBucket::default();
    }

    fn refund(&mut self, index: u32) {
        let entry = *self.history.entry(index);
        if !self.is_granted(index) {
            return;
        }
        let number = |(number, _): &&(u8, u32)| *number == entry.number;
        if let Some((_, first)) = self.hold.refunds.iter().find(number).copied() {
            self.add(ViolationKind::Doubled, |walk| {
                format!("{} took effect twice: first {}", walk.name(index), walk.name(first))
            });
            return;
        }
        self.hold.refunds.push((entry.number, index));
        let (back, refundable) = (entry.split(), self.hold.refundable);
        let wanted = if entry.flags.contains(Flags::ALL) { total(refundable) } else { entry.asked };
        // The other way round than drawn: what is kept is what would be drawn first (R24).
        let kept = draw(refundable, total(refundable).saturating_sub(wanted));
        let undone = less(refundable, kept);
        let right = total(back).saturating_add(entry.extra) == wanted && wanted <= total(refundable);
        if !right || !is_within(back, undone) {
            let (refundable, back, lost) = (Signed::from(refundable), Signed::from(back), entry.extra);
            self.amount(index, || {
                format!("{refundable} captured and not refunded, {wanted} asked for, {back} refunded, {lost} forfeited")
            });
        }
        self.hold.refunded = plus(self.hold.refunded, back);
        self.hold.refundable = kept;
    }

    fn expire(&mut self, index: u32) {
        if !self.is_granted(index) || self.has_ended(index) {
            return;
        }
        let entry = *self.history.entry(index);
        let wallet = entry.wallet as usize;
        let rest = Signed::from(self.hold.rest);
        if entry.position > self.last_told {
            self.effects.totals[wallet].on_its_way = self.effects.totals[wallet].on_its_way + rest;
        }
        if self.closings.get(wallet).is_some_and(|closing| entry.position > closing.as_of_position) {
            self.effects.totals[wallet].held = self.effects.totals[wallet].held + rest;
            self.effects.totals[wallet].open_holds += 1;
        }
        self.give_back(index);
    }

    /// The end of a hold that gives its rest back.
    fn give_back(&mut self, index: u32) {
        self.hold.ended = Some(index);
        let rest = std::mem::take(&mut self.hold.rest);
        if total(rest) > 0 {
            self.effects.back.insert(index, rest);
        }
    }

    /// Adds the hold, as it stands in the end, to its wallet.
    fn sum(&mut self, indices: &[u32]) {
        let Some(granted) = self.hold.granted else { return };
        let entry = self.history.entry(granted);
        let wallet = entry.wallet as usize;
        if let Some(strange) = indices.iter().find(|index| self.history.entry(**index).wallet != entry.wallet).copied()
        {
            self.add(ViolationKind::Amount, |walk| format!("{}: the hold is another account's", walk.name(strange)));
        }
        let totals = &mut self.effects.totals[wallet];
        totals.spent = totals.spent + Signed::from(self.hold.captured) - Signed::from(self.hold.refunded);
        if self.hold.ended.is_none() && !self.hold.in_doubt {
            totals.held = totals.held + Signed::from(self.hold.rest);
            totals.open_holds += 1;
            let of_worker = entry.flags.contains(Flags::OF_WORKER);
            self.effects.open.push((entry.hold, if of_worker { 0 } else { entry.extra }));
        }
    }

    fn is_granted(&mut self, index: u32) -> bool {
        let granted = self.hold.granted.is_some();
        if !granted && !self.hold.in_doubt {
            self.add(ViolationKind::NoGrant, |walk| format!("{}: no grant before it", walk.name(index)));
        }
        granted
    }

    fn has_ended(&mut self, index: u32) -> bool {
        let Some(end) = self.hold.ended.filter(|_| !self.hold.in_doubt) else { return false };
        self.add(ViolationKind::SecondEnd, |walk| {
            format!("{} came after the hold's end: {}", walk.name(index), walk.name(end))
        });
        true
    }

    fn amount(&mut self, index: u32, what: impl FnOnce() -> String) {
        if !self.hold.in_doubt {
            self.add(ViolationKind::Amount, |walk| format!("{}: {}", walk.name(index), what()));
        }
    }

    fn add(&mut self, kind: ViolationKind, message: impl FnOnce(&Self) -> String) {
        let message = message(self);
        self.effects.violations.push(Violation { kind, message });
    }

    fn name(&self, index: u32) -> String {
        self.history.name(index)
    }
}

/// Whether a take drew from the buckets that may pay, in their order (R3, R8). What is available after a retry is of then;
/// a rate card may take away the free bucket.
fn is_drawn_in_order(entry: &Entry) -> bool {
    let split = entry.split();
    let there = plus(entry.available(), split);
    let drawn = |pays: Mask| draw(pays.within(there), total(split)) == split;
    let by_card = || entry.flags.contains(Flags::PRICED) && drawn(entry.pays().without_free());
    entry.is_replayed() || drawn(entry.pays()) || by_card()
}

/// Whether no bucket of `part` is above that of `whole`.
const fn is_within(part: PerBucket, whole: PerBucket) -> bool {
    part.free <= whole.free && part.subscription <= whole.subscription && part.top_up <= whole.top_up
}

/// The sum; amounts have 42 bits here, and a hold is captured 256 times at most.
pub(super) const fn total(amounts: PerBucket) -> u64 {
    amounts.free + amounts.subscription + amounts.top_up
}

const fn plus(a: PerBucket, b: PerBucket) -> PerBucket {
    PerBucket { free: a.free + b.free, subscription: a.subscription + b.subscription, top_up: a.top_up + b.top_up }
}

/// The difference, none below zero: that it would be is told elsewhere.
const fn less(a: PerBucket, b: PerBucket) -> PerBucket {
    PerBucket {
        free: a.free.saturating_sub(b.free),
        subscription: a.subscription.saturating_sub(b.subscription),
        top_up: a.top_up.saturating_sub(b.top_up),
    }
}

/// The part of `from` that is drawn first (R3), at most all of it.
fn draw(from: PerBucket, amount: u64) -> PerBucket {
    let free = from.free.min(amount);
    let subscription = from.subscription.min(amount - free);
    let top_up = from.top_up.min(amount - free - subscription);
    PerBucket { free, subscription, top_up }
}

/// Whether an entry tells a refusal that looked at the wallet.
pub(super) fn saw_the_wallet(entry: &Entry) -> bool {
    let takes = entry.is(OperationKind::Reserve) || entry.is(OperationKind::Charge);
    takes && matches!(entry.outcome, Outcome::Insufficient | Outcome::TierRequired)
}
