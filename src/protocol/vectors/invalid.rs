//! Frames that end the connection, each with the reason that it is closed with.

use super::{Meaning, Vector, lists, plans, rates};
use crate::limits::{COMMAND_BODY_BYTES_MAX, FRAME_OPERATIONS_MAX, HEADER_BYTES, HELLO_BODY_BYTES_MAX};
use crate::{
    AccountId, Body, CloseReason, Command, CommandId, Expecting, FrameKind, Header, Operation, Text, encode_operations,
};

pub(super) fn vectors() -> Vec<Vector> {
    let mut vectors = headers();
    vectors.extend(sizes());
    vectors.extend(bodies());
    vectors.extend(choices());
    vectors
}

fn refused(name: &str, about: &'static str, expecting: Expecting, bytes: Vec<u8>, reason: CloseReason) -> Vector {
    let name = format!("invalid-{name}");
    Vector { name, about, expecting, bytes, meaning: Meaning::Close(reason) }
}

/// A good frame of one operation, to be spoilt.
fn good() -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_operations(&mut bytes, 42, &[Operation::balance(AccountId(1))]).unwrap();
    bytes
}

/// Changes header bytes and makes the header's crc right again, so that only the named check can fail.
fn sealed(mut bytes: Vec<u8>, at: usize, change: &[u8]) -> Vec<u8> {
    bytes[at..at + change.len()].copy_from_slice(change);
    let crc = crc32c::crc32c(&bytes[..28]);
    bytes[28..32].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// A header alone, its crc right: what it states is refused before any body is read.
fn header(kind: FrameKind, count: u32, body_len: u32) -> Vec<u8> {
    Header { kind, request_id: 42, count, body_len, body_crc: 0 }.encode().to_vec()
}

/// A frame with this body, both crcs right.
fn with_body(kind: FrameKind, body: &[u8]) -> Vec<u8> {
    let body_len = u32::try_from(body.len()).unwrap();
    let header = Header { kind, request_id: 42, count: 1, body_len, body_crc: crc32c::crc32c(body) };
    [header.encode().as_slice(), body].concat()
}

fn headers() -> Vec<Vector> {
    use Expecting::{FromClient, FromServer};
    let mut body_flipped = good();
    body_flipped[HEADER_BYTES] ^= 1;
    let mut header_flipped = good();
    header_flipped[8] ^= 1;
    let http = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec();
    vec![
        refused("http", "Another protocol.", Expecting::Hello, http, CloseReason::BadMagic),
        refused(
            "bad-magic",
            "The magic in upper and lower case.",
            FromClient,
            sealed(good(), 0, b"CRdT"),
            CloseReason::BadMagic,
        ),
        refused(
            "bad-header-crc",
            "One bit of the request id is flipped.",
            FromClient,
            header_flipped,
            CloseReason::BadHeaderCrc,
        ),
        refused("bad-body-crc", "One bit of the body is flipped.", FromClient, body_flipped, CloseReason::BadBodyCrc),
        refused("bad-version", "Version 2.", FromClient, sealed(good(), 4, &[2, 0]), CloseReason::BadVersion),
        refused("bad-flags", "A reserved flag.", FromClient, sealed(good(), 7, &[1]), CloseReason::BadFlags),
        refused("unknown-kind", "Frame kind 10.", FromClient, sealed(good(), 6, &[10]), CloseReason::UnknownKind),
        refused(
            "operations-before-hello",
            "Operations before the handshake.",
            Expecting::Hello,
            good(),
            CloseReason::UnexpectedFrame,
        ),
        refused(
            "operations-to-client",
            "A client does not take operations.",
            FromServer,
            good(),
            CloseReason::UnexpectedFrame,
        ),
    ]
}

fn sizes() -> Vec<Vector> {
    use Expecting::FromClient;
    vec![
        refused("count-zero", "No operation.", FromClient, header(FrameKind::Operations, 0, 0), CloseReason::BadCount),
        refused(
            "count-too-large",
            "8191 operations.",
            FromClient,
            header(FrameKind::Operations, FRAME_OPERATIONS_MAX + 1, 786_336),
            CloseReason::BadCount,
        ),
        refused("count-of-ping", "Two pings in one.", FromClient, header(FrameKind::Ping, 2, 0), CloseReason::BadCount),
        refused(
            "body-too-long",
            "A body of 4 GiB.",
            FromClient,
            header(FrameKind::Operations, 1, u32::MAX),
            CloseReason::BodyTooLong,
        ),
        refused(
            "command-too-long",
            "A command beyond its limit.",
            FromClient,
            header(FrameKind::Command, 1, COMMAND_BODY_BYTES_MAX + 1),
            CloseReason::BodyTooLong,
        ),
        refused(
            "hello-too-long",
            "A hello beyond its limit.",
            Expecting::Hello,
            header(FrameKind::Hello, 1, HELLO_BODY_BYTES_MAX + 1),
            CloseReason::BodyTooLong,
        ),
        refused(
            "ping-with-body",
            "A ping has no body.",
            FromClient,
            header(FrameKind::Ping, 1, 1),
            CloseReason::BodyTooLong,
        ),
        refused(
            "body-len-off",
            "Two operations in 96 bytes.",
            FromClient,
            header(FrameKind::Operations, 2, 96),
            CloseReason::BadBodyLen,
        ),
    ]
}

fn bodies() -> Vec<Vector> {
    let open = Command::OpenAccount { command: CommandId(1), account: AccountId(2), zone: Text::new("UTC").unwrap() };
    let mut frame = Vec::new();
    open.encode(&mut frame, 42).unwrap();
    let body = &frame[HEADER_BYTES..];
    let zone = 4 + 16 + 16;
    let changed = |at: usize, change: &[u8]| {
        let mut body = body.to_vec();
        body[at..at + change.len()].copy_from_slice(change);
        body
    };
    let long = {
        let mut long = body[..zone].to_vec();
        long.extend_from_slice(&65_u64.to_le_bytes());
        long.extend_from_slice(&[b'x'; 65]);
        long
    };
    let frozen = {
        let freeze =
            Command::Freeze { command: CommandId(1), account: AccountId(2), frozen: true, reason: Text::default() };
        let mut frame = Vec::new();
        freeze.encode(&mut frame, 42).unwrap();
        frame[HEADER_BYTES + zone] = 2;
        frame[HEADER_BYTES..].to_vec()
    };
    let one = |name: &str, about, body: &[u8]| {
        refused(name, about, Expecting::FromClient, with_body(FrameKind::Command, body), CloseReason::MalformedBody)
    };
    vec![
        one("command-empty", "A command without a body.", &[]),
        one("command-cut", "The last byte is missing.", &body[..body.len() - 1]),
        one("command-trailing-byte", "A byte is left over.", &[body, &[0]].concat()),
        one("command-unknown", "Command number 26.", &changed(0, &[26])),
        one("command-length-bomb", "A text of 2^64 - 1 bytes.", &changed(zone, &[0xff; 8])),
        one("command-text-too-long", "A zone of 65 bytes.", &long),
        one("command-not-utf-8", "A zone that is not UTF-8.", &changed(zone + 8, &[0xff])),
        one("command-bad-bool", "A flag that is neither 0 nor 1.", &frozen),
    ]
}

/// Numbers and counts within later commands and views, taken from a good vector and changed at one place.
fn choices() -> Vec<Vector> {
    let good: Vec<Vector> = plans::vectors().into_iter().chain(rates::vectors()).chain(lists::vectors()).collect();
    let spoilt = |name: &str, about, of: &str, at: usize, change: &[u8]| {
        let vector = good.iter().find(|vector| vector.name == of).unwrap();
        let mut body = vector.bytes[HEADER_BYTES..].to_vec();
        body[at..at + change.len()].copy_from_slice(change);
        let kind = FrameKind::from_u8(vector.bytes[6]).unwrap();
        refused(name, about, vector.expecting, with_body(kind, &body), CloseReason::MalformedBody)
    };
    // A command's choice and two ids; a command answer's head and its view's number.
    let (ids, view) = (4 + 16 + 16, 36);
    vec![
        spoilt("command-bad-mode", "Mode 4 of a plan change.", "command-change-plan", ids + 2, &[4]),
        spoilt("command-too-many-lines", "An estimate of 65 lines.", "command-estimate", 4, &[65]),
        spoilt("command-bundle-length", "A bundle's name of 65 bytes.", "command-top-up-bundle", ids, &[65]),
        spoilt("command-bad-pending", "A flag that is neither 0 nor 1.", "command-top-up-bundle", ids + 8 + 10, &[2]),
        spoilt("answer-unknown-view", "View number 11.", "command-answer-accounts", view - 4, &[11]),
        spoilt("answer-too-many-accounts", "A list of 257 accounts.", "command-answer-accounts", view, &[1, 1]),
        spoilt("answer-too-many-holds", "A list of 257 holds.", "command-answer-holds-none", view, &[1, 1]),
        spoilt(
            "answer-list-cut",
            "A list of three accounts that ends after two.",
            "command-answer-accounts",
            view,
            &[3],
        ),
        spoilt("answer-bad-option", "A part that is neither there nor not.", "command-answer-lapsed", view, &[2]),
        spoilt(
            "answer-bad-would",
            "An outcome that has no number.",
            "command-answer-quote",
            view + 8 + 8 + 4 + 1 + 1,
            &[5],
        ),
    ]
}
