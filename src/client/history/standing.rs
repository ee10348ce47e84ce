//! How a wallet stands before or after a history.

use protocol::{AccountId, AccountView, PerBucket};

/// A wallet as the daemon shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The account.
    pub account: AccountId,
    /// What a reserve could take.
    pub available: PerBucket,
    /// In open holds.
    pub held: PerBucket,
    /// Spent, ever.
    pub spent: PerBucket,
    /// Debt in millicredits.
    pub debt: u64,
    /// The day of the free credits.
    pub day: u32,
    /// The period of the subscription credits.
    pub period: u32,
    /// Open holds.
    pub open_holds: u64,
    /// The position that all but what is available is of.
    pub as_of_position: u64,
}

impl Standing {
    /// The standing that a view shows.
    #[must_use]
    pub const fn of(view: &AccountView) -> Self {
        let AccountView { free, subscription, top_up, .. } = view;
        Self {
            account: view.account,
            available: per_bucket(free.available, subscription.available, top_up.available),
            held: per_bucket(free.held, subscription.held, top_up.held),
            spent: per_bucket(free.spent, subscription.spent, top_up.spent),
            debt: view.debt,
            day: view.day,
            period: view.period,
            open_holds: view.open_holds,
            as_of_position: view.as_of_position,
        }
    }
}

const fn per_bucket(free: u64, subscription: u64, top_up: u64) -> PerBucket {
    PerBucket { free, subscription, top_up }
}
