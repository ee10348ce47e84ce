//! How many credits moved, by flow and bucket: read off the records on their way into the journal, so that the edge and the
//! ticker are counted alike and a retry is counted once; what days and ended periods move stands in no record, and comes from
//! the rules' sums. Whole millicredits, shown as credits without a float.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use wallet::bucket::{Bucket, Split};
use wallet::credits::Credits;
use wallet::record::Record;
use wallet::resets::ResetTotals;

macro_rules! flows {
    ($($(#[$doc:meta])* $name:ident $text:literal,)*) => {
        /// A way in which credits move.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Flow { $($(#[$doc])* $name,)* }

        impl Flow {
            /// Every flow.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The label.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

flows! {
    /// Set aside by reserves.
    Reserved "reserved",
    /// Taken by charges.
    Charged "charged",
    /// Captured of holds in time, and drawn beside them.
    Committed "committed",
    /// Back from holds that were released, committed in part, or expired.
    Released "released",
    /// Captured credits that went back.
    Refunded "refunded",
    /// Left of days and of periods of subscriptions when they ended.
    Expired "expired",
    /// Given by operators, by subscriptions (periods that opened, and what plan changes added), and by days: when such a
    /// day ends, and only where something was drawn from it (R5).
    Granted "granted",
    /// Bought.
    ToppedUp "topped_up",
    /// Taken back by chargebacks, debt included, and by corrections.
    ClawedBack "clawed_back",
    /// What could not go back because its period had ended.
    Forfeited "forfeited",
    /// Captured after the end of the hold.
    Late "late",
    /// What late commits did not find; of no bucket.
    Uncovered "uncovered",
}

/// The three buckets, and none of them.
const BUCKETS: [(&str, Option<Bucket>); 4] = [
    ("free", Some(Bucket::Free)),
    ("subscription", Some(Bucket::Subscription)),
    ("top_up", Some(Bucket::TopUp)),
    ("none", None),
];

/// Sums of millicredits by flow and bucket; it only grows, and begins with the process.
#[derive(Debug)]
pub struct Flows([[AtomicU64; BUCKETS.len()]; Flow::ALL.len()]);

impl Default for Flows {
    fn default() -> Self {
        Self(std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0))))
    }
}

/// What one push adds: summed without anything shared first.
type Sums = [[u64; BUCKETS.len()]; Flow::ALL.len()];

impl Flows {
    /// Counts what the records of one push move.
    pub fn count(&self, records: &[Record]) {
        let mut sums: Sums = Sums::default();
        for record in records {
            add(&mut sums, record);
        }
        for (cells, sums) in self.0.iter().zip(sums) {
            for (cell, sum) in cells.iter().zip(sums).filter(|(_, sum)| *sum > 0) {
                // Relaxed: a figure for people.
                cell.fetch_add(sum, Ordering::Relaxed);
            }
        }
    }

    /// The sum of one flow of one bucket.
    #[must_use]
    pub fn of(&self, flow: Flow, bucket: Bucket) -> Credits {
        let cell = self.0[flow as usize].iter().zip(BUCKETS).find(|(_, (_, known))| *known == Some(bucket));
        Credits::from_millis(cell.map_or(0, |(cell, _)| cell.load(Ordering::Relaxed)))
    }

    /// Writes the series that have counted anything, in Prometheus' text form.
    pub(super) fn render(&self, text: &mut String, (name, help): (&str, &str), resets: &ResetTotals) {
        let mut line = |line: std::fmt::Arguments<'_>| {
            // Writing into a string cannot fail.
            let _ = writeln!(text, "{line}");
        };
        line(format_args!("# HELP {name} {help}"));
        line(format_args!("# TYPE {name} counter"));
        for (flow, cells) in Flow::ALL.iter().zip(&self.0) {
            for (cell, (bucket, known)) in cells.iter().zip(BUCKETS) {
                let sum = Credits::from_millis(cell.load(Ordering::Relaxed)) + without_record(*flow, known, resets);
                if !sum.is_zero() {
                    line(format_args!("{name}{{flow=\"{}\",bucket=\"{bucket}\"}} {sum}", flow.name()));
                }
            }
        }
    }
}

/// What moved without a record that says so; see [`wallet::resets`].
const fn without_record(flow: Flow, bucket: Option<Bucket>, resets: &ResetTotals) -> Credits {
    match (flow, bucket) {
        (Flow::Granted, Some(Bucket::Free)) => resets.free_granted,
        (Flow::Expired, Some(Bucket::Free)) => resets.free_expired,
        (Flow::Expired, Some(Bucket::Subscription)) => resets.subscription_expired,
        _ => Credits::ZERO,
    }
}

fn add(sums: &mut Sums, record: &Record) {
    let mut flow = |flow: Flow, split: &Split| {
        let amounts = [split.free, split.subscription, split.top_up];
        for (sum, amount) in sums[flow as usize].iter_mut().zip(amounts) {
            *sum = sum.saturating_add(amount.millis());
        }
    };
    match record {
        Record::Reserve(reserve) => flow(Flow::Reserved, &reserve.taken.split),
        Record::Charge(charge) => flow(Flow::Charged, &charge.taken.split),
        Record::Capture(capture) => {
            flow(if capture.late { Flow::Late } else { Flow::Committed }, &capture.captured);
            flow(Flow::Committed, &capture.drawn.split);
            flow(Flow::Released, &capture.returned);
            flow(Flow::Forfeited, &capture.forfeited);
        }
        Record::LateCapture(late) => {
            flow(Flow::Late, &late.taken.split);
            let uncovered = &mut sums[Flow::Uncovered as usize][BUCKETS.len() - 1];
            *uncovered = uncovered.saturating_add(late.shortfall.millis());
        }
        Record::Release(end) | Record::ReleaseWorker(end) => {
            flow(Flow::Released, &end.returned);
            flow(Flow::Forfeited, &end.forfeited);
        }
        Record::Expire(end) => {
            flow(Flow::Released, &end.returned);
            flow(Flow::Forfeited, &end.forfeited);
        }
        Record::Refund(refund) => {
            refund.returned.iter().for_each(|slices| flow(Flow::Refunded, &slices.split));
            flow(Flow::Forfeited, &refund.forfeited);
        }
        Record::SetSubscription(set) => flow(Flow::Granted, &Split::only(Bucket::Subscription, set.amount)),
        Record::Grant(grant) => flow(Flow::Granted, &Split::only(grant.bucket, grant.amount)),
        Record::CycleRoll(rolls) => {
            let granted = rolls.iter().map(|roll| Split::only(Bucket::Subscription, roll.allocation));
            granted.for_each(|split| flow(Flow::Granted, &split));
        }
        Record::Subscription(change) => flow(Flow::Granted, &Split::only(Bucket::Subscription, change.amount)),
        Record::TopUp(top_up) => flow(Flow::ToppedUp, &Split::only(Bucket::TopUp, top_up.amount)),
        Record::ConfirmTopUp(confirm) => flow(Flow::ToppedUp, &Split::only(Bucket::TopUp, confirm.amount)),
        Record::Clawback(clawback) => flow(Flow::ClawedBack, &Split::only(Bucket::TopUp, clawback.amount)),
        Record::Correct(correct) => flow(Flow::ClawedBack, &Split::only(correct.bucket, correct.amount)),
        Record::Policy(_)
        | Record::IdBound { .. }
        | Record::Open(_)
        | Record::Freeze(_)
        | Record::Extend(_)
        | Record::Tombstone { .. }
        | Record::PendingTopUp(_)
        | Record::DropTopUp(_) => {}
    }
}

#[cfg(test)]
mod tests;
