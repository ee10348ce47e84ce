//! Plan and zone commands (R6, R10 to R13): what the pure functions of [`crate::subscription`] decide, under the wallet's
//! lock from reading the cold side until the record is pushed and applied.

use crate::bucket::{Bucket, Slices, Split};
use crate::calendar::{self, Cohort};
use crate::command::{Executed, Locked, half};
use crate::credits::Credits;
use crate::engine::{Archive, Engine, Journal};
use crate::ids::{Now, PlanId, Tier, Timestamp};
use crate::outcome::{Field, Outcome};
use crate::plan::PlanTerms;
use crate::record::{Asked, Issuer, Record, SubscriptionChange, SubscriptionKind};
use crate::request::{Answer, Command};
use crate::subscription::{self, Change, Refusal, Subscription};
use crate::word::{Bits, Numbers};

impl<J: Journal, A: Archive> Engine<J, A> {
    /// The zone that a command moves its account to, looked up before the wallet's lock is taken.
    pub(crate) fn zone_of_command(&self, command: &Command) -> Result<Option<Cohort>, Answer> {
        let Command::SetZone { zone, .. } = command else { return Ok(None) };
        self.cohorts.of(zone).map(Some).map_err(|_| Answer::bad_request(Field::Zone))
    }

    /// Decides a plan or zone command, pushes its record, applies it.
    pub(crate) fn change_subscription(
        &self,
        on: Locked<'_>,
        (command, moves_to): (&Command, Option<Cohort>),
        issuer: Issuer,
        now: Now,
    ) -> Executed {
        let before = on.slot.subscription(on.cold);
        let Some((kind, asked)) = asked(command) else { unreachable!("the caller has told the commands apart") };
        let change = self.decide_change(&on, before.as_ref(), (command, moves_to), now)?;
        let word = on.slot.word.load();
        on.assert_in_step(self.debt_of(on.index));
        assert!(change.pending.is_none() || change.after.is_some(), "R12: a change that waits for no boundary");
        let most = half(Bucket::Subscription);
        let room = if change.opens_period { most } else { on.room(Bucket::Subscription) };
        if change.amount > room {
            return Err(Answer::of(Outcome::BalanceLimit).with_amount(room));
        }
        if change.pending.is_some_and(|pending| pending.allocation > most) {
            return Err(Answer::of(Outcome::BalanceLimit).with_amount(most));
        }
        let numbers = self.numbers(on.slot, now);
        let running = numbers.period_of(&word);
        let ends = before.is_some() && change.after.is_none();
        assert!(change.opens_period || !ends, "R11: the end of a subscription ends its period");
        assert!(change.after.is_some() || change.amount.is_zero(), "R11: a lapse leaves nothing");
        if let Some(after) = &change.after {
            after.assert_whole();
        }
        let record = SubscriptionChange {
            account: on.slot.account(),
            kind,
            asked,
            day: numbers.day_of(&word),
            before,
            after: change.after,
            pending: change.pending,
            period: if change.opens_period { running.next() } else { running },
            amount: change.amount,
            zone: moves_to.map_or_else(String::new, |cohort| self.cohorts.name(cohort)),
            issuer,
        };
        let row = self.pushed(Record::Subscription(Box::new(record.clone())));
        self.apply_change(on, &record, moves_to);
        let mut answer = Answer::of(Outcome::Done);
        answer.split = Split::only(Bucket::Subscription, record.amount);
        Ok((row, answer))
    }

    fn decide_change(
        &self,
        on: &Locked<'_>,
        before: Option<&Subscription>,
        (command, moves_to): (&Command, Option<Cohort>),
        now: Now,
    ) -> Result<Change, Answer> {
        let pending = self.pending_change(on.slot, on.cold);
        assert!(pending.is_none() || before.is_some(), "R12: a change that waits without a subscription");
        assert!(before.is_none_or(|of| now.daemon < of.due_at()), "R35: a command on a wallet that is due");
        let (zone, at) = (self.cohorts.zone(on.slot.cohort()), now.daemon);
        let decided = match command {
            Command::Subscribe { plan, auto_renew, paid_through, .. } => {
                if *paid_through != Timestamp::NONE && *paid_through <= at {
                    return Err(Answer::bad_request(Field::PaidThrough));
                }
                if before.is_some() {
                    return Err(Answer::of(Outcome::AlreadySubscribed));
                }
                let terms = self.terms(*plan)?;
                subscription::subscribe(before, &terms, *auto_renew, *paid_through, &zone, at)
            }
            Command::Renew { paid_through, .. } => {
                if *paid_through <= at {
                    return Err(Answer::bad_request(Field::PaidThrough));
                }
                subscription::renew(before, pending.as_ref(), *paid_through, at)
            }
            Command::Cancel { at_period_end, .. } => subscription::cancel(before, *at_period_end, at),
            Command::Lapse { .. } => subscription::lapse(before),
            Command::ChangePlan { plan, mode, .. } => {
                if before.is_none() {
                    return Err(Answer::of(Outcome::NotSubscribed));
                }
                let terms = self.terms(*plan)?;
                subscription::change_plan(before, &terms, *mode, &zone, at)
            }
            _ => {
                let to = moves_to.map_or_else(|| zone.clone(), |cohort| self.cohorts.zone(cohort));
                Ok(subscription::set_zone(before, pending.as_ref(), &zone, &to, at))
            }
        };
        decided.map_err(|refusal| match refusal {
            Refusal::AlreadySubscribed => Answer::of(Outcome::AlreadySubscribed),
            Refusal::NotSubscribed => Answer::of(Outcome::NotSubscribed),
            Refusal::BadPaidThrough => Answer::bad_request(Field::PaidThrough),
        })
    }

