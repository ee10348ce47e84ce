//! Every record comes back, no cut one does, and the bytes are the golden ones.

use proptest::prelude::*;
use wallet::bucket::{Bucket, Slices, Sources, Split};
use wallet::credits::Credits;
use wallet::ids::{AccountId, CommandId, Day, HoldId, MemberId, PaymentId, Period, PlanId, Tier, Timestamp, WorkerId};
use wallet::record::{
    Asked, Attribution, Capture, CaptureRequest, Clawback, ConfirmTopUp, Correct, CycleRoll, DropTopUp, Extend,
    FreePolicy, Grant, Issuer, LateCapture, Open, OverCommit, PendingTopUp, PricedTerms, Refund, RefundReason, Reserve,
    Return, SubscriptionChange, SubscriptionKind, Terms, TopUp,
};
use wallet::subscription::{PendingChange, Subscription};

use super::*;
use crate::epoch::{EpochRecord, WriterId};
use crate::group::GroupHash;
use crate::keys::{Epoch, Position};
use crate::record::StoredAlikeRolls;
use crate::record::samples::{check_golden, hold_id, records};

fn encoded(record: &Record) -> Vec<u8> {
    let mut bytes = Vec::new();
    append(&StoredRecord::from(record), &mut bytes);
    bytes
}

#[test]
fn every_kind_has_its_golden_bytes_and_comes_back() {
    for (name, record) in records() {
        let bytes = encoded(&record);
        check_golden(name, &bytes);
        assert_eq!(decode(&bytes).unwrap(), record, "{name}");
        assert_eq!(name[..2].parse::<u8>().unwrap(), bytes[0], "{name}: the number of the kind comes first");
    }
}

#[test]
fn an_epoch_record_has_the_bytes_that_the_chain_is_followed_by() {
    let epoch = EpochRecord {
        epoch: Epoch(7),
        writer: WriterId([9; 16]),
        last: Position(1_000),
        last_hash: GroupHash([0xab; 32]),
    };
    let bytes = epoch.to_bytes();
    check_golden("00-epoch", &bytes);
    let Meaning::Epoch(stored) = decode_any(&bytes).unwrap() else { panic!("not an epoch record") };
    assert_eq!((stored.epoch, stored.last), (7_u64.to_le_bytes(), 1_000_u64.to_le_bytes()));
    assert_eq!((stored.writer, stored.last_hash), ([9; 16], [0xab; 32]));
    let mut again = Vec::new();
    append(&StoredRecord::Epoch(stored), &mut again);
    assert_eq!(again, bytes);
    assert_eq!(decode(&bytes), Err(DecodeError::Epoch));
}

#[test]
fn a_cut_record_and_one_with_more_bytes_are_refused() {
    for (name, record) in records() {
        let bytes = encoded(&record);
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length]).is_err(), "{name} cut at {length}");
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert_eq!(decode(&longer), Err(DecodeError::Trailing { bytes: 1 }), "{name}");
    }
}

fn bytes_of(text: &str) -> Vec<u8> {
    let text: String = text.split_whitespace().collect();
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(byte).collect()
}

fn golden(text: &str) -> Record {
    decode(&bytes_of(text)).unwrap()
}

#[test]
fn kinds_that_are_no_longer_written_are_read() {
    let clawback = golden(include_str!("../golden/08-clawback.hex"));
    let Record::Clawback(clawback) = clawback else { panic!("not a clawback") };
    assert_eq!(clawback.amount, Credits::from_whole(1_000));
    assert_eq!((clawback.taken, clawback.debt), (Credits::ZERO, Credits::ZERO), "it did not say");
    let rolls = golden(include_str!("../golden/09-cycle-roll.hex"));
    let Record::CycleRoll(rolls) = rolls else { panic!("not a cycle roll") };
    assert_eq!((rolls[0].period, rolls[0].allocation), (Period(4), Credits::from_whole(4_500)));
    assert_eq!((rolls[0].plan, rolls[0].cycle, rolls[0].changed), (PlanId::NONE, 0, false), "there were no plans");
    let rolls = golden(include_str!("../golden/27-plan-roll.hex"));
    let Record::CycleRoll(rolls) = rolls else { panic!("not a cycle roll") };
    assert_eq!((rolls[0].plan, rolls[0].cycle, rolls[0].changed), (PlanId(300), 14, true));
    assert_eq!((rolls[0].period, rolls[0].allocation), (Period(4), Credits::from_whole(4_500)));
}

