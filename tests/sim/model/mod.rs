//! The plain reference model: what `rules.md` says every request comes to, in numbers and maps, without atomics,
//! packing or haste. Written from the rules; it shares nothing with the engine but the types of requests.
//!
//! The rules leave three things open, and the model takes them from the answer that it is shown: whether a hold that
//! may have left memory has (R32), whether memory is full (R32), and whether returns of the same chunk are there
//! already (design, section 7).

pub(crate) mod catalog;
mod commands;
mod expected;
mod moves;
mod operations;
pub(crate) mod prices;
mod refund;
mod reserve;
mod settle;
pub(crate) mod subscription;
pub(crate) mod time;
pub(crate) mod top_ups;
mod undo;
mod workers;

use std::collections::{BTreeMap, BTreeSet};

use wallet::bucket::{Bucket, Sources};
use wallet::record::{OverCommit, RefundReason};
use wallet::request::ReserveRequest;
use wallet::settings::Settings;

use super::planted::Planted;
use super::zones::Zone;
use catalog::Catalog;
use commands::Known;
use expected::Said;
pub(crate) use expected::{Effect, Expected, View};
use prices::{Card, CardTerms};
use subscription::{NEVER, Subscribed, Terms};
use top_ups::Waiting;
use undo::Undo;

/// Millicredits by bucket: free, subscription, top-up.
pub(crate) type Amounts = [u64; 3];

const NOTHING: Amounts = [0; 3];
/// The most that one request takes out of a wallet's buckets; gifts are taken up to half of it. What comes back may come to
/// more.
const MOST: Amounts = [(1 << 28) - 1, (1 << 38) - 1, (1 << 38) - 1];
const AMOUNT_MAX: u64 = (1 << 38) - 1;
pub(crate) const DAY_MS: u64 = 86_400_000;
const SETTLEMENTS_MAX: usize = 255;
/// What `limit` names.
const LIMIT_CAPTURES: u32 = 1;
const LIMIT_REFUNDS: u32 = 2;
const LIMIT_PENDING_TOP_UPS: u32 = 6;

fn sum(amounts: &Amounts) -> u64 {
    amounts.iter().sum()
}

fn add(a: &Amounts, b: &Amounts) -> Amounts {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

fn sub(a: &Amounts, b: &Amounts) -> Amounts {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

/// Up to `amount` in draw order (R3).
fn draw(from: &Amounts, mut amount: u64) -> Amounts {
    from.map(|there| {
        let drawn = there.min(amount);
        amount -= drawn;
        drawn
    })
}

/// The two clocks of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Clock {
    pub(crate) daemon: u64,
    pub(crate) wall: u64,
}

/// Amounts of one day and one period.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Part {
    pub(crate) split: Amounts,
    pub(crate) day: u32,
    pub(crate) period: u32,
}

/// What has become of the credits of one bucket (I1).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Counters {
    pub(crate) granted: u64,
    pub(crate) held: u64,
    pub(crate) spent: u64,
    pub(crate) expired: u64,
    pub(crate) clawed_back: u64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Wallet {
    pub(crate) zone: Zone,
    pub(crate) day: u32,
    /// The day that a start gave a wallet that was long idle; zero for the others.
    day_at_start: u32,
    /// Whether something was drawn from, or given to, the running day's free credits (R5).
    pub(crate) day_used: bool,
    pub(crate) period: u32,
    pub(crate) subscribed: Option<Subscribed>,
    /// The plan that takes the running one's place at the next boundary (R12).
    pub(crate) pending_change: Option<Terms>,
    /// Top-ups that wait for their payment, in the order in which they came (R14).
    pub(crate) waiting: Vec<Waiting>,
    pub(crate) frozen: bool,
    pub(crate) available: Amounts,
    pub(crate) debt: u64,
    pub(crate) counters: [Counters; 3],
    /// Returns whose records have no place in the journal yet.
    pending: Vec<(u64, Amounts)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    Open,
    Settled,
    Released,
    Expired,
    Tombstone,
    ReleasedByWorker,
}

impl Wallet {
    pub(crate) fn tier(&self) -> u8 {
        self.subscribed.map_or(0, |subscribed| subscribed.terms.tier)
    }

    /// When a cycle ends, by a new one or by a lapse.
    pub(crate) fn due(&self) -> Option<u64> {
        self.subscribed.map(|subscribed| subscribed.due()).filter(|due| *due != NEVER)
    }
}

