//! The one place that calls bincode: bodies of hello, welcome, close, command and command answer.
//!
//! The form is fixed: little-endian, integers of fixed size, no tags but those that WIRE.md draws.

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use bincode::serde::{borrow_decode_from_slice, encode_into_std_write};
use serde::{Deserialize, Serialize};

use crate::frame::{FrameKind, Header};
use crate::limits::BODY_BYTES_MAX;
use crate::writer::{EncodeError, FrameWriter};

const BYTES_MAX: usize = BODY_BYTES_MAX as usize;
const FORM: Configuration<LittleEndian, Fixint, Limit<BYTES_MAX>> =
    bincode::config::standard().with_little_endian().with_fixed_int_encoding().with_limit::<BYTES_MAX>();

/// The body is not what its kind says. Close with `malformed_body`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body is not a {kind}")]
pub struct MalformedBody {
    /// What it was to be.
    pub kind: FrameKind,
}

/// The body of a frame of one kind.
pub trait Body: Serialize + for<'de> Deserialize<'de> {
    /// The kind of frame that carries it.
    const KIND: FrameKind;

    /// Decodes a body. Texts and lists beyond their limits and bytes left over are refused.
    ///
    /// # Errors
    /// The bytes are not exactly one body of this kind.
    fn decode(body: &[u8]) -> Result<Self, MalformedBody> {
        let malformed = MalformedBody { kind: Self::KIND };
        match borrow_decode_from_slice::<Self, _>(body, FORM) {
            Ok((value, read)) if read == body.len() => Ok(value),
            Ok(_) | Err(_) => Err(malformed),
        }
    }

    /// Appends a frame with this body.
    ///
    /// # Errors
    /// The body is too long for its kind; the buffer is unchanged.
    fn encode(&self, buffer: &mut Vec<u8>, request_id: u64) -> Result<Header, EncodeError> {
        let frame = FrameWriter::begin(buffer, Self::KIND, request_id);
        // Writing into memory cannot fail, and no body has a part without a form; if it did, the frame is taken back.
        if encode_into_std_write(self, buffer, FORM).is_err() {
            frame.abandon(buffer);
            return Err(EncodeError::NoForm { kind: Self::KIND });
        }
        frame.finish(buffer)
    }
}

#[cfg(test)]
mod tests;
