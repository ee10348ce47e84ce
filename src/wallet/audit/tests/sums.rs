//! What open holds and all wallets come to, and how what is found is told.

use super::*;

fn a_hold_of(account: u128, free: u64, subscription: u64, top_up: u64) -> Hold {
    let split = Split { free: millis(free), subscription: millis(subscription), top_up: millis(top_up) };
    Hold { account: AccountId(account), taken: Slices { split, ..slices(0) }, ..Hold::reserved(&reserved(), false) }
}

/// A wallet that has so much in so many open holds.
fn holding(account: u128, open_holds: u32, held: [u64; 3]) -> Row {
    let mut row = Row { account: AccountId(account), open_holds, ..a_row() };
    for (bucket, amount) in Bucket::ALL.into_iter().zip(held) {
        row.counters_mut(bucket).granted += millis(amount);
        row.counters_mut(bucket).held = millis(amount);
    }
    row
}

fn sums(low: u128, most: usize, holds: &[Hold]) -> Sums {
    let mut sums = Sums::from(AccountId(low), most);
    holds.iter().for_each(|hold| sums.add_hold(hold));
    sums
}

fn compared(mut sums: Sums, rows: &[Row]) -> Vec<String> {
    let mut found = Vec::new();
    for row in rows {
        sums.compare(row, &mut |violation| found.push(violation.to_string()));
    }
    sums.finish(&mut |violation| found.push(violation.to_string()));
    found
}