    /// The most that a change of plan adds to the running period; before the wallet's lock is taken.
    pub(crate) fn gift_of_plan(&self, command: &Command) -> Option<(Bucket, Credits)> {
        let Command::ChangePlan { plan, .. } = command else { return None };
        let terms = self.terms(*plan).ok()?;
        assert!(terms.allocation <= half(Bucket::Subscription), "R9: credits that no gift may bring");
        assert!(terms.plan == *plan, "R12: what another plan adds");
        Some((Bucket::Subscription, terms.allocation))
    }

    fn terms(&self, plan: PlanId) -> Result<PlanTerms, Answer> {
        let plans = self.plans();
        let terms = plans.by_id(plan).map(crate::plan::Plan::terms).ok_or_else(|| Answer::of(Outcome::UnknownPlan))?;
        assert!(terms.plan == plan, "R9: the terms of another plan");
        assert!(terms.tier > Tier::NONE, "R9: a plan has a tier");
        Ok(terms)
    }

    /// The word first, then the zone and the next instant.
    fn apply_change(&self, on: Locked<'_>, change: &SubscriptionChange, moves_to: Option<Cohort>) {
        let slot = on.slot;
        let short = Numbers::short_period(change.period);
        assert!(change.account == slot.account(), "a change of another wallet");
        assert!(change.period >= slot.period(), "I7: periods never go back");
        let added = Split::only(Bucket::Subscription, change.amount);
        let (left, split) = slot.word.transition(|word| {
            let mut next = *word;
            let ends = word.period != short;
            let mut over = Split::ZERO;
            if !ends {
                next = word.plus(&added, &Bits::WIDE);
                over = word.over(&added, &Bits::WIDE);
            } else {
                next.available.subscription = change.amount;
            }
            next.period = short;
            next.tier = change.after.map_or(Tier::NONE, |after| after.tier);
            (Some(next), (if ends { word.available.subscription } else { Credits::ZERO }, over))
        });
        assert!(split.at_most(&added) == split, "I1: no more is over than was added");
        self.beside.add(slot.account(), &Slices { split, day: change.day, period: change.period });
        self.resets.add_ended_period(left);
        slot.set_period(change.period);
        self.set_pending(slot, on.cold, change.pending);
        if let Some(cohort) = moves_to {
            self.cohorts.count_wallet(cohort, Some(slot.cohort()));
            slot.set_cohort(cohort);
        }
        slot.set_subscription(on.cold, change.after.as_ref());
        assert!(slot.subscription(on.cold) == change.after, "R13: a command leaves what its record says");
        self.wallets.note_cycle_end(on.index);
        on.assert_in_step(self.debt_of(on.index));
    }
}

/// What a plan or zone command is, and what of it a retry is compared with; none for other commands.
fn asked(command: &Command) -> Option<(SubscriptionKind, Asked)> {
    let none = Asked::default();
    Some(match *command {
        Command::Subscribe { plan, auto_renew, paid_through, .. } => {
            (SubscriptionKind::Subscribe, Asked { plan, mode: u8::from(auto_renew), paid_through })
        }
        Command::Renew { paid_through, .. } => (SubscriptionKind::Renew, Asked { paid_through, ..none }),
        Command::Cancel { at_period_end, .. } => {
            (SubscriptionKind::Cancel, Asked { mode: u8::from(at_period_end), ..none })
        }
        Command::Lapse { .. } => (SubscriptionKind::Lapse, none),
        Command::ChangePlan { plan, mode, .. } => {
            (SubscriptionKind::ChangePlan, Asked { plan, mode: mode as u8, ..none })
        }
        Command::SetZone { .. } => (SubscriptionKind::SetZone, none),
        _ => return None,
    })
}

/// The first field in which a plan or zone command differs from the one that had its id (R13).
pub(crate) fn differing_field(command: &Command, first: &SubscriptionChange) -> Option<Field> {
    let Some((kind, asked)) = asked(command) else { return Some(Field::Command) };
    let mode = match kind {
        SubscriptionKind::Subscribe => Field::AutoRenew,
        SubscriptionKind::Cancel => Field::AtPeriodEnd,
        _ => Field::Mode,
    };
    let same_zone = match command {
        Command::SetZone { zone, .. } => calendar::same_zone(zone, &first.zone),
        _ => true,
    };
    match () {
        () if kind != first.kind => Some(Field::Command),
        () if crate::command::account_of(command) != first.account => Some(Field::Account),
        () if asked.plan != first.asked.plan => Some(Field::Plan),
        () if asked.paid_through != first.asked.paid_through => Some(Field::PaidThrough),
        () if asked.mode != first.asked.mode => Some(mode),
        () if !same_zone => Some(Field::Zone),
        () => None,
    }
}
