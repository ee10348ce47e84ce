//! A thread for what takes long. There are two: one for walks over all holds and commands that need such a walk, and one for
//! reading the configuration again, whose disk may hang and then keeps nobody else waiting.
//!
//! They are there from the start, so that nothing of it rests on whether the system has a thread to give later, and each is
//! one: however many ask, requests lose one core to it at most (I9).

use std::io;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

/// Jobs that wait for the thread, at most; whoever comes with another waits where he asks.
const WAITING_MAX: usize = 1;

/// How often a stop looks whether the thread has ended, and how long it rests between.
const STOP_LOOKS: u32 = 40;
const STOP_LOOK: Duration = Duration::from_millis(50);

enum Job {
    Run(Box<dyn FnOnce() + Send>),
    End,
}

/// The way to the thread.
#[derive(Debug)]
pub struct Aside {
    jobs: mpsc::Sender<Job>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Aside {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system has none to give.
    pub fn start(name: &str) -> io::Result<Self> {
        let (jobs, waiting) = mpsc::channel(WAITING_MAX);
        let thread = Builder::new().name(name.to_owned()).spawn(move || work(waiting))?;
        Ok(Self { jobs, thread: Mutex::new(Some(thread)) })
    }

    /// Runs something on the thread, when what came before is done. Where nobody waits for it any more when its turn comes,
    /// it is not begun. Nothing: the thread has ended, because the daemon stops.
    pub async fn run<T: Send + 'static>(&self, run: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (told, result) = oneshot::channel();
        let job = move || {
            if !told.is_closed() {
                // Who has gone meanwhile misses what it came to.
                let _ = told.send(run());
            }
        };
        self.jobs.send(Job::Run(Box::new(job))).await.ok()?;
        result.await.ok()
    }

    /// Ends the thread behind what it is at, and waits for that, about two seconds at most: a read of a disk that hangs holds up no
    /// stop. Not to be called by a task.
    pub fn stop(&self) {
        let Some(thread) = self.thread.lock().take() else { return };
        for _ in 0..STOP_LOOKS {
            // Full: its turn comes. It may have ended; a panic has ended the process by then.
            let _ = self.jobs.try_send(Job::End);
            if thread.is_finished() {
                let _ = thread.join();
                return;
            }
            std::thread::sleep(STOP_LOOK);
        }
    }
}

fn work(mut waiting: mpsc::Receiver<Job>) {
    while let Some(Job::Run(job)) = waiting.blocking_recv() {
        job();
    }
}

#[cfg(test)]
mod tests {
    //! One after the other, for those who wait.

    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, mpsc};

    use super::*;
    use crate::in_memory::runtime;

    #[test]
    fn what_is_asked_for_runs_on_the_thread_and_nothing_after_its_end() {
        let aside = Aside::start("aside").unwrap();
        let name = || std::thread::current().name().map(str::to_owned);
        assert_eq!(runtime().block_on(aside.run(name)), Some(Some("aside".to_owned())));
        aside.stop();
        assert_eq!(runtime().block_on(aside.run(name)), None);
        aside.stop();
    }

    #[test]
    fn what_nobody_waits_for_any_more_is_not_begun() {
        let aside = Arc::new(Aside::start("aside").unwrap());
        let (go_on, held) = mpsc::channel::<()>();
        let begun = Arc::new(AtomicBool::new(false));
        runtime().block_on(async {
            let first = Arc::clone(&aside);
            let first = tokio::spawn(async move { first.run(move || held.recv().is_err()).await });
            tokio::task::yield_now().await;
            let (second, begins) = (Arc::clone(&aside), Arc::clone(&begun));
            let second = tokio::spawn(async move { second.run(move || begins.store(true, Ordering::Release)).await });
            tokio::task::yield_now().await;
            second.abort();
            assert!(second.await.is_err_and(|error| error.is_cancelled()));
            drop(go_on);
            assert_eq!(first.await.unwrap(), Some(true));
            assert_eq!(aside.run(|| 7).await, Some(7));
        });
        assert!(!begun.load(Ordering::Acquire));
        aside.stop();
    }
}
