//! SIGTERM in the middle of load: an ordered stop.

use super::daemon::Daemon;
use super::round::Round;
use super::seed;

#[test]
fn a_stop_under_load_finishes_what_was_taken() {
    let mut round = Round::new(seed("stop"));
    round.set_up();
    for delay in [30, 150, 300] {
        let mut daemon = Daemon::must_start(&round.folder);
        let mut status = None;
        let time = std::time::Duration::from_millis(delay);
        round.load_until(&daemon.address.clone(), time, || status = Some(daemon.terminate()));
        assert_eq!(status.and_then(|status| status.code()), Some(0), "{}", round.folder.log());
        let mut daemon = Daemon::must_start(&round.folder);
        round.check(&mut daemon, usize::MAX);
        daemon.kill();
    }
    round.finish();
    let log = round.folder.log();
    assert!(!log.contains("torn"), "an ordered stop leaves no torn end:\n{log}");
}