#[derive(Clone, Debug)]
struct CaptureStep {
    request: wallet::record::CaptureRequest,
    drawn: Part,
    /// Drawn after expiry, and what was not there: both count against the hold (R28).
    redebited: u64,
    said: Said,
}

#[derive(Clone, Debug)]
struct RefundStep {
    number: u8,
    amount: Option<u64>,
    reason: RefundReason,
    said: Said,
}

#[derive(Clone, Debug)]
pub(crate) struct Hold {
    pub(crate) account: u128,
    pub(crate) state: State,
    pub(crate) ends_at: u64,
    charge: bool,
    request: Option<ReserveRequest>,
    /// What the card that it was priced with added (R18).
    priced: Option<CardTerms>,
    taken: Part,
    at: u64,
    ended_at: u64,
    captured: Amounts,
    /// Captured and not refunded, in the order of the captures.
    refundable: Vec<Part>,
    captures: Vec<CaptureStep>,
    refunds: Vec<RefundStep>,
    granted: Said,
    released: Option<Said>,
    last_position: u64,
}

impl Hold {
    fn rest(&self) -> Amounts {
        sub(&self.taken.split, &self.captured)
    }

    fn charged(&self) -> u64 {
        sum(&self.captured) + self.captures.iter().map(|step| sum(&step.drawn.split)).sum::<u64>()
    }

    fn sources(&self) -> [bool; 3] {
        let [free, subscription, top_up] = self.request.as_ref().map_or([true; 3], sources);
        [free && !self.priced.is_some_and(|priced| priced.paid_only), subscription, top_up]
    }

    fn over_commit(&self) -> Option<OverCommit> {
        self.priced.map(|priced| priced.over_commit).or(self.request.map(|request| request.over_commit))
    }
}

fn sources(request: &ReserveRequest) -> [bool; 3] {
    let allowed = |bucket| request.sources.contains(bucket);
    [allowed(Bucket::Free) && !request.pro_model, allowed(Bucket::Subscription), allowed(Bucket::TopUp)]
}

fn within(available: &Amounts, allowed: [bool; 3]) -> Amounts {
    let keep = |bucket: usize| if allowed[bucket] { available[bucket].min(MOST[bucket]) } else { 0 };
    [keep(0), keep(1), keep(2)]
}

/// The allowance from a date on (R5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Policy {
    pub(crate) from: u32,
    pub(crate) allowance: u64,
    pub(crate) all_accounts: bool,
}

pub(crate) struct Model {
    pub(crate) settings: Settings,
    pub(crate) policies: Vec<Policy>,
    pub(crate) wallets: BTreeMap<u128, Wallet>,
    pub(crate) holds: BTreeMap<u128, Hold>,
    commands: BTreeMap<(bool, u128), Known>,
    pub(crate) catalog: Catalog,
    pub(crate) card: Card,
    bound: u64,
    /// Ended holds that the disk has let go of: nothing knows them any more.
    dropped: BTreeSet<u128>,
    /// Nothing new is decided about ended holds with an own time before this.
    pub(crate) let_go: u64,
    undo: Vec<Undo>,
    /// Counts returns, to give each its place in their order.
    returns: u64,
    /// The accounts whose wallets may have returns that wait for their push.
    waited_for: BTreeSet<u128>,
    /// A wrong rule, planted to prove that the harness finds it.
    pub(crate) planted: bool,
    /// Another one: every missed cycle is granted.
    pub(crate) planted_grants: bool,
    /// One about what a word holds.
    pub(crate) wrong: Planted,
}

impl Model {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            policies: Vec::new(),
            wallets: BTreeMap::new(),
            holds: BTreeMap::new(),
            commands: BTreeMap::new(),
            catalog: Catalog::EMPTY,
            card: Card::EMPTY,
            bound: 0,
            dropped: BTreeSet::new(),
            let_go: 0,
            undo: Vec::new(),
            returns: 0,
            waited_for: BTreeSet::new(),
            planted: false,
            planted_grants: false,
            wrong: Planted::Nothing,
        }
    }
}

/// The mask of all sources and some narrower ones, for requests.
pub(crate) const SOURCES: [Sources; 4] = [Sources::ALL, Sources::ALL, Sources::FREE_ONLY, Sources::NO_TOP_UP];
