//! What begins, settles and ends holds.

use super::*;

#[test]
fn a_reserve_and_a_charge_begin_a_hold_of_an_account_once() {
    let mut books = books();
    let wrong = Some(Invariant::NoOvershoot);
    let right = Reserve { ends_at: AT, ..reserve(UNKNOWN) };
    let plants: [Plant<Reserve>; 11] = [
        (|of| of.hold = OPEN, Some(Invariant::Once)),
        (|of| of.hold = SETTLED, Some(Invariant::Once)),
        (|of| of.hold = TOMBSTONE, Some(Invariant::Once)),
        (|of| of.hold = HoldId::NONE, Some(Invariant::Prefix)),
        (|of| of.ends_at = earlier(AT), Some(Invariant::OneEnd)),
        (|of| of.terms.sources = Sources::NO_TOP_UP, wrong),
        (|of| (of.terms.sources, of.taken) = (Sources::NO_TOP_UP, taken(10, 20, 0)), None),
        (|of| of.terms.pro_model = true, wrong),
        (|of| (of.terms.pro_model, of.taken) = (true, taken(0, 20, 30)), None),
        (|of| (of.account, of.taken) = (B, taken(10, 0, 0)), None),
        (|of| of.account = B, Some(Invariant::Periods)),
    ];
    planted(&books, &right, Record::Reserve, &plants);
    planted(&books, &right, Record::Charge, &plants);
    // Only a charge ends at once.
    planted(&books, &right, Record::Reserve, &[(|of| of.ends_at = later(AT), None)]);
    planted(&books, &right, Record::Charge, &[(|of| of.ends_at = later(AT), Some(Invariant::OneEnd))]);
    // A row of no account, which no journal has: it holds nothing.
    let row = Row { account: AccountId::NONE, ..books.rows[&A].clone() };
    books.rows.insert(AccountId::NONE, row);
    planted(&books, &right, Record::Reserve, &[(|of| of.account = AccountId::NONE, Some(Invariant::Prefix))]);
}

#[test]
fn i2_i7_a_take_is_of_what_was_there_in_its_day_and_period() {
    let mut books = books();
    let (over, periods) = (Some(Invariant::NoOvershoot), Some(Invariant::Periods));
    let days: [Plant<Reserve>; 14] = [
        (|of| of.taken = taken(59, 0, 0), None),
        (|of| of.taken = taken(60, 0, 0), over),
        // A day that has not begun has the allowance of whoever gets one.
        (|of| of.taken = Slices { day: day(1), ..taken(100, 0, 0) }, None),
        (|of| of.taken = Slices { day: day(1), ..taken(101, 0, 0) }, over),
        (|of| of.taken = Slices { day: day(10), ..taken(1, 0, 0) }, over),
        (|of| (of.account, of.taken) = (B, Slices { day: day(10), ..taken(77, 0, 0) }), None),
        (|of| (of.account, of.taken) = (B, Slices { day: day(10), ..taken(78, 0, 0) }), over),
        // A day that was drawn from has what has expired, one that was not its allowance too.
        (|of| of.taken = Slices { day: day(-1), ..taken(70, 0, 0) }, None),
        (|of| of.taken = Slices { day: day(-1), ..taken(71, 0, 0) }, over),
        (|of| of.taken = Slices { day: day(-2), ..taken(170, 0, 0) }, None),
        (|of| of.taken = Slices { day: day(-2), ..taken(171, 0, 0) }, over),
        (|of| of.taken = Slices { day: day(-63), ..taken(170, 0, 0) }, None),
        (|of| of.taken = Slices { day: day(-63), ..taken(171, 0, 0) }, over),
        (|of| of.taken = Slices { day: day(-64), ..taken(1, 0, 0) }, periods),
    ];
    planted(&books, &reserve(UNKNOWN), Record::Reserve, &days);
    planted(
        &books,
        &reserve(UNKNOWN),
        Record::Reserve,
        &[
            (|of| of.taken = taken(0, 918, 0), None),
            (|of| of.taken = taken(0, 919, 0), over),
            (|of| of.taken = Slices { period: Period(1), ..taken(0, 597, 0) }, None),
            (|of| of.taken = Slices { period: Period(1), ..taken(0, 598, 0) }, over),
            (|of| of.taken = Slices { period: Period(3), ..taken(0, 1, 0) }, periods),
            // A clawback may have come first.
            (|of| of.taken = taken(0, 0, 351), None),
            (|of| of.taken = taken(0, 0, 352), over),
            // Where nothing is taken, no day and no period count.
            (|of| of.taken = Slices { day: day(-64), period: Period(3), ..taken(0, 0, 1) }, None),
            (|of| of.taken = Slices { day: day(-64), ..taken(0, 1, 1) }, None),
            (|of| of.taken = Slices { period: Period(3), ..taken(1, 0, 1) }, None),
            (|of| of.taken = Slices { day: day(-64), period: Period(3), ..taken(0, 0, 0) }, None),
        ],
    );
    // The oldest day that is placed, drawn from.
    books.rows.get_mut(&A).unwrap().opened_days |= 1 << 63;
    planted(
        &books,
        &reserve(UNKNOWN),
        Record::Reserve,
        &[
            (|of| of.taken = Slices { day: day(-63), ..taken(70, 0, 0) }, None),
            (|of| of.taken = Slices { day: day(-63), ..taken(71, 0, 0) }, over),
        ],
    );
}

