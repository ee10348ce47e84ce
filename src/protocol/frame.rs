//! Frames: a header of 32 bytes and a body. Decodes from bytes that somebody else has read, and says how many are missing.
//!
//! ```text
//!  0 magic "CRDT"   4 version u16   6 kind u8   7 flags u8   8 request_id u64
//! 16 count u32     20 body_len u32             24 body crc32c u32
//! 28 crc32c u32 of the bytes 0..28
//! ```
//!
//! The order of the checks: magic (byte by byte, so that another protocol is noticed at once), header crc, then version,
//! flags, kind, whether the frame is expected, count, length; only then is the body waited for, and at last its crc.

use core::ops::Range;

use crate::bytes::{put, u16_at, u32_at, u64_at};
use crate::close::CloseReason;
use crate::limits::{
    BODY_BYTES_MAX, CLOSE_BODY_BYTES_MAX, COMMAND_BODY_BYTES_MAX, FRAME_OPERATIONS_MAX, HEADER_BYTES,
    HELLO_BODY_BYTES_MAX, OPERATION_BYTES, WELCOME_BODY_BYTES_MAX,
};
use crate::numbered::numbered;
use crate::version::Version;

/// The first four bytes of every frame.
pub const MAGIC: [u8; 4] = *b"CRDT";

numbered! {
    /// What a frame carries.
    pub enum FrameKind: u8, from_u8 {
        /// Client: the first frame, [`Hello`](crate::Hello).
        Hello = 1 "hello",
        /// Daemon: the answer to hello, [`Welcome`](crate::Welcome).
        Welcome = 2 "welcome",
        /// Client: 1 to 8190 [`Operation`](crate::Operation)s.
        Operations = 3 "operations",
        /// Daemon: as many [`Answer`](crate::Answer)s, in the same order.
        Answers = 4 "answers",
        /// Client: one [`Command`](crate::Command).
        Command = 5 "command",
        /// Daemon: one [`CommandAnswer`](crate::CommandAnswer).
        CommandAnswer = 6 "command_answer",
        /// Either side: the last frame, [`Close`](crate::Close).
        Close = 7 "close",
        /// Either side: are you there? No body.
        Ping = 8 "ping",
        /// Either side: the answer to ping, with its request id. No body.
        Pong = 9 "pong",
    }
}

impl FrameKind {
    /// Bytes that a body of this kind has at most.
    #[must_use]
    #[inline]
    pub const fn body_bytes_max(self) -> u32 {
        match self {
            Self::Hello => HELLO_BODY_BYTES_MAX,
            Self::Welcome => WELCOME_BODY_BYTES_MAX,
            Self::Operations | Self::Answers | Self::CommandAnswer => BODY_BYTES_MAX,
            Self::Command => COMMAND_BODY_BYTES_MAX,
            Self::Close => CLOSE_BODY_BYTES_MAX,
            Self::Ping | Self::Pong => 0,
        }
    }

    /// Whether the body is a row of fixed records, counted by the header.
    #[must_use]
    #[inline]
    pub const fn is_counted(self) -> bool {
        matches!(self, Self::Operations | Self::Answers)
    }
}

/// What a side takes in its present state; anything else is `unexpected_frame`, before its body is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expecting {
    /// The daemon on a new connection.
    Hello,
    /// The client after its hello.
    Welcome,
    /// The daemon after its welcome.
    FromClient,
    /// The client after the welcome.
    FromServer,
}

impl Expecting {
    /// Whether a frame of this kind is taken.
    #[must_use]
    #[inline]
    pub const fn takes(self, kind: FrameKind) -> bool {
        use FrameKind::{Answers, Close, Command, CommandAnswer, Hello, Operations, Ping, Pong, Welcome};
        match self {
            Self::Hello => matches!(kind, Hello),
            Self::Welcome => matches!(kind, Welcome | Close),
            Self::FromClient => matches!(kind, Operations | Command | Close | Ping | Pong),
            Self::FromServer => matches!(kind, Answers | CommandAnswer | Close | Ping | Pong),
        }
    }
}

