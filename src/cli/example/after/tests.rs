//! What is expected after the cut, and that a difference is noticed.

use protocol::{BucketView, List, Text};

use super::*;

const HOLD: HoldId = HoldId(7);

fn steps(count: usize) -> Vec<Step> {
    let amount = Amount(24_000);
    let all = [
        Step::Reserve { hold: HOLD, amount },
        Step::Commit { hold: HOLD, amount: Amount(20_000) },
        Step::Refund { hold: HOLD, amount: Amount(5_000) },
    ];
    all[..count].to_vec()
}

fn view(spent: u64) -> AccountView {
    let empty = BucketView::default();
    let free = BucketView { granted: 100_000, available: 100_000 - spent, spent, ..empty };
    AccountView {
        account: AccountId(1),
        zone: Text::default(),
        tier: 1,
        frozen: false,
        debt: 0,
        next_reset_at_ms: 0,
        cycle_ends_at_ms: 0,
        day: 0,
        period: 0,
        open_holds: 0,
        as_of_position: 0,
        free,
        subscription: empty,
        top_up: empty,
        plan: None,
        pending_top_ups: List::default(),
    }
}

#[test]
fn steps_make_holds() {
    let state = |count| expected(&steps(count))[&HOLD];
    assert_eq!(state(1).state, HoldState::Open);
    assert_eq!((state(2).state, state(2).captured), (HoldState::Settled, Amount(20_000)));
    assert_eq!(state(3).refunded, Amount(5_000));
    let released = [steps(1), vec![Step::Release { hold: HOLD }]].concat();
    assert_eq!(expected(&released)[&HOLD].state, HoldState::Released);
}

#[test]
fn totals_must_agree() {
    let holds = expected(&steps(3));
    assert_eq!(check_totals(&view(15_000), &holds), Vec::<String>::new());
    assert_eq!(check_totals(&view(14_000), &holds), ["spent is 14, acknowledged was 15"]);
    let mut lost = view(15_000);
    lost.free.available -= 1;
    assert_eq!(check_totals(&lost, &holds), ["free: granted 100 but accounted for 99.999"]);
}