/// R16: what a wallet owes is at most what was clawed back.
#[test]
fn r16_a_take_of_top_up_credits_leaves_no_debt_beyond_the_clawbacks() {
    let mut books = books();
    let over = Some(Invariant::NoOvershoot);
    let one = Reserve { taken: taken(0, 0, 1), ..reserve(UNKNOWN) };
    for (net, broken) in [(-49, None), (-50, over), (-51, over), (-60, over), (i64::MIN, over)] {
        let row = books.rows.get_mut(&A).unwrap();
        row.top_up_net = net;
        let found = found_in(&books, &Record::Reserve(one)).first().map(|of| of.invariant);
        assert_eq!(found, broken, "{net}");
    }
}

#[test]
fn a_tombstone_is_of_a_hold_that_never_was() {
    let books = books();
    let once = Some(Invariant::Once);
    for (hold, broken) in [(UNKNOWN, None), (OPEN, once), (SETTLED, once), (TOMBSTONE, once)] {
        met(&books, &Record::Tombstone { hold, at: AT }, broken);
    }
}

#[test]
fn i6_an_end_moves_only_while_the_hold_is_open_and_only_on() {
    let books = books();
    let wrong = Some(Invariant::OneEnd);
    planted(
        &books,
        &Extend { hold: OPEN, ends_at: later(END) },
        Record::Extend,
        &[
            (|of| of.ends_at = END, wrong),
            (|of| of.ends_at = earlier(END), wrong),
            (|of| of.hold = SETTLED, wrong),
            (|of| of.hold = EXPIRED, wrong),
            (|of| of.hold = TOMBSTONE, wrong),
            (|of| of.hold = UNKNOWN, Some(Invariant::Prefix)),
        ],
    );
}

#[test]
fn i1_i6_a_hold_ends_once_and_gives_back_what_is_left() {
    let books = books();
    let (wrong, ended, prefix) = (Some(Invariant::Conservation), Some(Invariant::OneEnd), Some(Invariant::Prefix));
    let plants: [Plant<Return>; 22] = [
        (|of| of.hold = UNKNOWN, prefix),
        (|of| of.account = B, prefix),
        (|of| of.hold = TOMBSTONE, prefix),
        (|of| of.hold = SETTLED, ended),
        (|of| of.hold = RELEASED, ended),
        (|of| of.hold = EXPIRED, ended),
        (|of| of.hold = DEAD, ended),
        (|of| of.hold = CHARGED, ended),
        (|of| (of.hold, of.returned) = (PART, split(0, 15, 30)), None),
        (|of| of.hold = PART, wrong),
        (|of| of.returned.free = millis(9), wrong),
        (|of| of.returned.free = millis(11), wrong),
        (|of| of.returned.subscription = millis(19), wrong),
        (|of| of.returned.subscription = millis(21), wrong),
        (|of| of.returned.top_up = millis(29), wrong),
        (|of| of.returned.top_up = millis(31), wrong),
        (|of| of.returned = split(30, 20, 10), wrong),
        (|of| of.forfeited.free = millis(1), wrong),
        (|of| (of.returned, of.forfeited) = (split(9, 20, 30), split(1, 0, 0)), None),
        (|of| (of.returned, of.forfeited) = (split(10, 0, 30), split(0, 20, 0)), None),
        (|of| (of.returned, of.forfeited) = (split(10, 20, 29), split(0, 0, 1)), wrong),
        (|of| of.at = later(END), None),
    ];
    let right = give_back(OPEN);
    for record in [Record::Release, Record::Expire, Record::ReleaseWorker] {
        planted(&books, &right, record, &plants);
    }
    // Only time must have come.
    let early: Plant<Return> = (|of| of.at = earlier(END), None);
    planted(&books, &right, Record::Release, &[early]);
    planted(&books, &right, Record::ReleaseWorker, &[early]);
    planted(&books, &right, Record::Expire, &[(early.0, ended)]);
}

