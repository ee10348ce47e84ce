//! What a crash takes back: the state before each record, kept until the record is durable (I3, I4).

use std::collections::BTreeSet;

use super::commands::Known;
use super::top_ups::Payment;
use super::{Clock, Hold, Model, Policy, State, Wallet};

/// The state before a record, so that a crash can take it back.
#[derive(Default)]
pub(super) struct Undo {
    pub(super) position: u64,
    pub(super) wallet: Option<(u128, Option<Wallet>)>,
    pub(super) hold: Option<(u128, Option<Hold>)>,
    /// What was known of a command or a payment.
    pub(super) command: Option<((bool, u128), Option<Known>)>,
    pub(super) policies: Option<Vec<Policy>>,
    pub(super) bound: Option<u64>,
}

impl Model {
    pub(super) fn remember(&mut self, account: Option<u128>, hold: Option<u128>) {
        self.undo.push(Undo {
            wallet: account.map(|account| (account, self.wallets.get(&account).cloned())),
            hold: hold.map(|id| (id, self.holds.get(&id).cloned())),
            ..Undo::default()
        });
    }

    /// Says where the record of the last effect stands.
    pub(crate) fn place(&mut self, position: u64) {
        let undo = self.undo.last_mut().unwrap();
        undo.position = position;
        if let Some((key, _)) = undo.command {
            let known = self.commands.get_mut(&key).unwrap();
            known.position = position;
            if known.payment == Payment::Confirmed && known.confirmed.position == 0 {
                known.confirmed.position = position;
            }
        }
        let Some((id, _)) = undo.hold else { return };
        let hold = self.holds.get_mut(&id).unwrap();
        hold.last_position = position;
        let steps = hold.captures.iter_mut().map(|step| &mut step.said);
        let steps = steps.chain(hold.refunds.iter_mut().map(|step| &mut step.said));
        for said in steps.chain(&mut hold.released).chain([&mut hold.granted]) {
            if said.position == 0 {
                said.position = position;
            }
        }
    }

    fn restore(&mut self, undo: Undo) {
        if let Some((account, before)) = undo.wallet {
            self.waited_for.insert(account);
            match before {
                Some(wallet) => self.wallets.insert(account, wallet),
                None => self.wallets.remove(&account),
            };
        }
        if let Some((id, before)) = undo.hold {
            match before {
                Some(hold) => self.holds.insert(id, hold),
                None => self.holds.remove(&id),
            };
        }
        if let Some((key, before)) = undo.command {
            match before {
                Some(known) => self.commands.insert(key, known),
                None => self.commands.remove(&key),
            };
        }
        if let Some(policies) = undo.policies {
            self.policies = policies;
        }
        if let Some(bound) = undo.bound {
            self.bound = bound;
        }
    }

    /// Takes back the last effect, which has no place yet.
    pub(crate) fn take_back(&mut self) {
        let undo = self.undo.pop().unwrap();
        self.restore(undo);
    }

    /// A crash: nothing after `cut` ever happened.
    pub(crate) fn crash(&mut self, cut: u64) {
        let mut undo = std::mem::take(&mut self.undo);
        undo.sort_by_key(|undo| undo.position);
        while let Some(last) = undo.pop_if(|undo| undo.position > cut) {
            self.restore(last);
        }
        self.flush();
        // What the journal has comes back with the rows.
        self.dropped.clear();
        self.let_go = 0;
    }

    /// From here on nothing new is decided about ended holds that are too old: the refund window, begun as late as the
    /// end of a hold can have come, has passed by both clocks since the time in their ids (R28, R32).
    pub(crate) fn let_go(&mut self, now: Clock) -> u64 {
        let kept = self.settings.refund_window_ms + self.settings.hold_age_max_ms + self.settings.id_window_ms;
        self.let_go = self.let_go.max(now.daemon.min(now.wall).saturating_sub(kept));
        self.let_go
    }

    /// Ended holds leave the disk; says how many had been there.
    pub(crate) fn dropped(&mut self, ids: impl Iterator<Item = u128>) -> u64 {
        let before = self.dropped.len();
        self.dropped.extend(ids);
        (self.dropped.len() - before) as u64
    }

    /// These holds have left the disk, and no others; says how many had been there.
    pub(crate) fn set_dropped(&mut self, ids: BTreeSet<u128>) -> u64 {
        let fresh = ids.difference(&self.dropped).count() as u64;
        self.dropped = ids;
        fresh
    }

    /// The position of the last record about a hold, as far as it has one.
    pub(crate) fn last_position(&self, id: u128) -> u64 {
        self.holds.get(&id).map_or(0, |hold| hold.last_position)
    }

    pub(crate) fn has_dropped(&self, id: u128) -> bool {
        self.dropped.contains(&id)
    }

    /// Forgets ended holds and commands whose last records are no later than a position, as the disk does.
    pub(crate) fn forget(&mut self, up_to: u64) {
        self.holds.retain(|_, hold| hold.state == State::Open || hold.last_position > up_to);
        self.commands.retain(|_, known| known.position > up_to);
    }

    /// What is durable is never taken back.
    pub(crate) fn durable(&mut self, position: u64) {
        self.undo.retain(|undo| undo.position > position);
    }

    pub(crate) fn policy(&mut self, policy: Policy, position: u64) {
        self.undo.push(Undo { position, policies: Some(self.policies.clone()), ..Undo::default() });
        self.policies.retain(|known| known.from < policy.from);
        self.policies.push(policy);
    }

    /// Ids below the bound are refused (R32). The bound counts when the projections have it: until then it is only
    /// something that an answer may rest on.
    pub(crate) fn id_bound(&mut self, bound: u64, position: u64) -> Result<(), String> {
        if bound < self.bound {
            return Err(format!("R32: the bound goes back from {} to {bound}", self.bound));
        }
        self.undo.push(Undo { position, bound: Some(self.bound), ..Undo::default() });
        self.bound = bound;
        Ok(())
    }
}
