//! Requests around boundaries: reserves, settlements, purchases and plan commands of a few accounts, from a seed.

use protocol::{AccountId, Bucket, ChangeMode, Command, CommandId, HoldId, Operation, PaymentId, RefundReason, Text};
use uuid::{NoContext, Timestamp, Uuid};

use super::twin::Twin;
use crate::sim::model::State;
use crate::sim::random::Random;

/// Plans of the shipped catalogue: monthly, quarterly and yearly ones of several tiers.
const PLANS: [u16; 7] = [11, 12, 13, 21, 23, 31, 41];
/// Times of holds: some end before the next boundary, some after it.
const TTLS_MS: [u32; 6] = [1_000, 2_000, 60_000, 1_800_000, 3_600_000, 86_400_000];

/// A new hold id of an instant.
pub(super) fn hold_id(at: u64) -> HoldId {
    let (seconds, nanos) = (at / 1_000, u32::try_from(at % 1_000).unwrap() * 1_000_000);
    HoldId(Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, nanos)).as_u128())
}

fn fresh() -> u128 {
    Uuid::new_v4().as_u128()
}

/// A reserve, a charge or a settlement of one account.
pub(super) fn operation(twin: &Twin, random: &mut Random, account: AccountId) -> Operation {
    lasting(twin, random, account, (0, &TTLS_MS))
}

/// The same with other times of holds, and with holds only that end later than some time from now.
pub(super) fn lasting(
    twin: &Twin,
    random: &mut Random,
    account: AccountId,
    (longer_than_ms, ttls_ms): (u64, &[u32]),
) -> Operation {
    let wallet = twin.model.wallet(account.0, twin.instant());
    let there: u64 = wallet.available.iter().sum();
    let amount = random.below(there * 2 / 3 + 2_000);
    let of_account = |state| {
        let holds = twin.model.holds.iter().filter(move |(_, hold)| hold.account == account.0 && hold.state == state);
        let lasts = move |ends_at| state != State::Open || ends_at > twin.now + longer_than_ms;
        let holds = holds.filter(move |(_, hold)| lasts(hold.ends_at));
        holds.map(|(id, _)| HoldId(*id)).collect::<Vec<_>>()
    };
    let (open, settled) = (of_account(State::Open), of_account(State::Settled));
    let number = u8::try_from(random.below(3)).unwrap();
    match random.below(10) {
        0..4 => Operation::reserve(hold_id(twin.now), account, amount, random.pick(ttls_ms)),
        4 => Operation::charge(hold_id(twin.now), account, amount / 8),
        5 if !open.is_empty() => Operation::commit_all(random.pick(&open), account, number),
        6 if !open.is_empty() => Operation::commit(random.pick(&open), account, amount / 10, number),
        7 if !open.is_empty() => Operation::release(random.pick(&open), account),
        8 if !settled.is_empty() => {
            Operation::refund(random.pick(&settled), account, amount / 20, number, RefundReason::Timeout)
        }
        9 if !open.is_empty() => Operation::extend(random.pick(&open), account, random.pick(ttls_ms)),
        _ => Operation::balance(account),
    }
}

/// A purchase or a plan command of one account.
pub(super) fn command(twin: &Twin, random: &mut Random, account: AccountId) -> Command {
    let (command, payment) = (CommandId(fresh()), PaymentId(fresh()));
    let subscribed = twin.model.wallet(account.0, twin.instant()).subscribed;
    let month_ms = 30 * 86_400_000;
    match random.below(12) {
        0..4 => Command::TopUp { payment, account, amount: 1 + random.below(200_000) },
        4 => Command::TopUpBundle { payment, account, bundle: Text::cut("boost-1000"), pending: false },
        5 => Command::Grant { command, account, bucket: Bucket::Free, amount: 5_000, reason: Text::default() },
        6 => {
            Command::Correct { command, account, bucket: Bucket::Subscription, amount: 70_000, reason: Text::default() }
        }
        7 if subscribed.is_some() => {
            let mode = random.pick(&[ChangeMode::Default, ChangeMode::AtRenewal, ChangeMode::NowProrated]);
            Command::ChangePlan { command, account, plan: random.pick(&PLANS), mode }
        }
        8 if subscribed.is_some() => {
            Command::Renew { command, account, paid_through_ms: twin.now + random.between(1, 14) * month_ms }
        }
        9 if random.once_in_1000(300) => Command::Cancel { command, account, at_period_end: true },
        _ => subscribe(random, account),
    }
}

/// Subscribes to one of the shipped plans, with its paid term from now.
pub(super) fn subscribe(random: &mut Random, account: AccountId) -> Command {
    let (plan, auto_renew) = (random.pick(&PLANS), random.once_in_1000(800));
    Command::Subscribe { command: CommandId(fresh()), account, plan, auto_renew, paid_through_ms: 0 }
}