#[test]
fn a_capture_is_of_an_open_hold_once_by_its_number() {
    let books = books();
    let (once, ended, prefix) = (Some(Invariant::Once), Some(Invariant::OneEnd), Some(Invariant::Prefix));
    planted(
        &books,
        &capture(OPEN),
        Record::Capture,
        &[
            (|of| of.hold = UNKNOWN, prefix),
            (|of| of.account = B, prefix),
            (|of| of.hold = TOMBSTONE, prefix),
            (|of| of.hold = RELEASED, ended),
            (|of| of.hold = SETTLED, ended),
            (|of| (of.hold, of.request.number) = (SETTLED, 1), once),
            (|of| of.hold = EXPIRED, ended),
            (|of| of.hold = CHARGED, ended),
            (|of| of.request.number = 1, None),
            (|of| (of.hold, of.captured) = (PART, split(0, 15, 30)), None),
            (|of| (of.hold, of.captured, of.request.number) = (PART, split(0, 15, 30), 1), once),
        ],
    );
}

#[test]
fn i1_a_capture_is_of_what_is_held_and_the_last_gives_back_the_rest() {
    let books = books();
    let wrong = Some(Invariant::Conservation);
    planted(
        &books,
        &capture(OPEN),
        Record::Capture,
        &[
            (|of| of.captured = split(11, 20, 30), wrong),
            (|of| of.captured = split(10, 21, 30), wrong),
            (|of| of.captured = split(10, 20, 31), wrong),
            (|of| (of.hold, of.captured) = (PART, split(1, 15, 30)), wrong),
            (|of| (of.hold, of.captured) = (PART, split(0, 16, 30)), wrong),
            (|of| of.captured = split(10, 20, 29), wrong),
            (|of| (of.captured, of.returned) = (split(10, 20, 29), split(0, 0, 1)), None),
            (|of| (of.captured, of.returned) = (split(10, 20, 29), split(0, 0, 2)), wrong),
            (|of| (of.captured, of.forfeited) = (split(10, 20, 29), split(0, 0, 1)), wrong),
            (|of| (of.captured, of.forfeited) = (split(9, 20, 30), split(1, 0, 0)), None),
            (|of| (of.captured, of.forfeited) = (split(9, 20, 30), split(2, 0, 0)), wrong),
            (|of| of.returned = split(0, 0, 1), wrong),
        ],
    );
    let first = Capture {
        captured: split(1, 0, 0),
        request: CaptureRequest { last: false, ..capture(OPEN).request },
        ..capture(OPEN)
    };
    planted(
        &books,
        &first,
        Record::Capture,
        &[
            (|of| of.captured = split(10, 20, 30), None),
            (|of| of.captured = split(10, 20, 31), wrong),
            (|of| of.returned = split(9, 20, 30), wrong),
            (|of| of.returned = split(0, 0, 1), wrong),
            (|of| of.forfeited = split(1, 0, 0), wrong),
            (|of| (of.returned, of.forfeited) = (split(0, 0, 1), split(1, 0, 0)), wrong),
        ],
    );
}

#[test]
fn i2_r28_a_capture_is_what_was_asked_for_of_its_sources_and_says_whether_it_is_late() {
    let books = books();
    let (over, late) = (Some(Invariant::NoOvershoot), Some(Invariant::LateCommit));
    planted(
        &books,
        &capture(OPEN),
        Record::Capture,
        &[
            (|of| of.request.amount = Some(millis(61)), None),
            (|of| of.request.amount = Some(millis(60)), None),
            (|of| of.request.amount = Some(millis(59)), over),
            (|of| (of.request.amount, of.drawn) = (Some(millis(65)), taken(0, 0, 5)), None),
            (|of| (of.request.amount, of.drawn) = (Some(millis(64)), taken(0, 0, 5)), over),
            (|of| of.drawn = taken(0, 0, 351), None),
            (|of| of.drawn = taken(0, 0, 352), over),
            (|of| of.drawn = Slices { period: Period(3), ..taken(0, 1, 0) }, Some(Invariant::Periods)),
            (|of| of.at = earlier(END), None),
            (|of| of.at = END, late),
            (|of| (of.at, of.late) = (END, true), None),
            (|of| (of.at, of.late) = (later(END), true), None),
            (|of| of.at = later(END), late),
            (|of| (of.at, of.late) = (earlier(END), true), late),
        ],
    );
    planted(
        &books,
        &Capture { captured: split(1, 2, 0), ..capture(NARROW) },
        Record::Capture,
        &[(|of| of.drawn = taken(1, 1, 0), None), (|of| of.drawn = taken(0, 0, 1), over)],
    );
}

