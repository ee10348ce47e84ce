//! Frames of commands and their answers, with both views.

use super::valid::{ACCOUNT, COMMAND, HOLD, MADE_AT_MS, MEMBER, MIDNIGHT_MS, PAYMENT, WORKER, frame, text};
use super::{Value, Vector};
use crate::{
    AccountView, AnswerFlags, Bucket, BucketView, CaptureView, Command, CommandAnswer, Expecting, Field, HoldState,
    HoldView, List, Outcome, PerBucket, RefundReason, RefundView, View,
};

pub(super) fn commands() -> Vec<Vector> {
    let one = |name: &str, about, command| frame(name, about, Expecting::FromClient, 9, Value::Command(command));
    let (command, account, reason) = (COMMAND, ACCOUNT, || text("ticket 4711"));
    vec![
        one(
            "command-open-account",
            "Opens an account in Berlin's zone.",
            Command::OpenAccount { command, account, zone: text("Europe/Berlin") },
        ),
        one("command-show-account", "Shows an account.", Command::ShowAccount { account }),
        one(
            "command-freeze",
            "Freezes an account.",
            Command::Freeze { command, account, frozen: true, reason: reason() },
        ),
        one(
            "command-set-subscription",
            "Sets 5,000 credits of tier 3 until midnight.",
            Command::SetSubscription { command, account, amount: 5_000_000, tier: 3, ends_at_ms: MIDNIGHT_MS },
        ),
        one(
            "command-grant",
            "Gives 10 credits to the subscription's bucket.",
            Command::Grant { command, account, bucket: Bucket::Subscription, amount: 10_000, reason: reason() },
        ),
        one("command-top-up", "Tops up 120 credits.", Command::TopUp { payment: PAYMENT, account, amount: 120_000 }),
        one(
            "command-clawback",
            "Claws back 120 credits.",
            Command::Clawback { command, account, amount: 120_000, reason: text("chargeback") },
        ),
        one("command-show-hold", "Shows a hold.", Command::ShowHold { hold: HOLD }),
    ]
}

pub(super) fn command_answers() -> Vec<Vector> {
    let one = |name: &str, about, answer| frame(name, about, Expecting::FromServer, 9, Value::CommandAnswer(answer));
    let done =
        |view| CommandAnswer { flags: AnswerFlags::DURABLE, position: 1003, view, ..CommandAnswer::of(Outcome::Done) };
    let reused =
        CommandAnswer { detail: u32::from(Field::Zone.number()), ..CommandAnswer::of(Outcome::CommandIdReused) };
    vec![
        one("command-answer-done", "A command that was carried out and shows nothing.", done(View::None)),
        one("command-answer-account", "An account.", done(View::Account(Box::new(account_view())))),
        one("command-answer-hold", "A hold with two captures and a refund.", done(View::Hold(Box::new(hold_view())))),
        one("command-answer-refused", "A command id that was used with another zone.", reused),
    ]
}

pub(super) fn account_view() -> AccountView {
    let bucket = BucketView {
        available: 40,
        held: 30,
        spent_in_period: 15,
        granted: 100,
        spent: 20,
        expired: 7,
        clawed_back: 3,
    };
    AccountView {
        account: ACCOUNT,
        zone: text("Europe/Berlin"),
        tier: 3,
        frozen: false,
        debt: 0,
        next_reset_at_ms: MIDNIGHT_MS,
        cycle_ends_at_ms: MIDNIGHT_MS + 86_400_000,
        day: 20_030,
        period: 5,
        open_holds: 2,
        as_of_position: 1003,
        free: BucketView::default(),
        subscription: bucket,
        top_up: BucketView { available: 120_000, granted: 120_000, ..BucketView::default() },
        plan: None,
        pending_top_ups: List::default(),
    }
}

fn hold_view() -> HoldView {
    let captures = vec![
        CaptureView { number: 0, amount: 20_000, position: 1002 },
        CaptureView { number: 1, amount: 30_000, position: 1003 },
    ];
    let refunds = vec![RefundView { number: 9, reason: RefundReason::SafetyBlock, amount: 20_000, position: 1004 }];
    HoldView {
        hold: HOLD,
        account: ACCOUNT,
        state: HoldState::Settled,
        amount: PerBucket { free: 50_000, subscription: 23_500, top_up: 0 },
        captured: PerBucket { free: 50_000, subscription: 0, top_up: 0 },
        refunded: 20_000,
        created_at_ms: MADE_AT_MS,
        ends_at_ms: MADE_AT_MS + 60_000,
        free_day: 20_030,
        subscription_period: 5,
        sources: 7,
        member: MEMBER,
        worker: WORKER,
        tool: 513,
        model: 70_001,
        count: 4,
        late: 0,
        shortfall: 0,
        captures: List::new(captures).unwrap(),
        refunds: List::new(refunds).unwrap(),
        position: 1004,
    }
}
