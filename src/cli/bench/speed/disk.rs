//! Bytes that the daemon writes to the disk for each byte of journal.
//!
//! Projections apart: they are told to flush only after more journal than the load makes, and to stand back meanwhile. So what
//! the process writes is the journal's log, and what RocksDB makes of it.

use std::time::Duration;

use tokio::time::sleep;

use crate::bench::place::Wanted;
use crate::bench::speed::{Play, float};
use crate::bench::time::process::written_bytes;
use crate::exit::Failure;

/// The most that the projections can be told to leave unflushed.
const UNFLUSHED_BYTES: u64 = 268_435_456;
const UNFLUSHED_MS: u64 = 60_000;
/// Records that they may stay behind.
const BEHIND_RECORDS: u64 = 20_000_000;
/// After the load: RocksDB writes what it has begun.
const REST: Duration = Duration::from_secs(2);

impl Play<'_> {
    pub(super) async fn disk(&mut self) -> Result<(), Failure> {
        let wanted = Wanted::of(&self.shape)
            .with("CREDITD_PROJECTION__FLUSH_BYTES", UNFLUSHED_BYTES)
            .with("CREDITD_PROJECTION__FLUSH_INTERVAL_MS", UNFLUSHED_MS)
            .with("CREDITD_PROJECTION__YIELD_MAX", BEHIND_RECORDS);
        let place = self.company.open(&wanted).await?;
        let process = self.of_its_own(&place)?;
        let (journal_before, written_before) = (self.journal_bytes(&place)?, written_bytes(process));
        let measured = self.measure(&place, &self.shape.clone()).await?;
        sleep(REST).await;
        let journal = self.journal_bytes(&place)? - journal_before;
        let written = float(written_bytes(process).saturating_sub(written_before));
        self.tell_load(&measured);
        self.tell("journal_bytes", journal);
        self.tell("written_bytes", written);
        self.tell("written_bytes_per_journal_byte", written / journal.max(1.0));
        self.tell("journal_bytes_per_operation", journal / float(measured.tally.operations.max(1)));
        let most = float(UNFLUSHED_BYTES);
        self.figures
            .must(journal < most, || format!("{journal} bytes of journal: the projections flush from {most} on"));
        self.figures.must(written > 0.0, || "the system does not say what was written".to_owned());
        Ok(())
    }

    fn journal_bytes(&self, place: &crate::bench::place::Place) -> Result<f64, Failure> {
        Ok(self.company.page(place)?.map_or(0.0, |page| page.value("creditd_journal_bytes_total")))
    }
}
