//! Commands, each once by its id (R13, R14, R16, R33).

use wallet::bucket::Bucket;
use wallet::outcome::{Field, Outcome};
use wallet::request::{Command, CommandRequest};

use super::subscription::{Changed, Subscribed};
use super::top_ups::Payment;
use super::{AMOUNT_MAX, Clock, Counters, Effect, Expected, MOST, Model, NOTHING, Said, View, Wallet, Zone};

/// A command, or all that there is of a payment, by its id.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) first: Command,
    pub(super) said: Said,
    pub(super) change: Option<Changed>,
    /// Where its last record stands.
    pub(super) position: u64,
    /// What a purchase brings.
    pub(super) amount: u64,
    pub(super) payment: Payment,
    pub(super) confirmed: Said,
}

impl Known {
    pub(super) fn account(&self) -> u128 {
        account_of(&self.first)
    }
}

/// Whether a command goes by the payment that it is about.
const fn pays(command: &Command) -> bool {
    matches!(
        command,
        Command::TopUp { .. }
            | Command::PendingTopUp { .. }
            | Command::ConfirmTopUp { .. }
            | Command::TopUpBundle { .. }
    )
}

impl Model {
    pub(crate) fn command(&mut self, request: &CommandRequest, now: Clock) -> Expected {
        if let Some(field) = bad_field(request) {
            return Expected::bad(field);
        }
        let account = account_of(&request.command);
        let opens = matches!(request.command, Command::OpenAccount { .. });
        if !self.wallets.contains_key(&account) && !opens {
            let unknown = Expected::of(Outcome::UnknownAccount);
            return self.purchase(&request.command).err().unwrap_or(unknown);
        }
        let key = (pays(&request.command), request.id.0);
        let known = self.commands.get(&key).cloned();
        let mut expected = match (&request.command, &known) {
            (Command::ConfirmTopUp { .. }, known) => self.confirm(account, request.id.0, known.as_ref(), now),
            (command, Some(known)) => again(known, command),
            (_, None) => self.execute(request, now),
        };
        if expected.effect != Effect::Nothing {
            let known = match known {
                Some(known) => Known { payment: Payment::Confirmed, confirmed: expected.said(), ..known },
                None => self.new_known(request, &expected),
            };
            self.note_command(key, known);
        }
        expected.view = self.view_of(request, now);
        expected
    }

    /// What the answer to a command tells of its wallet.
    pub(crate) fn view_of(&self, request: &CommandRequest, now: Clock) -> Option<View> {
        let account = account_of(&request.command);
        self.wallets.contains_key(&account).then(|| self.view(account, now, &NOTHING))
    }

    fn new_known(&self, request: &CommandRequest, expected: &Expected) -> Known {
        let waits = self.wallets[&account_of(&request.command)].waiting.last();
        let payment = match (expected.effect, waits) {
            (Effect::PendingTopUp, Some(waits)) => Payment::Waits { ends_at: waits.ends_at },
            _ => Payment::Bought,
        };
        let amount = self.purchase(&request.command).unwrap_or(0);
        let (said, confirmed) = (expected.said(), Said::default());
        let first = request.command.clone();
        Known { first, said, change: expected.change, position: 0, amount, payment, confirmed }
    }

    /// Remembers a command, or what has become of a payment; the record of it has no place yet.
    pub(super) fn note_command(&mut self, key: (bool, u128), known: Known) {
        let before = self.commands.insert(key, known);
        self.undo.last_mut().unwrap().command = Some((key, before));
    }

