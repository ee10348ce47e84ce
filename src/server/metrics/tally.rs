//! What one connection counts by itself, without touching anything shared, until it hands the sums over.

use protocol::{Command, OperationKind, Outcome};

macro_rules! ops {
    ($($name:ident $text:literal,)*) => {
        /// An operation or command, as metrics name it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        #[expect(missing_docs, reason = "each variant is the name of an operation or command")]
        pub enum Op { $($name,)* }

        impl Op {
            /// Every operation and command.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The label.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

ops! {
    Reserve "reserve",
    Charge "charge",
    Commit "commit",
    Release "release",
    Refund "refund",
    Extend "extend",
    Balance "balance",
    Malformed "malformed",
    OpenAccount "open_account",
    ShowAccount "show_account",
    Freeze "freeze",
    SetSubscription "set_subscription",
    Grant "grant",
    TopUp "top_up",
    Clawback "clawback",
    ShowHold "show_hold",
    Subscribe "subscribe",
    Renew "renew",
    Cancel "cancel",
    Lapse "lapse",
    ChangePlan "change_plan",
    SetZone "set_zone",
    PendingTopUp "pending_top_up",
    ConfirmTopUp "confirm_top_up",
    TopUpBundle "top_up_bundle",
    Correct "correct",
    ReleaseWorker "release_worker",
    ListHolds "list_holds",
    ListAccounts "list_accounts",
    ListPlans "list_plans",
    ListRates "list_rates",
    Quote "quote",
    Estimate "estimate",
    Reload "reload",
    Clock "clock",
    ShowResets "show_resets",
}

const OPS: usize = Op::ALL.len();
const OUTCOMES: usize = Outcome::ALL.len();
/// The largest number of an outcome, so that the number finds its index without a search.
const NUMBERS: usize = 64;

/// The index of each outcome by its number.
const INDEX: [u8; NUMBERS] = {
    let mut index = [0; NUMBERS];
    let mut next = 0_u8;
    while (next as usize) < OUTCOMES {
        index[Outcome::ALL[next as usize].number() as usize] = next;
        next += 1;
    }
    index
};

impl Op {
    /// Its place in tables.
    #[must_use]
    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The operation of this kind.
    #[must_use]
    #[inline]
    pub const fn of(kind: OperationKind) -> Self {
        match kind {
            OperationKind::Reserve => Self::Reserve,
            OperationKind::Charge => Self::Charge,
            OperationKind::Commit => Self::Commit,
            OperationKind::Release => Self::Release,
            OperationKind::Refund => Self::Refund,
            OperationKind::Extend => Self::Extend,
            OperationKind::Balance => Self::Balance,
        }
    }

    /// The command.
    #[must_use]
    pub const fn of_command(command: &Command) -> Self {
        match command {
            Command::OpenAccount { .. } => Self::OpenAccount,
            Command::ShowAccount { .. } => Self::ShowAccount,
            Command::Freeze { .. } => Self::Freeze,
            Command::SetSubscription { .. } => Self::SetSubscription,
            Command::Grant { .. } => Self::Grant,
            Command::TopUp { .. } => Self::TopUp,
            Command::Clawback { .. } => Self::Clawback,
            Command::ShowHold { .. } => Self::ShowHold,
            Command::Subscribe { .. } => Self::Subscribe,
            Command::Renew { .. } => Self::Renew,
            Command::Cancel { .. } => Self::Cancel,
            Command::Lapse { .. } => Self::Lapse,
            Command::ChangePlan { .. } => Self::ChangePlan,
            Command::SetZone { .. } => Self::SetZone,
            Command::PendingTopUp { .. } => Self::PendingTopUp,
            Command::ConfirmTopUp { .. } => Self::ConfirmTopUp,
            Command::TopUpBundle { .. } => Self::TopUpBundle,
            Command::Correct { .. } => Self::Correct,
            Command::ReleaseWorker { .. } => Self::ReleaseWorker,
            Command::ListHolds { .. } => Self::ListHolds,
            Command::ListAccounts { .. } => Self::ListAccounts,
            Command::ListPlans => Self::ListPlans,
            Command::ListRates => Self::ListRates,
            Command::Quote { .. } => Self::Quote,
            Command::Estimate { .. } => Self::Estimate,
            Command::Reload => Self::Reload,
            Command::Clock { .. } => Self::Clock,
            Command::ShowResets => Self::ShowResets,
        }
    }
}

/// Answers by operation and outcome.
#[derive(Clone, Debug)]
pub struct Tally {
    counts: [[u32; OUTCOMES]; OPS],
    /// A bit for each outcome that was counted, by operation: handing over looks at nothing else.
    seen: [u64; OPS],
}

impl Default for Tally {
    fn default() -> Self {
        Self { counts: [[0; OUTCOMES]; OPS], seen: [0; OPS] }
    }
}

impl Tally {
    /// Counts one answer.
    #[inline]
    pub fn count(&mut self, op: Op, outcome: Outcome) {
        let outcome = usize::from(INDEX[usize::from(outcome.number()) % NUMBERS]);
        self.counts[op.index()][outcome] += 1;
        self.seen[op.index()] |= 1 << outcome;
    }

    /// Hands the sums over, by operation and index of the outcome, and forgets them.
    pub fn drain(&mut self, mut take: impl FnMut(Op, usize, u64)) {
        for op in Op::ALL {
            let mut seen = std::mem::take(&mut self.seen[op.index()]);
            while seen != 0 {
                let outcome = usize::try_from(seen.trailing_zeros()).unwrap_or(0);
                seen &= seen - 1;
                let count = std::mem::take(&mut self.counts[op.index()][outcome]);
                take(*op, outcome, u64::from(count));
            }
        }
    }
}

const _: () = assert!(OUTCOMES <= 64, "an outcome has a bit of its own");
