//! Dates and midnights in time zones (R6), and the cohorts of wallets that share a zone.

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use parking_lot::RwLock;
use thiserror::Error;

use crate::day_ends::DayEnds;
use crate::ids::{Day, Timestamp};
use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// The most zones that wallets can be in; the IANA database has fewer than 600 names.
pub const ZONES_MAX: usize = 1_024;

/// The longest name of a time zone, in bytes.
pub const ZONE_NAME_BYTES_MAX: usize = 64;

/// A group of wallets in one time zone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Cohort(pub u16);

/// A day in some zone and the instant at which the next begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Today {
    /// The number of the day.
    pub day: Day,
    /// 00:00 of the next day there; a skipped midnight: the first instant after it; a doubled one: the first (R6).
    pub ends_at: Timestamp,
}

/// Why a zone was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum ZoneError {
    /// No such name in the time-zone database.
    #[error("no such time zone")]
    Unknown,
    /// [`ZONES_MAX`] zones are in use.
    #[error("too many time zones in use")]
    TooMany,
}

/// The day that contains `now` in a zone.
#[must_use]
#[inline]
pub fn today(zone: &TimeZone, now: Timestamp) -> Today {
    let mut date = zone.to_datetime(instant(now)).date();
    loop {
        let next = date.tomorrow().unwrap_or(Date::MAX);
        let ends_at = start_of(zone, next);
        if now < ends_at || next == date {
            assert!(start_of(zone, date) <= now, "R6: the day of an instant has begun by then");
            return Today { day: number(date), ends_at };
        }
        assert!(next > date, "R6: the day after a date is later");
        // The clocks went back over a midnight: the day ended at the first one.
        date = next;
    }
}

/// The first instant of a date in a zone, or of the next date that there is.
fn start_of(zone: &TimeZone, date: Date) -> Timestamp {
    first_instant_of(zone, date.at(0, 0, 0, 0))
}

/// The instant at which the clocks of a zone show a local time; a skipped one: the first instant after the gap; a
/// doubled one: the first (R6, R10).
pub(crate) fn first_instant_of(zone: &TimeZone, local: DateTime) -> Timestamp {
    let ambiguous = zone.to_ambiguous_timestamp(local);
    let skipped = matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. });
    let Ok(at) = ambiguous.compatible() else { return Timestamp::NEVER };
    // A skipped local time can lie inside the gap; what counts is the gap's end, which is the transition.
    let after = at.saturating_add(jiff::SignedDuration::from_secs(1)).unwrap_or(at);
    let transition = if skipped { zone.preceding(after).next() } else { None };
    assert!(transition.is_some() == skipped, "R6: a gap of the clocks has a transition");
    assert!(transition.as_ref().is_none_or(|it| it.timestamp() <= after), "R6: a gap ends with its transition");
    let at = transition.map_or(at, |transition| transition.timestamp());
    assert!(zone.to_datetime(at) >= local, "R10: the clocks have come to a local time at its first instant");
    Timestamp(u64::try_from(at.as_millisecond()).unwrap_or(0))
}

/// The instant as the calendar's type; beyond its range: its last one.
pub(crate) fn instant(at: Timestamp) -> jiff::Timestamp {
    let millis = i64::try_from(at.0).unwrap_or(i64::MAX);
    let instant = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    let is_same = instant.as_millisecond() == millis;
    assert!(is_same || instant == jiff::Timestamp::MAX, "R6: an instant is the same in both types");
    instant
}

/// Days since 1970-01-01; dates before it count as that day.
fn number(date: Date) -> Day {
    let epoch = jiff::civil::date(1970, 1, 1);
    let days = date.since(epoch).map_or(0, |span| span.get_days());
    assert!(days >= 0 || date < epoch, "R6: a date from 1970 on has its number");
    Day(u32::try_from(days).unwrap_or(0))
}

/// The zones in use, and what day it is in each.
pub struct Cohorts {
    zones: RwLock<Vec<(String, TimeZone)>>,
    /// For each cohort its day (high 20 bits) and the end of that day in seconds (low 44 bits), in one atomic.
    todays: Box<[AtomicU64]>,
    /// Ends of days that were asked for lately, to be found again without a lock; see [`KnownEnd`].
    ends: Box<[AtomicU64]>,
    /// When the published days end; see [`crate::day_ends`].
    day_ends: DayEnds,
    /// How many wallets each cohort has.
    wallets: Box<[AtomicU32]>,
}