    fn execute(&mut self, request: &CommandRequest, now: Clock) -> Expected {
        let account = account_of(&request.command);
        if let Command::OpenAccount { zone, .. } = &request.command {
            return self.open(account, zone, now);
        }
        use Command as C;
        match &request.command {
            C::Subscribe { .. }
            | C::Renew { .. }
            | C::Cancel { .. }
            | C::Lapse { .. }
            | C::ChangePlan { .. }
            | C::SetZone { .. } => return self.change_subscription(account, &request.command, now),
            command if pays(command) => return self.buy(account, request.id.0, command, now),
            _ => {}
        }
        let wallet = self.rolled(account, now);
        let half = MOST.map(|most| most / 2);
        let refused = match &request.command {
            Command::SetSubscription { ends_at, .. } if ends_at.0 != 0 && ends_at.0 <= now.daemon => {
                Some(Expected::bad(Field::EndsAt))
            }
            Command::SetSubscription { amount, .. } if amount.millis() > half[1] => Some(Expected::too_much(half[1])),
            Command::Grant { bucket: Bucket::Subscription, .. }
            | Command::Correct { bucket: Bucket::Subscription, .. }
                if wallet.subscribed.is_none() =>
            {
                Some(Expected::of(Outcome::NotSubscribed))
            }
            Command::Grant { bucket, amount, .. } => {
                let large = Self::is_large(*bucket as usize, amount.millis());
                let room = self.room(account, &wallet, *bucket as usize, large);
                (amount.millis() > room).then(|| Expected::too_much(room))
            }
            _ => None,
        };
        if let Some(refused) = refused {
            return refused;
        }
        self.remember(Some(account), None);
        self.roll(account, now);
        let wallet = self.wallets.get_mut(&account).unwrap();
        let done = Expected { tells: true, ..Expected::of(Outcome::Done) };
        let only = |bucket: usize, amount: u64| {
            let mut split = NOTHING;
            split[bucket] = amount;
            split
        };
        match &request.command {
            Command::Freeze { frozen, .. } => {
                wallet.frozen = *frozen;
                Expected { effect: Effect::Freeze, ..done }
            }
            Command::SetSubscription { amount, tier, ends_at, .. } => {
                wallet.counters[1].expired += wallet.available[1];
                wallet.counters[1].granted += amount.millis();
                wallet.available[1] = amount.millis();
                wallet.period += 1;
                wallet.subscribed = Some(Subscribed::by_hand(tier.0, amount.millis(), now.daemon, ends_at.0));
                wallet.pending_change = None;
                Expected { effect: Effect::SetSubscription, ..done }
            }
            Command::Grant { bucket, amount, .. } => {
                let split = only(*bucket as usize, amount.millis());
                if *bucket == Bucket::Free {
                    Self::use_day(wallet);
                }
                wallet.counters[*bucket as usize].granted += amount.millis();
                Self::give(wallet, &split);
                Expected { effect: Effect::Grant, split, ..done }
            }
            Command::Correct { bucket, amount, .. } => {
                let taken = wallet.available[*bucket as usize].min(MOST[*bucket as usize]).min(amount.millis());
                let split = only(*bucket as usize, taken);
                Self::take(wallet, &split);
                wallet.counters[*bucket as usize].clawed_back += taken;
                Expected { effect: Effect::Correct, split, amount: taken, ..done }
            }
            Command::Clawback { amount, .. } => {
                let taken = wallet.available[2].min(amount.millis());
                wallet.available[2] -= taken;
                wallet.debt += amount.millis() - taken;
                wallet.counters[2].clawed_back += amount.millis();
                Expected { effect: Effect::Clawback, split: only(2, taken), amount: wallet.debt, ..done }
            }
            _ => unreachable!("handled before"),
        }
    }

    fn open(&mut self, account: u128, zone: &str, now: Clock) -> Expected {
        let Some(zone) = Zone::of(zone) else { return Expected::bad(Field::Zone) };
        if self.wallets.contains_key(&account) {
            return Expected::of(Outcome::AccountExists);
        }
        self.remember(Some(account), None);
        let day = zone.day(now.daemon);
        let wallet = Wallet {
            zone,
            day,
            day_at_start: 0,
            day_used: false,
            period: 0,
            subscribed: None,
            pending_change: None,
            waiting: Vec::new(),
            frozen: false,
            available: [self.allowance(day, 0), 0, 0],
            debt: 0,
            counters: [Counters::default(); 3],
            pending: Vec::new(),
        };
        self.wallets.insert(account, wallet);
        Expected { effect: Effect::Open, tells: true, ..Expected::of(Outcome::Done) }
    }
}

/// A command id, or a payment, that is known: the first answer again, or the field that differs (R13).
fn again(known: &Known, command: &Command) -> Expected {
    match differing_field(known, command) {
        None => {
            let said = Said { position: known.position, ..known.said };
            Expected { change: known.change, ..Expected::replay(&said) }
        }
        Some(field) => {
            let outcome = if pays(command) { Outcome::PaymentReused } else { Outcome::CommandIdReused };
            Expected { detail: field as u32, rests_on: known.position, ..Expected::of(outcome) }
        }
    }
}

