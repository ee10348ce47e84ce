//! One kind of harm at a time: each is ended by its deadline with its reason, and memory does not grow with it.

use std::time::Duration;

use protocol::limits::HEADER_BYTES;
use protocol::{CloseReason, Command, FrameKind, Header, Operation};

use super::super::daemon::Daemon;
use super::super::requests::{ACCOUNT, hold_id, open_account};
use super::super::wire::{Wire, operations_frame};
use super::raw::Raw;
use super::{LATE, ended, long_form, memory_kib, metric, need_descriptors, now, until};

/// A header that is right in everything but what it promises.
fn promising(kind: FrameKind, count: u32, body_len: u32) -> [u8; HEADER_BYTES] {
    Header { kind, request_id: 1, count, body_len, body_crc: 0 }.encode()
}

#[test]
fn length_bombs_are_refused_by_their_headers() {
    let daemon = Daemon::in_memory(&[]);
    let mut good = Wire::connect(&daemon);
    open_account(&mut good);
    let before = memory_kib(&daemon);
    for _ in 0..50 {
        let mut bomb = Raw::connect(&daemon);
        bomb.send(&promising(FrameKind::Hello, 1, u32::MAX));
        assert_eq!(bomb.end(), Some(CloseReason::BodyTooLong));
        for (kind, count, body_len, reason) in [
            (FrameKind::Operations, 1, u32::MAX, CloseReason::BodyTooLong),
            (FrameKind::Operations, u32::MAX, 96, CloseReason::BadCount),
            (FrameKind::Operations, 8_190, 96, CloseReason::BadBodyLen),
            (FrameKind::Command, 1, 1 << 20, CloseReason::BodyTooLong),
            (FrameKind::Ping, 1, 1, CloseReason::BodyTooLong),
        ] {
            let mut bomb = Raw::shaken(&daemon);
            bomb.send(&promising(kind, count, body_len));
            assert_eq!(bomb.end(), Some(reason), "{kind} of {count} in {body_len}");
        }
    }
    let grown = memory_kib(&daemon).saturating_sub(before);
    assert!(grown < 32 << 10, "{grown} KiB more after 300 length bombs");
    assert_eq!(good.ask(&[Operation::balance(ACCOUNT)]).len(), 1);
}

#[test]
fn half_frames_and_bytes_one_at_a_time_end_by_their_deadline() {
    let deadline = [("CREDITD_SERVER__FRAME_TIMEOUT_MS", "1500"), ("CREDITD_SERVER__HANDSHAKE_TIMEOUT_MS", "1500")];
    let daemon = Daemon::in_memory(&deadline);
    let mut good = Wire::connect(&daemon);
    open_account(&mut good);
    let begun = now();
    let frame = operations_frame(1, &[Operation::charge(hold_id(), ACCOUNT, 1); 100]);
    // The rest of the largest frame is promised, and does not come.
    let promise = promising(FrameKind::Operations, 8_190, 8_190 * 96);
    let silent: Vec<Raw> = (0..60_usize)
        .map(|number| {
            let mut raw = Raw::shaken(&daemon);
            match number % 3 {
                0 => raw.send(&frame[..HEADER_BYTES + 1 + number]),
                1 => raw.send(&promise),
                _ => raw.send(&frame[..5]),
            };
            raw
        })
        .collect();
    let mut drips: Vec<Raw> = (0..30).map(|_| Raw::shaken(&daemon)).collect();
    let mut shy: Vec<Raw> = (0..30).map(|_| Raw::connect(&daemon)).collect();
    let opened = begun.elapsed();
    let hello = super::super::wire::hello(1, 1, 0);
    for byte in 0..20 {
        for raw in &mut drips {
            raw.send(&frame[byte..=byte]);
        }
        for raw in &mut shy {
            raw.send(&hello[byte..=byte]);
        }
        assert_eq!(good.ask(&[Operation::balance(ACCOUNT)]).len(), 1, "a good client is served");
        std::thread::sleep(Duration::from_millis(100));
    }
    for raw in silent.into_iter().chain(drips) {
        assert_eq!(raw.end(), Some(CloseReason::FrameTimeout));
    }
    for raw in shy {
        assert_eq!(raw.end(), Some(CloseReason::HandshakeTimeout));
    }
    assert!(begun.elapsed() < opened + Duration::from_millis(2_000) + LATE, "{:?}", begun.elapsed());
    assert_eq!((ended(&daemon, "frame_timeout"), ended(&daemon, "handshake_timeout")), (90, 30));
    until("only the good client is left", || metric(&daemon, "creditd_connections") == 1);
}

