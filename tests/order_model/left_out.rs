//! Each rule left out, one at a time, with what must go wrong then. A rule whose absence nobody notices would be one
//! that the code carries for nothing, or one that the model does not look at.

use super::{
    explore::Explorer,
    families::Family::{
        self, ChunksLater, ChunksOfTwo, Debt, Policies, PoliciesInForce, Refunds, RetriedCommands, ScarceRoom, Three,
        Two, TwoLater,
    },
    rules::Rules,
    scenario::Start::{Free, Lapsing, Subscribed},
    violation::Kind,
};

/// One rule left out: its name, how, where, and every kind that must be found there; none = nothing may be.
pub(super) struct LeftOut {
    pub(super) rule: &'static str,
    pub(super) leave_out: fn(&mut Rules),
    pub(super) family: Family,
    pub(super) finds: &'static [Kind],
}

macro_rules! left_out {
    ($($rule:ident in $family:expr => $($kind:ident)*;)+) => {
        &[$(LeftOut {
            rule: stringify!($rule),
            leave_out: |rules| rules.$rule = false,
            family: $family,
            finds: &[$(Kind::$kind),*],
        }),+]
    };
}

/// Read a line as: without this rule, in this family, all these kinds are found.
pub(super) const MISSED: &[LeftOut] = left_out! {
    takes_word_first in Two(Subscribed) => Negative;
    gives_push_first in Two(Subscribed) => Negative;
    one_queue in Two(Subscribed) => Negative;
    entry_before_word in Two(Subscribed) => Twice;
    payments_have_entries in Two(Subscribed) => Twice;
    waits_for_pushed in Two(Subscribed) => Orphan Undurable;
    push_marks_only_its_own in Two(Subscribed) => Orphan;
    pushes_own_before_waiting in ChunksOfTwo => Deadlock;
    applies_own_before_waiting in ChunksOfTwo => Deadlock;
    redebit_waits_for_returns in Three(Subscribed) => Uncovered;
    redebit_waits_for_own_returns in ChunksOfTwo => Uncovered;
    extend_applied_before_published in Two(Subscribed) => Early;
    looks_whether_due in Two(Subscribed) => Stale;
    rolls_push_first in Two(Subscribed) => Period;
    commands_push_first in Two(Subscribed) => Period Negative;
    rolls_lock in Two(Subscribed) => Period;
    rereads_instants in Two(Subscribed) => Period;
    rereads_zone in Two(Subscribed) => Period;
    word_before_instants in Two(Subscribed) => Stale;
    roll_pushed_at_once in Two(Subscribed) => Period;
    roll_frees_lock in ChunksOfTwo => Deadlock;
    bulk_tries_locks in Two(Subscribed) => Deadlock;
    locks_until_applied in Two(Subscribed) => Period Replay;
    commands_lock in Two(Subscribed) => Period Replay;
    freeze_locks in Two(Subscribed) => Replay;
    clawback_locks in Debt => Debt;
    commands_carry_day in Two(Free) => Replay;
    rolls_carry_day in Two(Lapsing) => Replay;
    upgrade_keeps_period in Two(Subscribed) => Lost;
    debt_is_derived in Debt => Debt;
    netting_locks in Debt => Replay;
    bit_in_same_cas in Debt => Debt;
    late_debit_from_expired in Two(Subscribed) => Negative;
    late_return_to_expired in Two(Subscribed) => Replay;
    answers_wait_for_entries in Two(Subscribed) => Undurable;
    answers_wait_for_commands in Two(Subscribed) => Undurable;
    policy_day_ahead in Policies => Replay;
    room_before_lock in ScarceRoom => Deadlock;
    room_includes_rolls in ScarceRoom => Deadlock;
    takes_word_first in TwoLater(Subscribed) => Negative;
    captures_have_numbers in TwoLater(Subscribed) => Twice;
    refunds_have_numbers in Refunds(Subscribed) => Twice;
    captures_count_at_decision in ChunksLater => Excess;
    settlement_looks_again in Refunds(Subscribed) => Twice;
    refund_looks_whether_due in Refunds(Subscribed) => Stale;
    restore_names_period in Refunds(Subscribed) => Replay;
    returns_carry_day in Refunds(Free) => Replay;
    forfeited_to_expired in Refunds(Subscribed) => Conservation;
    release_leaves_tombstone in TwoLater(Subscribed) => Leaked;
    tombstone_enters_at_once in TwoLater(Subscribed) => Twice;
    commands_have_ids in RetriedCommands(Subscribed) => Twice;
    command_id_guarded in RetriedCommands(Subscribed) => Twice;
    answers_wait_for_entries in RetriedCommands(Subscribed) => Undurable;
    policy_by_date in PoliciesInForce => Replay;
    passed_day_is_granted in PoliciesInForce => Negative;
};

/// Not for safety. With derived debt a clawback nets to the same number on either side of its push; and who waits for an
/// entry of his own pushes his unit first and then has nothing to wait for: it costs a push, no more.
pub(super) const NOT_MISSED: &[LeftOut] = left_out! {
    clawback_word_first in Debt => ;
    clawback_word_first in Two(Subscribed) => ;
    own_entry_not_waited_for in ChunksOfTwo => ;
    own_entry_not_waited_for in Two(Subscribed) => ;
};

impl LeftOut {
    /// Explores until every kind has been seen; says what was found, and where first.
    pub(super) fn find(&self, explorer: &mut Explorer) -> Result<String, String> {
        let mut rules = Rules::ALL;
        (self.leave_out)(&mut rules);
        let mut missing = self.finds.to_vec();
        let mut found = format!("{:31}", self.rule);
        for scenario in self.family.scenarios() {
            explorer.run(rules, &scenario);
            for trace in &explorer.traces {
                let kind = trace.violation.kind;
                if self.finds.is_empty() {
                    return Err(format!("{}: {}", self.rule, trace.print(&scenario)));
                }
                if let Some(place) = missing.iter().position(|&other| other == kind) {
                    missing.swap_remove(place);
                    found += &format!(" {kind:?} ({} steps: {:?})", trace.steps.len(), scenario.frames);
                }
            }
            if missing.is_empty() && !self.finds.is_empty() {
                return Ok(found);
            }
        }
        if missing.is_empty() {
            Ok(found + " nothing")
        } else {
            Err(format!("{}: nothing shows {missing:?}", self.rule))
        }
    }
}