fn differing_field(known: &Known, again: &Command) -> Option<Field> {
    use Command as C;
    let first = &known.first;
    let zones = |a: &String, b: &String| (Zone::of(a) == Zone::of(b), Field::Zone);
    let mut checks = vec![(account_of(first) == account_of(again), Field::Account)];
    checks.extend(match (first, again) {
        (C::OpenAccount { zone: a, .. }, C::OpenAccount { zone: b, .. })
        | (C::SetZone { zone: a, .. }, C::SetZone { zone: b, .. }) => vec![zones(a, b)],
        (C::Freeze { frozen: a, .. }, C::Freeze { frozen: b, .. }) => vec![(a == b, Field::Frozen)],
        (
            C::SetSubscription { amount: a, tier: b, ends_at: c, .. },
            C::SetSubscription { amount: d, tier: e, ends_at: f, .. },
        ) => vec![(a == d, Field::Amount), (b == e, Field::Tier), (c == f, Field::EndsAt)],
        (C::Grant { bucket: a, amount: b, .. }, C::Grant { bucket: c, amount: d, .. })
        | (C::Correct { bucket: a, amount: b, .. }, C::Correct { bucket: c, amount: d, .. }) => {
            vec![(a == c, Field::Bucket), (b == d, Field::Amount)]
        }
        (C::Clawback { amount: a, .. }, C::Clawback { amount: b, .. }) => vec![(a == b, Field::Amount)],
        (
            C::Subscribe { plan: a, auto_renew: b, paid_through: c, .. },
            C::Subscribe { plan: d, auto_renew: e, paid_through: f, .. },
        ) => vec![(a == d, Field::Plan), (c == f, Field::PaidThrough), (b == e, Field::AutoRenew)],
        (C::Renew { paid_through: a, .. }, C::Renew { paid_through: b, .. }) => vec![(a == b, Field::PaidThrough)],
        (C::Cancel { at_period_end: a, .. }, C::Cancel { at_period_end: b, .. }) => vec![(a == b, Field::AtPeriodEnd)],
        (C::Lapse { .. }, C::Lapse { .. }) => vec![],
        (C::ChangePlan { plan: a, mode: b, .. }, C::ChangePlan { plan: c, mode: d, .. }) => {
            vec![(a == c, Field::Plan), (b == d, Field::Mode)]
        }
        (first, again) if pays(again) => {
            let (was, is) = (bought(first), bought(again));
            vec![
                (is.0.is_none_or(|amount| amount == known.amount), Field::Amount),
                (was.1 == is.1, Field::Bundle),
                (was.2 == is.2, Field::Pending),
            ]
        }
        _ => return Some(Field::Command),
    });
    checks.into_iter().find(|(same, _)| !same).map(|(_, field)| field)
}

/// What a purchase names: an amount, a bundle, and whether its payment is still to come.
fn bought(command: &Command) -> (Option<u64>, &str, bool) {
    match command {
        Command::TopUp { amount, .. } => (Some(amount.millis()), "", false),
        Command::PendingTopUp { amount, .. } => (Some(amount.millis()), "", true),
        Command::TopUpBundle { bundle, pending, .. } => (None, bundle, *pending),
        _ => unreachable!("a purchase"),
    }
}

pub(super) fn account_of(command: &Command) -> u128 {
    use Command as C;
    match command {
        C::OpenAccount { account, .. }
        | C::Freeze { account, .. }
        | C::SetSubscription { account, .. }
        | C::Grant { account, .. }
        | C::TopUp { account, .. }
        | C::Clawback { account, .. }
        | C::Subscribe { account, .. }
        | C::Renew { account, .. }
        | C::Cancel { account, .. }
        | C::Lapse { account }
        | C::ChangePlan { account, .. }
        | C::SetZone { account, .. }
        | C::PendingTopUp { account, .. }
        | C::ConfirmTopUp { account }
        | C::TopUpBundle { account, .. }
        | C::Correct { account, .. } => account.0,
    }
}

fn bad_field(request: &CommandRequest) -> Option<Field> {
    use Command as C;
    let (amount, least) = match &request.command {
        C::SetSubscription { amount, .. } => (amount.millis(), 0),
        C::Grant { amount, .. }
        | C::TopUp { amount, .. }
        | C::PendingTopUp { amount, .. }
        | C::Correct { amount, .. }
        | C::Clawback { amount, .. } => (amount.millis(), 1),
        _ => (0, 0),
    };
    let tier = match &request.command {
        C::SetSubscription { tier, .. } => tier.0,
        _ => 1,
    };
    let plan = match &request.command {
        C::Subscribe { plan, .. } | C::ChangePlan { plan, .. } => plan.0,
        _ => 1,
    };
    let checks = [
        (request.id.0 != 0, if pays(&request.command) { Field::Payment } else { Field::Command }),
        (account_of(&request.command) != 0, Field::Account),
        (least <= amount && amount <= AMOUNT_MAX, Field::Amount),
        ((1..=15).contains(&tier), Field::Tier),
        (plan != 0, Field::Plan),
    ];
    checks.into_iter().find(|(fits, _)| !fits).map(|(_, field)| field)
}