/// Of a published day: its end in seconds, all ones for one that does not end, and above them its number.
const SECONDS_BITS: u32 = 40;
const SECONDS_MASK: u64 = 0xff_ffff_ffff;

impl Default for Cohorts {
    fn default() -> Self {
        Self::new()
    }
}

impl Cohorts {
    /// No zones yet.
    #[must_use]
    pub fn new() -> Self {
        let todays = (0..ZONES_MAX).map(|_| AtomicU64::new(0)).collect();
        let ends = (0..ENDS).map(|_| AtomicU64::new(0)).collect();
        let wallets = (0..ZONES_MAX).map(|_| AtomicU32::new(0)).collect();
        assert!(ENDS.is_power_of_two(), "places are spread evenly");
        Self { zones: RwLock::new(Vec::new()), todays, ends, day_ends: DayEnds::default(), wallets }
    }

    /// The cohort of a zone by its IANA name in any case; an empty name stands for UTC. However it is spelled, a name
    /// has one cohort (I9).
    ///
    /// # Errors
    /// The database does not know the name, or no cohort is left.
    pub fn of(&self, name: &str) -> Result<Cohort, ZoneError> {
        let name = if name.is_empty() { "UTC" } else { name };
        if let Some(known) = find(&self.zones.read(), name) {
            return Ok(known);
        }
        let (name, zone) = named(name).ok_or(ZoneError::Unknown)?;
        let mut zones = self.zones.write();
        if let Some(known) = find(&zones, &name) {
            return Ok(known);
        }
        let index = u16::try_from(zones.len()).ok().filter(|index| usize::from(*index) < ZONES_MAX);
        let index = index.ok_or(ZoneError::TooMany)?;
        zones.push((name, zone));
        assert!(zones.len() <= ZONES_MAX, "I9: zones have a limit");
        assert!(zones.len() == usize::from(index).saturating_add(1), "a cohort's number is its zone's place");
        assert!(
            zones.iter().filter(|(known, _)| known == &zones[usize::from(index)].0).count() == 1,
            "I9: a zone has one cohort"
        );
        Ok(Cohort(index))
    }

    /// The name of a cohort's zone.
    #[must_use]
    pub fn name(&self, cohort: Cohort) -> String {
        self.zones.read().get(usize::from(cohort.0)).map_or_else(String::new, |(name, _)| name.clone())
    }

    /// What day it is in a cohort. The published day serves while it lasts; after that the first who asks publishes
    /// the next one, so no ticker decides anything.
    #[must_use]
    #[inline]
    pub fn today(&self, cohort: Cohort, now: Timestamp) -> Today {
        let Some(cell) = self.todays.get(usize::from(cohort.0)) else {
            return Today { day: Day(0), ends_at: Timestamp::NEVER };
        };
        // Relaxed: the value is complete in itself and nothing else is published with it.
        let known = cell.load(Ordering::Relaxed);
        if now < published_end(known) {
            return unpack(known);
        }
        let fresh = today(&self.zone(cohort), now);
        assert!(unpack(pack(fresh)).day == fresh.day, "a day is published without a loss");
        assert!(fresh.day >= unpack(known).day, "R6: day numbers never decrease");
        assert!(fresh.day.0 >> (64 - SECONDS_BITS) == 0, "a day fits its field");
        let before = cell.fetch_max(pack(fresh), Ordering::Relaxed);
        if before == 0 {
            // The cohort's first day: its wallets come with it, so that there is nothing to sweep. Of two who publish it at
            // once, one finds it unpublished.
            self.day_ends.add(cohort, fresh.ends_at, now);
        }
        fresh
    }

    /// Publishes the days that have begun, where no request has done so before.
    pub(crate) fn end_days(&self, now: Timestamp) {
        self.day_ends.fire(now, |cohort| self.today(cohort, now));
    }

    /// The cohorts whose day has ended since this was last asked, with the day that began. Call it after
    /// [`Cohorts::end_days`].
    pub(crate) fn take_begun(&self) -> Vec<(Cohort, Day)> {
        self.day_ends.take_begun()
    }

