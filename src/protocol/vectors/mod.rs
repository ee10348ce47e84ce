//! Golden vectors: every `.hex` file beside this one is a frame that must mean the same for ever.
//!
//! The files are decoded, compared with the values in the modules here, and encoded again.
//! `UPDATE_VECTORS=1` writes them anew: only for a new file, or a version that nobody speaks yet.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::limits::HEADER_BYTES;
use crate::{
    Answer, Answers, BadField, Body, Close, CloseReason, Command, CommandAnswer, Expecting, FrameKind, FrameWriter,
    Hello, Operation, Operations, Progress, Welcome, decode, encode_answers, encode_ping, encode_pong,
};

mod clock;
mod control;
mod invalid;
mod lists;
mod plans;
mod rates;
mod records;
mod resets;
mod valid;

/// One file.
pub(crate) struct Vector {
    /// The file's name without `.hex`.
    pub(crate) name: String,
    /// A line for people.
    pub(crate) about: &'static str,
    /// Who takes it.
    pub(crate) expecting: Expecting,
    /// The bytes that this crate writes for it.
    pub(crate) bytes: Vec<u8>,
    /// What they mean.
    pub(crate) meaning: Meaning,
}

/// What a vector's bytes mean to who takes them.
pub(crate) enum Meaning {
    /// A frame.
    Frame(u64, Value),
    /// The end of the connection.
    Close(CloseReason),
}

/// What a frame carries.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Hello(Hello),
    Welcome(Welcome),
    Operations(Vec<Result<Operation, BadField>>),
    Answers(Vec<Answer>),
    Command(Command),
    CommandAnswer(CommandAnswer),
    Close(Close),
    Ping,
    Pong,
}

impl Value {
    /// Decodes a body; an error is a malformed body.
    pub(crate) fn decode(kind: FrameKind, body: &[u8]) -> Result<Self, CloseReason> {
        let malformed = |_| CloseReason::MalformedBody;
        Ok(match kind {
            FrameKind::Hello => Self::Hello(Hello::decode(body).map_err(malformed)?),
            FrameKind::Welcome => Self::Welcome(Welcome::decode(body).map_err(malformed)?),
            FrameKind::Operations => Self::Operations(Operations::of_body(body).collect()),
            FrameKind::Answers => {
                let answers: Result<Vec<_>, _> = Answers::of_body(body).collect();
                Self::Answers(answers.map_err(|_| CloseReason::MalformedBody)?)
            }
            FrameKind::Command => Self::Command(Command::decode(body).map_err(malformed)?),
            FrameKind::CommandAnswer => Self::CommandAnswer(CommandAnswer::decode(body).map_err(malformed)?),
            FrameKind::Close => Self::Close(Close::decode(body).map_err(malformed)?),
            FrameKind::Ping => Self::Ping,
            FrameKind::Pong => Self::Pong,
        })
    }

    /// Encodes a frame; `None` for operations that are refused, which have no value to encode from.
    pub(crate) fn encode(&self, request_id: u64) -> Option<Vec<u8>> {
        let mut buffer = Vec::new();
        let written = match self {
            Self::Hello(hello) => hello.encode(&mut buffer, request_id),
            Self::Welcome(welcome) => welcome.encode(&mut buffer, request_id),
            Self::Operations(operations) => {
                let mut frame = FrameWriter::operations(&mut buffer, request_id);
                for operation in operations {
                    frame.push_operation(&mut buffer, operation.as_ref().ok()?);
                }
                frame.finish(&mut buffer)
            }
            Self::Answers(answers) => encode_answers(&mut buffer, request_id, answers),
            Self::Command(command) => command.encode(&mut buffer, request_id),
            Self::CommandAnswer(answer) => answer.encode(&mut buffer, request_id),
            Self::Close(close) => close.encode(&mut buffer, request_id),
            Self::Ping => Ok(encode_ping(&mut buffer, request_id)),
            Self::Pong => Ok(encode_pong(&mut buffer, request_id)),
        };
        let header = written.unwrap();
        assert_eq!(header.body_len as usize + HEADER_BYTES, buffer.len());
        Some(buffer)
    }
}

/// Every vector of this version.
pub(crate) fn all() -> Vec<Vector> {
    let mut vectors = valid::vectors();
    vectors.extend(invalid::vectors());
    vectors
}

/// What the bytes mean, by decoding them as a daemon or client does.
pub(crate) fn meaning(bytes: &[u8], expecting: Expecting) -> Meaning {
    match decode(bytes, expecting) {
        Ok(Progress::Frame { header, body }) => {
            assert_eq!(body.end, bytes.len(), "a vector is one frame");
            match Value::decode(header.kind, &bytes[body]) {
                Ok(value) => Meaning::Frame(header.request_id, value),
                Err(reason) => Meaning::Close(reason),
            }
        }
        Ok(Progress::NeedMore(missing)) => panic!("{missing} bytes are missing"),
        Err(error) => Meaning::Close(error.close_reason()),
    }
}