#[test]
fn wallets_that_roll_alike_take_little() {
    let (_, rolls) = records().into_iter().find(|(name, _)| *name == "28-alike-rolls").unwrap();
    let Record::CycleRoll(rolls) = rolls else { panic!("not a cycle roll") };
    let roll = CycleRoll { period: Period(1), ..rolls[0] };
    let thousand = encoded(&Record::CycleRoll(vec![roll; 1_000])).len();
    let one = encoded(&Record::CycleRoll(vec![roll])).len();
    assert!(thousand - one <= 999 * 18 + 2, "{thousand} bytes for a thousand, {one} for one");
}

#[test]
fn a_roll_of_no_wallets_is_refused() {
    let none = StoredAlikeRolls::of(&[]);
    let mut bytes = Vec::new();
    append(&StoredRecord::AlikeRolls(none), &mut bytes);
    assert_eq!(decode(&bytes), Ok(Record::CycleRoll(Vec::new())), "a list of nothing is one");
    let roll = encoded(&records().into_iter().find(|(name, _)| *name == "28-alike-rolls").unwrap().1);
    let mut empty = bytes;
    empty[1] = 1;
    // What the first wallets rolled into, and then no wallet.
    let into = roll.len() - roll[2..].len();
    let shared = roll[into..].iter().position(|byte| *byte == 2).unwrap();
    empty.extend_from_slice(&roll[into..into + shared]);
    empty.push(0);
    assert!(matches!(decode(&empty), Err(DecodeError::Field(_))), "{:?}", decode(&empty));
}

#[test]
fn a_lapse_that_opens_something_is_refused() {
    let rolls = [
        include_str!("../golden/09-cycle-roll.hex"),
        include_str!("../golden/27-plan-roll.hex"),
        include_str!("../golden/28-alike-rolls.hex"),
    ];
    for mut bytes in rolls.map(bytes_of) {
        // 4,500 credits, then the tier.
        let allocation = bytes.windows(4).position(|bytes| bytes == 4_500_000_u32.to_le_bytes()).unwrap();
        bytes[allocation + 4] = 0;
        let refused = BadField { field: "allocation of a lapse", value: 4_500_000 };
        assert_eq!(decode(&bytes), Err(DecodeError::Field(refused)), "{bytes:02x?}");
    }
}

#[test]
fn the_hot_records_are_short() {
    let length = |wanted| {
        let record = records().into_iter().find(|(name, _)| *name == wanted).unwrap().1;
        encoded(&record).len()
    };
    let lengths = ["10-reserve", "12-capture", "14-release", "17-extend"].map(length);
    assert!(lengths[0] <= 80 && lengths[1] <= 75 && lengths[2] <= 50 && lengths[3] <= 25, "{lengths:?}");
}

#[test]
fn a_unit_has_its_records_in_order() {
    let all: Vec<Record> = records().into_iter().map(|(_, record)| record).collect();
    let mut unit = EncodedUnit::new();
    encode_unit(&all, &mut unit).unwrap();
    assert_eq!(usize::try_from(unit.records()).unwrap(), all.len());
    let mut rest = unit.bytes();
    for record in &all {
        let range = crate::unit::first_record(rest).unwrap();
        assert_eq!(&decode(&rest[range.clone()]).unwrap(), record);
        rest = &rest[range.end..];
    }
    assert!(rest.is_empty());
}

#[test]
fn records_are_added_to_those_that_a_unit_has() {
    let all: Vec<Record> = records().into_iter().map(|(_, record)| record).collect();
    let (mut whole, mut parts) = (EncodedUnit::new(), EncodedUnit::new());
    encode_unit(&all, &mut whole).unwrap();
    all.chunks(2).for_each(|pair| encode_unit(pair, &mut parts).unwrap());
    assert_eq!((parts.records(), parts.bytes()), (whole.records(), whole.bytes()));
}

#[test]
#[should_panic(expected = "a record is read as it was written")]
fn a_command_that_no_replay_could_read_is_not_written() {
    let change = |(_, record)| if let Record::Subscription(change) = record { Some(change) } else { None };
    let mut change = records().into_iter().find_map(change).unwrap();
    change.asked.mode = u8::MAX;
    let _ = encode_record(&Record::Subscription(change), &mut EncodedUnit::new());
}

