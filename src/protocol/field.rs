//! The numbers of request fields, as `bad_request` and the `..._reused` outcomes name them, and of limits.

use crate::numbered::numbered;

numbered! {
    /// A field of an operation or a command. Persisted in callers' logs: keep the numbers stable.
    ///
    /// Up to 18 they are an operation's fields: of several bad ones the one with the lowest number is named.
    pub enum Field: u16, from_u16 {
        /// What is asked for.
        Kind = 1 "kind",
        /// The flag bits.
        Flags = 2 "flags",
        /// The mask of buckets that may pay.
        Sources = 3 "sources",
        /// The capture's or refund's number within its hold.
        Number = 4 "number",
        /// The hold time.
        TtlMs = 5 "ttl_ms",
        /// The hold's id.
        Hold = 6 "hold",
        /// The account's id.
        Account = 7 "account",
        /// The amount in millicredits.
        Amount = 8 "amount",
        /// The member that is counted to.
        Member = 9 "member",
        /// The worker of the hold.
        Worker = 10 "worker",
        /// The model's number on the rate card.
        Model = 11 "model",
        /// The tool's number on the rate card.
        Tool = 12 "tool",
        /// How many results are made.
        Count = 13 "count",
        /// The lowest tier that may use it.
        MinTier = 14 "min_tier",
        /// The reason, of a refund or of an operator's command.
        Reason = 15 "reason",
        /// What happens with more than is held.
        OverCommit = 16 "over_commit",
        /// The settings of the generation.
        Settings = 17 "settings",
        /// Bytes that must be zero.
        Reserved = 18 "reserved",
        /// The command's id.
        Command = 19 "command",
        /// The zone's name.
        Zone = 20 "zone",
        /// A plan's tier.
        Tier = 21 "tier",
        /// The end of the credit cycle.
        EndsAt = 22 "ends_at",
        /// The bucket that is meant.
        Bucket = 23 "bucket",
        /// Whether the account is to be frozen.
        Frozen = 24 "frozen",
        /// The payment's id.
        Payment = 25 "payment",
        /// The plan's number.
        Plan = 26 "plan",
        /// When a plan change takes effect.
        Mode = 27 "mode",
        /// Until when the subscription is paid.
        PaidThrough = 28 "paid_through",
        /// The bundle's name.
        Bundle = 29 "bundle",
        /// How many entries a listing may have.
        Limit = 30 "limit",
        /// Where a listing goes on.
        After = 31 "after",
        /// The least age of a listed hold.
        OlderThan = 32 "older_than",
        /// The lines of an estimate.
        Lines = 33 "lines",
        /// The days of an estimate.
        Days = 34 "days",
        /// The buffer of an estimate, in percent.
        Buffer = 35 "buffer",
        /// Whether cycles roll on after the paid term.
        AutoRenew = 36 "auto_renew",
        /// Whether a cancellation waits for the end of the paid term.
        AtPeriodEnd = 37 "at_period_end",
        /// Whether a top-up waits for its confirmation.
        Pending = 38 "pending",
        /// How many results a day an estimate's line has.
        PerDay = 39 "per_day",
    }
}

numbered! {
    /// The limit that was reached, as the outcome `limit` names it. Keep the numbers stable.
    pub enum LimitKind: u16, from_u16 {
        /// Captures of one hold: 255.
        Captures = 1 "captures",
        /// Refunds of one hold: 255.
        Refunds = 2 "refunds",
        /// Open holds of one wallet.
        HoldsOfWallet = 3 "holds_of_wallet",
        /// Open holds of the daemon.
        HoldsOfDaemon = 4 "holds_of_daemon",
        /// Wallets of the daemon.
        Wallets = 5 "wallets",
        /// Pending top-ups of one wallet: 16.
        PendingTopUps = 6 "pending_top_ups",
        /// Distinct members and workers that the daemon knows by number.
        Names = 7 "names",
    }
}
