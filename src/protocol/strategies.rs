//! Arbitrary values of every body and record, for the property tests.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use crate::limits::{AMOUNT_MAX, HOLD_TTL_MS_MAX};
use crate::vectors::Value;
use crate::{
    AccountId, AccountView, Answer, AnswerFlags, BillingTerm, Bucket, BucketView, BundleView, CaptureView, ChangeMode,
    ClockState, ClockView, Close, CloseReason, Command, CommandAnswer, CommandId, DayBoundaryView, Durability,
    EstimateLine, EstimateView, Hello, HoldId, HoldLine, HoldState, HoldView, List, MemberId, ModelView, NodeId,
    Operation, OperationFlags, OperationKind, Outcome, OverCommit, PaymentId, PendingChangeView, PendingTopUpView,
    PerBucket, PlanView, PlansView, QuoteView, RatesView, RefundReason, RefundView, ReloadView, ResetKind,
    ResetRunView, ResetsView, Secret, Sources, SubscriptionChangeView, SubscriptionView, Text, ToolView, View, Welcome,
    WorkerId,
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
    prop_oneof![wallet_command().boxed(), plan_command().boxed(), top_up_command().boxed(), look().boxed()]
}

fn wallet_command() -> impl Strategy<Value = Command> {
    let ids = (any_id(), any_id());
    (0..9_u8, ids, amount(), any::<u8>(), any::<u64>(), one_of(Bucket::ALL), any::<bool>(), text(), text()).prop_map(
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
                7 => Command::Correct { command, account, bucket, amount, reason },
                _ => Command::ShowHold { hold: HoldId(first) },
            }
        },
    )
}

fn plan_command() -> impl Strategy<Value = Command> {
    let ids = (any_id(), any_id(), any_id());
    (0..7_u8, ids, any::<u16>(), any::<bool>(), any::<u64>(), one_of(ChangeMode::ALL), text()).prop_map(
        |(variant, (first, second, third), plan, flag, paid_through_ms, mode, zone)| {
            let (command, account) = (CommandId(first), AccountId(second));
            match variant {
                0 => Command::Subscribe { command, account, plan, auto_renew: flag, paid_through_ms },
                1 => Command::Renew { command, account, paid_through_ms },
                2 => Command::Cancel { command, account, at_period_end: flag },
                3 => Command::Lapse { command, account },
                4 => Command::ChangePlan { command, account, plan, mode },
                5 => Command::SetZone { command, account, zone },
                _ => Command::ReleaseWorker { command, account, worker: WorkerId(third) },
            }
        },
    )
}

fn top_up_command() -> impl Strategy<Value = Command> {
    (0..3_u8, any_id(), any_id(), amount(), text(), any::<bool>()).prop_map(
        |(variant, payment, account, amount, bundle, pending)| {
            let (payment, account) = (PaymentId(payment), AccountId(account));
            match variant {
                0 => Command::PendingTopUp { payment, account, amount },
                1 => Command::ConfirmTopUp { payment, account },
                _ => Command::TopUpBundle { payment, account, bundle, pending },
            }
        },
    )
}

/// Commands that change no wallet.
fn look() -> impl Strategy<Value = Command> {
    let ids = (any_id(), any_id(), any_id());
    let line = (any::<u16>(), any::<u32>(), any::<u32>(), any::<u32>())
        .prop_map(|(tool, model, settings, per_day)| EstimateLine { tool, model, settings, per_day });
    let lines = prop::collection::vec(line, 0..=64);
    let numbers = (any::<u64>(), any::<u16>(), any::<u16>(), any::<u32>(), any::<u32>(), any::<u8>(), any::<u8>());
    (0..9_u8, ids, numbers, lines).prop_map(|(variant, (first, second, third), numbers, lines)| {
        let (older_than_ms, limit, tool, model, settings, small, large) = numbers;
        match variant {
            0 => Command::ListHolds {
                account: AccountId(first),
                worker: WorkerId(second),
                older_than_ms,
                limit,
                after: HoldId(third),
            },
            1 => Command::ListAccounts { after: AccountId(first), limit },
            2 => Command::ListPlans,
            3 => Command::ListRates,
            4 => Command::Quote { account: AccountId(first), tool, model, settings, count: limit, sources: small },
            5 => Command::Estimate {
                lines: List::new(lines).unwrap(),
                days: limit,
                buffer_percent_min: small,
                buffer_percent_max: large,
            },
            6 => Command::Reload,
            7 => Command::Clock { confirm: small % 2 == 1 },
            _ => Command::ShowResets,
        }
    })
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
    let pending = prop::collection::vec(
        (any_id(), amount(), any::<u64>(), any::<u64>()).prop_map(|(payment, amount, at_ms, ends_at_ms)| {
            PendingTopUpView { payment: PaymentId(payment), amount, at_ms, ends_at_ms }
        }),
        0..=16,
    );
    let bought = (prop::option::of(subscription_view()), pending);
    (any_id(), text(), numbers, any::<u64>(), any::<u64>(), buckets, bought).prop_map(
        |(account, zone, numbers, open_holds, as_of_position, (free, subscription, top_up), (plan, pending))| {
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
                plan,
                pending_top_ups: List::new(pending).unwrap(),
            }
        },
    )
}

