//! The rules of section 4, one switch each: a rule is known to carry weight only when the model fails without it.

/// Which rules are kept. [`Rules::ALL`] is the design; the table in `left_out.rs` takes one away at a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// A take changes the word first, then pushes. Without: it decides, pushes, then changes the word.
    pub(super) takes_word_first: bool,
    /// A give pushes first, then changes the word. Without: the word first.
    pub(super) gives_push_first: bool,
    /// There is one queue. Without: each task has its own, and they are merged later.
    pub(super) one_queue: bool,
    /// A hold's entry is made before the word is touched. Without: after.
    pub(super) entry_before_word: bool,
    /// A payment id has an entry too. Without: every delivery of a payment is a new one.
    pub(super) payments_have_entries: bool,
    /// Who meets an entry of another unit waits until that unit is pushed. Without: he decides at once.
    pub(super) waits_for_pushed: bool,
    /// A push publishes the entries of its own records only. Without: all that the task has made so far.
    pub(super) push_marks_only_its_own: bool,
    /// An entry of the own unit is not waited for. Without: the own unit is pushed first.
    pub(super) own_entry_not_waited_for: bool,
    /// Who has to wait pushes his own unit first. Without: he waits with it in hand.
    pub(super) pushes_own_before_waiting: bool,
    /// Who has to wait applies his own gives first. Without: they stay for the end of his chunk.
    pub(super) applies_own_before_waiting: bool,
    /// A re-debit waits until that hold's returns are in the word. Without: only until they are pushed.
    pub(super) redebit_waits_for_returns: bool,
    /// Also where the hold expired in the own unit. Without: an entry of the own unit is never waited for.
    pub(super) redebit_waits_for_own_returns: bool,
    /// An extended end is in the entry before others may read it. Without: it is applied some time after the push.
    pub(super) extend_applied_before_published: bool,
    /// Every request compares the wallet's instants with its own time. Without: it leaves that to the ticker.
    pub(super) looks_whether_due: bool,
    /// A roll pushes its record before the word. Without: after, though still under the lock.
    pub(super) rolls_push_first: bool,
    /// So does a command.
    pub(super) commands_push_first: bool,
    /// A roll holds the wallet's lock. Without: nobody's.
    pub(super) rolls_lock: bool,
    /// Under the lock the instants are read again. Without: the roll is what was decided before it.
    pub(super) rereads_instants: bool,
    /// Under the lock the zone is read again. Without: the day is the one of the zone seen before it.
    pub(super) rereads_zone: bool,
    /// The word is rolled before the new instant is published. Without: after.
    pub(super) word_before_instants: bool,
    /// A roll met in a chunk pushes its record at once, alone. Without: the record waits in the chunk's unit.
    pub(super) roll_pushed_at_once: bool,
    /// A roll met in a chunk frees the lock before the operation goes on. Without: with the chunk's end.
    pub(super) roll_frees_lock: bool,
    /// A packed roll tries each lock and leaves out what is taken. Without: it waits for each.
    pub(super) bulk_tries_locks: bool,
    /// Locks are kept until the record is applied. Without: until it is pushed.
    pub(super) locks_until_applied: bool,
    /// Plan and zone commands hold the wallet's lock. Without: nobody's.
    pub(super) commands_lock: bool,
    /// Freezing holds the wallet's lock too.
    pub(super) freeze_locks: bool,
    /// A clawback changes the word first, then pushes. Without: it pushes, then takes what is there by then.
    pub(super) clawback_word_first: bool,
    /// A clawback changes word and debt under the lock. Without: one after the other, unlocked.
    pub(super) clawback_locks: bool,
    /// Commands carry the day the wallet had been rolled to. Without: replay does not roll for them.
    pub(super) commands_carry_day: bool,
    /// Cycle rolls carry it too.
    pub(super) rolls_carry_day: bool,
    /// A prorated addition keeps the period's number. Without: it counts as a new period.
    pub(super) upgrade_keeps_period: bool,
    /// Debt is netted by whoever applies a record. Without: a record carries what it repays.
    pub(super) debt_is_derived: bool,
    /// A give that finds the attention bit nets under the lock. Without: it reads the debt, then writes.
    pub(super) netting_locks: bool,
    /// The attention bit changes in the CAS that makes the debt. Without: in one of its own.
    pub(super) bit_in_same_cas: bool,
    /// A debit of an ended period comes out of what was counted as expired. Without: out of the running period.
    pub(super) late_debit_from_expired: bool,
    /// A return of an ended period goes to expired. Without: into the running period.
    pub(super) late_return_to_expired: bool,
    /// An answer waits for the last record of each entry that it tells of. Without: for its own records only.
    pub(super) answers_wait_for_entries: bool,
    /// A refused command or top-up waits for the command that it tells of. Without: for nothing.
    pub(super) answers_wait_for_commands: bool,
    /// A policy holds from a date at least one whole day ahead. Without: from the next date.
    pub(super) policy_day_ahead: bool,
    /// Room in the queue is taken while nothing is held. Without: a command takes it under its lock.
    pub(super) room_before_lock: bool,
    /// A chunk's room includes one roll record an operation. Without: a roll asks for more on the way.
    pub(super) room_includes_rolls: bool,
    /// Captures are known by their numbers. Without: every delivery of a capture is a new one.
    pub(super) captures_have_numbers: bool,
    /// So are refunds.
    pub(super) refunds_have_numbers: bool,
    /// What a capture leaves of its hold counts once it is decided. Without: once it is pushed.
    pub(super) captures_count_at_decision: bool,
    /// A settlement that has to roll its wallet looks at its entry again. Without: it goes on with what it saw.
    pub(super) settlement_looks_again: bool,
    /// A refund looks whether the wallet is due. Without: it places its return by the word that it finds.
    pub(super) refund_looks_whether_due: bool,
    /// A return that restores names the period it goes to. Without: it goes into whatever runs where it is applied.
    pub(super) restore_names_period: bool,
    /// Replay rolls a row to the day of what is restored to it. Without: what comes to a later day counts as expired.
    pub(super) returns_carry_day: bool,
    /// What a refund does not give back is counted as expired. Without: it is nowhere.
    pub(super) forfeited_to_expired: bool,
    /// A release of an unknown id leaves a tombstone. Without: nothing.
    pub(super) release_leaves_tombstone: bool,
    /// The tombstone is an entry once it is decided. Without: once it is pushed.
    pub(super) tombstone_enters_at_once: bool,
    /// Commands are known by their ids. Without: every delivery of a command is a new one.
    pub(super) commands_have_ids: bool,
    /// A command's id is looked up and noted in one step for all who come with it. Without: whoever comes in between finds
    /// nothing.
    pub(super) command_id_guarded: bool,
    /// Replay takes policies from the journal by their dates. Without: from their records on.
    pub(super) policy_by_date: bool,
    /// A debit of a day that the row has passed over grants that day first. Without: it is taken out of nothing.
    pub(super) passed_day_is_granted: bool,
}

