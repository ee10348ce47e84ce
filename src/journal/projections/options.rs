//! Limits and checks of a projector.

/// Limits and checks of a projector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// A flush is due after so many bytes of journal; at most [`Options::FLUSH_BYTES_MAX`].
    pub flush_bytes: usize,
    /// A flush is due after so many changed rows: what they take in memory is not given back.
    pub changed_rows_max: usize,
    /// A flush is due after so many milliseconds; at most [`Options::FLUSH_INTERVAL_MS_MAX`].
    pub flush_interval_ms: u64,
    /// Flushed rows that stay in memory.
    pub cached_rows_max: usize,
    /// Flushed open holds that stay in memory.
    pub cached_holds_max: usize,
    /// Whether each changed row is checked after each record, and not only before it is flushed (I1).
    pub check_each_record: bool,
    /// Whether the id of every new hold is looked for among the holds that ended and in the store. A journal that this
    /// program wrote has no id twice (I5), so that this only finds what the engine would have to have done wrong, at the
    /// price of a read a reserve. Without it, an id that is open stops the projector, and one that ended since the last
    /// flush does so when it ends again.
    pub check_new_ids: bool,
}

impl Options {
    /// The journal is trimmed by flushes, and replayed after a crash: no more than this.
    pub const FLUSH_BYTES_MAX: usize = 256 * 1024 * 1024;
    /// See [`Options::FLUSH_BYTES_MAX`].
    pub const FLUSH_INTERVAL_MS_MAX: u64 = 60_000;

    /// Every check, small caches.
    #[must_use]
    pub fn strict() -> Self {
        Self {
            check_new_ids: true,
            check_each_record: true,
            cached_rows_max: 64,
            cached_holds_max: 64,
            ..Self::default()
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        let options = Self {
            flush_bytes: 32 * 1024 * 1024,
            changed_rows_max: 2_000_000,
            flush_interval_ms: 30_000,
            cached_rows_max: 1_000_000,
            cached_holds_max: 1_000_000,
            check_each_record: false,
            check_new_ids: false,
        };
        assert!(options.flush_bytes <= Self::FLUSH_BYTES_MAX, "what a start replays has a limit");
        assert!(options.flush_interval_ms <= Self::FLUSH_INTERVAL_MS_MAX, "what a start replays has a limit");
        options
    }
}

const _: () = assert!(Options::FLUSH_BYTES_MAX <= 256 * 1024 * 1024, "what a start replays has a limit");
const _: () = assert!(Options::FLUSH_INTERVAL_MS_MAX <= 60_000, "what a start replays has a limit");
const _: () = assert!(Options::FLUSH_BYTES_MAX > crate::group::GROUP_BYTES_MAX, "a flush takes more than a group");

#[cfg(test)]
mod tests;
