//! A calendar of its own for the model: a few zones with their rules written out, no time-zone database (R6). The zones
//! of the database are beside it, for runs over ages.

use super::every_zone;

pub(super) const HOUR_MS: u64 = 3_600_000;
const HALF_HOUR_MS: u64 = HOUR_MS / 2;
pub(super) const DAY_MS: u64 = 24 * HOUR_MS;

/// The zones of the simulated accounts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Zone {
    Utc,
    Berlin,
    NewYork,
    /// Skips midnight in spring; in autumn the hour before midnight comes twice.
    Beirut,
    /// Skips midnight in spring; in autumn midnight itself comes twice.
    Azores,
    /// UTC+14, the first to see a new day.
    Kiritimati,
    /// UTC-11, the last but one.
    PagoPago,
    /// UTC+5:30.
    Kolkata,
    /// One of the database's, by its number.
    Listed(u16),
}

impl Zone {
    pub(crate) const ALL: [Self; 8] = [
        Self::Utc,
        Self::Berlin,
        Self::NewYork,
        Self::Beirut,
        Self::Azores,
        Self::Kiritimati,
        Self::PagoPago,
        Self::Kolkata,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Utc => "UTC",
            Self::Berlin => "Europe/Berlin",
            Self::NewYork => "America/New_York",
            Self::Beirut => "Asia/Beirut",
            Self::Azores => "Atlantic/Azores",
            Self::Kiritimati => "Pacific/Kiritimati",
            Self::PagoPago => "Pacific/Pago_Pago",
            Self::Kolkata => "Asia/Kolkata",
            Self::Listed(zone) => every_zone::name(zone),
        }
    }

    pub(crate) fn of(name: &str) -> Option<Self> {
        let name = if name.is_empty() { "UTC" } else { name };
        let written = Self::ALL.into_iter().find(|zone| zone.name() == name);
        written.or_else(|| every_zone::of(name).map(Self::Listed))
    }

    /// All zones of the database, those that are written out here among them.
    pub(crate) fn every() -> Vec<Self> {
        (0..every_zone::count()).map(|zone| Self::of(every_zone::name(zone)).unwrap()).collect()
    }

    /// What is added to UTC to get the local time, in milliseconds.
    fn offset_ms(self, at: u64) -> i64 {
        let hour = i64::try_from(HOUR_MS).unwrap();
        let year = year_of(at);
        let summer = |from: u64, to: u64| i64::from(from <= at && at < to) * hour;
        match self {
            Self::Utc => 0,
            Self::Kolkata => 5 * hour + hour / 2,
            Self::Kiritimati => 14 * hour,
            Self::PagoPago => -11 * hour,
            // The last Sundays of March and October, 01:00 UTC.
            Self::Berlin => hour + summer(last_sunday(year, 3) + HOUR_MS, last_sunday(year, 10) + HOUR_MS),
            // The same Sundays at 00:00 local time.
            Self::Beirut => 2 * hour + summer(last_sunday(year, 3) - 2 * HOUR_MS, last_sunday(year, 10) - 3 * HOUR_MS),
            // The second Sunday of March and the first of November, 02:00 local time.
            Self::NewYork => {
                summer(sunday_from(year, 3, 8) + 7 * HOUR_MS, sunday_from(year, 11, 1) + 6 * HOUR_MS) - 5 * hour
            }
            // The same instants as Berlin.
            Self::Azores => summer(last_sunday(year, 3) + HOUR_MS, last_sunday(year, 10) + HOUR_MS) - hour,
            Self::Listed(_) => unreachable!("no rules are written out for it"),
        }
    }

    /// The number of the calendar date: days since 1970-01-01.
    pub(crate) fn day(self, at: u64) -> u32 {
        if let Self::Listed(zone) = self {
            return every_zone::day(zone, at);
        }
        let local = u64::try_from(i64::try_from(at).unwrap() + self.offset_ms(at)).unwrap();
        u32::try_from(local / DAY_MS).unwrap()
    }

    /// The first instant after `at` whose date is later than `day`.
    pub(crate) fn first_after(self, day: u32, at: u64) -> u64 {
        let mut end = self.day_ends_at(at);
        while self.day(end) <= day {
            end = self.day_ends_at(end);
        }
        end
    }

    /// So many months later on the clocks of the zone, the day clamped to its month; a skipped time: the first instant
    /// after the gap; a doubled one: the first (R10).
    pub(crate) fn months_after(self, anchor: u64, months: u32) -> u64 {
        if let Self::Listed(zone) = self {
            return every_zone::months_after(zone, anchor, months);
        }
        if months == 0 {
            return anchor;
        }
        let local = u64::try_from(i64::try_from(anchor).unwrap() + self.offset_ms(anchor)).unwrap();
        let (year, month, day) = date_of(local / DAY_MS);
        let months = year * 12 + (month - 1) + u64::from(months);
        let (year, month) = (months / 12, months % 12 + 1);
        let last = days_to(if month == 12 { year + 1 } else { year }, month % 12 + 1, 1) - days_to(year, month, 1);
        let wanted = days_to(year, month, day.min(last)) * DAY_MS + local % DAY_MS;
        // The first instant at which the clocks show that time or a later one. Offsets change on half hours only.
        let mut block = wanted - 15 * HOUR_MS;
        block -= block % HALF_HOUR_MS;
        loop {
            let at = i64::try_from(wanted).unwrap() - self.offset_ms(block);
            let at = block.max(u64::try_from(at).unwrap());
            if at < block + HALF_HOUR_MS {
                return at;
            }
            block += HALF_HOUR_MS;
        }
    }

    /// The first instant at which the date is a later one. All changes of these zones fall on half hours.
    pub(crate) fn day_ends_at(self, at: u64) -> u64 {
        if let Self::Listed(zone) = self {
            return every_zone::day_ends_at(zone, at);
        }
        let today = self.day(at);
        // Three hours before local midnight there is no change that could matter yet.
        let local = u64::try_from(i64::try_from(at).unwrap() + self.offset_ms(at)).unwrap();
        let near = at + (DAY_MS - local % DAY_MS).saturating_sub(3 * HOUR_MS);
        let mut end = near - near % HALF_HOUR_MS;
        while self.day(end) <= today {
            end += HALF_HOUR_MS;
        }
        end
    }
}

/// Days from 1970-01-01 to a date, by years that begin in March.
pub(super) const fn days_to(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    days - 719_468
}

/// Year, month and day of a number of days since 1970-01-01.
pub(super) const fn date_of(days: u64) -> (u64, u64, u64) {
    let year = year_of(days * DAY_MS);
    let mut month = 12;
    while days_to(year, month, 1) > days {
        month -= 1;
    }
    (year, month, days - days_to(year, month, 1) + 1)
}

const fn year_of(at: u64) -> u64 {
    let days = at / DAY_MS;
    let mut year = 1970 + days / 366;
    while days_to(year + 1, 1, 1) <= days {
        year += 1;
    }
    year
}

/// 00:00 UTC of the first Sunday on or after a date. 1970-01-01 was a Thursday.
fn sunday_from(year: u64, month: u64, day: u64) -> u64 {
    let days = days_to(year, month, day);
    (days + (7 - (days + 4) % 7) % 7) * DAY_MS
}

fn last_sunday(year: u64, month: u64) -> u64 {
    sunday_from(year, month, 25)
}

/// 00:00 UTC of a date.
pub(crate) fn utc(year: u64, month: u64, day: u64) -> u64 {
    days_to(year, month, day) * DAY_MS
}
