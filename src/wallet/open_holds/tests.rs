//! A record is read as it was written, or refused.

use proptest::prelude::*;

use super::*;

fn reserves() -> impl Strategy<Value = Reserve> {
    let amounts = (0..1_u64 << 28, 0..1_u64 << 38, 0..1_u64 << 38, any::<u32>(), any::<u32>());
    let what = (any::<u128>(), any::<u16>(), any::<u32>(), any::<u16>(), any::<u128>(), any::<u32>());
    let over_commit = || (0..3_u8).prop_map(|code| OverCommit::from_code(code).unwrap());
    let priced = prop::option::of((any::<u32>(), any::<bool>(), any::<bool>(), over_commit()));
    let terms = (1..8_u8, any::<bool>(), 0..16_u8, over_commit(), any::<u32>(), any::<u32>(), priced);
    (amounts, what, terms, 0..u64::MAX / 2).prop_map(|(amounts, what, terms, at)| {
        let (free, subscription, top_up, day, period) = amounts;
        let [free, subscription, top_up] = [free, subscription, top_up].map(Credits::from_millis);
        let (member, tool, model, count, worker, settings) = what;
        let (sources, pro_model, min_tier, over_commit, ttl_ms, hold_ms, priced) = terms;
        let at = Timestamp(at);
        Reserve {
            account: AccountId(7),
            hold: HoldId(8),
            taken: Slices { split: Split { free, subscription, top_up }, day: Day(day), period: Period(period) },
            attribution: Attribution { member: MemberId(member), tool, model, count },
            worker: WorkerId(worker),
            settings,
            terms: Terms {
                sources: Sources::from_bits(sources).unwrap(),
                pro_model,
                min_tier: Tier(min_tier),
                over_commit,
                ttl_ms,
                priced: priced.map(|(version, expected, pro_model, over_commit)| PricedTerms {
                    version,
                    expected,
                    pro_model,
                    over_commit,
                }),
                hold_ms,
            },
            at,
            ends_at: at.plus_millis(u64::from(hold_ms)),
        }
    })
}

proptest! {
    #[test]
    fn a_record_says_what_was_written(reserve in reserves(), hash: u64, slot: u32) {
        let holds = OpenHolds::new();
        let mut records = Vec::new();
        holds.allocate(2, &mut records);
        let number = records.pop().unwrap();
        prop_assert!(holds.write(number, Hash(hash), SlotIndex(slot), &reserve));
        prop_assert_eq!(holds.read(number, reserve.account, reserve.hold), reserve);
        prop_assert_eq!((holds.hash(number), holds.slot(number)), (Hash(hash), SlotIndex(slot)));
    }

    /// What has no place is refused, and the record still says whose it is and when it ends.
    #[test]
    fn what_does_not_fit_is_not_written(reserve in reserves(), which in 0..5, hash: u64) {
        let mut reserve = reserve;
        match which {
            0 => reserve.taken.split.free = Credits::from_millis(1 << 28),
            1 => reserve.taken.split.subscription = Credits::from_millis(1 << 38),
            2 => reserve.taken.split.top_up = Credits::from_millis(1 << 38),
            3 => reserve.ends_at = reserve.ends_at.plus_millis(1),
            _ => reserve.terms.sources = Sources::FREE_ONLY.without_free(),
        }
        let holds = OpenHolds::new();
        let mut records = Vec::new();
        holds.allocate(1, &mut records);
        prop_assert!(!holds.write(records[0], Hash(hash), SlotIndex(3), &reserve));
        prop_assert_eq!((holds.hash(records[0]), holds.slot(records[0])), (Hash(hash), SlotIndex(3)));
    }
}

/// I9: records that are free are used again, before new ones are made, and one is nobody else's meanwhile.
#[test]
fn free_records_are_used_again() {
    let holds = OpenHolds::new();
    let mut records = Vec::new();
    holds.allocate(100, &mut records);
    let mut numbers: Vec<u32> = records.iter().map(|record| record.0).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 100);
    let mut ended = records.split_off(40);
    holds.follow(&mut Vec::new(), &mut ended, &mut Vec::new());
    let mut again = Vec::new();
    holds.allocate(70, &mut again);
    assert!(again.iter().all(|record| !records.contains(record)));
    assert_eq!(again.iter().filter(|record| record.0 >= 100).count(), 10);
}

/// A unit that opens a hold and ends it leaves no timer, whatever the record is used for after it.
#[test]
fn r23_a_hold_opened_and_ended_in_one_unit_is_no_timer() {
    let holds = OpenHolds::new();
    let mut records = Vec::new();
    holds.allocate(2, &mut records);
    let [first, second] = [records[0], records[1]];
    holds.set_end(first, Timestamp(5));
    holds.set_end(second, Timestamp(9));
    holds.follow(&mut vec![first, second], &mut vec![first], &mut Vec::new());
    assert_eq!((holds.noted(), holds.next_end()), (1, Some(Timestamp(9))));
    // An end that was moved is noted in the place of the one before.
    holds.set_end(second, Timestamp(20));
    holds.note(second);
    holds.note(second);
    assert_eq!((holds.noted(), holds.due(Timestamp(19), 10)), (1, Vec::new()));
    assert_eq!(holds.due(Timestamp(20), 10), vec![second]);
}

/// I9: no more come at once than were asked for, and the rest with the next call.
#[test]
fn i9_holds_that_end_together_come_in_parts() {
    let holds = OpenHolds::new();
    let mut records = Vec::new();
    holds.allocate(3, &mut records);
    records.iter().for_each(|record| holds.set_end(*record, Timestamp(5)));
    holds.follow(&mut records.clone(), &mut Vec::new(), &mut Vec::new());
    let counts = [2, 0, 2, 2].map(|limit| holds.due(Timestamp(5), limit).len());
    assert_eq!((counts, holds.noted()), ([2, 0, 1, 0], 0));
}
