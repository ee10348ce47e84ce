//! An open loop: frames are due at instants that were fixed before, whether those before them are answered or not.
//!
//! A frame's latency counts from when it was due, so that whatever holds up daemon or load shows (no coordinated
//! omission). The runtime's timers are good to a millisecond; so a thread of its own sleeps from one instant to the next and
//! wakes the connection whose frame is due.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::exit::Failure;

/// What is too short for a sleep.
const SHORT: Duration = Duration::from_micros(20);

/// When the frames of one connection are due.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    due: Instant,
    interval: Duration,
    bell: Arc<Notify>,
}

impl Schedule {
    /// When the next frame is due.
    pub(crate) const fn due(&self) -> Instant {
        self.due
    }

    /// Goes on to the frame after it.
    pub(crate) fn advance(&mut self) {
        self.due += self.interval;
    }

    /// Ends when a frame is due.
    pub(crate) fn bell(&self) -> Arc<Notify> {
        Arc::clone(&self.bell)
    }
}

/// Wakes the connections; dropping it ends its thread.
#[derive(Debug)]
pub(crate) struct Pacer {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Pacer {
    /// Schedules for so many connections, whose frames of `batch` operations come to `rate` operations a second in all, one
    /// after the other at equal distances.
    pub(crate) fn start(connections: u32, batch: u32, rate: u32) -> Result<(Self, Vec<Schedule>), Failure> {
        let between = Duration::from_secs(1) * batch / rate.max(1);
        let begun = Instant::now();
        let schedules: Vec<Schedule> = (0..connections)
            .map(|number| Schedule {
                due: begun + between * (number + 1),
                interval: between * connections,
                bell: Arc::new(Notify::new()),
            })
            .collect();
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, bells) = (Arc::clone(&stop), schedules.iter().map(Schedule::bell).collect::<Vec<_>>());
        let thread = std::thread::Builder::new().name("pacer".to_owned());
        let thread = thread.spawn(move || ring(&bells, begun, between, &stopped));
        Ok((Self { stop, thread: Some(thread.map_err(|error| Failure::bug(&error))?) }, schedules))
    }
}

fn ring(bells: &[Arc<Notify>], begun: Instant, between: Duration, stop: &AtomicBool) {
    let mut due = begun;
    for bell in bells.iter().cycle() {
        due += between;
        wait_until(due);
        // Relaxed: nothing else is told by it.
        if stop.load(Ordering::Relaxed) {
            return;
        }
        bell.notify_one();
    }
}

/// Never ends early: a connection that is woken before its frame is due would wait for the one after it.
fn wait_until(due: Instant) {
    let left = due.saturating_duration_since(Instant::now());
    if left > SHORT {
        std::thread::sleep(left);
    }
    while Instant::now() < due {
        std::hint::spin_loop();
    }
}

impl Drop for Pacer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It sleeps no longer than from one frame to the next.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    //! Bells ring when frames are due.

    use super::*;

    #[tokio::test]
    async fn each_connection_is_woken_when_its_frames_are_due() {
        // Frames of 10 at 2,000 operations a second: one every 5 ms, of each of two connections every 10 ms.
        let (pacer, mut schedules) = Pacer::start(2, 10, 2_000).unwrap();
        let begun = Instant::now();
        for round in 1..=5_u32 {
            for (number, schedule) in schedules.iter_mut().enumerate() {
                schedule.bell().notified().await;
                let due = begun + Duration::from_millis(5) * (2 * (round - 1) + u32::try_from(number).unwrap() + 1);
                assert!(schedule.due() <= due && due <= schedule.due() + Duration::from_millis(3));
                assert!(Instant::now() + Duration::from_millis(1) >= schedule.due(), "round {round}");
                schedule.advance();
            }
        }
        drop(pacer);
    }

    #[test]
    fn no_bell_rings_before_its_frame_is_due() {
        for ahead_us in (0..=60).cycle().take(1_000) {
            let due = Instant::now() + Duration::from_micros(ahead_us);
            wait_until(due);
            assert!(Instant::now() >= due, "{ahead_us} us ahead");
        }
    }
}
