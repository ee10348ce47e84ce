//! What can go wrong, by name. The numbers are those of the design's invariants and of the domain's rules.

/// A kind of violation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// I4: a prefix replays to a negative bucket or a negative counter.
    Negative,
    /// I4: a prefix holds a settlement without its hold.
    Orphan,
    /// I5, I6: one id is decided twice, or one hold ends twice.
    Twice,
    /// I7: a period is granted twice or drawn from before its opening, a number goes back, a day is rolled too early.
    Period,
    /// I7: a request past a boundary draws credits of the ended period, or gives credits to it.
    Stale,
    /// I8: at rest, the journal does not replay to the live wallets and holds.
    Replay,
    /// R16: debt beside top-up credits, debt outside 0..=clawed back, an attention bit that tells something else.
    Debt,
    /// I3: an answer leaves before an effect of another request that it tells of is durable.
    Undurable,
    /// R23: a hold expires although its extension was journaled before.
    Early,
    /// R24: a return of the running cycle is forfeited.
    Lost,
    /// R28: `late_uncovered` while the hold's own credits are on their way back.
    Uncovered,
    /// I1: credits are made or destroyed: granted is not available + held + spent + expired + clawed back.
    Conservation,
    /// I1: more is captured than was held, or refunded than was captured.
    Excess,
    /// R32: a hold is open although its release was told that nobody knows it.
    Leaked,
    /// Nobody can move, somebody is not done.
    Deadlock,
}

/// A kind with what was seen.
#[derive(Clone, Debug)]
pub(super) struct Violation {
    pub(super) kind: Kind,
    pub(super) detail: String,
}
