//! Properties of the values, over random ones.

use jiff::tz::{TimeZone, TimeZoneDatabase};
use proptest::prelude::*;

use crate::bucket::{Bucket, Sources, Split};
use crate::calendar::today;
use crate::credits::Credits;
use crate::holds::{Place, UnitNumber};
use crate::ids::{Day, Period, Position, Tier, Timestamp};
use crate::word::{Bits, Numbers, Snapshot, Take};

fn any_split() -> impl Strategy<Value = Split> {
    let amount = || prop_oneof![Just(0), 0..10_u64, 0..(1_u64 << 38)].prop_map(Credits::from_millis);
    (amount(), amount(), amount()).prop_map(|(free, subscription, top_up)| Split { free, subscription, top_up })
}

fn within(bits: Bits) -> impl Strategy<Value = Snapshot> {
    let most = bits.most();
    let amount =
        |most: Credits| prop_oneof![Just(0), Just(most.millis()), 0..=most.millis()].prop_map(Credits::from_millis);
    let split = (amount(most.free), amount(most.subscription), amount(most.top_up));
    (split, 0..1_024_u16, 0..512_u16, 0..16_u8, any::<bool>()).prop_map(|(split, day, period, tier, attention)| {
        let (free, subscription, top_up) = split;
        Snapshot { available: Split { free, subscription, top_up }, day, period, tier: Tier(tier), attention }
    })
}

/// Every zone of the database, by number.
fn zone(number: usize) -> TimeZone {
    let database = TimeZoneDatabase::bundled();
    let names: Vec<_> = database.available().collect();
    database.get(names[number % names.len()].as_str()).unwrap()
}

