//! What the operator can choose of the rules. The edge validates; the rules rely on the ranges named here.

use crate::ids::{Now, Timestamp};
use crate::record::RefundReason;

/// The settings of the rules, by their rule numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How old a new hold id may be, in milliseconds (R22). Default 5 minutes.
    pub id_window_ms: u64,
    /// How far in the future a new hold id may be, in milliseconds (R22). Default 1 minute.
    pub id_ahead_ms: u64,
    /// Whether ids without a time of their own are taken (R22, `hold_ids = any`).
    pub any_hold_ids: bool,
    /// The hold time of a reserve that names none, in milliseconds (R23). Default 10 minutes.
    pub hold_ttl_default_ms: u32,
    /// The longest hold time, in milliseconds (R23). Default 24 h.
    pub hold_ttl_max_ms: u32,
    /// The longest age that extending can give a hold, in milliseconds (R23). Default 24 h.
    pub hold_age_max_ms: u64,
    /// Whether a commit after expiry takes the amount from the wallet as it is then (R28). Default true.
    pub late_redebit: bool,
    /// The refund reasons whose credits of an ended period go to the running one (R24, R27). Default none.
    pub restore_on: Vec<RefundReason>,
    /// How long after its end a hold can be refunded, in milliseconds (R27). Default 30 days.
    pub refund_window_ms: u64,
    /// How long after a start no hold expires, in milliseconds. Default 60 s.
    pub hold_grace_ms: u64,
    /// The most holds in memory, open and ended (R32). Default 50 million.
    pub holds_max: u64,
}

/// One minute in milliseconds.
pub const MINUTE_MS: u64 = 60_000;

/// One day in milliseconds.
pub const DAY_MS: u64 = 86_400_000;

// What the defaults below rest on; those of a configuration are validated at the edge.
const _: () = assert!(DAY_MS == 24 * 60 * MINUTE_MS, "a day has 24 hours");
const _: () = assert!(DAY_MS <= u32::MAX as u64, "R23: a hold time of a day fits its field");

impl Settings {
    /// The own time below which ended holds may be forgotten on disk too, and nothing new is decided about them. The refund
    /// window of a hold begins with its end, which comes as late as the longest hold after its reserve, and the id of that may
    /// have been old already (R22, R23, R27). Ids go by the wall clock: while that is behind, they are kept for longer.
    pub fn remembered_since(&self, now: Now) -> Timestamp {
        let of_hold_ms = self.hold_age_max_ms.saturating_add(self.id_window_ms);
        let since = now.daemon.min(now.wall).minus_millis(self.refund_window_ms.saturating_add(of_hold_ms));
        assert!(since <= now.daemon && since <= now.wall, "R32: ids to come are not forgotten");
        since
    }

    /// The ranges that the rules rely on.
    pub(crate) fn assert_in_range(&self) {
        assert!(self.hold_ttl_default_ms > 0, "R23: a hold time is mandatory");
        assert!(
            self.hold_ttl_default_ms <= self.hold_ttl_max_ms,
            "R23: the usual hold time is no longer than the longest"
        );
        assert!(u64::from(self.hold_ttl_max_ms) <= DAY_MS, "R23: no hold time is longer than a day");
        assert!(self.holds_max > 0, "R32: memory has room for a hold");
        assert!(self.id_window_ms > 0, "R22: a new id may be some time old");
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            id_window_ms: 5 * MINUTE_MS,
            id_ahead_ms: MINUTE_MS,
            any_hold_ids: false,
            hold_ttl_default_ms: 600_000,
            hold_ttl_max_ms: 86_400_000,
            hold_age_max_ms: DAY_MS,
            late_redebit: true,
            restore_on: Vec::new(),
            refund_window_ms: 30 * DAY_MS,
            hold_grace_ms: MINUTE_MS,
            holds_max: 50_000_000,
        }
    }
}
