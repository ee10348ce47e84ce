//! What a refusal says: what would have been needed, and what the caller can do.

use protocol::{Answer, AnswerFlags, CommandAnswer, Field, LimitKind, Outcome, PerBucket};
use serde_json::{Value, json};

use crate::amount::Amount;
use crate::answer_view::buckets_text;
use crate::time::instant;

/// The parts of an answer that a refusal is explained with, of operations and commands alike.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) outcome: Outcome,
    pub(crate) flags: AnswerFlags,
    pub(crate) detail: u32,
    pub(crate) amount: u64,
    pub(crate) time_ms: u64,
    pub(crate) next_reset_at_ms: u64,
    pub(crate) available: PerBucket,
    /// The name of the plan that `detail` is the number of, where the daemon told it.
    pub(crate) upgrade_to: Option<String>,
}

impl From<&Answer> for Told {
    fn from(answer: &Answer) -> Self {
        let Answer { outcome, flags, detail, amount, time_ms, next_reset_at_ms, available, .. } = *answer;
        Self { outcome, flags, detail, amount, time_ms, next_reset_at_ms, available, upgrade_to: None }
    }
}

impl From<&CommandAnswer> for Told {
    fn from(answer: &CommandAnswer) -> Self {
        let CommandAnswer { outcome, flags, detail, amount, time_ms, .. } = *answer;
        let available = PerBucket::default();
        Self { outcome, flags, detail, amount, time_ms, next_reset_at_ms: 0, available, upgrade_to: None }
    }
}

impl Told {
    /// Rows for people: what was needed, what is there, what to do.
    pub(crate) fn rows(&self) -> Vec<(&'static str, String)> {
        let mut rows = self.facts();
        if self.outcome == Outcome::Insufficient {
            rows.extend(self.ways_out());
        } else {
            rows.push(("what to do", self.advice()));
        }
        rows
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let amount = || Amount(self.amount).to_string();
        match self.outcome {
            Outcome::Insufficient => {
                let mut facts = vec![("required", amount()), ("available", buckets_text(self.available))];
                if total(self.available).0 >= self.amount {
                    facts.push((
                        "but",
                        "not all of it may pay for this: free credits never pay for a Pro model".to_owned(),
                    ));
                }
                facts
            }
            Outcome::PriceChanged => vec![("price", amount())],
            Outcome::Debt => vec![("debt", amount())],
            Outcome::TierRequired => vec![("tier needed", self.detail.to_string())],
            // What would fit is not always known.
            Outcome::BalanceLimit if self.amount == 0 => Vec::new(),
            Outcome::BalanceLimit => vec![("would still fit", amount())],
            Outcome::AlreadySettled => vec![("captured", amount())],
            Outcome::ExceedsHold => vec![("most to commit", amount())],
            Outcome::ExceedsCaptured => vec![("most to refund", amount())],
            Outcome::HoldAgeLimit => self.time_as("latest end"),
            Outcome::HoldIdExpired => self.time_as("the daemon's time"),
            Outcome::Limit => vec![("limit", self.limit())],
            outcome if outcome.names_field() => vec![("field", self.field())],
            _ => Vec::new(),
        }
    }

    /// The time that is told; nothing where none is.
    fn time_as(&self, label: &'static str) -> Vec<(&'static str, String)> {
        instant(self.time_ms).map(|time| (label, time)).into_iter().collect()
    }

    /// Members for programs. Those that say nothing about this outcome are left out.
    pub(crate) fn json(&self) -> Vec<(&'static str, Value)> {
        let amount = || json!(Amount(self.amount));
        let mut members = match self.outcome {
            Outcome::Insufficient => vec![
                ("required", amount()),
                ("next_reset_at", json!(instant(self.next_reset_at_ms))),
                ("top_up_allowed", json!(self.flags.contains(AnswerFlags::TOP_UP_ALLOWED))),
                ("upgrade_to", if self.detail == 0 { Value::Null } else { json!(self.detail) }),
                ("upgrade_to_plan", json!(self.upgrade_to)),
            ],
            Outcome::PriceChanged => vec![("price", amount())],
            Outcome::Debt => vec![("debt", amount())],
            Outcome::TierRequired => vec![("tier", json!(self.detail))],
            Outcome::BalanceLimit if self.amount == 0 => Vec::new(),
            Outcome::BalanceLimit | Outcome::ExceedsHold | Outcome::ExceedsCaptured => vec![("max", amount())],
            Outcome::AlreadySettled => vec![("captured", amount())],
            Outcome::HoldAgeLimit => vec![("latest_end", json!(instant(self.time_ms)))],
            Outcome::HoldIdExpired => vec![("server_time", json!(instant(self.time_ms)))],
            Outcome::Overloaded => vec![("retry_after_ms", json!(self.detail))],
            Outcome::Limit => vec![("limit", json!(self.limit()))],
            outcome if outcome.names_field() => vec![("field", json!(self.field()))],
            _ => Vec::new(),
        };
        members.push(("advice", json!(self.advice())));
        members
    }

