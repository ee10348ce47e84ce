//! Traffic near the most that a wallet's word holds: gifts up to half a field, reserves of all that a bucket has, refunds
//! and releases of several of them at once.

use wallet::bucket::{Bucket, Sources};
use wallet::credits::Credits;
use wallet::ids::{AccountId, HoldId, PlanId, Tier, Timestamp, WorkerId};
use wallet::record::{Attribution, CaptureRequest, OverCommit, RefundReason};
use wallet::request::{Command, Operation, ReserveRequest};
use wallet::subscription::ChangeMode;

use super::model::{Clock, Model};
use super::random::Random;
use super::world::{Kind, Step};

/// The usual steps of a seed, with such traffic among them.
pub(crate) fn steps(seed: u64) -> Vec<Step> {
    let mut all = super::usual(seed);
    all.insert(0, Step { kind: Kind::Rich, seed });
    all
}

/// Whose credits are many.
pub(crate) const RICH: AccountId = AccountId(1);

/// The most that a gift may bring into each bucket.
const HALF: [u64; 3] = [(1 << 27) - 1, (1 << 37) - 1, (1 << 37) - 1];

fn amount(random: &mut Random, bucket: Bucket) -> Credits {
    let half = HALF[bucket as usize];
    Credits::from_millis(match random.below(8) {
        0..3 => half,
        3..5 => half - random.below(200_000),
        5 => half / 16 + random.below(2),
        6 => half + 1,
        _ => random.between(1, half),
    })
}

/// A command that gives much, or takes much back.
pub(crate) fn command(random: &mut Random) -> Command {
    let account = RICH;
    match random.below(12) {
        0..4 => Command::TopUp { account, amount: amount(random, Bucket::TopUp) },
        4..8 => {
            let bucket = random.pick(&Bucket::ALL);
            Command::Grant { account, bucket, amount: amount(random, bucket) }
        }
        8 => {
            let plan = PlanId(random.pick(&[1, 5]));
            Command::Subscribe { account, plan, auto_renew: true, paid_through: Timestamp::NONE }
        }
        9 => {
            let mode = random.pick(&[ChangeMode::NowProrated, ChangeMode::NowProrated, ChangeMode::NowNewCycle]);
            Command::ChangePlan { account, plan: PlanId(random.pick(&[1, 5])), mode }
        }
        10 => Command::Clawback { account, amount: amount(random, Bucket::TopUp) },
        _ => {
            let bucket = random.pick(&Bucket::ALL);
            Command::Correct { account, bucket, amount: amount(random, bucket) }
        }
    }
}

/// Takes what a bucket has, or brings a hold of it back.
pub(crate) fn operation(
    random: &mut Random,
    now: Clock,
    model: &Model,
    (fresh, holds): (HoldId, &[(AccountId, HoldId)]),
) -> Operation {
    let account = RICH;
    let own: Vec<HoldId> = holds.iter().filter(|(owner, _)| *owner == account).map(|(_, hold)| *hold).collect();
    if !own.is_empty() && random.once_in_1000(600) {
        let hold = random.pick(&own);
        let number = u8::try_from(random.below(3)).unwrap();
        return match random.below(10) {
            0..6 => {
                let reason = random.pick(&RefundReason::ALL);
                Operation::Refund { account, hold, number, amount: None, reason }
            }
            6..8 => Operation::Release { account, hold },
            _ => Operation::Commit { account, hold, request: CaptureRequest { number, amount: None, last: true } },
        };
    }
    let bucket = random.pick(&Bucket::ALL);
    let there = model.wallets.get(&account.0).map_or(0, |_| model.wallet(account.0, now).available[bucket as usize]);
    let there = match random.below(4) {
        0 => there / 2,
        1 => there + 1,
        _ => there,
    };
    let charge = random.once_in_1000(600);
    let request = ReserveRequest {
        account,
        hold: fresh,
        amount: Credits::from_millis(there),
        sources: Sources::from_bits(1 << bucket as u8).unwrap(),
        pro_model: false,
        priced: false,
        min_tier: Tier::NONE,
        ttl_ms: if charge { 0 } else { 3_600_000 },
        over_commit: random.pick(&[OverCommit::Reject, OverCommit::Draw]),
        attribution: Attribution::default(),
        worker: WorkerId::NONE,
        settings: 0,
    };
    if charge { Operation::Charge(request) } else { Operation::Reserve(request) }
}