#[test]
fn r28_late_commits_come_after_an_expiry_and_to_no_more_than_was_held() {
    let books = books();
    let (wrong, once, prefix) = (Some(Invariant::LateCommit), Some(Invariant::Once), Some(Invariant::Prefix));
    let over = Some(Invariant::NoOvershoot);
    planted(
        &books,
        &late(EXPIRED),
        Record::LateCapture,
        &[
            (|of| of.hold = UNKNOWN, prefix),
            (|of| of.account = B, prefix),
            (|of| of.hold = OPEN, wrong),
            (|of| of.hold = PART, wrong),
            (|of| of.hold = SETTLED, wrong),
            (|of| of.hold = RELEASED, wrong),
            (|of| of.hold = CHARGED, wrong),
            (|of| of.request.number = 1, once),
            (|of| of.request.number = 2, once),
            (|of| of.request.number = 3, None),
            // 10 were captured in time, 20 late with what was lacking; what was drawn in time does not count.
            (|of| of.taken = taken(0, 0, 31), wrong),
            (|of| of.taken = taken(5, 10, 15), None),
            (|of| of.taken = taken(5, 10, 16), wrong),
            (|of| (of.taken, of.shortfall) = (taken(0, 0, 25), millis(5)), None),
            (|of| (of.taken, of.shortfall) = (taken(0, 0, 25), millis(6)), wrong),
            (|of| (of.taken, of.shortfall) = (taken(0, 0, 0), millis(30)), None),
            (|of| (of.taken, of.shortfall) = (taken(0, 0, 0), millis(31)), wrong),
            (|of| of.request.amount = Some(millis(31)), None),
            (|of| of.request.amount = Some(millis(30)), None),
            (|of| of.request.amount = Some(millis(29)), over),
            (|of| (of.request.amount, of.shortfall, of.taken) = (Some(millis(29)), millis(5), taken(0, 0, 25)), over),
            // What the wallet has not.
            (|of| of.taken = Slices { day: day(10), ..taken(1, 0, 0) }, over),
            (|of| of.taken = Slices { period: Period(3), ..taken(0, 1, 0) }, Some(Invariant::Periods)),
        ],
    );
    planted(
        &books,
        &LateCapture { taken: taken(0, 30, 0), ..late(DEAD) },
        Record::LateCapture,
        &[
            (|of| of.taken = taken(0, 31, 0), wrong),
            (|of| of.taken = taken(15, 15, 0), None),
            (|of| of.taken = taken(0, 0, 1), over),
        ],
    );
}

fn both(refund: &mut Refund, parts: &[Slices]) {
    (refund.undone, refund.returned) = (parts.to_vec(), parts.to_vec());
}

