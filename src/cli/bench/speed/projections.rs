//! The projections under full load: how fast the load is beside them, and how long they take when it has ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::bench::load::Goal;
use crate::bench::place::Wanted;
use crate::bench::shape::Shape;
use crate::bench::speed::{Play, Speed, float};
use crate::bench::time::process;
use crate::exit::Failure;

/// Operations of a burst, for which the projections stand back: half of `projection.yield_max`.
const BURST: u64 = 2_000_000;
/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(100);

impl Play<'_> {
    pub(super) async fn projections(&mut self) -> Result<(), Failure> {
        let place = self.company.open(&Wanted::of(&self.shape)).await?;
        let process = self.of_its_own(&place)?;
        self.warm_up(&place).await?;
        let all = match self.shape.goal {
            Goal::Operations(operations) => operations,
            Goal::Time(_) => BURST,
        };
        let burst = Shape { goal: Goal::Operations(all.min(BURST)), ..self.shape };
        let burst = Speed::of(&self.measure(&place, &burst).await?);
        self.company.settle(&place).await?;

        let before = process::resident_bytes(process);
        let highest = Highest::watch(process)?;
        let measured = self.measure(&place, &self.shape.clone()).await?;
        let lag = self.company.page(&place)?.map_or(0.0, |page| page.value(crate::bench::place::LAG));
        let caught_up = self.company.settle(&place).await?;
        let highest = highest.end();
        self.tell_load(&measured);
        self.tell("burst_operations_per_second", burst.per_second());
        self.tell("ratio_to_burst", Speed::of(&measured).per_second() / burst.per_second());
        self.tell("lag_records_at_the_end", lag);
        self.tell("caught_up_seconds", caught_up.as_secs_f64());
        self.tell("resident_before_bytes", float(before));
        let after = process::resident_bytes(process);
        self.tell("resident_highest_bytes", float(highest.max(after)));
        self.tell("resident_after_bytes", float(after));
        let page = self.company.page(&place)?;
        let refused = page.as_ref().map_or(0.0, |page| page.value("creditd_overload_refused_total"));
        self.figures.must(refused == 0.0, || format!("{refused} operations were refused because something was behind"));
        if let Some(page) = page {
            let (sum, count) =
                ("creditd_journal_sync_duration_seconds_sum", "creditd_journal_sync_duration_seconds_count");
            self.tell("sync_mean_us", page.value(sum) * 1e6 / page.value(count).max(1.0));
        }
        Ok(())
    }
}

/// The most memory that a process has resident, looked at now and then.
struct Highest {
    stop: Arc<AtomicBool>,
    bytes: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Highest {
    fn watch(process: u32) -> Result<Self, Failure> {
        let (stop, bytes) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, most) = (Arc::clone(&stop), Arc::clone(&bytes));
        let look = move || {
            // Relaxed: a figure, read when the thread has ended.
            while !stopped.load(Ordering::Relaxed) {
                most.fetch_max(process::resident_bytes(process), Ordering::Relaxed);
                thread::sleep(LOOK);
            }
        };
        let thread = thread::Builder::new().name("memory".to_owned()).spawn(look);
        Ok(Self { stop, bytes, thread: thread.map_err(|error| Failure::bug(&error))? })
    }

    fn end(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        // A thread that panicked leaves what it has seen.
        let _ = self.thread.join();
        self.bytes.load(Ordering::Relaxed)
    }
}
