//! All zones of the bundled time-zone database, for the model: of the database it takes the changes of the clocks and
//! nothing else; dates, midnights and months are its own arithmetic (R6, R10).

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;

use super::zones::{DAY_MS, HOUR_MS, date_of, days_to, utc};

/// The clocks of a zone: from an instant on they show so much more than UTC, in milliseconds.
struct Clocks {
    name: String,
    changes: Vec<(u64, i64)>,
}

/// The years that the changes are listed for.
const YEARS: std::ops::Range<u64> = 2025..2075;

/// The longest that clocks which went back can show an earlier date than before.
const BACK_MAX_MS: u64 = 26 * HOUR_MS;

static EVERY: LazyLock<Vec<Clocks>> = LazyLock::new(|| {
    let database = TimeZoneDatabase::bundled();
    let mut names: Vec<String> = database.available().map(|name| name.to_string()).collect();
    names.sort();
    names.into_iter().map(|name| clocks(&database, name)).collect()
});

fn clocks(database: &TimeZoneDatabase, name: String) -> Clocks {
    let zone = database.get(&name).unwrap();
    let [from, to] = [YEARS.start, YEARS.end].map(|year| utc(year, 1, 1));
    let start = Timestamp::from_millisecond(i64::try_from(from).unwrap()).unwrap();
    let mut changes = vec![(from, i64::from(zone.to_offset(start).seconds()) * 1_000)];
    for change in zone.following(start) {
        let at = u64::try_from(change.timestamp().as_millisecond()).unwrap();
        if at >= to {
            break;
        }
        let offset = i64::from(change.offset().seconds()) * 1_000;
        if changes.last().is_none_or(|(_, before)| *before != offset) {
            changes.push((at, offset));
        }
    }
    Clocks { name, changes }
}

/// How many there are.
pub(super) fn count() -> u16 {
    u16::try_from(EVERY.len()).unwrap()
}

pub(super) fn name(zone: u16) -> &'static str {
    &EVERY[usize::from(zone)].name
}

pub(super) fn of(name: &str) -> Option<u16> {
    EVERY.binary_search_by(|zone| zone.name.as_str().cmp(name)).ok().map(|index| u16::try_from(index).unwrap())
}

fn local(at: u64, offset: i64) -> u64 {
    at.checked_add_signed(offset).unwrap()
}

fn date(at: u64, offset: i64) -> u32 {
    u32::try_from(local(at, offset) / DAY_MS).unwrap()
}

/// The stretch of time, by its number, in which the clocks show `at` as they do.
fn stretch(changes: &[(u64, i64)], at: u64) -> usize {
    assert!(changes[0].0 <= at, "an instant before the listed years");
    changes.partition_point(|(from, _)| *from <= at) - 1
}

/// The first instant from a stretch on at which the clocks show a local time, or a later one.
fn first_showing(changes: &[(u64, i64)], mut stretch: usize, wanted: u64) -> u64 {
    loop {
        let (from, offset) = changes[stretch];
        let at = from.max(wanted.checked_add_signed(-offset).unwrap());
        match changes.get(stretch + 1) {
            Some((until, _)) if at >= *until => stretch += 1,
            _ => return at,
        }
    }
}

/// The day: the latest date that the clocks have shown, for one that has begun does not end by clocks that go back.
pub(super) fn day(zone: u16, at: u64) -> u32 {
    let changes = &EVERY[usize::from(zone)].changes;
    let mut stretch = stretch(changes, at);
    let mut day = date(at, changes[stretch].1);
    while stretch > 0 && changes[stretch].0 + BACK_MAX_MS > at {
        day = day.max(date(changes[stretch].0 - 1, changes[stretch - 1].1));
        stretch -= 1;
    }
    day
}

/// The first instant of a later date.
pub(super) fn day_ends_at(zone: u16, at: u64) -> u64 {
    let changes = &EVERY[usize::from(zone)].changes;
    let midnight = (u64::from(day(zone, at)) + 1) * DAY_MS;
    first_showing(changes, stretch(changes, at), midnight)
}

/// So many months later on the clocks, the day clamped to its month; a skipped time: the first instant after the gap; a
/// doubled one: the first.
pub(super) fn months_after(zone: u16, anchor: u64, months: u32) -> u64 {
    if months == 0 {
        return anchor;
    }
    let changes = &EVERY[usize::from(zone)].changes;
    let shown = local(anchor, changes[stretch(changes, anchor)].1);
    let (year, month, day) = date_of(shown / DAY_MS);
    let months = year * 12 + month - 1 + u64::from(months);
    let (year, month) = (months / 12, months % 12 + 1);
    let days_in_month = days_to(year + month / 12, month % 12 + 1, 1) - days_to(year, month, 1);
    let wanted = days_to(year, month, day.min(days_in_month)) * DAY_MS + shown % DAY_MS;
    first_showing(changes, stretch(changes, wanted - 15 * HOUR_MS), wanted)
}

/// The rules that are written out and the clocks of the database are two sources: they agree.
#[test]
fn the_zones_that_are_written_out_have_the_clocks_of_the_database() {
    use super::zones::Zone;
    let mut random = super::random::Random::new(1);
    for written in Zone::ALL {
        let listed = Zone::Listed(of(written.name()).unwrap());
        for _ in 0..400 {
            let at = random.between(utc(2026, 1, 1), utc(2055, 1, 1));
            let months = u32::try_from(random.between(1, 40)).unwrap();
            for at in [at, written.day_ends_at(at) - 1, written.day_ends_at(at)] {
                assert_eq!(written.day(at), listed.day(at), "{written:?} at {at}");
                assert_eq!(written.day_ends_at(at), listed.day_ends_at(at), "{written:?} at {at}");
                let (one, other) = (written.months_after(at, months), listed.months_after(at, months));
                assert_eq!(one, other, "{written:?}, {months} months after {at}");
            }
        }
    }
    assert!(count() > 500);
}