#[test]
fn lengths_that_the_bytes_cannot_hold_are_refused_before_they_are_allocated() {
    // An open record whose zone claims 2^60 bytes, and a cycle roll with 2^60 wallets.
    let mut open = vec![3; 17];
    open.extend_from_slice(&[253, 0, 0, 0, 0, 0, 0, 0, 0x10]);
    let roll = [9, 253, 0, 0, 0, 0, 0, 0, 0, 0x10];
    assert!(matches!(decode(&open), Err(DecodeError::Malformed(_))));
    assert!(matches!(decode(&roll), Err(DecodeError::Malformed(_))));
    let long = vec![9; RECORD_BYTES_MAX + 1];
    assert_eq!(decode(&long), Err(DecodeError::TooLong { bytes: RECORD_BYTES_MAX + 1 }));
}

#[test]
fn a_length_alone_takes_a_megabyte_at_most() {
    // 2^40 elements of 64 kB: more than any memory, were they given their room at once.
    let list = [253, 0, 0, 0, 0, 0, 1, 0, 0];
    assert!(matches!(read_row::<List<[u8; 1 << 16]>>(&list), Err(DecodeError::Malformed(_))));
}

#[test]
fn a_row_and_its_head_may_be_as_long_as_the_limit_and_no_longer() {
    let mut row = vec![0; ROW_BYTES_MAX];
    assert_eq!(read_head::<u8>(&row), Ok(0));
    assert_eq!(read_row::<u8>(&row), Err(DecodeError::Trailing { bytes: ROW_BYTES_MAX - 1 }));
    row.push(0);
    let refused = Err(DecodeError::TooLong { bytes: ROW_BYTES_MAX + 1 });
    assert_eq!((read_head::<u8>(&row), read_row::<u8>(&row)), (refused.clone(), refused));
}

#[test]
fn numbers_that_are_never_written_are_refused() {
    let (_, record) = records().into_iter().find(|(name, _)| *name == "06-grant").unwrap();
    let mut bytes = encoded(&record);
    bytes[17] = 4;
    assert!(matches!(decode(&bytes), Err(DecodeError::Field(BadField { field: "bucket", value: 4 }))));
    assert!(matches!(decode(&[29, 0, 0]), Err(DecodeError::Malformed(_))), "an unknown kind");
}

fn amount() -> impl Strategy<Value = Credits> {
    prop_oneof![Just(0), 0..1_000_u64, any::<u64>()].prop_map(Credits::from_millis)
}

fn split() -> impl Strategy<Value = Split> {
    (amount(), amount(), amount()).prop_map(|(free, subscription, top_up)| Split { free, subscription, top_up })
}

fn slices() -> impl Strategy<Value = Slices> {
    (split(), any::<u32>(), any::<u32>()).prop_map(|(split, day, period)| Slices {
        split,
        day: Day(day),
        period: Period(period),
    })
}

fn instant() -> impl Strategy<Value = Timestamp> {
    prop_oneof![any::<u64>(), Just(0), 1_700_000_000_000..1_900_000_000_000_u64].prop_map(Timestamp)
}

fn hold() -> impl Strategy<Value = HoldId> {
    prop_oneof![
        any::<u128>().prop_map(HoldId),
        (1_700_000_000_000..1_900_000_000_000_u64, 0..u64::MAX >> 2).prop_map(|(time, n)| hold_id(time, n)),
    ]
}

fn attribution() -> impl Strategy<Value = Attribution> {
    let member = prop_oneof![Just(0), any::<u128>()];
    (member, any::<u16>(), any::<u32>(), any::<u16>()).prop_map(|(member, tool, model, count)| Attribution {
        member: MemberId(member),
        tool,
        model,
        count,
    })
}

fn request() -> impl Strategy<Value = CaptureRequest> {
    (any::<u8>(), proptest::option::of(amount()), any::<bool>()).prop_map(|(number, amount, last)| CaptureRequest {
        number,
        amount,
        last,
    })
}

fn issuer() -> impl Strategy<Value = Issuer> {
    (any::<u128>(), ".{0,40}", ".{0,40}", instant()).prop_map(|(command, by, reason, at)| Issuer {
        command: CommandId(command),
        by,
        reason,
        at,
    })
}