#[test]
fn i1_the_open_holds_of_a_wallet_come_to_what_its_row_holds() {
    let captured = Split { free: millis(1), subscription: millis(2), top_up: millis(3) };
    let holds = [Hold { captured, ..a_hold_of(5, 10, 20, 30) }, a_hold_of(5, 1, 1, 1), a_hold_of(6, 7, 0, 0)];
    let of = |rows: &[Row]| compared(sums(0, 9, &holds), rows);
    let (whole, other) = (holding(5, 2, [10, 19, 28]), holding(6, 1, [7, 0, 0]));
    assert_eq!(of(&[whole.clone(), other.clone(), holding(7, 0, [0, 0, 0])]), [""; 0]);
    let a = AccountId(5);
    for (open_holds, held, what) in [
        (1, [10, 19, 28], "its row counts 1 open holds, and there are 2"),
        (3, [10, 19, 28], "its row counts 3 open holds, and there are 2"),
        (2, [9, 19, 28], "bucket Free: held 0.009, and its open holds come to 0.01"),
        (2, [11, 19, 28], "bucket Free: held 0.011, and its open holds come to 0.01"),
        (2, [10, 20, 28], "bucket Subscription: held 0.02, and its open holds come to 0.019"),
        (2, [10, 19, 27], "bucket TopUp: held 0.027, and its open holds come to 0.028"),
    ] {
        assert_eq!(of(&[holding(5, open_holds, held), other.clone()]), [format!("I1: account {a}: {what}")]);
    }
    // A wallet without its holds, and holds without their wallet.
    let b = AccountId(6);
    assert_eq!(of(&[whole]), [format!("I4: account {b}: 1 open holds of an account that is not there")]);
    let none = holding(7, 1, [0, 0, 1]);
    let found = compared(sums(0, 9, &[]), &[none]);
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn i9_sums_are_of_the_wallets_from_the_first_to_the_one_that_does_not_fit() {
    let of = |account| a_hold_of(account, 1, 0, 0);
    assert_eq!(sums(5, 2, &[of(4), of(5), of(5), of(7)]).next(), None);
    let holds = [of(4), of(5), of(7), of(9), of(5), of(9), of(10), of(8)];
    assert_eq!(sums(5, 2, &holds).next(), Some(AccountId(8)));
    let whole = [holding(5, 2, [2, 0, 0]), holding(7, 1, [1, 0, 0])];
    assert_eq!(compared(sums(5, 2, &holds), &whole), [""; 0]);
    // A wallet that comes between takes the place of the last one, which the next sums are about.
    let holds = [&holds[..], &[of(6), of(7)]].concat();
    assert_eq!(sums(5, 2, &holds).next(), Some(AccountId(7)));
    let whole = [holding(5, 2, [2, 0, 0]), holding(6, 1, [1, 0, 0])];
    assert_eq!(compared(sums(5, 2, &holds), &whole), [""; 0]);
    let whole = [holding(7, 2, [2, 0, 0]), holding(8, 1, [1, 0, 0])];
    assert_eq!(compared(sums(7, 2, &holds), &whole), [""; 0]);
    // There is always room for one.
    assert_eq!(sums(5, 0, &[of(5), of(5)]).next(), None);
    assert_eq!(sums(5, 0, &[of(5), of(6)]).next(), Some(AccountId(6)));
}

#[test]
#[should_panic(expected = "a row that these sums are not about")]
fn a_row_before_the_sums_is_not_compared() {
    sums(5, 1, &[]).compare(&holding(4, 0, [0; 3]), &mut |_| {});
}

#[test]
#[should_panic(expected = "a row that the next sums are about")]
fn a_row_of_the_next_sums_is_not_compared() {
    sums(5, 1, &[a_hold_of(5, 1, 0, 0), a_hold_of(6, 1, 0, 0)]).compare(&holding(6, 0, [0; 3]), &mut |_| {});
}

#[test]
fn i1_all_wallets_together_are_granted_what_they_account_for() {
    let of = |rows: &[Row]| {
        let mut totals = Totals::default();
        rows.iter().for_each(|row| totals.add(row));
        assert_eq!(totals.rows(), rows.len() as u64);
        let mut found = Vec::new();
        totals.finish(&mut |violation| {
            assert_eq!((violation.account, violation.hold), (None, None));
            found.push(violation.to_string());
        });
        found
    };
    assert_eq!(of(&[]), [""; 0]);
    assert_eq!(of(&[a_row(), holding(2, 1, [1, 2, 3])]), [""; 0]);
    let mut row = a_row();
    row.counters_mut(Bucket::Subscription).granted += millis(1);
    let what = "I1: all 2 wallets, bucket Subscription: granted 2.001 is not 2";
    assert_eq!(of(&[row.clone(), a_row()]), [what]);
    for bucket in Bucket::ALL {
        let mut row = a_row();
        row.counters_mut(bucket).expired += millis(1);
        assert_eq!(of(&[a_row(), row]).len(), 1, "{bucket:?}");
    }
}

#[test]
fn what_is_found_is_told_with_its_number_and_whose_it_is() {
    let numbers = ["I1", "I2", "I4", "I5", "I6", "I7", "I8", "R14", "R16", "R28", "R32"];
    assert_eq!(Invariant::ALL.map(Invariant::number), numbers);
    assert_eq!(Invariant::ALL.map(|of| of.to_string()), numbers);
    for (number, invariant) in Invariant::ALL.into_iter().enumerate() {
        assert_eq!(invariant.index(), number);
        let same = Invariant::ALL.into_iter().filter(|other| other.meaning() == invariant.meaning());
        assert_eq!(same.count(), 1, "each has its own meaning");
        assert!(invariant.meaning().ends_with('.'), "{invariant} is told in a sentence");
    }
    let (account, hold) = (AccountId(1), HoldId(2));
    let of_account = Violation::of_account(Invariant::Debt, account, "so".to_owned());
    assert_eq!(of_account.to_string(), format!("R16: account {account}: so"));
    let of_hold = Violation::of_hold(Invariant::Once, account, hold, "so".to_owned());
    assert_eq!(of_hold.to_string(), format!("I5: account {account}: hold {hold}: so"));
    let of_all = Violation { account: None, hold: None, ..of_hold };
    assert_eq!(of_all.to_string(), "I5: so");
}

#[test]
fn amounts_that_no_row_should_have_are_told_in_millicredits() {
    assert_eq!([shown(0), shown(1_500)], ["0", "1.5"].map(str::to_owned));
    assert_eq!(shown(Wide::from(u64::MAX)), millis(u64::MAX).to_string());
    assert_eq!(shown(Wide::from(u64::MAX) + 1), "18446744073709551616 millicredits");
    let mut row = a_row();
    row.counters_mut(Bucket::Free).expired = millis(u64::MAX);
    row.counters_mut(Bucket::Free).clawed_back = millis(1);
    let mut found = Vec::new();
    check_row(&row, &mut |violation| found.push(violation.what));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("is not 18446744073709551616 millicredits: available"), "{found:?}");
}