proptest! {
    #[test]
    fn r1_text_and_amount_are_one(millis in any::<u64>()) {
        let amount = Credits::from_millis(millis);
        prop_assert_eq!(amount.to_string().parse::<Credits>(), Ok(amount));
    }

    #[test]
    fn r1_no_text_makes_the_parser_panic(text in "\\PC{0,24}") {
        if let Ok(amount) = text.parse::<Credits>() {
            prop_assert_eq!(amount.to_string().parse::<Credits>(), Ok(amount));
        }
    }

    #[test]
    fn r3_a_draw_empties_the_buckets_in_order(split in any_split(), amount in 0..(1_u64 << 40)) {
        let amount = Credits::from_millis(amount);
        let drawn = split.draw_up_to(amount);
        let left = split.minus(&drawn);
        prop_assert_eq!(drawn.total(), amount.min(split.total()));
        prop_assert!(drawn.subscription.is_zero() || left.free.is_zero());
        prop_assert!(drawn.top_up.is_zero() || left.free.is_zero() && left.subscription.is_zero());
        prop_assert_eq!(left.plus(&drawn), split);
    }

    #[test]
    fn r24_a_return_fills_the_buckets_in_reverse_order(split in any_split(), amount in 0..(1_u64 << 40)) {
        let amount = Credits::from_millis(amount);
        let returned = split.return_up_to(amount);
        let kept = split.minus(&returned);
        prop_assert_eq!(returned.total(), amount.min(split.total()));
        prop_assert!(returned.subscription.is_zero() || kept.top_up.is_zero());
        prop_assert!(returned.free.is_zero() || kept.top_up.is_zero() && kept.subscription.is_zero());
        prop_assert_eq!(kept, split.draw_up_to(split.total() - returned.total()), "what is kept was drawn first");
    }

    #[test]
    fn r3_sources_narrow_and_keep_the_order(split in any_split(), bits in 1..8_u8, amount in 0..(1_u64 << 40)) {
        let sources = Sources::from_bits(bits).unwrap();
        let eligible = split.within(sources);
        let drawn = eligible.draw_up_to(Credits::from_millis(amount));
        for bucket in Bucket::ALL {
            prop_assert!(sources.contains(bucket) || drawn.of(bucket).is_zero());
            prop_assert!(!sources.contains(bucket) || eligible.of(bucket) == split.of(bucket));
        }
        prop_assert!(sources.without_free().bits() & 1 == 0);
    }

    #[test]
    fn the_wide_word_packs_and_unpacks(word in within(Bits::WIDE)) {
        prop_assert_eq!(Snapshot::unpack(word.pack(&Bits::WIDE), &Bits::WIDE), word);
    }

    #[test]
    fn the_narrow_word_packs_and_unpacks(word in within(Bits::NARROW)) {
        let packed = word.pack(&Bits::NARROW);
        prop_assert!(u64::try_from(packed).is_ok());
        prop_assert_eq!(Snapshot::unpack(packed, &Bits::NARROW), word);
    }

    #[test]
    fn i2_a_take_is_exact_or_leaves_no_trace(word in within(Bits::WIDE), amount in 0..(1_u64 << 39), bits in 1..8_u8, tier in 0..16_u8) {
        let (amount, sources) = (Credits::from_millis(amount), Sources::from_bits(bits).unwrap());
        let eligible = word.available.within(sources);
        match word.take(amount, sources, Tier(tier)) {
            Take::Granted(next, split) => {
                prop_assert!(!word.attention && word.tier >= Tier(tier));
                prop_assert_eq!(split.total(), amount);
                prop_assert_eq!(next.available.plus(&split), word.available);
                prop_assert_eq!(Snapshot { available: word.available, ..next }, word);
            }
            Take::Attention => prop_assert!(word.attention),
            Take::TierRequired => prop_assert!(word.tier < Tier(tier)),
            Take::Insufficient => prop_assert!(eligible.total() < amount),
        }
    }

    #[test]
    fn i7_a_short_number_is_widened_to_the_full_one(day in 2_000..1_000_000_u32, period in 1_000..1_000_000_u32, days_behind in 0..=959_u32, ahead in 0..=64_u32, periods_off in 0..256_u32) {
        let numbers = Numbers { day: Day(day), period: Period(period) };
        for full in [day - days_behind, day + ahead] {
            let word = Snapshot { day: Numbers::short_day(Day(full)), ..Snapshot::default() };
            prop_assert_eq!(numbers.day_of(&word), Day(full));
        }
        for full in [period - periods_off, period + periods_off.min(255)] {
            let word = Snapshot { period: Numbers::short_period(Period(full)), ..Snapshot::default() };
            prop_assert_eq!(numbers.period_of(&word), Period(full));
        }
    }

    #[test]
    fn i7_the_first_numbers_are_widened_too(day in 0..2_000_u32, period in 0..1_000_u32) {
        let numbers = Numbers { day: Day(day), period: Period(period) };
        let word = Snapshot { day: Numbers::short_day(Day(day)), period: Numbers::short_period(Period(period)), ..Snapshot::default() };
        prop_assert_eq!(numbers.day_of(&word), Day(day));
        prop_assert_eq!(numbers.period_of(&word), Period(period));
    }

    #[test]
    fn a_place_is_a_unit_with_an_index_or_a_position(unit in 0..(1_u64 << 46), index in 0..1_024_usize, position in 1..(1_u64 << 62)) {
        let pending = Place::pending(UnitNumber(unit), index);
        prop_assert_eq!(pending.position(), None);
        prop_assert!(pending.is_in(UnitNumber(unit)));
        prop_assert!(!pending.is_in(UnitNumber(unit + 1)));
        prop_assert_ne!(pending, Place::pending(UnitNumber(unit), index + 1));
        let pushed = Place::pushed(Position(position));
        prop_assert_eq!(pushed.position(), Some(Position(position)));
        prop_assert!(!pushed.is_in(UnitNumber(unit)));
    }

    #[test]
    fn r6_today_is_the_date_that_the_zone_shows(number in 0..600_usize, seconds in 0..4_000_000_000_u64) {
        let (zone, now) = (zone(number), Timestamp(seconds * 1_000 + 7));
        let found = today(&zone, now);
        prop_assert!(now < found.ends_at);
        let day_shown = |at: Timestamp| {
            let at = jiff::Timestamp::from_millisecond(i64::try_from(at.0).unwrap()).unwrap();
            let since = zone.to_datetime(at).date().since(jiff::civil::date(1970, 1, 1)).unwrap();
            u32::try_from(since.get_days().max(0)).unwrap()
        };
        // Clocks may have gone back over a midnight that has passed: then the zone shows the day before once more.
        prop_assert!(day_shown(now) == found.day.0 || day_shown(now) + 1 == found.day.0);
        // The day ends with the first instant that shows a later date.
        prop_assert!(day_shown(found.ends_at) > found.day.0 || found.ends_at.0 < 86_400_000);
        prop_assert!(day_shown(found.ends_at.minus_millis(1)) <= found.day.0);
        prop_assert!(today(&zone, found.ends_at).day > found.day);
        prop_assert_eq!(today(&zone, found.ends_at.minus_millis(1)).day, found.day);
    }
}