fn reserve() -> impl Strategy<Value = Reserve> {
    let priced = (any::<u32>(), any::<bool>(), any::<bool>(), 0..=2_u8).prop_map(|(version, expected, pro, over)| {
        let over_commit = OverCommit::from_code(over).unwrap();
        PricedTerms { version, expected, pro_model: pro, over_commit }
    });
    let card = (proptest::option::of(priced), prop_oneof![Just(0), any::<u32>()]);
    let ttl = prop_oneof![Just(0), any::<u32>()];
    let terms = (1..=7_u8, any::<bool>(), 0..=15_u8, 0..=2_u8, ttl, card).prop_map(
        |(bits, pro, tier, over, ttl, (priced, hold_ms))| Terms {
            sources: Sources::from_bits(bits).unwrap(),
            pro_model: pro,
            min_tier: Tier(tier),
            over_commit: OverCommit::from_code(over).unwrap(),
            ttl_ms: ttl,
            priced,
            hold_ms,
        },
    );
    let worker = prop_oneof![Just(0), any::<u128>()].prop_map(WorkerId);
    let ids = (any::<u128>(), hold(), worker, any::<u32>());
    (ids, slices(), attribution(), terms, instant(), instant()).prop_map(
        |((account, hold, worker, settings), taken, attribution, terms, at, ends_at)| Reserve {
            account: AccountId(account),
            hold,
            taken,
            attribution,
            worker,
            settings,
            terms,
            at,
            ends_at,
        },
    )
}

fn capture() -> impl Strategy<Value = Capture> {
    let amounts = (split(), slices(), split(), split());
    (any::<u128>(), hold(), request(), amounts, any::<bool>(), attribution(), instant()).prop_map(
        |(account, hold, request, (captured, drawn, returned, forfeited), late, attribution, at)| Capture {
            account: AccountId(account),
            hold,
            request,
            captured,
            drawn,
            returned,
            forfeited,
            late,
            attribution,
            at,
        },
    )
}

fn refund() -> impl Strategy<Value = Refund> {
    let many = || proptest::collection::vec(slices(), 0..4);
    let numbers = (any::<u8>(), proptest::option::of(amount()), 1..=6_u8);
    (any::<u128>(), hold(), numbers, many(), many(), split(), attribution(), instant()).prop_map(
        |(account, hold, (number, requested, reason), undone, returned, forfeited, attribution, at)| Refund {
            account: AccountId(account),
            hold,
            number,
            requested,
            reason: RefundReason::from_code(reason).unwrap(),
            undone,
            returned,
            forfeited,
            attribution,
            at,
        },
    )
}

fn end() -> impl Strategy<Value = Return> {
    (any::<u128>(), hold(), split(), split(), instant()).prop_map(|(account, hold, returned, forfeited, at)| Return {
        account: AccountId(account),
        hold,
        returned,
        forfeited,
        at,
    })
}

fn purchase() -> impl Strategy<Value = Record> {
    let ids = (any::<u128>(), any::<u128>());
    (0..4_u8, ids, amount(), ".{0,20}", ".{0,20}", instant(), instant()).prop_map(
        |(kind, (account, payment), amount, bundle, by, at, ends_at)| {
            let (account, payment) = (AccountId(account), PaymentId(payment));
            match kind {
                0 => Record::TopUp(TopUp { account, payment, amount, bundle, by, at }),
                1 => Record::PendingTopUp(PendingTopUp { account, payment, amount, bundle, by, at, ends_at }),
                2 => Record::ConfirmTopUp(ConfirmTopUp { account, payment, amount, bundle, by, at }),
                _ => Record::DropTopUp(DropTopUp { account, payment, amount, bundle, at }),
            }
        },
    )
}

fn subscription() -> impl Strategy<Value = Subscription> {
    let terms = (any::<u16>(), 1..=15_u8, amount(), amount(), any::<u32>(), any::<bool>());
    (terms, instant(), instant(), instant(), instant()).prop_map(
        |((plan, tier, allocation, granted_max, cycle, auto_renew), anchor, starts_at, ends_at, paid_through)| {
            let (plan, tier) = (PlanId(plan), Tier(tier));
            Subscription {
                plan,
                tier,
                allocation,
                granted_max,
                anchor,
                cycle,
                starts_at,
                ends_at,
                paid_through,
                auto_renew,
            }
        },
    )
}

fn subscription_change() -> impl Strategy<Value = Record> {
    let asked = (any::<u16>(), 0..=3_u8, instant()).prop_map(|(plan, mode, paid_through)| Asked {
        plan: PlanId(plan),
        mode,
        paid_through,
    });
    let some = || proptest::option::of(subscription());
    let pending =
        proptest::option::of((any::<u16>(), 1..=15_u8, amount()).prop_map(|(plan, tier, allocation)| PendingChange {
            plan: PlanId(plan),
            tier: Tier(tier),
            allocation,
        }));
    let head = (any::<u128>(), 1..=6_u8, asked, any::<u32>(), ".{0,40}");
    (head, some(), some(), pending, amount(), issuer()).prop_map(
        |((account, kind, asked, number, zone), before, after, pending, amount, issuer)| {
            Record::Subscription(Box::new(SubscriptionChange {
                account: AccountId(account),
                kind: SubscriptionKind::from_code(kind).unwrap(),
                asked,
                day: Day(number),
                before,
                after,
                pending,
                period: Period(number),
                amount,
                zone,
                issuer,
            }))
        },
    )
}

