//! A distribution that takes many equal values at once, shown in Prometheus' text form.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// Upper bounds for durations, in microseconds.
pub(super) const SECONDS: [u64; 16] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000,
];

/// Upper bounds for records in a group.
pub(super) const RECORDS: [u64; 9] = [1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536];

/// The largest value that is told apart from larger ones: a minute, or so many records.
const LARGEST: u64 = 60_000_000;
/// Two significant digits: buckets are at most one part in a hundred wide.
const DIGITS: u8 = 2;

/// A distribution of durations or counts.
pub struct Histogram {
    values: Mutex<hdrhistogram::Histogram<u64>>,
    sum: AtomicU64,
    bounds: &'static [u64],
    /// How many of the stored unit make one of the shown unit.
    scale: u64,
}

impl Histogram {
    /// Of durations up to a minute.
    #[must_use]
    pub fn of_seconds() -> Self {
        Self::of_micros(&SECONDS)
    }

    /// Of durations: recorded in microseconds, shown in seconds.
    pub(super) fn of_micros(bounds: &'static [u64]) -> Self {
        Self::new(bounds, 1_000_000)
    }

    /// Of counts.
    pub(super) fn of_counts(bounds: &'static [u64]) -> Self {
        Self::new(bounds, 1)
    }

    fn new(bounds: &'static [u64], scale: u64) -> Self {
        let values = hdrhistogram::Histogram::new_with_bounds(1, LARGEST, DIGITS);
        let Ok(values) = values else { panic!("the bounds are constants within the library's range") };
        Self { values: Mutex::new(values), sum: AtomicU64::new(0), bounds, scale }
    }

    /// Adds a value that was seen so many times.
    pub fn record(&self, value: u64, times: u64) {
        self.values.lock().saturating_record_n(value, times);
        // Relaxed: a figure for people, which may be a moment older or newer than the counts.
        self.sum.fetch_add(value.saturating_mul(times), Ordering::Relaxed);
    }

    /// Writes the series of one set of labels (`name="value"`, or nothing).
    pub(super) fn render(&self, text: &mut String, name: &str, labels: &str) {
        let (counts, total) = self.cumulative();
        let comma = if labels.is_empty() { "" } else { "," };
        for (bound, count) in self.bounds.iter().zip(counts) {
            let bound = decimal(*bound, self.scale);
            write_line(text, format_args!("{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {count}"));
        }
        write_line(text, format_args!("{name}_bucket{{{labels}{comma}le=\"+Inf\"}} {total}"));
        let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        let sum = decimal(self.sum.load(Ordering::Relaxed), self.scale);
        write_line(text, format_args!("{name}_sum{labels} {sum}"));
        write_line(text, format_args!("{name}_count{labels} {total}"));
    }

    /// How many values are at most each bound, and how many there are.
    fn cumulative(&self) -> (Vec<u64>, u64) {
        let values = self.values.lock();
        let mut counts = vec![0; self.bounds.len()];
        for step in values.iter_recorded() {
            let value = values.lowest_equivalent(step.value_iterated_to());
            if let Some(index) = self.bounds.iter().position(|bound| value <= *bound) {
                counts[index] += step.count_since_last_iteration();
            }
        }
        let mut sum = 0;
        for count in &mut counts {
            sum += *count;
            *count = sum;
        }
        (counts, values.len())
    }
}

/// Writes what stands above the series of a histogram.
pub(super) fn head(text: &mut String, name: &str, help: &str) {
    write_line(text, format_args!("# HELP {name} {help}"));
    write_line(text, format_args!("# TYPE {name} histogram"));
}

fn write_line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing into a string cannot fail.
    let _ = writeln!(text, "{line}");
}

/// `value / scale` without a float: "0.0025", "1".
fn decimal(value: u64, scale: u64) -> String {
    let (whole, rest) = (value / scale, value % scale);
    if rest == 0 {
        return whole.to_string();
    }
    let digits = usize::try_from(scale.ilog10()).unwrap_or(0);
    let text = format!("{whole}.{rest:0digits$}");
    text.trim_end_matches('0').to_owned()
}
