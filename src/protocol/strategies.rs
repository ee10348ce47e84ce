//! Arbitrary values of every body and record, for the property tests.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use crate::limits::{AMOUNT_MAX, HOLD_TTL_MS_MAX};
use crate::vectors::Value;
use crate::{
    AccountId, AccountView, Answer, AnswerFlags, Bucket, BucketView, CaptureView, Close, CloseReason, Command,
    CommandAnswer, CommandId, Durability, Hello, HoldId, HoldState, HoldView, List, MemberId, NodeId, Operation,
    OperationFlags, OperationKind, Outcome, OverCommit, PaymentId, PerBucket, RefundReason, RefundView, Secret,
    Sources, Text, View, Welcome, WorkerId,
};

fn one_of<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    prop::sample::select(all)
}

/// Texts up to the limit, with characters of one to four bytes.
fn text<const MAX: usize>() -> impl Strategy<Value = Text<MAX>> {
    prop::collection::vec(prop::sample::select(vec!['a', '/', 'é', '€', '🙂', '\0']), 0..=MAX)
        .prop_map(|characters| Text::cut(&characters.into_iter().collect::<String>()))
}

fn id() -> impl Strategy<Value = u128> {
    prop_oneof![Just(1_u128), Just(u128::MAX), 1..=u128::MAX]
}

fn any_id() -> impl Strategy<Value = u128> {
    prop_oneof![Just(0_u128), id()]
}

fn amount() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(1), Just(u64::MAX), any::<u64>()]
}

/// What a reserve or charge says beyond hold, account, amount and time.
fn made(operation: Operation) -> impl Strategy<Value = Operation> {
    let numbers = (0..=3_u8, 0..=7_u8, any::<u32>(), any::<u16>(), any::<u16>(), 0..=15_u8, any::<u32>());
    (numbers, any_id(), any_id()).prop_map(
        move |((flags, sources, model, tool, count, min_tier, settings), member, worker)| Operation {
            flags: OperationFlags(flags << 2),
            sources: Sources(sources),
            member: MemberId(member),
            worker: WorkerId(worker),
            model,
            tool,
            count,
            min_tier,
            settings,
            ..operation
        },
    )
}

/// Operations that pass every check.
pub(crate) fn operation() -> impl Strategy<Value = Operation> {
    let ids = (id(), id());
    let over = one_of(OverCommit::ALL);
    let reason = one_of(RefundReason::ALL);
    let numbers = (0..=AMOUNT_MAX, 1..=HOLD_TTL_MS_MAX, any::<u8>(), 0..=3_u8);
    (one_of(OperationKind::ALL), ids, numbers, over, reason).prop_flat_map(
        |(kind, (hold, account), (amount, ttl_ms, number, flags), over_commit, reason)| {
            let (hold, account) = (HoldId(hold), AccountId(account));
            let flags = OperationFlags(flags);
            let all = flags.contains(OperationFlags::ALL);
            let part = if all { 0 } else { amount };
            match kind {
                OperationKind::Reserve => {
                    made(Operation { over_commit, ..Operation::reserve(hold, account, amount, ttl_ms) }).boxed()
                }
                OperationKind::Charge => made(Operation::charge(hold, account, amount)).boxed(),
                OperationKind::Commit => {
                    Just(Operation { flags, ..Operation::commit(hold, account, part, number) }).boxed()
                }
                OperationKind::Release => Just(Operation::release(hold, account)).boxed(),
                OperationKind::Refund => Just(Operation {
                    flags: OperationFlags(flags.0 & OperationFlags::ALL.0),
                    ..Operation::refund(hold, account, part, number, reason)
                })
                .boxed(),
                OperationKind::Extend => Just(Operation::extend(hold, account, ttl_ms)).boxed(),
                OperationKind::Balance => Just(Operation::balance(account)).boxed(),
            }
        },
    )
}

fn per_bucket() -> impl Strategy<Value = PerBucket> {
    (amount(), amount(), amount()).prop_map(|(free, subscription, top_up)| PerBucket { free, subscription, top_up })
}

/// Any answer.
pub(crate) fn answer() -> impl Strategy<Value = Answer> {
    let numbers = (any::<u16>(), any::<u32>(), any::<u64>(), any::<u64>(), amount(), any::<u64>(), amount());
    (one_of(Outcome::ALL), numbers, per_bucket(), per_bucket()).prop_map(|(outcome, numbers, split, available)| {
        let (flags, detail, position, next_reset_at_ms, amount, time_ms, forfeited) = numbers;
        let flags = AnswerFlags(flags);
        Answer { outcome, flags, detail, position, split, available, next_reset_at_ms, amount, time_ms, forfeited }
    })
}

fn hello() -> impl Strategy<Value = Hello> {
    (any::<u16>(), any::<u16>(), text(), any::<u32>(), prop::collection::vec(any::<u8>(), 0..=256)).prop_map(
        |(version_min, version_max, client_name, in_flight_wanted, token)| Hello {
            version_min,
            version_max,
            client_name,
            in_flight_wanted,
            auth_token: Secret::new(&token).unwrap(),
        },
    )
}

fn welcome() -> impl Strategy<Value = Welcome> {
    let numbers = (any::<u16>(), any::<u32>(), any::<u32>(), any::<u32>(), any::<u64>(), any::<u64>());
    (numbers, text(), one_of(Durability::ALL), any_id()).prop_map(|(numbers, server_name, durability, node)| {
        let (version, in_flight_max, frame_operations_max, idle_timeout_ms, server_time_ms, epoch) = numbers;
        let node = NodeId(node);
        Welcome {
            version,
            in_flight_max,
            frame_operations_max,
            idle_timeout_ms,
            server_time_ms,
            server_name,
            durability,
            epoch,
            node,
        }
    })
}