fn any_record() -> impl Strategy<Value = Record> {
    let late = (any::<u128>(), hold(), request(), slices(), amount(), attribution(), instant()).prop_map(
        |(account, hold, request, taken, shortfall, attribution, at)| {
            let account = AccountId(account);
            Record::LateCapture(LateCapture { account, hold, request, taken, shortfall, attribution, at })
        },
    );
    let open = (any::<u128>(), ".{0,40}", any::<u32>(), issuer()).prop_map(|(account, zone, day, issuer)| {
        Record::Open(Open { account: AccountId(account), zone, day: Day(day), issuer })
    });
    let grant = (any::<u128>(), 0..3_usize, amount(), issuer()).prop_map(|(account, bucket, amount, issuer)| {
        let bucket = Bucket::ALL[bucket];
        Record::Grant(Grant { account: AccountId(account), bucket, amount, day: Day(1), period: Period(2), issuer })
    });
    let roll = (any::<u128>(), any::<u32>(), amount(), 0..=15_u8, instant(), instant(), any::<(u16, u32, bool)>())
        .prop_map(|(account, number, allocation, tier, ends_at, at, (plan, cycle, changed))| CycleRoll {
            account: AccountId(account),
            day: Day(number),
            period: Period(number),
            allocation: if tier == 0 { Credits::ZERO } else { allocation },
            tier: Tier(tier),
            ends_at,
            at,
            plan: PlanId(plan),
            cycle,
            skipped: cycle / 2,
            changed,
        });
    let clawback =
        (any::<u128>(), amount(), amount(), amount(), issuer()).prop_map(|(account, amount, taken, debt, issuer)| {
            Record::Clawback(Clawback { account: AccountId(account), amount, taken, debt, issuer })
        });
    let correct = (any::<u128>(), 0..3_usize, amount(), amount(), any::<u32>(), issuer()).prop_map(
        |(account, bucket, requested, amount, number, issuer)| {
            let (bucket, day, period) = (Bucket::ALL[bucket], Day(number), Period(number));
            Record::Correct(Correct { account: AccountId(account), bucket, requested, amount, day, period, issuer })
        },
    );
    prop_oneof![
        clawback,
        correct,
        purchase(),
        end().prop_map(Record::ReleaseWorker),
        reserve().prop_map(Record::Reserve),
        reserve().prop_map(Record::Charge),
        capture().prop_map(Record::Capture),
        late,
        end().prop_map(Record::Release),
        end().prop_map(Record::Expire),
        refund().prop_map(Record::Refund),
        open,
        grant,
        proptest::collection::vec((roll, 1..4_usize), 0..5).prop_map(|rolls| {
            Record::CycleRoll(rolls.into_iter().flat_map(|(roll, alike)| std::iter::repeat_n(roll, alike)).collect())
        }),
        (hold(), instant()).prop_map(|(hold, ends_at)| Record::Extend(Extend { hold, ends_at })),
        (hold(), instant()).prop_map(|(hold, at)| Record::Tombstone { hold, at }),
        (any::<u32>(), amount(), any::<bool>()).prop_map(|(from, allowance, all_accounts)| {
            Record::Policy(FreePolicy { from: Day(from), allowance, all_accounts })
        }),
        subscription_change(),
    ]
}

proptest! {
    #[test]
    fn any_record_comes_back(record in any_record()) {
        let bytes = encoded(&record);
        prop_assert_eq!(decode(&bytes).unwrap(), record);
        for length in 0..bytes.len() {
            prop_assert!(decode(&bytes[..length]).is_err());
        }
    }

    #[test]
    fn any_bytes_are_refused_or_read_without_a_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode_any(&bytes);
        if let Some(first) = bytes.first_mut() {
            *first %= 28;
        }
        let _ = decode_any(&bytes);
    }

    #[test]
    fn a_changed_byte_never_panics(record in any_record(), at in any::<prop::sample::Index>(), value in any::<u8>()) {
        let mut bytes = encoded(&record);
        let at = at.index(bytes.len());
        bytes[at] = value;
        let _ = decode_any(&bytes);
    }
}