    /// What the caller can do, in one sentence.
    fn advice(&self) -> String {
        let text = match self.outcome {
            Outcome::Insufficient => return self.way_out(),
            Outcome::BadRequest => "mend the request; the same one is refused again",
            Outcome::Unauthorized => "use a key that allows it",
            Outcome::Overloaded | Outcome::NotDurableNow | Outcome::Draining => {
                "nothing happened; the same request with the same id later"
            }
            Outcome::UnknownAccount => "open the account first",
            Outcome::OutcomeUnknown => "send it again with the same id: it takes effect once at most",
            Outcome::HoldIdReused => "use a new hold id",
            Outcome::SettlementReused => "use a new number for this capture or refund",
            Outcome::PaymentReused => "look into the billing service: one payment id, two contents",
            Outcome::CommandIdReused => "use a new command id",
            Outcome::AlreadyReleased | Outcome::AlreadySettled => "nothing: there is nothing left to settle",
            Outcome::HoldIdExpired => {
                "make a new hold id, and check this machine's clock; `hold show` tells what an earlier attempt did"
            }
            Outcome::AccountFrozen => "an operator has to unfreeze the account",
            Outcome::Unpriced => "check tool, model and settings, name an amount, or extend the rate card",
            Outcome::PriceChanged => "ask the person, then send it with the new price",
            Outcome::Debt => "top up: it repays the debt first",
            Outcome::TierRequired => "upgrade to a plan of this tier",
            Outcome::BalanceLimit => "give less",
            Outcome::UnknownHold => "check the hold id and the account",
            Outcome::HoldExpired => "reserve again with a new hold id",
            Outcome::ExceedsHold => "commit at most that",
            Outcome::ExceedsCaptured => "refund at most that",
            Outcome::HoldAgeLimit if self.time_ms == 0 => "commit before the hold's end",
            Outcome::HoldAgeLimit => "commit before the latest end",
            Outcome::RefundWindowPassed => "grant credits instead",
            Outcome::Limit => "settle or end something first",
            Outcome::AccountExists => "nothing, unless it was to be another account",
            Outcome::AlreadySubscribed => "change the plan instead",
            Outcome::NotSubscribed | Outcome::SubscriptionRequired => "subscribe first",
            Outcome::UnknownPlan => "name a plan of the configuration",
            Outcome::UnknownPayment => "check the payment id",
            Outcome::NotPending => "nothing: the top-up is not pending",
            Outcome::Granted | Outcome::Done | Outcome::Late | Outcome::LateUncovered | Outcome::Replayed => "nothing",
        };
        text.to_owned()
    }

    /// The three ways out of `insufficient`, each said whether it is open or not.
    fn ways_out(&self) -> [(&'static str, String); 3] {
        let wait = instant(self.next_reset_at_ms);
        let wait = wait.map_or_else(|| "no reset that brings credits is ahead".to_owned(), |at| format!("until {at}"));
        let top_up =
            if self.top_up_allowed() { "allowed" } else { "not allowed without a subscription that allows it" };
        let upgrade = self.plan().map_or_else(|| "no larger plan".to_owned(), |plan| format!("to {plan}"));
        [("1 wait", wait), ("2 top up", top_up.to_owned()), ("3 upgrade", upgrade)]
    }

    /// The same in one sentence: those that are open.
    fn way_out(&self) -> String {
        let wait = instant(self.next_reset_at_ms).map(|at| format!("wait until {at}"));
        let top_up = self.top_up_allowed().then(|| "top up".to_owned());
        let upgrade = self.plan().map(|plan| format!("upgrade to {plan}"));
        let ways: Vec<String> = [wait, top_up, upgrade].into_iter().flatten().collect();
        if ways.is_empty() { "ask an operator for credits".to_owned() } else { ways.join(", or ") }
    }

    fn top_up_allowed(&self) -> bool {
        self.flags.contains(AnswerFlags::TOP_UP_ALLOWED)
    }

    fn plan(&self) -> Option<String> {
        let name = self.upgrade_to.as_ref().map(|name| format!("plan {name}"));
        name.or_else(|| (self.detail != 0).then(|| format!("plan number {}", self.detail)))
    }

    fn field(&self) -> String {
        let field = u16::try_from(self.detail).ok().and_then(Field::from_u16);
        field.map_or_else(|| self.detail.to_string(), |field| field.name().to_owned())
    }

    fn limit(&self) -> String {
        let limit = u16::try_from(self.detail).ok().and_then(LimitKind::from_u16);
        limit.map_or_else(|| self.detail.to_string(), |limit| limit.name().to_owned())
    }
}

/// The three buckets together.
pub(crate) fn total(buckets: PerBucket) -> Amount {
    Amount(buckets.sum().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