    /// An instant before which no day ends, and how many cohorts have an end of a day in the wheel.
    pub(crate) fn next_day_end(&self) -> (Option<Timestamp>, u64) {
        (self.day_ends.next(), self.day_ends.count())
    }

    /// Every cohort, in the order in which their zones were first named.
    pub fn in_use(&self) -> impl Iterator<Item = Cohort> + use<> {
        let count = u16::try_from(self.zones.read().len()).unwrap_or(u16::MAX);
        assert!(usize::from(count) <= ZONES_MAX, "I9: zones have a limit");
        (0..count).map(Cohort)
    }

    /// How many wallets a cohort has.
    #[must_use]
    pub fn wallets(&self, cohort: Cohort) -> u32 {
        // Relaxed: a figure for people.
        self.wallets.get(usize::from(cohort.0)).map_or(0, |cell| cell.load(Ordering::Relaxed))
    }

    /// Counts a wallet that has come into a cohort: a new one, or one that leaves another.
    pub(crate) fn count_wallet(&self, into: Cohort, out_of: Option<Cohort>) {
        // Relaxed: a figure for people. One that leaves has been counted before, so that none goes below zero.
        let cell = |cohort: Cohort| self.wallets.get(usize::from(cohort.0));
        cell(into).map(|cell| cell.fetch_add(1, Ordering::Relaxed));
        let left = out_of.and_then(cell).map(|cell| cell.fetch_sub(1, Ordering::Relaxed));
        assert!(left.is_none_or(|before| before > 0), "a wallet leaves a zone that it was not counted in");
        assert!(usize::from(into.0) < ZONES_MAX, "I9: zones have a limit");
    }

    /// The day that contained, or will contain, an instant in a cohort.
    #[must_use]
    pub fn day_at(&self, cohort: Cohort, at: Timestamp) -> Day {
        today(&self.zone(cohort), at).day
    }

    /// When the day that contains an instant ends in a cohort.
    #[must_use]
    pub fn end_of_day_at(&self, cohort: Cohort, at: Timestamp) -> Timestamp {
        let place = (at.seconds() / 86_400).wrapping_add(u64::from(cohort.0).wrapping_mul(61)) % ENDS;
        let cell = usize::try_from(place).ok().and_then(|place| self.ends.get(place));
        // Relaxed: the value is complete in itself and nothing else is published with it.
        let known = cell.map(|cell| KnownEnd::unpack(cell.load(Ordering::Relaxed)));
        if let Some(known) = known.filter(|known| known.holds(cohort, at)) {
            return Timestamp(known.ends_s.saturating_mul(1_000));
        }
        let ends_at = today(&self.zone(cohort), at).ends_at;
        assert!(ends_at > at || ends_at == Timestamp::NEVER, "R6: a day ends after what lies in it");
        let fresh = KnownEnd { cohort: cohort.0.into(), from_s: at.seconds(), ends_s: ends_at.seconds() };
        if let (Some(cell), Some(packed)) = (cell, fresh.pack()) {
            assert!(KnownEnd::unpack(packed).holds(cohort, at), "an end that is kept is found again");
            cell.store(packed, Ordering::Relaxed);
        }
        ends_at
    }

    /// When a day begins in a cohort: when the one before it ends.
    #[must_use]
    pub fn start_of(&self, cohort: Cohort, day: Day) -> Timestamp {
        day.0.checked_sub(1).map_or(Timestamp::NONE, |before| self.end_of(cohort, Day(before)))
    }

    /// When a day ends in a cohort.
    #[must_use]
    pub fn end_of(&self, cohort: Cohort, day: Day) -> Timestamp {
        let days = jiff::Span::new().try_days(i64::from(day.0).saturating_add(1));
        let next = days.and_then(|days| jiff::civil::date(1970, 1, 1).checked_add(days)).ok();
        assert!(next.is_none_or(|next| number(next).0 == day.0.saturating_add(1)), "R6: a day ends with the next");
        next.map_or(Timestamp::NEVER, |next| start_of(&self.zone(cohort), next))
    }

    /// The zone of a cohort.
    pub(crate) fn zone(&self, cohort: Cohort) -> TimeZone {
        self.zones.read().get(usize::from(cohort.0)).map_or(TimeZone::UTC, |(_, zone)| zone.clone())
    }
}

