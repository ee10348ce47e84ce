//! The positions of all records against each other and against real time (I3).

use protocol::Outcome;

use super::effects::{saw_the_wallet, total};
use super::entry::{Flags, Kind};
use super::violation::{Verdict, ViolationKind};
use super::{History, order};

pub(super) fn check(history: &History, verdict: &mut Verdict) {
    for index in history.indices() {
        check_alone(history, index, verdict);
    }
    let records = history.indices().filter(|index| history.entry(*index).has_its_own_position());
    let by_position = order::by_key(records, |index| history.entry(index).position);
    for pair in by_position.windows(2) {
        check_pair(history, pair[0], pair[1], verdict);
    }
    check_time(history, &by_position, verdict);
}

/// What one answer must have.
fn check_alone(history: &History, index: u32, verdict: &mut Verdict) {
    let entry = history.entry(index);
    if entry.took_effect() {
        if entry.position == 0 {
            verdict.add(ViolationKind::NotDurable, || format!("{}: a record without a position", history.name(index)));
        }
        if history.terms.durable && !entry.flags.contains(Flags::DURABLE) {
            verdict.add(ViolationKind::NotDurable, || format!("{}: not marked as synced", history.name(index)));
        }
    }
    let refused = saw_the_wallet(entry) && entry.outcome == Outcome::Insufficient;
    let there = total(entry.pays().within(entry.available()));
    // What a card says of price and buckets, no answer tells.
    if refused && !entry.flags.contains(Flags::PRICED) && there >= entry.asked {
        verdict.add(ViolationKind::Amount, || {
            format!("{}: refused {} with {there} there", history.name(index), entry.asked)
        });
    }
}

/// Neighbours at one position are one request, whose first answer came once at most.
fn check_pair(history: &History, one: u32, two: u32, verdict: &mut Verdict) {
    let (first, second) = (history.entry(one), history.entry(two));
    if first.position != second.position || first.position == 0 {
        return;
    }
    let twice_new = !first.is_replayed() && !second.is_replayed();
    if twice_new || !first.same_request(second) {
        verdict.add(ViolationKind::PositionReused, || {
            format!("position {} was told for {} and for {}", first.position, history.name(one), history.name(two))
        });
    }
}

/// What was answered before another request was sent lies before it: from the highest position down, no request was sent
/// after the earliest end of those above it.
fn check_time(history: &History, by_position: &[u32], verdict: &mut Verdict) {
    let mut earliest: Option<u32> = None;
    let mut told = None;
    for index in by_position.iter().rev().copied() {
        let entry = history.entry(index);
        // Nobody waited for an expiry.
        if entry.kind == Kind::Expiry {
            continue;
        }
        if let Some(before) = earliest
            && history.entry(before).end_us() < entry.start_us()
            && history.entry(before).position > entry.position
            && told != Some(before)
        {
            told = Some(before);
            verdict.add(ViolationKind::PositionsGoBack, || {
                format!("{} was sent after the answer to {}", history.name(index), history.name(before))
            });
        }
        if earliest.is_none_or(|before| entry.end_us() < history.entry(before).end_us()) {
            earliest = Some(index);
        }
    }
}
