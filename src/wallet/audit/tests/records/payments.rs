//! Top-ups that are made at once, and those that wait for their payment.

use super::*;

/// Payments: 60 waits, 61 was confirmed, 62 dropped, 63 made at once.
#[test]
fn r14_a_payment_is_made_once_or_waits_and_ends_once() {
    let books = books();
    let (once, prefix) = (Some(Invariant::Once), Some(Invariant::Prefix));
    for (payment, begins, ends) in
        [(60, once, None), (61, once, once), (62, once, once), (63, once, once), (900, None, prefix)]
    {
        met(&books, &Record::TopUp(top_up(payment, 5)), begins);
        met(&books, &Record::PendingTopUp(pending_top_up(payment)), begins);
        met(&books, &Record::ConfirmTopUp(confirm(payment)), ends);
        met(&books, &Record::DropTopUp(drop_top_up(payment)), ends);
    }
    let wrong = Some(Invariant::PendingTopUps);
    planted(
        &books,
        &confirm(60),
        Record::ConfirmTopUp,
        &[
            (|confirm| confirm.amount = millis(4), wrong),
            (|confirm| confirm.amount = millis(6), wrong),
            (|confirm| confirm.account = B, wrong),
        ],
    );
    // What is dropped brings nothing: only the confirmed one must be what was announced.
    planted(&books, &drop_top_up(60), Record::DropTopUp, &[(|dropped| dropped.amount = millis(4), None)]);
}

#[test]
fn r14_a_purchase_of_nothing_is_found() {
    let mut books = books();
    let wrong = Some(Invariant::PendingTopUps);
    let plants: [Plant<TopUp>; 2] =
        [(|top_up| top_up.amount = millis(1), None), (|top_up| top_up.amount = Credits::ZERO, wrong)];
    planted(&books, &top_up(900, 5), Record::TopUp, &plants);
    let nothing = ConfirmTopUp { amount: Credits::ZERO, ..confirm(60) };
    let record = Record::PendingTopUp(PendingTopUp { amount: Credits::ZERO, ..pending_top_up(60) });
    books.commands.insert(command_key(&record).unwrap(), CommandRow { record, position: Position(1) });
    met(&books, &Record::ConfirmTopUp(nothing), wrong);
}

#[test]
fn r14_at_most_16_top_ups_wait_and_those_that_have_ended_do_not() {
    let mut books = books();
    let wrong = Some(Invariant::PendingTopUps);
    planted(
        &books,
        &pending_top_up(900),
        Record::PendingTopUp,
        &[(|pending| pending.ends_at = pending.at, None), (|pending| pending.ends_at = earlier(pending.at), wrong)],
    );
    let row = books.rows.get_mut(&A).unwrap();
    let ends_at = row.pending_top_ups[0].ends_at;
    row.pending_top_ups.extend((100..114).map(|number| Pending { ends_at, ..pending(number) }));
    met(&books, &Record::PendingTopUp(pending_top_up(900)), None);
    books.rows.get_mut(&A).unwrap().pending_top_ups.push(Pending { ends_at, ..pending(114) });
    assert_eq!((books.rows[&A].pending_top_ups.len(), ends_at), (PENDING_TOP_UPS_MAX, AT.plus_millis(1_000)));
    planted(
        &books,
        &PendingTopUp { at: ends_at, ends_at, ..pending_top_up(900) },
        Record::PendingTopUp,
        &[(|pending| pending.at = earlier(pending.at), wrong), (|pending| pending.at = AT, wrong)],
    );
}