/// A header whose checks have passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the body is.
    pub kind: FrameKind,
    /// Made by who asks, repeated by who answers.
    pub request_id: u64,
    /// Operations or answers in the body; 1 for every other kind.
    pub count: u32,
    /// Bytes of the body.
    pub body_len: u32,
    /// CRC32C of the body.
    pub body_crc: u32,
}

impl Header {
    /// Decodes and checks a header: everything but the body's crc.
    ///
    /// # Errors
    /// The first check that fails, in the order of this file's head.
    #[inline]
    pub fn decode(bytes: &[u8; HEADER_BYTES], expecting: Expecting) -> Result<Self, FrameError> {
        check_magic(bytes)?;
        let stated = u32_at(bytes, at::HEADER_CRC);
        let computed = crc32c::crc32c(&bytes[..at::HEADER_CRC]);
        if stated != computed {
            return Err(FrameError::BadHeaderCrc { stated, computed });
        }
        let version = u16_at(bytes, at::VERSION);
        if Version::from_u16(version).is_none() {
            return Err(FrameError::BadVersion { version });
        }
        let flags = bytes[at::FLAGS];
        if flags != 0 {
            return Err(FrameError::BadFlags { flags });
        }
        let number = bytes[at::KIND];
        let kind = FrameKind::from_u8(number).ok_or(FrameError::UnknownKind { number })?;
        if !expecting.takes(kind) {
            return Err(FrameError::UnexpectedFrame { kind });
        }
        let header = Self {
            kind,
            request_id: u64_at(bytes, at::REQUEST_ID),
            count: u32_at(bytes, at::COUNT),
            body_len: u32_at(bytes, at::BODY_LEN),
            body_crc: u32_at(bytes, at::BODY_CRC),
        };
        header.check_sizes()?;
        Ok(header)
    }

    /// The 32 bytes.
    #[must_use]
    #[inline]
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        put(&mut bytes, at::MAGIC, MAGIC);
        put(&mut bytes, at::VERSION, Version::V1.number().to_le_bytes());
        bytes[at::KIND] = self.kind.number();
        put(&mut bytes, at::REQUEST_ID, self.request_id.to_le_bytes());
        put(&mut bytes, at::COUNT, self.count.to_le_bytes());
        put(&mut bytes, at::BODY_LEN, self.body_len.to_le_bytes());
        put(&mut bytes, at::BODY_CRC, self.body_crc.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..at::HEADER_CRC]);
        put(&mut bytes, at::HEADER_CRC, crc.to_le_bytes());
        bytes
    }

    /// Count and length against the kind, before anybody allocates for the body.
    #[inline]
    fn check_sizes(&self) -> Result<(), FrameError> {
        let Self { kind, count, body_len, .. } = *self;
        let count_max = if kind.is_counted() { FRAME_OPERATIONS_MAX } else { 1 };
        if count == 0 || count > count_max {
            return Err(FrameError::BadCount { count, count_max });
        }
        let body_len_max = kind.body_bytes_max();
        if body_len > body_len_max {
            return Err(FrameError::BodyTooLong { body_len, body_len_max });
        }
        if kind.is_counted() && body_len as usize != count as usize * OPERATION_BYTES {
            return Err(FrameError::BadBodyLen { body_len, count });
        }
        Ok(())
    }
}

/// What the bytes so far amount to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Not a whole frame yet: at least so many bytes more are needed (never more than what the limits allow).
    NeedMore(usize),
    /// A whole frame; the next one begins at `body.end`.
    Frame {
        /// Its header.
        header: Header,
        /// Where its body is within the input.
        body: Range<usize>,
    },
}

/// Looks at the bytes at the start of `input`, which begin with a frame. Keeps nothing: call it again with more bytes.
///
/// # Errors
/// The first check that fails; the connection is to be closed with [`FrameError::close_reason`].
#[inline]
pub fn decode(input: &[u8], expecting: Expecting) -> Result<Progress, FrameError> {
    let Some(header) = input.first_chunk::<HEADER_BYTES>() else {
        check_magic(input)?;
        return Ok(Progress::NeedMore(HEADER_BYTES - input.len()));
    };
    let header = Header::decode(header, expecting)?;
    let body = HEADER_BYTES..HEADER_BYTES + header.body_len as usize;
    let Some(bytes) = input.get(body.clone()) else {
        return Ok(Progress::NeedMore(body.end - input.len()));
    };
    let computed = crc32c::crc32c(bytes);
    if computed != header.body_crc {
        return Err(FrameError::BadBodyCrc { stated: header.body_crc, computed });
    }
    Ok(Progress::Frame { header, body })
}

