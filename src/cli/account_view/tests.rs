//! Accounts and holds as they look, in both forms.

use protocol::{
    AccountId, CaptureView, HoldId, HoldState, List, MemberId, Outcome, PaymentId, PendingTopUpView, PerBucket,
    RefundReason, RefundView, SubscriptionView, Text, WorkerId,
};

use super::*;

fn answer(view: View) -> CommandAnswer {
    CommandAnswer { view, ..CommandAnswer::of(Outcome::Done) }
}

fn bucket(available: u64, held: u64, spent: u64) -> BucketView {
    let granted = available + held + spent;
    BucketView { available, held, spent_in_period: spent, granted, spent, expired: 0, clawed_back: 0 }
}

fn view() -> AccountView {
    AccountView {
        account: AccountId(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef),
        zone: Text::cut("UTC"),
        tier: 1,
        frozen: false,
        debt: 0,
        next_reset_at_ms: 1_795_392_000_000,
        cycle_ends_at_ms: 0,
        day: 20_779,
        period: 1,
        open_holds: 1,
        as_of_position: 9,
        free: bucket(0, 24_000, 76_000),
        subscription: bucket(1_402_500, 0, 97_500),
        top_up: bucket(500_000, 0, 0),
        plan: None,
        pending_top_ups: List::default(),
    }
}

#[test]
fn the_balance_as_a_table() {
    let text = "\
account     01234567-89ab-cdef-0123-456789abcdef
tier        1
frozen      no
debt        0
open holds  1
next reset  2026-11-23T00:00:00Z
cycle ends  none

bucket        available  held  spent in period
free                  0    24               76
subscription     1402.5     0             97.5
top_up              500     0                0
total            1902.5    24            173.5
";
    assert_eq!(balance(&[], &answer(View::Account(Box::new(view())))).text, text);
}

#[test]
fn the_account_as_a_table() {
    let shown = account(&[], &answer(View::Account(Box::new(view()))), &PlanNames::default());
    let end = "\
ever          granted  spent  expired  clawed back
free              100     76        0            0
subscription     1500   97.5        0            0
top_up            500      0        0            0
total            2100  173.5        0            0
";
    assert!(shown.text.ends_with(end), "{}", shown.text);
    assert!(shown.text.contains("day           2026-11-22\n"), "{}", shown.text);
}

#[test]
fn the_account_as_json() {
    let json = json(&view());
    assert_eq!(json["buckets"]["subscription"]["available"], "1402.5");
    assert_eq!(json["buckets"]["free"]["held"], "24");
    assert_eq!(json["next_reset_at"], "2026-11-23T00:00:00Z");
    assert_eq!(json["cycle_ends_at"], Value::Null);
    assert_eq!(json["account"], "01234567-89ab-cdef-0123-456789abcdef");
}

#[test]
fn an_account_that_nobody_knows_is_a_refusal() {
    let shown = balance(&[], &CommandAnswer::of(Outcome::UnknownAccount));
    assert_eq!(shown.exit, Exit::Refused);
    assert_eq!(shown.text, "refused     unknown_account\nwhat to do  open the account first\n");
}

#[test]
fn a_hold_as_it_looks() {
    let view = HoldView {
        hold: HoldId(1),
        account: AccountId(2),
        state: HoldState::Settled,
        amount: PerBucket { free: 24_000, subscription: 0, top_up: 0 },
        captured: PerBucket { free: 20_000, subscription: 0, top_up: 0 },
        refunded: 5_000,
        created_at_ms: 1_795_384_800_000,
        ends_at_ms: 1_795_385_400_000,
        free_day: 20_779,
        subscription_period: 0,
        sources: 7,
        member: MemberId::NIL,
        worker: WorkerId::NIL,
        tool: 0,
        model: 0,
        count: 0,
        late: 0,
        shortfall: 0,
        captures: List::new(vec![CaptureView { number: 1, amount: 20_000, position: 5 }]).unwrap(),
        refunds: List::new(vec![RefundView { number: 1, reason: RefundReason::Timeout, amount: 5_000, position: 6 }])
            .unwrap(),
        position: 6,
    };
    let shown = hold(&[], &answer(View::Hold(Box::new(view))));
    let end = "\
settlement       number  amount  record
capture               1      20       5
refund, timeout       1       5       6
";
    assert!(shown.text.ends_with(end), "{}", shown.text);
    assert_eq!(shown.json["refunds"][0]["reason"], "timeout");
    assert_eq!(shown.json["member"], Value::Null);
}

/// R4, R14: the plan, and top-ups that wait for their confirmation.
#[test]
fn an_account_with_a_plan_and_a_pending_top_up() {
    let plan = SubscriptionView {
        plan: 31,
        plan_name: Text::cut("pro"),
        tier: 3,
        allocation: 26_000_000,
        anchor_ms: 1_795_384_800_000,
        cycle: 0,
        starts_at_ms: 1_795_384_800_000,
        ends_at_ms: 1_797_976_800_000,
        paid_through_ms: 1_797_976_800_000,
        auto_renew: true,
        pending: None,
    };
    let (at_ms, ends_at_ms) = (1_795_384_800_000, 1_797_976_800_000);
    let pending = PendingTopUpView { payment: PaymentId(1), amount: 1_000_500, at_ms, ends_at_ms };
    let view = AccountView { plan: Some(plan), pending_top_ups: List::new(vec![pending]).unwrap(), ..view() };
    let shown = account(&[], &answer(View::Account(Box::new(view))), &PlanNames::default());
    for line in ["plan             pro\n", "credits a cycle  26000\n", "paid through     2026-12-22T22:00:00Z\n"] {
        assert!(shown.text.contains(line), "{}", shown.text);
    }
    let end = "\
pending top-up                        amount               made at            dropped at
00000000-0000-0000-0000-000000000001  1000.5  2026-11-22T22:00:00Z  2026-12-22T22:00:00Z
";
    assert!(shown.text.ends_with(end), "{}", shown.text);
    assert_eq!(shown.json["subscription"]["plan"], "pro");
    assert_eq!(shown.json["pending_top_ups"][0]["amount"], "1000.5");
}
