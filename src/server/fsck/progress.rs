//! How far a check is: a bar on a terminal, lines otherwise; both on standard error.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use journal::fsck::Stage;

use crate::clock::{Clock, Stopwatch};

/// How often a bar is drawn, and how often a line is written.
const BAR_EVERY: Duration = Duration::from_millis(100);
const LINE_EVERY: Duration = Duration::from_secs(5);
const BAR_CELLS: u64 = 30;

/// Shows progress.
pub struct Shown {
    bar: bool,
    last: Stopwatch,
    drawn: bool,
    /// Bytes of the journal's files, to tell how much is left.
    whole: u64,
}

impl Shown {
    /// For a journal whose files have so many bytes.
    #[must_use]
    pub fn new(whole: u64) -> Self {
        Self { bar: std::io::stderr().is_terminal(), last: Clock::stopwatch(), drawn: false, whole }
    }

    /// So much of a stage is done.
    pub fn show(&mut self, stage: Stage, done: u64) {
        if stage == Stage::Chain {
            // Files are compressed: there can be more than they are long.
            self.whole = self.whole.max(done);
        }
        if self.last.elapsed() < if self.bar { BAR_EVERY } else { LINE_EVERY } {
            return;
        }
        self.last = Clock::stopwatch();
        let text = line(stage, done, self.whole);
        if self.bar {
            self.drawn = true;
            draw(format_args!("\r{} {text:<50}", cells(stage, done, self.whole)));
        } else {
            draw(format_args!("creditd fsck: {text}\n"));
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if self.drawn {
            draw(format_args!("\r{:100}\r", ""));
        }
    }
}

/// A bar that is not drawn is no harm.
fn draw(text: std::fmt::Arguments<'_>) {
    let mut stderr = std::io::stderr();
    let _ = stderr.write_fmt(text);
    let _ = stderr.flush();
}

fn line(stage: Stage, done: u64, whole: u64) -> String {
    let mib = |bytes: u64| bytes >> 20;
    match stage {
        Stage::Chain => format!("following the chain: {} of about {} MiB", mib(done), mib(whole)),
        Stage::Projections => format!("looking through the projections: {done} rows"),
        Stage::Replay => format!("replaying the records: {} of {} MiB", mib(done), mib(whole)),
    }
}

fn cells(stage: Stage, done: u64, whole: u64) -> String {
    let full = match stage {
        Stage::Projections => 0,
        Stage::Chain | Stage::Replay => done.saturating_mul(BAR_CELLS).checked_div(whole).unwrap_or(0).min(BAR_CELLS),
    };
    let cells = (0..BAR_CELLS).map(|cell| if cell < full { '#' } else { '.' });
    format!("[{}]", cells.collect::<String>())
}

#[cfg(test)]
mod tests {
    //! The bar.

    use super::*;

    #[test]
    fn a_bar_is_as_full_as_the_work_is_done() {
        assert_eq!(cells(Stage::Replay, 0, 0), format!("[{}]", ".".repeat(30)));
        assert_eq!(cells(Stage::Replay, 5, 10), format!("[{}{}]", "#".repeat(15), ".".repeat(15)));
        assert_eq!(cells(Stage::Chain, 99, 10), format!("[{}]", "#".repeat(30)));
        assert_eq!(line(Stage::Replay, 3 << 20, 9 << 20), "replaying the records: 3 of 9 MiB");
    }
}