impl Rules {
    /// The design as it stands.
    pub(super) const ALL: Self = Self {
        takes_word_first: true,
        gives_push_first: true,
        one_queue: true,
        entry_before_word: true,
        payments_have_entries: true,
        waits_for_pushed: true,
        push_marks_only_its_own: true,
        own_entry_not_waited_for: true,
        pushes_own_before_waiting: true,
        applies_own_before_waiting: true,
        redebit_waits_for_returns: true,
        redebit_waits_for_own_returns: true,
        extend_applied_before_published: true,
        looks_whether_due: true,
        rolls_push_first: true,
        commands_push_first: true,
        rolls_lock: true,
        rereads_instants: true,
        rereads_zone: true,
        word_before_instants: true,
        roll_pushed_at_once: true,
        roll_frees_lock: true,
        bulk_tries_locks: true,
        locks_until_applied: true,
        commands_lock: true,
        freeze_locks: true,
        clawback_word_first: true,
        clawback_locks: true,
        commands_carry_day: true,
        rolls_carry_day: true,
        upgrade_keeps_period: true,
        debt_is_derived: true,
        netting_locks: true,
        bit_in_same_cas: true,
        late_debit_from_expired: true,
        late_return_to_expired: true,
        answers_wait_for_entries: true,
        answers_wait_for_commands: true,
        policy_day_ahead: true,
        room_before_lock: true,
        room_includes_rolls: true,
        captures_have_numbers: true,
        refunds_have_numbers: true,
        captures_count_at_decision: true,
        settlement_looks_again: true,
        refund_looks_whether_due: true,
        restore_names_period: true,
        returns_carry_day: true,
        forfeited_to_expired: true,
        release_leaves_tombstone: true,
        tombstone_enters_at_once: true,
        commands_have_ids: true,
        command_id_guarded: true,
        policy_by_date: true,
        passed_day_is_granted: true,
    };
}
