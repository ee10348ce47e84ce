//! Rows come back, no cut one does, and the bytes are the golden ones.

use wallet::ids::Tier;
use wallet::record::{Capture, CaptureRequest, Record, RefundReason};

use super::*;
use crate::record::samples::{
    self, ACCOUNT, HOLD_TIME_MS, PENDING, capture, check_golden, credits, hold_id, records, reserve, slices,
    subscription,
};

fn row() -> Row {
    let mut row = Row::new(ACCOUNT, "Europe/Berlin".to_owned(), Day(20_779), &FreePolicies::new());
    row.tier = Tier(3);
    row.opened_days = 0b101;
    row.period = Period(3);
    row.ends_at = Timestamp(HOLD_TIME_MS);
    row.free = Credits::from_whole(76);
    row.subscription = Credits::from_whole(4_500);
    row.top_up_net = -5_000;
    row.spent_in_period = credits(24_000, 1, 2);
    row.open_holds = 2;
    row.counters[0].granted = Credits::from_whole(100);
    row.counters[2].clawed_back = Credits::from_whole(5);
    row.subscribed = Some(subscription());
    row.pending = Some(PENDING);
    row.pending_top_ups.push(wallet::row::Pending {
        payment: wallet::ids::PaymentId(79),
        amount: Credits::from_whole(1_000),
        at: Timestamp(HOLD_TIME_MS),
        ends_at: Timestamp(HOLD_TIME_MS + 2_592_000_000),
    });
    row
}

fn hold() -> (HoldId, Hold) {
    let reserved = reserve(hold_id(HOLD_TIME_MS, 9), slices(24_000, 0, 1_000));
    let mut hold = Hold::reserved(&reserved, false);
    hold.reserve_position = Place(1_000_000);
    hold.last_position = Place(1_000_400);
    hold.state = HoldState::Settled;
    hold.ended_at = Timestamp(HOLD_TIME_MS + 42_037);
    hold.captured = credits(24_000, 0, 0);
    let Capture { drawn, forfeited, .. } = capture(&reserved);
    hold.settlements.push(Settlement::Capture(CaptureStep {
        request: CaptureRequest { number: 1, amount: Some(Credits::from_whole(24)), last: true },
        captured: credits(24_000, 0, 0),
        drawn,
        shortfall: Credits::ZERO,
        late: false,
        forfeited,
        position: Place(1_000_200),
    }));
    hold.settlements.push(Settlement::Refund(RefundStep {
        number: 1,
        requested: None,
        reason: RefundReason::Goodwill,
        undone: vec![slices(24_000, 0, 0)],
        returned: credits(24_000, 0, 0),
        forfeited: Split::ZERO,
        position: Place(1_000_400),
    }));
    (reserved.hold, hold)
}

fn check<T: Stored + PartialEq + std::fmt::Debug>(name: &str, value: &T) {
    let mut bytes = Vec::new();
    value.encode(&mut bytes);
    check_golden(name, &bytes);
    assert_eq!(&T::decode(&bytes).unwrap(), value, "{name}");
    for length in 0..bytes.len() {
        assert!(T::decode(&bytes[..length]).is_err(), "{name} cut at {length}");
    }
    bytes.push(0);
    assert!(T::decode(&bytes).is_err(), "{name} with a byte more");
}

#[test]
fn rows_have_their_golden_bytes_and_come_back() {
    check("row-reached", &Reached { position: Position(70_000), epoch: Epoch(7), hash: GroupHash([0xab; 32]) });
    check("row-id-bound", &Timestamp(HOLD_TIME_MS));
    check("row-wallet", &row());
    let mut policies = FreePolicies::new();
    for (_, record) in records() {
        match record {
            Record::Policy(policy) => policies.add(policy),
            Record::Grant(_) => check("row-command", &CommandRow { record, position: Place(70_000) }),
            Record::TopUp(ref top_up) if top_up.bundle.is_empty() => {
                check("row-payment", &CommandRow { record, position: Place(70_001) })
            }
            _ => {}
        }
    }
    check("row-policies", &policies);
}

#[test]
fn holds_have_their_golden_bytes_and_come_back() {
    let (id, ended) = hold();
    let opened = Hold::reserved(&reserve(id, slices(24_000, 0, 0)), false);
    let priced = Hold::reserved(&samples::priced(&reserve(id, slices(24_000, 0, 0))), false);
    let mut by_worker = opened.clone();
    by_worker.end(HoldState::ReleasedByWorker, Timestamp(HOLD_TIME_MS + 42_037));
    let mut released = opened.clone();
    released.release(&wallet::record::Return {
        account: ACCOUNT,
        hold: id,
        returned: credits(20_000, 0, 0),
        forfeited: credits(4_000, 0, 0),
        at: Timestamp(HOLD_TIME_MS + 42_037),
    });
    let tombstone = Hold::tombstone(Timestamp(HOLD_TIME_MS));
    for (name, id, hold) in [
        ("row-open-hold", id, opened),
        ("row-ended-hold", id, ended),
        ("row-released-hold", id, released),
        ("row-priced-hold", id, priced),
        ("row-released-by-worker", id, by_worker),
        ("row-tombstone", id, tombstone.clone()),
        ("row-hold-without-time", HoldId(5), tombstone),
    ] {
        let mut bytes = Vec::new();
        encode_hold(id, &hold, &mut bytes);
        check_golden(name, &bytes);
        assert_eq!(decode_hold(id, &bytes).unwrap(), hold, "{name}");
        for length in 0..bytes.len() {
            assert!(decode_hold(id, &bytes[..length]).is_err(), "{name} cut at {length}");
        }
    }
}

#[test]
fn a_state_that_does_not_exist_is_refused() {
    let mut bytes = Vec::new();
    encode_hold(HoldId(5), &Hold::tombstone(Timestamp(1)), &mut bytes);
    bytes[16] = 7;
    assert!(matches!(decode_hold(HoldId(5), &bytes), Err(DecodeError::Field(_))));
}

/// R13: what a command did is found by its id; a record without one is nobody's.
#[test]
fn r13_a_record_that_no_command_made_is_refused_as_what_a_command_did() {
    for (name, record) in records() {
        let mut bytes = Vec::new();
        append(&StoredCommand { position: 7, record: (&record).into() }, &mut bytes);
        let expected = if command_key(&record).is_some() {
            Ok(CommandRow { record, position: Place(7) })
        } else {
            Err(DecodeError::Malformed("what no command did (R13)".to_owned()))
        };
        assert_eq!(CommandRow::decode(&bytes), expected, "{name}");
    }
}
