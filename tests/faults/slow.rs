//! A slow disk and little memory: throughput falls, requests are put off, and nothing breaks.

use std::time::Duration;

use protocol::{AccountId, Bucket, Command, Operation, Outcome, Text};

use super::super::daemon::{Daemon, Folder, now};
use super::super::round::Round;
use super::super::seed;
use super::super::wire::{Reply, Request, Wire};
use super::shim::{Call, Shim};
use super::space::get;

const ACCOUNT: AccountId = AccountId(0x510);
const SYNC_MS: u64 = 500;

fn open_account(wire: &mut Wire, amount: u64) {
    let (command, account) = (client::command_id(), ACCOUNT);
    let open = Command::OpenAccount { command, account, zone: Text::default() };
    let (command, bucket, reason) = (client::command_id(), Bucket::TopUp, Text::default());
    let grant = Command::Grant { command, account, bucket, amount, reason };
    let answers = wire.ask(&[open, grant]).unwrap();
    assert!(answers.iter().all(|answer| answer.outcome == Outcome::Done), "{answers:?}");
}

fn reserves(count: usize) -> Request {
    Request::Operations((0..count).map(|_| Operation::reserve(client::hold_id(), ACCOUNT, 1, 3_600_000)).collect())
}

/// Each waits for the sync that runs and for its own: however many there are, they share it.
#[test]
fn a_sync_of_half_a_second_is_shared_by_everybody() {
    const CLIENTS: usize = 24;
    const REQUESTS: u32 = 3;
    let folder = Folder::new();
    let shim = Shim::over(&folder.data(), folder.path());
    let mut daemon = Daemon::start_in(&folder, &shim.environment()).unwrap();
    open_account(&mut Wire::connect(&daemon.address).unwrap(), 1_000_000);
    shim.delay_syncs(SYNC_MS);
    let before = shim.count(Call::Sync);
    let begun = now();
    let slowest = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| {
                    let mut wire = Wire::connect(&daemon.address).unwrap();
                    let one = || {
                        let begun = now();
                        wire.send(&reserves(1)).unwrap();
                        let Reply::Answers(answers) = wire.receive().unwrap() else { panic!("answers") };
                        assert_eq!(answers[0].outcome, Outcome::Granted);
                        begun.elapsed()
                    };
                    std::iter::repeat_with(one).take(REQUESTS as usize).max().unwrap()
                })
            })
            .collect();
        clients.into_iter().map(|client| client.join().unwrap()).max().unwrap()
    });
    let (took, syncs) = (begun.elapsed(), shim.count(Call::Sync) - before);
    println!("{CLIENTS} clients, {REQUESTS} requests each: {took:?}, slowest {slowest:?}, {syncs} syncs");
    // Two syncs each, and the time of two more for a busy machine. Alone each request would have a sync of its own: their
    // number shows it without a time.
    assert!(slowest < Duration::from_millis(4 * SYNC_MS), "{slowest:?}");
    assert!(took < REQUESTS * Duration::from_millis(4 * SYNC_MS), "{took:?}");
    assert!(syncs <= u64::from(3 * REQUESTS), "{syncs} syncs: they are not shared");
    assert!(slowest >= Duration::from_millis(SYNC_MS), "the disk was not slow: {slowest:?}");
    shim.delay_syncs(0);
    assert_eq!(daemon.terminate().code(), Some(0));
}

/// What the edge has refused because the journal had no room.
fn refused_at_the_edge(daemon: &Daemon) -> u64 {
    let metrics = get(&daemon.http, "/metrics");
    let line = metrics.lines().find_map(|line| line.strip_prefix("creditd_overload_refused_total "));
    line.expect("a line of the metric").parse().unwrap()
}