/// As many models as a card can have, with long titles.
fn long_rate_card() -> String {
    let mut text = "version = 1\n[[tool]]\nid = 1\nname = \"image\"\n".to_owned();
    for id in 1..=1_024 {
        let (title, long) = ("a model with a long title ".repeat(2), "x".repeat(50));
        text.push_str(&format!(
            "[[model]]\nid = {id}\nname = \"model-{long}-{id}\"\ntitle = \"{title}\"\ntools = [\"image\"]\nprice = 24\n"
        ));
    }
    text
}

#[test]
fn readers_that_never_read_are_ended_and_counted_and_memory_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("creditd.toml");
    std::fs::write(&file, "[server]\nwrite_timeout_ms = 1500\n[catalog]\nrates = \"rates.toml\"\n").unwrap();
    std::fs::write(folder.path().join("rates.toml"), long_rate_card()).unwrap();
    let daemon = Daemon::configured(&file);
    let mut good = Wire::connect(&daemon);
    open_account(&mut good);
    let before = memory_kib(&daemon);
    // Answers that are thousands of times as long as what asks for them, and the longest frames.
    let mut listings = Vec::new();
    for request in 0..4_000 {
        use protocol::Body;
        Command::ListRates.encode(&mut listings, request).unwrap();
    }
    let balances = operations_frame(1, &[Operation::balance(ACCOUNT); 8_190]);
    let deaf: Vec<Raw> = (0..20).map(|_| Raw::shaken(&daemon)).collect();
    let mut most = 0;
    let sending: Vec<_> = deaf
        .into_iter()
        .enumerate()
        .map(|(number, mut raw)| {
            let bytes = if number % 4 < 3 { listings.clone() } else { balances.clone() };
            // They stay connected until they are given up.
            std::thread::spawn(move || while raw.send(&bytes) {})
        })
        .collect();
    until("all of them are given up", || {
        most = most.max(memory_kib(&daemon));
        assert_eq!(good.ask(&[Operation::balance(ACCOUNT)]).len(), 1, "a good client is served");
        ended(&daemon, "slow_reader") == 20
    });
    println!("{} KiB more with 20 deaf clients", most.saturating_sub(before));
    // Each has its queue, and what it asked for last: some megabytes, whatever it sent.
    let grown = most.saturating_sub(before);
    assert!(grown < 20 * (8 << 10), "{grown} KiB more with 20 deaf clients");
    sending.into_iter().for_each(|thread| thread.join().unwrap());
    until("only the good client is left", || metric(&daemon, "creditd_connections") == 1);
}

/// Ten thousand in the long form.
#[test]
fn connections_that_say_nothing_cost_little_and_end_by_their_deadline() {
    let count: u32 = if long_form().is_some() { 10_000 } else { 1_000 };
    // Each has a descriptor on this side too, and the daemon, which has the same limit, keeps some.
    need_descriptors(u64::from(count) + 1_500);
    // They connect for a while, and each is timed by itself.
    let deadline = Duration::from_secs(if long_form().is_some() { 60 } else { 15 });
    let daemon = Daemon::in_memory(&[
        ("CREDITD_SERVER__CONNECTIONS_MAX", "12000"),
        ("CREDITD_SERVER__IDLE_TIMEOUT_MS", &deadline.as_millis().to_string()),
    ]);
    let mut good = Wire::connect(&daemon);
    open_account(&mut good);
    let before = memory_kib(&daemon);
    let idle: Vec<Raw> = (0..count).map(|_| Raw::shaken(&daemon)).collect();
    assert_eq!(metric(&daemon, "creditd_connections"), u64::from(count) + 1);
    std::thread::sleep(Duration::from_secs(3));
    let each = memory_kib(&daemon).saturating_sub(before) / u64::from(count);
    println!("{count} idle connections: {each} KiB each");
    assert!(each < 32, "{each} KiB for each of {count} idle connections");
    for raw in idle {
        assert_eq!(good.ask(&[Operation::balance(ACCOUNT)]).len(), 1, "a good client is served");
        raw.set_read_timeout(deadline + LATE);
        assert_eq!(raw.end(), Some(CloseReason::IdleTimeout));
    }
    // Each is counted once its task has ended, which is after it has said why.
    until("all of them are counted", || ended(&daemon, "idle_timeout") == u64::from(count));
}