fn subscription_view() -> impl Strategy<Value = SubscriptionView> {
    let pending = (any::<u16>(), any::<u8>(), amount()).prop_map(|(plan, tier, allocation)| PendingChangeView {
        plan,
        tier,
        allocation,
    });
    let numbers = (any::<u16>(), any::<u8>(), any::<u32>(), any::<bool>());
    (text(), numbers, prop::array::uniform5(any::<u64>()), prop::option::of(pending)).prop_map(
        |(plan_name, (plan, tier, cycle, auto_renew), longs, pending)| {
            let [allocation, anchor_ms, starts_at_ms, ends_at_ms, paid_through_ms] = longs;
            SubscriptionView {
                plan,
                plan_name,
                tier,
                allocation,
                anchor_ms,
                cycle,
                starts_at_ms,
                ends_at_ms,
                paid_through_ms,
                auto_renew,
                pending,
            }
        },
    )
}

fn subscription_change() -> impl Strategy<Value = SubscriptionChangeView> {
    let side = || prop::option::of(subscription_view());
    (side(), side(), any::<u32>(), amount()).prop_map(|(before, after, period, amount)| SubscriptionChangeView {
        before,
        after,
        period,
        amount,
    })
}

fn hold_line() -> impl Strategy<Value = HoldLine> {
    let numbers = (amount(), any::<u64>(), any::<u64>(), any::<u32>(), any::<u16>(), any::<u16>());
    (prop::array::uniform4(any_id()), numbers).prop_map(|([hold, account, worker, member], numbers)| {
        let (amount, created_at_ms, ends_at_ms, model, tool, count) = numbers;
        HoldLine {
            hold: HoldId(hold),
            account: AccountId(account),
            worker: WorkerId(worker),
            member: MemberId(member),
            amount,
            created_at_ms,
            ends_at_ms,
            model,
            tool,
            count,
        }
    })
}

fn plans_view() -> impl Strategy<Value = PlansView> {
    let plan = (any::<u16>(), text(), text(), any::<u8>(), amount(), one_of(BillingTerm::ALL), any::<bool>()).prop_map(
        |(plan, name, title, tier, credits, term, top_up)| PlanView { plan, name, title, tier, credits, term, top_up },
    );
    let bundle = (text(), amount()).prop_map(|(name, credits)| BundleView { name, credits });
    (any::<u32>(), prop::collection::vec(plan, 0..8), prop::collection::vec(bundle, 0..8)).prop_map(
        |(version, plans, bundles)| PlansView {
            version,
            plans: List::new(plans).unwrap(),
            bundles: List::new(bundles).unwrap(),
        },
    )
}

fn rates_view() -> impl Strategy<Value = RatesView> {
    let tool = (any::<u16>(), text(), text()).prop_map(|(tool, key, name)| ToolView { tool, key, name });
    let model = (any::<u32>(), text(), text(), any::<u8>(), any::<bool>(), amount(), text()).prop_map(
        |(model, key, name, min_tier, pro, price, unit)| ModelView { model, key, name, min_tier, pro, price, unit },
    );
    (any::<u32>(), prop::collection::vec(tool, 0..4), prop::collection::vec(model, 0..8)).prop_map(
        |(version, tools, models)| RatesView {
            version,
            tools: List::new(tools).unwrap(),
            models: List::new(models).unwrap(),
        },
    )
}

