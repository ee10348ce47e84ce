//! What the threads of the daemon have used, as `/proc` tells it.

use std::fs;
use std::path::Path;
use std::time::Duration;

/// The processor time of the thread with a name; nothing where there is none, or where the system does not tell.
pub(crate) fn thread_cpu(process: u32, name: &str) -> Option<Duration> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).ok()?;
    let named = |task: &Path| fs::read_to_string(task.join("comm")).is_ok_and(|text| text.trim() == name);
    let task = tasks.filter_map(Result::ok).map(|entry| entry.path()).find(|task| named(task))?;
    on_a_processor(&fs::read_to_string(task.join("schedstat")).ok()?)
}

/// The time on a processor of all threads of a process, of those that have ended too, in hundredths of a second.
pub(crate) fn processor_time(process: u32) -> Option<Duration> {
    of_all_threads(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

/// The 14th and 15th number of the line, of which the name, in brackets, is the second: ticks, of which Linux has a hundred a second.
fn of_all_threads(stat: &str) -> Option<Duration> {
    let (_, numbers) = stat.rsplit_once(')')?;
    let numbers: Vec<u64> =
        numbers.split_whitespace().skip(11).take(2).map_while(|number| number.parse().ok()).collect();
    let [user, system] = numbers[..] else { return None };
    Some(Duration::from_millis(user.saturating_add(system).saturating_mul(10)))
}

/// The first number is nanoseconds on a processor.
fn on_a_processor(schedstat: &str) -> Option<Duration> {
    schedstat.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// What a process had the disk write, less what was given up before it was written.
pub(crate) fn written_bytes(process: u32) -> u64 {
    let io = fs::read_to_string(format!("/proc/{process}/io")).unwrap_or_default();
    let field = |name: &str| {
        let line = io.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.and_then(|bytes| bytes.trim().parse::<u64>().ok()).unwrap_or(0)
    };
    field("write_bytes").saturating_sub(field("cancelled_write_bytes"))
}

/// The memory that a process has resident, in bytes.
pub(crate) fn resident_bytes(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB"));
    line.and_then(|kibibytes| kibibytes.trim().parse::<u64>().ok()).unwrap_or(0) << 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_found_by_its_name_and_its_time_grows() {
        let spin = std::thread::Builder::new().name("spinning".to_owned()).spawn(|| {
            let mut sum: u64 = 0;
            for number in 0..50_000_000_u64 {
                sum = std::hint::black_box(sum ^ number);
            }
            thread_cpu(std::process::id(), "spinning")
        });
        let took = spin.unwrap().join().unwrap().unwrap();
        assert!(took > Duration::from_micros(100), "{took:?}");
        assert_eq!(thread_cpu(std::process::id(), "nobody"), None);
        assert!(resident_bytes(std::process::id()) > 0);
        assert_eq!(on_a_processor("1500 2 3"), Some(Duration::from_nanos(1_500)));
        let stat = "7 (a) name) S 1 2 3 4 5 6 7 8 9 10 250 31 14 15 20";
        assert_eq!(of_all_threads(stat), Some(Duration::from_millis(2_810)));
        assert_eq!(of_all_threads("7 (name) S 1"), None);
        assert!(processor_time(std::process::id()).is_some());
    }
}