/// Any command, checked or not.
pub(crate) fn command() -> impl Strategy<Value = Command> {
    let ids = (any_id(), any_id());
    (0..8_u8, ids, amount(), any::<u8>(), any::<u64>(), one_of(Bucket::ALL), any::<bool>(), text(), text()).prop_map(
        |(variant, (first, second), amount, tier, ends_at_ms, bucket, frozen, zone, reason)| {
            let (command, account) = (CommandId(first), AccountId(second));
            match variant {
                0 => Command::OpenAccount { command, account, zone },
                1 => Command::ShowAccount { account },
                2 => Command::Freeze { command, account, frozen, reason },
                3 => Command::SetSubscription { command, account, amount, tier, ends_at_ms },
                4 => Command::Grant { command, account, bucket, amount, reason },
                5 => Command::TopUp { payment: PaymentId(first), account, amount },
                6 => Command::Clawback { command, account, amount, reason },
                _ => Command::ShowHold { hold: HoldId(first) },
            }
        },
    )
}

fn bucket_view() -> impl Strategy<Value = BucketView> {
    prop::array::uniform7(amount()).prop_map(
        |[available, held, spent_in_period, granted, spent, expired, clawed_back]| BucketView {
            available,
            held,
            spent_in_period,
            granted,
            spent,
            expired,
            clawed_back,
        },
    )
}

fn account_view() -> impl Strategy<Value = AccountView> {
    let numbers = (any::<u8>(), any::<bool>(), amount(), any::<u64>(), any::<u64>(), any::<u32>(), any::<u32>());
    let buckets = (bucket_view(), bucket_view(), bucket_view());
    (any_id(), text(), numbers, any::<u64>(), any::<u64>(), buckets).prop_map(
        |(account, zone, numbers, open_holds, as_of_position, (free, subscription, top_up))| {
            let (tier, frozen, debt, next_reset_at_ms, cycle_ends_at_ms, day, period) = numbers;
            AccountView {
                account: AccountId(account),
                zone,
                tier,
                frozen,
                debt,
                next_reset_at_ms,
                cycle_ends_at_ms,
                day,
                period,
                open_holds,
                as_of_position,
                free,
                subscription,
                top_up,
            }
        },
    )
}

fn hold_view() -> impl Strategy<Value = HoldView> {
    let captures = prop::collection::vec(
        (any::<u8>(), amount(), any::<u64>()).prop_map(|(number, amount, position)| CaptureView {
            number,
            amount,
            position,
        }),
        0..=255,
    );
    let refunds = prop::collection::vec(
        (any::<u8>(), one_of(RefundReason::ALL), amount(), any::<u64>())
            .prop_map(|(number, reason, amount, position)| RefundView { number, reason, amount, position }),
        0..=255,
    );
    let ids = prop::array::uniform4(any_id());
    let longs = prop::array::uniform6(amount());
    let shorts = (any::<u32>(), any::<u32>(), any::<u8>(), any::<u16>(), any::<u32>(), any::<u16>());
    (ids, one_of(HoldState::ALL), per_bucket(), per_bucket(), longs, shorts, captures, refunds).prop_map(
        |(ids, state, amount, captured, longs, shorts, captures, refunds)| {
            let [hold, account, member, worker] = ids;
            let [refunded, created_at_ms, ends_at_ms, late, shortfall, position] = longs;
            let (free_day, subscription_period, sources, tool, model, count) = shorts;
            HoldView {
                hold: HoldId(hold),
                account: AccountId(account),
                state,
                amount,
                captured,
                refunded,
                created_at_ms,
                ends_at_ms,
                free_day,
                subscription_period,
                sources,
                member: MemberId(member),
                worker: WorkerId(worker),
                tool,
                model,
                count,
                late,
                shortfall,
                captures: List::new(captures).unwrap(),
                refunds: List::new(refunds).unwrap(),
                position,
            }
        },
    )
}

fn command_answer() -> impl Strategy<Value = CommandAnswer> {
    let view = prop_oneof![
        Just(View::None).boxed(),
        account_view().prop_map(|view| View::Account(Box::new(view))).boxed(),
        hold_view().prop_map(|view| View::Hold(Box::new(view))).boxed(),
    ];
    let numbers = (any::<u16>(), any::<u32>(), amount(), any::<u64>(), any::<u64>());
    (one_of(Outcome::ALL), numbers, view).prop_map(|(outcome, (flags, detail, amount, time_ms, position), view)| {
        CommandAnswer { outcome, flags: AnswerFlags(flags), detail, amount, time_ms, position, view }
    })
}

/// Any content of any kind of frame.
pub(crate) fn value() -> impl Strategy<Value = Value> {
    // Boxed, because the trees of a value of any kind would not fit a test thread's stack side by side.
    prop_oneof![
        hello().prop_map(Value::Hello).boxed(),
        welcome().prop_map(Value::Welcome).boxed(),
        prop::collection::vec(operation().prop_map(Ok), 1..20).prop_map(Value::Operations).boxed(),
        prop::collection::vec(answer(), 1..20).prop_map(Value::Answers).boxed(),
        command().prop_map(Value::Command).boxed(),
        command_answer().prop_map(Value::CommandAnswer).boxed(),
        (one_of(CloseReason::ALL), text()).prop_map(|(reason, text)| Value::Close(Close { reason, text })).boxed(),
        Just(Value::Ping).boxed(),
        Just(Value::Pong).boxed(),
    ]
}
