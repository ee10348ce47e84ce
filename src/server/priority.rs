//! Who gives way where the cores do not suffice: work that no request waits for (decision 0021).
//!
//! The system shares a core by weight. Work of the background that weighs as much as a request's takes a core for as long as
//! it lasts, a tenth of a second or a whole one, and with two cores every request queues meanwhile.

use rustix::process::Pid;

/// How much RocksDB's own threads and the flushes of the projections give way: a third of the weight. They still go on
/// beside full load: a journal whose memory is not written out would stall its appends in the end.
const NICE_FLUSH: i32 = 5;
/// What RocksDB calls its threads.
const ROCKSDB_PREFIX: &str = "rocksdb:";
/// The threads of this process, with their names.
const THREADS: &str = "/proc/self/task";

/// Makes RocksDB's threads give way, as far as they exist; they begin when a store is opened. Where the system has no such
/// list or refuses, they merely give way less.
pub fn lower_rocksdb() {
    let mut lowered: u32 = 0;
    for thread in std::fs::read_dir(THREADS).into_iter().flatten().flatten() {
        let name = std::fs::read_to_string(thread.path().join("comm")).unwrap_or_default();
        let id = thread.file_name().to_str().and_then(|id| id.parse().ok()).and_then(Pid::from_raw);
        let (true, Some(id)) = (name.starts_with(ROCKSDB_PREFIX), id) else { continue };
        lowered += u32::from(rustix::process::setpriority_process(Some(id), NICE_FLUSH).is_ok());
    }
    tracing::debug!(threads = lowered, "RocksDB's threads give way to requests");
}

/// Makes the calling thread give way like RocksDB's.
pub fn lower_this_thread() {
    // Of this thread alone. Where the system refuses, it merely gives way less.
    let _ = rustix::process::nice(NICE_FLUSH);
}

#[cfg(test)]
mod tests {
    //! What the system says of the threads afterwards.

    use std::sync::mpsc;

    use super::*;

    /// The nice value of the calling thread: the 19th number of its line, the 17th after its name.
    fn nice_of_this_thread() -> i32 {
        let line = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        let after_name = line.rsplit_once(')').unwrap().1;
        after_name.split_whitespace().nth(16).unwrap().parse().unwrap()
    }

    #[test]
    fn threads_of_rocksdb_are_lowered_and_no_others() {
        let before = nice_of_this_thread();
        let nice_of = |name: &str| {
            let (named, is_named) = mpsc::channel();
            let (lowered, is_lowered) = mpsc::channel::<()>();
            let thread = std::thread::Builder::new().name(name.to_owned());
            let thread = thread.spawn(move || {
                named.send(()).unwrap();
                is_lowered.recv().unwrap();
                nice_of_this_thread()
            });
            is_named.recv().unwrap();
            lower_rocksdb();
            lowered.send(()).unwrap();
            thread.unwrap().join().unwrap()
        };
        assert_eq!(nice_of("rocksdb:high"), NICE_FLUSH);
        assert_eq!(nice_of("journal"), before);
        assert_eq!(nice_of_this_thread(), before);
    }

    #[test]
    fn a_thread_lowers_itself_alone() {
        let before = nice_of_this_thread();
        let inside = std::thread::spawn(|| {
            lower_this_thread();
            nice_of_this_thread()
        });
        assert_eq!(inside.join().unwrap(), (before + NICE_FLUSH).min(19));
        assert_eq!(nice_of_this_thread(), before);
    }
}