/// Looks until the daemon is ready, or is not; for as long as a busy machine may need.
fn until_ready_is(daemon: &Daemon, ready: bool) -> String {
    let begun = now();
    loop {
        let text = get(&daemon.http, "/readyz?verbose");
        if text.starts_with("HTTP/1.1 200") == ready {
            return text;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "ready is not {ready}: {text}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A disk that gives neither an answer nor an error.
#[test]
fn a_sync_that_hangs_is_not_ready_until_it_is_over() {
    let folder = Folder::new();
    let shim = Shim::over(&folder.data(), folder.path());
    let mut environment = shim.environment();
    environment.push(("CREDITD_JOURNAL__SYNC_MAX_MS", "400".into()));
    let mut daemon = Daemon::start_in(&folder, &environment).unwrap();
    let mut wire = Wire::connect(&daemon.address).unwrap();
    open_account(&mut wire, 1_000);
    until_ready_is(&daemon, true);
    shim.delay_syncs(4_000);
    wire.send(&reserves(1)).unwrap();
    let text = until_ready_is(&daemon, false);
    assert!(text.contains("\n[-] sync under way for ") && text.contains(" ms, at most 400\n"), "{text}");
    let metrics = get(&daemon.http, "/metrics");
    let running = metrics.lines().find_map(|line| line.strip_prefix("creditd_journal_sync_running_seconds "));
    let millis = running.and_then(|seconds| seconds.parse::<f64>().ok()).map(|seconds| seconds * 1_000.0);
    assert!(millis.is_some_and(|millis| millis > 400.0), "{running:?}");
    shim.delay_syncs(0);
    wire.receive().unwrap();
    until_ready_is(&daemon, true);
    assert_eq!(daemon.terminate().code(), Some(0));
}

#[test]
fn a_kill_on_a_slow_disk_loses_nothing() {
    let mut round = Round::new(seed("slow disk"));
    round.set_up();
    let shim = Shim::over(&round.folder.data(), round.folder.path());
    for _ in 0..2 {
        shim.delay_syncs(0);
        let daemon = Daemon::start_in(&round.folder, &shim.environment()).unwrap();
        shim.delay_syncs(SYNC_MS / 5);
        round.load_until(&daemon.address.clone(), Duration::from_millis(700), || daemon.kill());
        let mut daemon = Daemon::must_start(&round.folder);
        round.check(&mut daemon, 100);
        daemon.kill();
    }
    round.finish();
}

/// Ten times as much as is taken, on a slow disk and with room and holds bounded as for a small machine: what is too much
/// is refused, for want of room in the journal too, memory stays within its bound, and settlements pass.
#[test]
fn ten_times_too_much_is_refused_within_the_memory_that_there_is() {
    /// Address space: the program has some 750 MB mapped when it is idle, and the queue's memory comes on top.
    const ADDRESS_SPACE_MAX: u64 = 1_600 << 20;
    const CLIENTS: usize = 12;
    const FRAMES: usize = 8;
    const HOLDS_MAX: u64 = 40_000;
    let folder = Folder::new();
    let shim = Shim::over(&folder.data(), folder.path());
    let mut environment = shim.environment();
    environment.push(("CREDITD_JOURNAL__ROOM_RECORDS", "32768".into()));
    environment.push(("CREDITD_JOURNAL__SETTLEMENT_SHARE_RECORDS", "8192".into()));
    environment.push(("CREDITD_SERVER__OVERLOAD_WAIT_MS", "20".into()));
    environment.push(("CREDITD_HOLDS__MEMORY_MAX", HOLDS_MAX.to_string().into()));
    let mut daemon = Daemon::start_in(&folder, &environment).unwrap();
    daemon.limit_address_space(ADDRESS_SPACE_MAX);
    let mut wire = Wire::connect(&daemon.address).unwrap();
    open_account(&mut wire, 100_000_000);
    let first = reserves(1);
    wire.send(&first).unwrap();
    let Request::Operations(first) = first else { unreachable!() };
    wire.receive().unwrap();
    // Some 100 syncs a second become five.
    shim.delay_syncs(200);
    let (granted, refused) = std::thread::scope(|scope| {
        let load = || {
            let mut wire = Wire::connect(&daemon.address).unwrap();
            let (mut granted, mut refused) = (0_u64, 0_u64);
            let begun = now();
            while begun.elapsed() < Duration::from_secs(4) {
                (0..FRAMES).for_each(|_| wire.send(&reserves(500)).unwrap());
                for _ in 0..FRAMES {
                    let Reply::Answers(answers) = wire.receive().unwrap() else { panic!("answers") };
                    for answer in answers {
                        match answer.outcome {
                            Outcome::Granted => granted += 1,
                            Outcome::Overloaded => refused += 1,
                            outcome => panic!("{outcome}: {answer:?}"),
                        }
                    }
                }
            }
            (granted, refused)
        };
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(load)).collect();
        // A settlement has its share of the room, whatever the others want.
        std::thread::sleep(Duration::from_secs(2));
        let begun = now();
        wire.send(&Request::Operations(vec![Operation::commit_all(first[0].hold, ACCOUNT, 1)])).unwrap();
        let Reply::Answers(answers) = wire.receive().unwrap() else { panic!("answers") };
        println!("a settlement took {:?}", begun.elapsed());
        assert_eq!(answers[0].outcome, Outcome::Done);
        let sums = clients.into_iter().map(|client| client.join().unwrap());
        sums.fold((0, 0), |sum, own| (sum.0 + own.0, sum.1 + own.1))
    });
    let at_the_edge = refused_at_the_edge(&daemon);
    let peak = daemon.memory_peak_kib();
    println!("{granted} granted, {refused} refused, {at_the_edge} of them for want of room, {peak} KiB at most");
    assert!(granted > 0 && at_the_edge > 0, "the journal had room for everything");
    assert!(refused >= 9 * granted, "{granted} granted, {refused} refused: not ten times too much");
    assert!(granted <= HOLDS_MAX + 1);
    assert!(daemon.ended().is_none(), "{}", folder.log());
    assert!(peak < 256 << 10, "{peak} KiB");
    shim.delay_syncs(0);
    assert_eq!(daemon.terminate().code(), Some(0), "{}", folder.log());
}