#[test]
fn a_flood_of_strangers_keeps_nobody_out_who_is_in() {
    let daemon = Daemon::in_memory(&[
        ("CREDITD_SERVER__HANDSHAKES_MAX", "16"),
        ("CREDITD_SERVER__CONNECTIONS_MAX", "32"),
        ("CREDITD_SERVER__HANDSHAKE_TIMEOUT_MS", "1500"),
    ]);
    let mut good = Wire::connect(&daemon);
    open_account(&mut good);
    let flood: Vec<Raw> = (0..200).map(|_| Raw::connect(&daemon)).collect();
    until("the flood is at its cap", || ended(&daemon, "too_many_connections") > 0);
    assert!(metric(&daemon, "creditd_connections") <= 17, "strangers have places of their own");
    for _ in 0..50 {
        assert_eq!(good.ask(&[Operation::balance(ACCOUNT)]).len(), 1, "who is in is served");
    }
    let mut reasons: Vec<Option<CloseReason>> = flood.into_iter().map(Raw::end).collect();
    let timed_out = reasons.iter().filter(|reason| **reason == Some(CloseReason::HandshakeTimeout)).count();
    assert_eq!(timed_out, 16, "as many as there are places have waited for their deadline");
    reasons.retain(|reason| !matches!(reason, Some(CloseReason::HandshakeTimeout)));
    // So many at once are told why; the others are dropped.
    assert!(reasons.iter().all(|reason| matches!(reason, None | Some(CloseReason::TooManyConnections))));
    assert!(reasons.iter().filter(|reason| reason.is_some()).count() >= 64, "{reasons:?}");
    // Each has its place until the daemon has seen that it is gone.
    until("only the good client is left", || metric(&daemon, "creditd_connections") == 1);
    let mut late = Wire::connect(&daemon);
    assert_eq!(late.ask(&[Operation::balance(ACCOUNT)]).len(), 1, "and there is place again afterwards");
}

#[test]
fn who_has_shaken_hands_counts_among_the_connections() {
    let daemon = Daemon::in_memory(&[("CREDITD_SERVER__CONNECTIONS_MAX", "2")]);
    let early = Raw::connect(&daemon);
    let _first = Wire::connect(&daemon);
    let _second = Wire::connect(&daemon);
    // It came while there was place, and says hello when there is none.
    let mut early = early;
    early.send(&super::super::wire::hello(1, 1, 0));
    assert_eq!(early.end(), Some(CloseReason::TooManyConnections));
}

/// Descriptors that a daemon has open.
fn descriptors(daemon: &Daemon) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", daemon.id())).unwrap().count()
}

/// I9: a socket has a place until it is closed, also while its end is told and the other side may still read.
#[test]
fn who_is_told_to_go_and_stays_has_a_place_until_the_socket_is_closed() {
    let (strangers, connections, turned_away) = (16, 32, 64);
    let daemon = Daemon::in_memory(&[
        ("CREDITD_SERVER__HANDSHAKES_MAX", &strangers.to_string()),
        ("CREDITD_SERVER__CONNECTIONS_MAX", &connections.to_string()),
    ]);
    need_descriptors(2_000);
    let mut good = Wire::connect(&daemon);
    open_account(&mut good);
    let before = descriptors(&daemon);
    // Those that are being accepted, and a connection of the HTTP port.
    let bound = before + strangers + connections + turned_away + 4;

    // Two ways to be told to go: a first byte of no protocol, and the same behind a handshake.
    type Act = fn(&Daemon) -> Option<Raw>;
    let acts: [(Act, usize); 2] =
        [(|daemon| Some(Raw::connect(daemon)), strangers), (|daemon| Raw::try_shaken(daemon), connections / 2)];
    for (connect, places) in acts {
        let mut most = 0;
        let flood: Vec<Raw> = (0..600)
            .filter_map(|number| {
                let mut raw = connect(&daemon)?;
                raw.send(b"X");
                std::thread::sleep(Duration::from_micros(500));
                if number % 10 == 0 {
                    most = most.max(descriptors(&daemon));
                }
                Some(raw)
            })
            .collect();
        println!("{} stay, {most} descriptors of at most {bound}, {before} before", flood.len());
        assert!(most <= bound, "{most} descriptors, at most {bound} are counted");
        assert!(most >= before + places, "{most} descriptors: it is no flood");
        assert_eq!(good.ask(&[Operation::balance(ACCOUNT)]).len(), 1, "who is in is served");
        // Nobody of them goes by himself.
        let begun = now();
        until("the daemon has closed them", || descriptors(&daemon) <= before);
        assert!(begun.elapsed() < Duration::from_secs(2) + LATE, "{:?}", begun.elapsed());
        drop(flood);
    }
    until("only the good client is left", || metric(&daemon, "creditd_connections") == 1);
    let mut late = Wire::connect(&daemon);
    assert_eq!(late.ask(&[Operation::balance(ACCOUNT)]).len(), 1, "and there is place again afterwards");
}
