//! Every way in which a connection is closed with a reason.

use std::io::{Read, Write};
use std::net::TcpStream;

use protocol::{CloseReason, FrameKind, Header, Operation};

use super::daemon::{Daemon, PATIENCE};
use super::requests::{ACCOUNT, hold_id, open_account};
use super::wire::{Wire, hello, operations_frame};

#[test]
fn another_protocol_is_noticed_at_once() {
    let daemon = Daemon::in_memory(&[]);
    let mut wire = Wire::silent(&daemon);
    wire.send(b"GET / HTTP/1.1\r\n\r\n");
    assert_eq!(wire.closed_early(), CloseReason::BadMagic);
}

#[test]
fn a_version_that_nobody_speaks() {
    let daemon = Daemon::in_memory(&[]);
    let mut wire = Wire::silent(&daemon);
    wire.send(&hello(7, 9, 0));
    assert_eq!(wire.closed_early(), CloseReason::BadVersion);
}

#[test]
fn the_handshake_comes_first_and_once() {
    let daemon = Daemon::in_memory(&[]);
    let mut wire = Wire::silent(&daemon);
    wire.send(&operations_frame(1, &[Operation::balance(ACCOUNT)]));
    assert_eq!(wire.closed_early(), CloseReason::UnexpectedFrame);
    let mut wire = Wire::connect(&daemon);
    wire.send(&hello(1, 1, 0));
    assert_eq!(wire.closed(), CloseReason::UnexpectedFrame);
}

#[test]
fn a_damaged_header_and_a_damaged_body() {
    let daemon = Daemon::in_memory(&[]);
    let frame = operations_frame(1, &[Operation::balance(ACCOUNT)]);
    for (place, reason) in [(9, CloseReason::BadHeaderCrc), (40, CloseReason::BadBodyCrc)] {
        let mut wire = Wire::connect(&daemon);
        let mut bytes = frame.clone();
        bytes[place] ^= 1;
        wire.send(&bytes);
        assert_eq!(wire.closed(), reason);
    }
}

#[test]
fn a_count_that_no_frame_has() {
    let daemon = Daemon::in_memory(&[]);
    let mut wire = Wire::connect(&daemon);
    let body_len = 8_191 * 96;
    let header = Header { kind: FrameKind::Operations, request_id: 1, count: 8_191, body_len, body_crc: 0 };
    wire.send(&header.encode());
    assert_eq!(wire.closed(), CloseReason::BadCount);
}

#[test]
fn what_came_before_a_bad_frame_is_answered() {
    let daemon = Daemon::in_memory(&[]);
    let mut wire = Wire::connect(&daemon);
    open_account(&mut wire);
    let mut bytes = operations_frame(5, &[Operation::balance(ACCOUNT)]);
    bytes.extend_from_slice(b"XXXX");
    wire.send(&bytes);
    assert_eq!(wire.answers().0, 5);
    assert_eq!(wire.closed(), CloseReason::BadMagic);
}

#[test]
fn more_in_flight_than_agreed() {
    let daemon = Daemon::in_memory(&[]);
    let (mut wire, welcome) = Wire::connect_wanting(&daemon, 4);
    assert_eq!((welcome.in_flight_max, welcome.frame_operations_max), (4, 4));
    open_account(&mut wire);
    wire.send(&operations_frame(1, &[Operation::balance(ACCOUNT); 5]));
    assert_eq!(wire.closed(), CloseReason::TooManyInFlight);
}

#[test]
fn a_client_that_keeps_exactly_to_the_limit_is_never_closed() {
    let daemon = Daemon::in_memory(&[]);
    let (mut wire, _) = Wire::connect_wanting(&daemon, 64);
    open_account(&mut wire);
    let frame = operations_frame(1, &[Operation::balance(ACCOUNT); 32]);
    wire.send(&frame);
    for _ in 0..2_000 {
        wire.send(&frame);
        wire.answers();
    }
}

#[test]
fn no_hello_in_time() {
    let daemon = Daemon::in_memory(&[("CREDITD_SERVER__HANDSHAKE_TIMEOUT_MS", "100")]);
    let mut wire = Wire::silent(&daemon);
    wire.send(b"CRD");
    assert_eq!(wire.closed_early(), CloseReason::HandshakeTimeout);
}

#[test]
fn half_a_frame_and_no_more() {
    let daemon = Daemon::in_memory(&[("CREDITD_SERVER__FRAME_TIMEOUT_MS", "100")]);
    let mut wire = Wire::connect(&daemon);
    let frame = operations_frame(1, &[Operation::charge(hold_id(), ACCOUNT, 1)]);
    wire.send(&frame[..60]);
    assert_eq!(wire.closed(), CloseReason::FrameTimeout);
}

#[test]
fn nothing_for_too_long() {
    let daemon = Daemon::in_memory(&[("CREDITD_SERVER__IDLE_TIMEOUT_MS", "100")]);
    let mut wire = Wire::connect(&daemon);
    assert_eq!(wire.closed(), CloseReason::IdleTimeout);
}

#[test]
fn one_connection_too_many() {
    let daemon = Daemon::in_memory(&[("CREDITD_SERVER__CONNECTIONS_MAX", "1")]);
    let first = Wire::connect(&daemon);
    let mut second = Wire::silent(&daemon);
    assert_eq!(second.closed_early(), CloseReason::TooManyConnections);
    drop(first);
}

#[test]
fn a_reader_that_never_reads_is_given_up_and_harms_nobody() {
    let daemon = Daemon::in_memory(&[("CREDITD_SERVER__WRITE_TIMEOUT_MS", "200")]);
    let mut deaf = TcpStream::connect(daemon.address).unwrap();
    deaf.set_write_timeout(Some(PATIENCE)).unwrap();
    deaf.write_all(&hello(1, 1, 0)).unwrap();
    let frame = operations_frame(1, &[Operation::balance(ACCOUNT); 4_000]);
    // The kernel's buffers take some of it; then the daemon stops reading, and at last it closes.
    while deaf.write_all(&frame).is_ok() {}
    let mut other = Wire::connect(&daemon);
    open_account(&mut other);
    let mut rest = Vec::new();
    let _ = deaf.read_to_end(&mut rest);
}
