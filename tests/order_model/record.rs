//! What a request asks for and what the journal keeps of it: effects, with full day and period numbers.

/// Number of an interned [`Record`].
pub(super) type RecordId = u16;
/// No record: an empty place of a list, a task without a draft.
pub(super) const NONE: RecordId = RecordId::MAX;

/// Holds 0 and 1 are open when a scenario begins, 2 and 3 are what its reserves ask for.
pub(super) const HOLDS: usize = 4;
/// Payments have their entries behind the holds.
pub(super) const PAYMENTS: usize = 2;
/// Command ids have theirs behind the payments, where a scenario looks at retries of commands.
pub(super) const COMMANDS: usize = 2;
/// Day and period of a return that names none (a rule left out): it goes into whatever runs.
pub(super) const ANY: u8 = u8::MAX;

/// One request. Everything but the first four works on one wallet under its lock and is alone in its frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Op {
    Reserve {
        hold: u8,
        wallet: u8,
        amount: u8,
    },
    /// Final: what is not captured goes back; 0 is a release. On an expired hold it is a late commit.
    Commit {
        hold: u8,
        amount: u8,
    },
    Expire {
        hold: u8,
    },
    Extend {
        hold: u8,
    },
    /// One of several captures. What the last one asks for above the hold is drawn from the wallet, all of it or nothing.
    Capture {
        hold: u8,
        number: u8,
        amount: u8,
        last: bool,
    },
    /// Of an id that nobody knows it leaves a tombstone.
    Release {
        hold: u8,
    },
    /// Of captured credits. Parts of ended periods go to the running ones, or are forfeited.
    Refund {
        hold: u8,
        number: u8,
        amount: u8,
        restore: bool,
    },
    TopUp {
        payment: u8,
        wallet: u8,
        amount: u8,
    },
    Clawback {
        wallet: u8,
        amount: u8,
    },
    Subscribe {
        wallet: u8,
    },
    /// Prorated, at once: adds credits, keeps the period.
    Upgrade {
        wallet: u8,
    },
    /// Pending until the next cycle roll.
    ChangeLater {
        wallet: u8,
    },
    NewCycle {
        wallet: u8,
    },
    Cancel {
        wallet: u8,
    },
    MoveZone {
        wallet: u8,
    },
    Freeze {
        wallet: u8,
        frozen: bool,
    },
    /// The ticker's packed roll of both wallets, in this order.
    PackedRoll {
        order: [u8; 2],
    },
    /// A new daily allowance; with `everybody` it goes to subscribed accounts too, and else it is larger.
    Policy {
        everybody: bool,
    },
}

/// What one take drew, by bucket and period.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Slices {
    pub(super) free: u8,
    pub(super) day: u8,
    pub(super) subscription: u8,
    pub(super) cycle: u8,
    pub(super) top_up: u8,
    /// Ghost: how many periods had really been opened; no decision reads it.
    pub(super) opened: u8,
}

impl Slices {
    pub(super) fn sum(&self) -> u8 {
        self.free + self.subscription + self.top_up
    }
}

/// What an end of a hold gives back, by bucket.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Back {
    pub(super) free: u8,
    pub(super) subscription: u8,
    pub(super) top_up: u8,
}

impl Back {
    pub(super) fn is_within(&self, other: &Self) -> bool {
        self.free <= other.free && self.subscription <= other.subscription && self.top_up <= other.top_up
    }

    /// Of these slices themselves.
    pub(super) const fn of(slices: &Slices) -> Self {
        Self { free: slices.free, subscription: slices.subscription, top_up: slices.top_up }
    }

    /// Bucket by bucket.
    pub(super) fn less(&self, other: &Self) -> Self {
        Self {
            free: self.free - other.free,
            subscription: self.subscription - other.subscription,
            top_up: self.top_up - other.top_up,
        }
    }

    pub(super) fn plus(&self, other: &Self) -> Self {
        Self {
            free: self.free + other.free,
            subscription: self.subscription + other.subscription,
            top_up: self.top_up + other.top_up,
        }
    }

    /// What `captured` leaves of the slices; a capture uses them in draw order.
    pub(super) fn after(slices: &Slices, captured: u8) -> Self {
        let from_free = captured.min(slices.free);
        let from_subscription = (captured - from_free).min(slices.subscription);
        let from_top_up = (captured - from_free - from_subscription).min(slices.top_up);
        Self {
            free: slices.free - from_free,
            subscription: slices.subscription - from_subscription,
            top_up: slices.top_up - from_top_up,
        }
    }

    pub(super) fn sum(&self) -> u8 {
        self.free + self.subscription + self.top_up
    }
}

/// A wallet's part of a cycle roll; also what subscribe, cancel and new cycle set: each opens or ends a period.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Period {
    /// The day the wallet had been rolled to before.
    pub(super) day: u8,
    pub(super) cycle: u8,
    pub(super) allocation: u8,
    pub(super) tier: u8,
    /// The cycle boundaries that lie behind: stands for the new end.
    pub(super) boundaries: u8,
}

/// One record of the journal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Record {
    Take {
        hold: u8,
        wallet: u8,
        slices: Slices,
        redebit: bool,
    },
    End {
        hold: u8,
        wallet: u8,
        back: Back,
        repaid: u8,
        expiry: bool,
    },
    Extend {
        hold: u8,
    },
    /// `amount` of the hold's own slices, `drawn` from the wallet; the last one gives the rest back.
    Capture {
        hold: u8,
        wallet: u8,
        number: u8,
        amount: u8,
        drawn: Slices,
        back: Back,
        repaid: u8,
        last: bool,
    },
    /// Its id is spent: no reserve may follow.
    Tombstone {
        hold: u8,
    },
    /// What is undone and where it goes, for the hold's own slices and for what was drawn beside them.
    Refund {
        hold: u8,
        wallet: u8,
        number: u8,
        undone: [Back; 2],
        returned: [Slices; 2],
        repaid: u8,
    },
    TopUp {
        payment: u8,
        wallet: u8,
        amount: u8,
        repaid: u8,
    },
    Clawback {
        wallet: u8,
        taken: u8,
        owed: u8,
    },
    Roll {
        wallets: [Option<Period>; 2],
    },
    Open {
        wallet: u8,
        period: Period,
    },
    Upgrade {
        wallet: u8,
        day: u8,
        cycle: u8,
        added: u8,
        allocation: u8,
    },
    ChangeLater {
        wallet: u8,
        day: u8,
        allocation: u8,
    },
    Zone {
        wallet: u8,
        day: u8,
        zone: u8,
    },
    /// Carries no day: it changes nothing that a roll gives.
    Freeze {
        wallet: u8,
        frozen: bool,
    },
    Policy {
        from_day: u8,
        everybody: bool,
    },
    /// The record of a command that has an id.
    Once {
        command: u8,
        of: RecordId,
    },
}

impl Record {
    /// The directory entry whose last record this is.
    pub(super) fn entry(&self) -> Option<usize> {
        match *self {
            Self::Take { hold, .. } | Self::End { hold, .. } | Self::Extend { hold } => Some(hold.into()),
            Self::Capture { hold, .. } | Self::Tombstone { hold } | Self::Refund { hold, .. } => Some(hold.into()),
            Self::TopUp { payment, .. } => Some(HOLDS + usize::from(payment)),
            _ => None,
        }
    }
}
