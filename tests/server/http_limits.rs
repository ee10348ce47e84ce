//! The limits of the HTTP port (I9): so many connections, each for ten seconds whatever it does, and a request of so many
//! bytes. Who says nothing, or says it slowly, keeps nobody out for long.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::daemon::{Daemon, PATIENCE};

/// Connections at once.
const PLACES: usize = 64;
/// How long each of them lives.
const LIFE: Duration = Duration::from_secs(10);

#[expect(clippy::disallowed_methods, reason = "how long a connection lives is measured in real time")]
fn now() -> Instant {
    Instant::now()
}

fn connect(daemon: &Daemon) -> TcpStream {
    let stream = TcpStream::connect(daemon.http).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Whether the daemon has ended the connection, rather than said nothing.
fn is_over(mut stream: &TcpStream) -> bool {
    match stream.read(&mut [0; 1024]) {
        Ok(count) => count == 0,
        Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted),
    }
}

#[test]
fn who_says_nothing_keeps_others_out_for_ten_seconds_and_no_longer() {
    let daemon = Daemon::in_memory(&[]);
    let begun = now();
    let silent: Vec<_> = (0..PLACES).map(|_| connect(&daemon)).collect();
    let mut late = connect(&daemon);
    write!(late, "GET /livez HTTP/1.1\r\nHost: creditd\r\nConnection: close\r\n\r\n").unwrap();
    late.set_read_timeout(Some(LIFE / 4)).unwrap();
    let early = late.read(&mut [0; 16]);
    assert!(early.is_err(), "served beside {PLACES} others: {early:?}");
    late.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut text = String::new();
    late.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    let waited = begun.elapsed();
    assert!(waited >= LIFE - Duration::from_secs(1) && waited < LIFE + PATIENCE / 2, "after {waited:?}");
    assert!(silent.iter().all(is_over), "who said nothing is gone");
    assert_eq!(daemon.get("/livez").0, 200, "and its place is free");
}

#[test]
fn a_request_that_comes_a_byte_at_a_time_or_never_stops_asking_ends_with_its_ten_seconds() {
    let daemon = Daemon::in_memory(&[]);
    let (slow, eager) = (connect(&daemon), connect(&daemon));
    let begun = now();
    let until_over = |mut stream: &TcpStream, bytes: &[u8], pause: Duration| {
        stream.set_read_timeout(Some(pause)).unwrap();
        while stream.write_all(bytes).is_ok() && !is_over(stream) {
            assert!(begun.elapsed() < LIFE + PATIENCE / 2, "it is still there");
        }
        begun.elapsed()
    };
    let (slow, eager) = std::thread::scope(|scope| {
        let slow = scope.spawn(|| until_over(&slow, b"G", Duration::from_millis(500)));
        let asked = b"GET /livez HTTP/1.1\r\nHost: creditd\r\n\r\n";
        let eager = scope.spawn(|| until_over(&eager, asked, Duration::from_millis(500)));
        (slow.join().unwrap(), eager.join().unwrap())
    });
    for lived in [slow, eager] {
        assert!(lived >= LIFE - Duration::from_secs(2), "it was ended after {lived:?}");
    }
}

#[test]
fn a_request_without_an_end_is_refused_by_its_length() {
    let daemon = Daemon::in_memory(&[]);
    let mut stream = connect(&daemon);
    write!(stream, "GET /livez HTTP/1.1\r\nX-Long: ").unwrap();
    let mut sent = 0;
    let long = [b'a'; 64 * 1024];
    // A refusal closes the connection while more is on its way.
    while sent < 16 << 20 && stream.write_all(&long).is_ok() {
        sent += long.len();
    }
    assert!(sent < 16 << 20, "{sent} bytes of one header were taken");
    assert_eq!(daemon.get("/livez").0, 200);
}