/// Whether two names are those of one zone, however they are spelled; an empty one stands for UTC.
#[must_use]
pub fn same_zone(one: &str, other: &str) -> bool {
    let canonical = |name: &str| named(if name.is_empty() { "UTC" } else { name }).map(|(canonical, _)| canonical);
    one == other || canonical(one).is_some_and(|name| canonical(other) == Some(name))
}

/// The zone of a name, and the name as the database spells it.
fn named(name: &str) -> Option<(String, TimeZone)> {
    let zone = jiff::tz::TimeZoneDatabase::bundled().get(name).ok()?;
    // The one zone without an IANA name of its own.
    let canonical = zone.iana_name().unwrap_or("Etc/Unknown").to_owned();
    assert!(!canonical.is_empty(), "R6: a zone has a name");
    assert!(canonical.len() <= ZONE_NAME_BYTES_MAX, "R6: a zone's name is no longer than a command's");
    Some((canonical, zone))
}

fn find(zones: &[(String, TimeZone)], name: &str) -> Option<Cohort> {
    assert!(zones.len() <= ZONES_MAX, "I9: zones have a limit");
    let index = zones.iter().position(|(known, _)| known == name)?;
    u16::try_from(index).ok().map(Cohort)
}

/// How many ends of days are kept.
const ENDS: u64 = 1 << 12;

/// From `from_s` to `ends_s` it is one day in a cohort. Packed: 10 bits of cohort, 18 of the seconds between, 36 of the end.
#[derive(Clone, Copy)]
struct KnownEnd {
    cohort: u64,
    from_s: u64,
    ends_s: u64,
}

const ENDS_BITS: u32 = 36;
const LENGTH_BITS: u32 = 18;

impl KnownEnd {
    fn holds(&self, cohort: Cohort, at: Timestamp) -> bool {
        self.cohort == u64::from(cohort.0) && (self.from_s..self.ends_s).contains(&at.seconds())
    }

    /// Nothing where it does not fit, which is no day before the year 4000.
    fn pack(self) -> Option<u64> {
        let length = self.ends_s.checked_sub(self.from_s)?;
        assert!(self.cohort < ZONES_MAX as u64, "a cohort fits its field");
        let fits = self.ends_s >> ENDS_BITS == 0 && length >> LENGTH_BITS == 0;
        assert!(length > 0, "R6: a day that ends as it is asked for");
        fits.then_some(self.cohort << (ENDS_BITS + LENGTH_BITS) | length << ENDS_BITS | self.ends_s)
    }

    const fn unpack(packed: u64) -> Self {
        let ends_s = packed & ((1 << ENDS_BITS) - 1);
        let length = packed >> ENDS_BITS & ((1 << LENGTH_BITS) - 1);
        Self { cohort: packed >> (ENDS_BITS + LENGTH_BITS), from_s: ends_s.saturating_sub(length), ends_s }
    }
}

const _: () = assert!(ZONES_MAX <= 1 << (64 - ENDS_BITS - LENGTH_BITS));
const _: () = assert!(SECONDS_MASK == (1 << SECONDS_BITS) - 1, "the mask of the seconds is as wide as they are");
const _: () = assert!(10_000 * 366 < 1 << (64 - SECONDS_BITS), "every day of the calendar fits its field");
const _: () = assert!(10_000 * 366 * 86_400 < SECONDS_MASK, "and so does its end");
const _: () = assert!(1 << LENGTH_BITS > 2 * 86_400, "a doubled day fits its field");

fn pack(today: Today) -> u64 {
    let ends_s = today.ends_at.seconds().min(SECONDS_MASK);
    assert!(ends_s < SECONDS_MASK || today.ends_at == Timestamp::NEVER, "R6: the end of a day fits its field");
    (u64::from(today.day.0) << SECONDS_BITS) | ends_s
}

fn unpack(packed: u64) -> Today {
    let day = Day(u32::try_from(packed >> SECONDS_BITS).unwrap_or(0));
    let ends = packed & SECONDS_MASK != SECONDS_MASK;
    Today { day, ends_at: if ends { published_end(packed) } else { Timestamp::NEVER } }
}

/// The end of a published day; of one that does not end, an instant after the whole calendar.
const fn published_end(packed: u64) -> Timestamp {
    Timestamp((packed & SECONDS_MASK).saturating_mul(1_000))
}