fn quote_view() -> impl Strategy<Value = QuoteView> {
    let numbers = (amount(), amount(), any::<u32>(), any::<u8>(), any::<bool>(), any::<u64>());
    let fits = (any::<u16>(), any::<u16>(), any::<u8>());
    (one_of(Outcome::ALL), numbers, fits, per_bucket(), per_bucket()).prop_map(
        |(would, numbers, (largest_count, longest_duration_ds, highest_resolution), split, available)| {
            let (price, per_result, version, min_tier, pro_model, fits_after_reset_at_ms) = numbers;
            QuoteView {
                price,
                per_result,
                version,
                min_tier,
                pro_model,
                would,
                split,
                available,
                largest_count,
                longest_duration_ds,
                highest_resolution,
                fits_after_reset_at_ms,
            }
        },
    )
}

fn estimate_view() -> impl Strategy<Value = EstimateView> {
    (prop::array::uniform3(amount()), any::<u32>(), any::<u16>(), text()).prop_map(
        |([need, with_buffer_min, with_buffer_max], version, plan, plan_name)| EstimateView {
            need,
            with_buffer_min,
            with_buffer_max,
            version,
            plan,
            plan_name,
        },
    )
}

fn reload_view() -> impl Strategy<Value = ReloadView> {
    let lines = || prop::collection::vec(text(), 0..=4).prop_map(|lines| List::new(lines).unwrap());
    (any::<u32>(), any::<u32>(), lines(), lines(), text()).prop_map(
        |(plans_version, rates_version, changed, needs_restart, error)| ReloadView {
            plans_version,
            rates_version,
            changed,
            needs_restart,
            error,
        },
    )
}

fn clock_view() -> impl Strategy<Value = ClockView> {
    (prop::array::uniform3(amount()), one_of(ClockState::ALL), any::<bool>()).prop_map(
        |([wall_ms, daemon_ms, step_ms], state, confirmed)| ClockView { wall_ms, daemon_ms, state, step_ms, confirmed },
    )
}

fn resets_view() -> impl Strategy<Value = ResetsView> {
    let day = (text(), any::<u32>(), amount(), amount()).prop_map(|(zone, day, ends_at_ms, wallets)| DayBoundaryView {
        zone,
        day,
        ends_at_ms,
        wallets,
    });
    let run = (one_of(ResetKind::ALL), prop::array::uniform5(amount())).prop_map(|(kind, numbers)| {
        let [started_at_ms, duration_ms, wallets, granted, expired] = numbers;
        ResetRunView { kind, started_at_ms, duration_ms, wallets, granted, expired }
    });
    let lists = (prop::collection::vec(day, 0..=4), prop::collection::vec(run, 0..=32));
    (prop::array::uniform4(amount()), any::<u32>(), lists).prop_map(|(numbers, zones, (days, runs))| {
        let [now_ms, next_cycle_end_ms, cycles_in_hour, cycles_in_day] = numbers;
        let (days, runs) = (List::new(days).unwrap(), List::new(runs).unwrap());
        ResetsView { now_ms, zones, days, next_cycle_end_ms, cycles_in_hour, cycles_in_day, runs }
    })
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
        prop::collection::vec(hold_line(), 0..=256).prop_map(|lines| View::Holds(List::new(lines).unwrap())).boxed(),
        prop::collection::vec(any_id(), 0..=256)
            .prop_map(|ids| View::Accounts(List::new(ids.into_iter().map(AccountId).collect()).unwrap()))
            .boxed(),
        plans_view().prop_map(|view| View::Plans(Box::new(view))).boxed(),
        rates_view().prop_map(|view| View::Rates(Box::new(view))).boxed(),
        quote_view().prop_map(|view| View::Quote(Box::new(view))).boxed(),
        estimate_view().prop_map(|view| View::Estimate(Box::new(view))).boxed(),
        subscription_change().prop_map(|view| View::Subscription(Box::new(view))).boxed(),
        reload_view().prop_map(|view| View::Reload(Box::new(view))).boxed(),
        clock_view().prop_map(View::Clock).boxed(),
        resets_view().prop_map(|view| View::Resets(Box::new(view))).boxed(),
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