/// Why bytes are not a frame, or not one that is expected. The connection cannot go on: where the next frame begins is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Not the magic.
    #[error("the first bytes are not those of this protocol")]
    BadMagic,
    /// The header's checksum.
    #[error("header crc is {computed:#010x}, stated as {stated:#010x}")]
    BadHeaderCrc {
        /// What the header says.
        stated: u32,
        /// What its bytes give.
        computed: u32,
    },
    /// A version that this crate does not speak.
    #[error("version {version} is not spoken here")]
    BadVersion {
        /// The header's version.
        version: u16,
    },
    /// Reserved bits.
    #[error("reserved flags are set: {flags:#04x}")]
    BadFlags {
        /// The header's flags.
        flags: u8,
    },
    /// A kind that this crate does not know.
    #[error("unknown frame kind {number}")]
    UnknownKind {
        /// The header's kind.
        number: u8,
    },
    /// A kind that does not belong here.
    #[error("a frame of kind {kind} is not expected now")]
    UnexpectedFrame {
        /// The header's kind.
        kind: FrameKind,
    },
    /// A count out of range.
    #[error("count {count} is not within 1 to {count_max}")]
    BadCount {
        /// The header's count.
        count: u32,
        /// The most that the kind allows.
        count_max: u32,
    },
    /// A body beyond its kind's limit.
    #[error("a body of {body_len} bytes is longer than {body_len_max}")]
    BodyTooLong {
        /// The header's length.
        body_len: u32,
        /// The most that the kind allows.
        body_len_max: u32,
    },
    /// A length that does not fit the count.
    #[error("a body of {body_len} bytes does not hold {count} records of {OPERATION_BYTES}")]
    BadBodyLen {
        /// The header's length.
        body_len: u32,
        /// The header's count.
        count: u32,
    },
    /// The body's checksum.
    #[error("body crc is {computed:#010x}, stated as {stated:#010x}")]
    BadBodyCrc {
        /// What the header says.
        stated: u32,
        /// What the body's bytes give.
        computed: u32,
    },
}

impl FrameError {
    /// The reason to close with.
    #[must_use]
    pub const fn close_reason(self) -> CloseReason {
        match self {
            Self::BadMagic => CloseReason::BadMagic,
            Self::BadHeaderCrc { .. } => CloseReason::BadHeaderCrc,
            Self::BadVersion { .. } => CloseReason::BadVersion,
            Self::BadFlags { .. } => CloseReason::BadFlags,
            Self::UnknownKind { .. } => CloseReason::UnknownKind,
            Self::UnexpectedFrame { .. } => CloseReason::UnexpectedFrame,
            Self::BadCount { .. } => CloseReason::BadCount,
            Self::BodyTooLong { .. } => CloseReason::BodyTooLong,
            Self::BadBodyLen { .. } => CloseReason::BadBodyLen,
            Self::BadBodyCrc { .. } => CloseReason::BadBodyCrc,
        }
    }
}

/// Offsets within a header.
mod at {
    pub(super) const MAGIC: usize = 0;
    pub(super) const VERSION: usize = 4;
    pub(super) const KIND: usize = 6;
    pub(super) const FLAGS: usize = 7;
    pub(super) const REQUEST_ID: usize = 8;
    pub(super) const COUNT: usize = 16;
    pub(super) const BODY_LEN: usize = 20;
    pub(super) const BODY_CRC: usize = 24;
    pub(super) const HEADER_CRC: usize = 28;
}

/// As many bytes of the magic as are there.
#[inline]
fn check_magic(input: &[u8]) -> Result<(), FrameError> {
    let len = input.len().min(MAGIC.len());
    if input[..len] == MAGIC[..len] { Ok(()) } else { Err(FrameError::BadMagic) }
}

#[cfg(test)]
mod tests;
