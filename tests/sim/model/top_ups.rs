//! Credits that are bought: at once, in bundles, or once their payment has arrived (R14 to R16).

use wallet::outcome::{Field, Outcome};
use wallet::request::Command;

use super::commands::Known;
use super::{Clock, DAY_MS, Effect, Expected, LIMIT_PENDING_TOP_UPS, Model, Wallet};

const WAITING_MAX: usize = 16;

/// A top-up that waits for its payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Waiting {
    pub(crate) payment: u128,
    pub(crate) amount: u64,
    pub(crate) at: u64,
    pub(crate) ends_at: u64,
}

/// What has become of a payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Payment {
    Bought,
    Waits { ends_at: u64 },
    Confirmed,
    Dropped,
}

impl Model {
    /// Whether a top-up of any amount is taken: there is a subscription, and its plan does not forbid it (R14).
    pub(super) fn sells_top_ups(&self, wallet: &Wallet) -> bool {
        wallet.subscribed.is_some_and(|running| self.catalog.plan(running.terms.plan).is_none_or(|plan| plan.top_up))
    }

    /// What a purchase brings, by the catalogue of now.
    pub(super) fn purchase(&self, command: &Command) -> Result<u64, Expected> {
        match command {
            Command::TopUp { amount, .. } | Command::PendingTopUp { amount, .. } => Ok(amount.millis()),
            Command::TopUpBundle { bundle, .. } => {
                self.catalog.bundle(bundle).ok_or_else(|| Expected::bad(Field::Bundle))
            }
            _ => Ok(0),
        }
    }

    /// Buys at once, or notes what is to be paid.
    pub(super) fn buy(&mut self, account: u128, payment: u128, command: &Command, now: Clock) -> Expected {
        let amount = match self.purchase(command) {
            Ok(amount) => amount,
            Err(refused) => return refused,
        };
        let waits = matches!(command, Command::PendingTopUp { .. } | Command::TopUpBundle { pending: true, .. });
        let wallet = self.rolled(account, now);
        let waiting = wallet.waiting.iter().filter(|waiting| waiting.ends_at > now.daemon).count();
        if !self.sells_top_ups(&wallet) && amount > wallet.debt {
            return Expected::of(Outcome::SubscriptionRequired);
        }
        if waits && waiting >= WAITING_MAX {
            return Expected { detail: LIMIT_PENDING_TOP_UPS, ..Expected::of(Outcome::Limit) };
        }
        if let Err(refused) = self.fits(account, &wallet, amount) {
            return refused;
        }
        self.remember(Some(account), None);
        self.roll(account, now);
        let wallet = self.wallets.get_mut(&account).unwrap();
        if !waits {
            return Self::bought(wallet, amount, Effect::TopUp);
        }
        let ends_at = now.daemon + 30 * DAY_MS;
        wallet.waiting.retain(|waiting| waiting.ends_at > now.daemon);
        wallet.waiting.push(Waiting { payment, amount, at: now.daemon, ends_at });
        Expected { amount, effect: Effect::PendingTopUp, tells: true, ..Expected::of(Outcome::Done) }
    }

    fn bought(wallet: &mut Wallet, amount: u64, effect: Effect) -> Expected {
        let split = [0, 0, amount];
        wallet.counters[2].granted += amount;
        Self::give(wallet, &split);
        Expected { effect, split, tells: true, ..Expected::of(Outcome::Done) }
    }

    /// The payment has arrived: of a purchase that waits for it, whatever has become of the subscription.
    pub(super) fn confirm(&mut self, account: u128, payment: u128, known: Option<&Known>, now: Clock) -> Expected {
        let Some(known) = known else { return Expected::of(Outcome::UnknownPayment) };
        let rests_on = known.position;
        if known.account() != account {
            return Expected { detail: Field::Account as u32, rests_on, ..Expected::of(Outcome::PaymentReused) };
        }
        match known.payment {
            Payment::Confirmed => return Expected::replay(&known.confirmed),
            Payment::Waits { ends_at } if now.daemon < ends_at => {}
            _ => return Expected { rests_on, ..Expected::of(Outcome::NotPending) },
        }
        let amount = known.amount;
        if let Err(refused) = self.fits(account, &self.rolled(account, now), amount) {
            return refused;
        }
        self.remember(Some(account), None);
        self.roll(account, now);
        let wallet = self.wallets.get_mut(&account).unwrap();
        wallet.waiting.retain(|waiting| waiting.payment != payment);
        Self::bought(wallet, amount, Effect::ConfirmTopUp)
    }

    /// The end of a purchase that the journal shows.
    pub(crate) fn drop_top_up(
        &mut self,
        account: u128,
        payment: u128,
        now: Clock,
        position: u64,
    ) -> Result<u64, String> {
        let key = (true, payment);
        let known = self.commands.get(&key).ok_or("R14: an end of no payment")?.clone();
        match known.payment {
            Payment::Waits { ends_at } if ends_at <= now.daemon && known.account() == account => {}
            _ => return Err(format!("R14: an end of {known:?} at {now:?}")),
        }
        self.remember(Some(account), None);
        let wallet = self.wallets.get_mut(&account).unwrap();
        wallet.waiting.retain(|waiting| waiting.payment != payment);
        self.note_command(key, Known { payment: Payment::Dropped, ..known.clone() });
        self.place(position);
        Ok(known.amount)
    }

    /// What repays debt does not stay, so it needs no room (R16).
    fn fits(&self, account: u128, wallet: &Wallet, amount: u64) -> Result<(), Expected> {
        let fits = self.room(account, wallet, 2, Self::is_large(2, amount)) + wallet.debt;
        if amount <= fits { Ok(()) } else { Err(Expected::too_much(fits)) }
    }
}
