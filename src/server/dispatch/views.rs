//! What commands show of accounts and holds.

use protocol::{AccountView, BucketView, CaptureView, HoldState, HoldView, List, RefundView, Text};
use wallet::balance::WalletView;
use wallet::bucket::Bucket;
use wallet::credits::Credits;
use wallet::hold::{self, Hold};
use wallet::ids::{AccountId, HoldId, Position};
use wallet::record::RefundReason;
use wallet::row::Row;

use super::per_bucket;

/// An account: what can be spent from memory, what became of the rest from its row, as of the row's position.
#[must_use]
pub fn account_view(account: AccountId, wallet: &WalletView, row: Option<&Row>, as_of: Position) -> AccountView {
    let bucket = |bucket| bucket_view(wallet, row, bucket);
    AccountView {
        account: protocol::AccountId(account.0),
        zone: Text::cut(&wallet.zone),
        tier: wallet.tier.0,
        frozen: wallet.frozen,
        debt: wallet.debt.millis(),
        next_reset_at_ms: wallet.next_reset_at.0,
        cycle_ends_at_ms: wallet.cycle_ends_at.0,
        day: wallet.day.0,
        period: wallet.period.0,
        open_holds: row.map_or(0, |row| u64::from(row.open_holds)),
        as_of_position: as_of.0,
        free: bucket(Bucket::Free),
        subscription: bucket(Bucket::Subscription),
        top_up: bucket(Bucket::TopUp),
    }
}

fn bucket_view(wallet: &WalletView, row: Option<&Row>, bucket: Bucket) -> BucketView {
    let available = wallet.available.of(bucket).millis();
    let Some(row) = row else { return BucketView { available, ..BucketView::default() } };
    let counters = &row.counters[bucket as usize];
    BucketView {
        available,
        held: counters.held.millis(),
        spent_in_period: spent_in_period(wallet, row, bucket).millis(),
        granted: counters.granted.millis(),
        spent: counters.spent.millis(),
        expired: counters.expired.millis(),
        clawed_back: counters.clawed_back.millis(),
    }
}

/// A row is rolled by its next record only: what it has of an earlier period was not spent in the running one.
fn spent_in_period(wallet: &WalletView, row: &Row, bucket: Bucket) -> Credits {
    let running = match bucket {
        Bucket::Free => row.day == wallet.day,
        Bucket::Subscription => row.period == wallet.period,
        Bucket::TopUp => true,
    };
    if running { row.spent_in_period.of(bucket) } else { Credits::ZERO }
}

/// A hold, from its reserve to its last refund.
#[must_use]
pub fn hold_view(id: HoldId, hold: &Hold) -> HoldView {
    let late = hold.captures().filter(|step| step.late);
    let late = late.fold(Credits::ZERO, |sum, step| sum + step.charged().total());
    let shortfall = hold.captures().fold(Credits::ZERO, |sum, step| sum + step.shortfall);
    let captured = hold.captures().fold(hold.captured, |sum, step| sum.plus(&step.drawn.split));
    HoldView {
        hold: protocol::HoldId(id.0),
        account: protocol::AccountId(hold.account.0),
        state: state(hold.state),
        amount: per_bucket(&hold.taken.split),
        captured: per_bucket(&captured),
        refunded: hold.refunded().millis(),
        created_at_ms: hold.reserved_at.0,
        ends_at_ms: hold.ends_at.0,
        free_day: hold.taken.day.0,
        subscription_period: hold.taken.period.0,
        sources: hold.terms.sources.bits(),
        member: protocol::MemberId(hold.attribution.member.0),
        worker: protocol::WorkerId(hold.worker.0),
        tool: hold.attribution.tool,
        model: hold.attribution.model,
        count: hold.attribution.count,
        late: late.millis(),
        shortfall: shortfall.millis(),
        captures: captures(hold),
        refunds: refunds(hold),
        position: hold.last_position.0,
    }
}

/// A tombstone is a hold that was released before it came.
const fn state(state: hold::HoldState) -> HoldState {
    match state {
        hold::HoldState::Open => HoldState::Open,
        hold::HoldState::Settled => HoldState::Settled,
        hold::HoldState::Released | hold::HoldState::Tombstone => HoldState::Released,
        hold::HoldState::Expired => HoldState::Expired,
    }
}

/// The rules allow no more steps than a list takes.
fn captures<const MAX: usize>(hold: &Hold) -> List<CaptureView, MAX> {
    let steps = hold.captures().take(MAX).map(|step| CaptureView {
        number: step.request.number,
        amount: step.charged().total().millis(),
        position: step.position.0,
    });
    List::new(steps.collect()).unwrap_or_default()
}

fn refunds<const MAX: usize>(hold: &Hold) -> List<RefundView, MAX> {
    let steps = hold.refunds().take(MAX).map(|step| RefundView {
        number: step.number,
        reason: reason(step.reason),
        amount: (step.returned.total() + step.forfeited.total()).millis(),
        position: step.position.0,
    });
    List::new(steps.collect()).unwrap_or_default()
}

const fn reason(reason: RefundReason) -> protocol::RefundReason {
    match reason {
        RefundReason::ProviderError => protocol::RefundReason::ProviderError,
        RefundReason::Timeout => protocol::RefundReason::Timeout,
        RefundReason::SafetyBlock => protocol::RefundReason::SafetyBlock,
        RefundReason::UserCancel => protocol::RefundReason::UserCancel,
        RefundReason::Duplicate => protocol::RefundReason::Duplicate,
        RefundReason::Goodwill => protocol::RefundReason::Goodwill,
    }
}
