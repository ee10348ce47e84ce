//! The HTTP port: liveness, readiness, metrics.

use std::collections::BTreeSet;

use creditd::metrics;
use protocol::{Command, Operation};

use super::daemon::Daemon;
use super::requests::{ACCOUNT, hold_id, open_account};
use super::wire::Wire;

#[test]
fn it_lives_and_is_ready() {
    let daemon = Daemon::in_memory(&[]);
    assert_eq!(daemon.get("/livez"), (200, "ok\n".to_owned()));
    assert_eq!(daemon.get("/readyz"), (200, "ready\n".to_owned()));
    let (status, text) = daemon.get("/readyz?verbose");
    assert_eq!(status, 200);
    for condition in ["[+] recovered\n", "[+] not draining\n", "[+] clock believed\n"] {
        assert!(text.contains(condition), "{text}");
    }
    assert_eq!(daemon.get("/nothing").0, 404);
}

#[test]
fn the_metrics_are_those_that_are_documented() {
    let daemon = Daemon::in_memory(&[]);
    let mut wire = Wire::connect(&daemon);
    open_account(&mut wire);
    wire.ask(&[Operation::reserve(hold_id(), ACCOUNT, 10, 60_000), Operation::balance(ACCOUNT)]);
    wire.ask(&[Operation::reserve(hold_id(), ACCOUNT, 10_000_000, 60_000)]);
    wire.command(&Command::ListRates);
    // The counts are handed over before the connection waits for the next frame.
    protocol_ping(&mut wire);
    let (status, text) = daemon.get("/metrics");
    assert_eq!(status, 200);
    let shown: BTreeSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let documented: BTreeSet<&str> = metrics::ALL.iter().map(|(name, ..)| *name).collect();
    assert_eq!(shown, documented);
    for line in [
        "creditd_requests_total{op=\"reserve\",outcome=\"granted\"} 1",
        "creditd_requests_total{op=\"reserve\",outcome=\"insufficient\"} 1",
        "creditd_requests_total{op=\"open_account\",outcome=\"done\"} 1",
        "creditd_request_duration_seconds_count{op=\"reserve\"} 2",
        "creditd_requests_total{op=\"list_rates\",outcome=\"done\"} 1",
        "creditd_credits_total{flow=\"reserved\",bucket=\"free\"} 0.01",
        "creditd_connections 1",
        "creditd_holds_open 1",
        "creditd_wallets 1",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line} in {text}");
    }
}

fn protocol_ping(wire: &mut Wire) {
    let mut bytes = Vec::new();
    protocol::encode_ping(&mut bytes, 9);
    wire.send(&bytes);
    wire.frame(protocol::Expecting::FromServer).unwrap();
}