#[test]
fn i1_a_refund_undoes_at_most_what_was_captured_of_each_period() {
    let books = books();
    let wrong = Some(Invariant::Conservation);
    planted(
        &books,
        &refund(SETTLED),
        Record::Refund,
        &[
            (|of| both(of, &[taken(0, 0, 26)]), wrong),
            (|of| both(of, &[taken(0, 0, 20), taken(0, 0, 5)]), None),
            (|of| both(of, &[taken(0, 0, 20), taken(0, 0, 6)]), wrong),
            (|of| both(of, &[taken(10, 0, 0)]), None),
            (|of| both(of, &[taken(11, 0, 0)]), wrong),
            (|of| both(of, &[Slices { day: day(-1), ..taken(1, 0, 0) }]), wrong),
            (|of| both(of, &[Slices { period: Period(3), ..taken(10, 0, 0) }]), None),
            (|of| both(of, &[taken(0, 20, 0)]), None),
            (|of| both(of, &[taken(0, 21, 0)]), wrong),
            (|of| both(of, &[Slices { period: Period(1), ..taken(0, 1, 0) }]), wrong),
            (|of| both(of, &[Slices { day: day(-1), ..taken(0, 20, 0) }]), None),
            (|of| both(of, &[taken(10, 20, 25)]), None),
            (|of| both(of, &[]), None),
            // Top-up credits are of no day and no period.
            (|of| both(of, &[Slices { day: day(-64), period: Period(3), ..taken(0, 0, 25) }]), None),
            (|of| both(of, &[Slices { day: day(-64), period: Period(3), ..taken(0, 0, 26) }]), wrong),
            (|of| of.hold = OPEN, wrong),
            (|of| of.hold = CHARGED, None),
            (|of| (of.hold, of.undone, of.returned) = (CHARGED, vec![taken(0, 0, 31)], vec![taken(0, 0, 31)]), wrong),
        ],
    );
    let of_part = Refund { undone: vec![taken(0, 0, 7)], returned: vec![taken(0, 0, 7)], ..refund(PART) };
    planted(
        &books,
        &of_part,
        Record::Refund,
        &[
            (|of| both(of, &[taken(0, 0, 8)]), wrong),
            (|of| both(of, &[taken(0, 5, 0)]), None),
            (|of| both(of, &[taken(0, 6, 0)]), wrong),
            (|of| both(of, &[Slices { period: Period(1), ..taken(0, 3, 0) }]), None),
            (|of| both(of, &[Slices { period: Period(1), ..taken(0, 4, 0) }]), wrong),
        ],
    );
    let of_expired = Refund { undone: vec![taken(0, 0, 32)], returned: vec![taken(0, 0, 32)], ..refund(EXPIRED) };
    planted(&books, &of_expired, Record::Refund, &[(|of| both(of, &[taken(0, 0, 33)]), wrong)]);
}

#[test]
fn i1_a_refund_gives_back_what_it_undoes_once_to_a_period_that_was_opened() {
    let books = books();
    let (wrong, prefix, over) = (Some(Invariant::Conservation), Some(Invariant::Prefix), Some(Invariant::NoOvershoot));
    planted(
        &books,
        &refund(SETTLED),
        Record::Refund,
        &[
            (|of| of.hold = UNKNOWN, prefix),
            (|of| of.account = B, prefix),
            (|of| of.number = 1, Some(Invariant::Once)),
            (|of| of.number = 2, None),
            (|of| of.requested = Some(millis(26)), None),
            (|of| of.requested = Some(millis(25)), None),
            (|of| of.requested = Some(millis(24)), over),
            (|of| of.returned = vec![taken(0, 0, 24)], wrong),
            (|of| of.returned = vec![taken(0, 0, 26)], wrong),
            (|of| of.returned = vec![], wrong),
            (|of| of.returned = vec![taken(0, 0, 20), taken(0, 0, 5)], None),
            (|of| of.returned = vec![taken(0, 25, 0)], wrong),
            (|of| of.forfeited = split(0, 0, 1), wrong),
            (|of| (of.returned, of.forfeited) = (vec![taken(0, 0, 24)], split(0, 0, 1)), wrong),
            (|of| (of.undone, of.returned) = (vec![taken(10, 0, 0)], vec![taken(9, 0, 0)]), wrong),
            (
                |of| {
                    (of.undone, of.returned, of.forfeited) =
                        (vec![taken(10, 0, 0)], vec![taken(9, 0, 0)], split(1, 0, 0))
                },
                None,
            ),
            (|of| (of.undone, of.returned, of.forfeited) = (vec![taken(10, 0, 0)], vec![], split(0, 10, 0)), wrong),
            (|of| (of.undone, of.returned, of.forfeited) = (vec![taken(0, 20, 0)], vec![], split(0, 20, 0)), None),
        ],
    );
    let subscription = Refund { undone: vec![taken(0, 20, 0)], returned: vec![taken(0, 20, 0)], ..refund(SETTLED) };
    planted(
        &books,
        &subscription,
        Record::Refund,
        &[
            (|of| of.returned[0].period = Period(1), None),
            (|of| of.returned[0].period = Period(3), Some(Invariant::Periods)),
            (
                |of| of.returned = vec![taken(0, 19, 0), Slices { period: Period(3), ..taken(0, 1, 0) }],
                Some(Invariant::Periods),
            ),
        ],
    );
}