/// The folder of the files, written anew first if that is asked for.
fn folder() -> &'static Path {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors");
        if std::env::var_os("UPDATE_VECTORS").is_some() {
            for vector in all() {
                let path = folder.join(format!("{}.hex", vector.name));
                std::fs::write(path, render(&vector)).unwrap();
            }
        }
        folder
    });
    &FOLDER
}

/// The bytes of a vector's file.
pub(crate) fn read(name: &str) -> Vec<u8> {
    let text = std::fs::read_to_string(folder().join(format!("{name}.hex"))).unwrap();
    let hex = text.split_once("\nhex:\n").unwrap().1;
    hex.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

/// The file: a comment, who takes it, what it means, the bytes.
fn render(vector: &Vector) -> String {
    let mut text = format!("# {}\ntaken by: {}\n", vector.about, taken_by(vector.expecting));
    match &vector.meaning {
        Meaning::Frame(request_id, value) => write!(text, "request_id: {request_id}\nvalue:\n{value:#?}\n").unwrap(),
        Meaning::Close(reason) => writeln!(text, "close: {} {reason}", reason.number()).unwrap(),
    }
    text.push_str("hex:\n");
    for line in vector.bytes.chunks(16) {
        let line: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(text, "{}", line.join(" ")).unwrap();
    }
    text
}

const fn taken_by(expecting: Expecting) -> &'static str {
    match expecting {
        Expecting::Hello => "a daemon before the handshake",
        Expecting::Welcome => "a client before the handshake",
        Expecting::FromClient => "a daemon",
        Expecting::FromServer => "a client",
    }
}

#[test]
fn files_are_what_this_crate_writes() {
    for vector in all() {
        let path = folder().join(format!("{}.hex", vector.name));
        let text = render(&vector);
        let file = std::fs::read_to_string(&path).unwrap();
        assert!(file == text, "{} has changed:\n{text}", vector.name);
    }
}

#[test]
fn files_mean_what_they_always_meant() {
    for vector in all() {
        let bytes = read(&vector.name);
        match (meaning(&bytes, vector.expecting), &vector.meaning) {
            (Meaning::Frame(request_id, value), Meaning::Frame(expected_id, expected)) => {
                assert_eq!(request_id, *expected_id, "{}", vector.name);
                assert_eq!(&value, expected, "{}", vector.name);
                if let Some(again) = value.encode(request_id) {
                    assert_eq!(again, bytes, "{} is encoded differently", vector.name);
                }
            }
            (Meaning::Close(reason), Meaning::Close(expected)) => {
                assert_eq!(reason, *expected, "{}", vector.name)
            }
            (Meaning::Frame(_, value), Meaning::Close(reason)) => {
                panic!("{} should close with {reason}, is {value:?}", vector.name)
            }
            (Meaning::Close(reason), Meaning::Frame(_, value)) => {
                panic!("{} should be {value:?}, closes with {reason}", vector.name)
            }
        }
    }
}

#[test]
fn every_file_has_a_value_and_every_value_a_name_of_its_own() {
    let files: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str().unwrap().strip_suffix(".hex").map(str::to_owned))
        .collect();
    let vectors = all();
    let names: BTreeSet<String> = vectors.iter().map(|vector| vector.name.clone()).collect();
    assert_eq!(names.len(), vectors.len(), "two vectors have the same name");
    assert_eq!(files, names);
}

#[test]
fn every_kind_command_view_operation_and_reason_has_a_vector() {
    let vectors = all();
    let mut kinds = BTreeSet::new();
    let mut operations = BTreeSet::new();
    let mut commands = BTreeSet::new();
    let mut views = BTreeSet::new();
    let mut reasons = BTreeSet::new();
    for vector in &vectors {
        match &vector.meaning {
            Meaning::Frame(_, value) => {
                kinds.insert(vector.bytes[6]);
                match value {
                    Value::Operations(list) => operations.extend(list.iter().flatten().map(|operation| operation.kind)),
                    Value::Command(command) => commands.extend([command.name()]),
                    // The view is a choice, and its number stands after 32 bytes of a command answer.
                    Value::CommandAnswer(_) => views.extend([vector.bytes[HEADER_BYTES + 32]]),
                    _ => {}
                }
            }
            Meaning::Close(reason) => reasons.extend([*reason]),
        }
    }
    assert_eq!(kinds.len(), FrameKind::ALL.len());
    assert_eq!(operations.len(), crate::OperationKind::ALL.len());
    assert_eq!(commands.len(), 28);
    assert_eq!(views.len(), 13);
    // The other reasons are about time, room and keys, which a frame alone cannot show.
    assert_eq!(reasons.len(), 11);
}
