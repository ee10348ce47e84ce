//! Writes frames at the end of a buffer: the header is patched in when the body is complete.

use crate::answer::Answer;
use crate::frame::{FrameKind, Header};
use crate::limits::{FRAME_OPERATIONS_MAX, HEADER_BYTES, OPERATION_BYTES};
use crate::operation::Operation;

/// The frame cannot be sent; the buffer is as it was before the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// No operation at all, or more than a frame takes.
    #[error("{count} records; a frame takes 1 to {FRAME_OPERATIONS_MAX}")]
    BadCount {
        /// How many there are.
        count: usize,
    },
    /// A body beyond its kind's limit.
    #[error("a {kind} of {body_len} bytes is longer than {body_len_max}", body_len_max = kind.body_bytes_max())]
    BodyTooLong {
        /// The frame's kind.
        kind: FrameKind,
        /// Its body's bytes.
        body_len: usize,
    },
    /// The body could not be written down; no value of this crate is like that.
    #[error("this {kind} has no form on the wire")]
    NoForm {
        /// The frame's kind.
        kind: FrameKind,
    },
}

/// A frame of operations or answers that is being written. It does not borrow the buffer, so that a frame of answers can
/// stay open while its operations run; the buffer must get nothing else meanwhile.
#[derive(Debug)]
#[must_use = "a frame that is not finished leaves a hole in the buffer"]
pub struct FrameWriter {
    kind: FrameKind,
    request_id: u64,
    start: usize,
}

impl FrameWriter {
    /// Starts a frame of operations at the end of the buffer.
    #[inline]
    pub fn operations(buffer: &mut Vec<u8>, request_id: u64) -> Self {
        Self::begin(buffer, FrameKind::Operations, request_id)
    }

    /// Starts a frame of answers at the end of the buffer.
    #[inline]
    pub fn answers(buffer: &mut Vec<u8>, request_id: u64) -> Self {
        Self::begin(buffer, FrameKind::Answers, request_id)
    }

    #[inline]
    pub(crate) fn begin(buffer: &mut Vec<u8>, kind: FrameKind, request_id: u64) -> Self {
        let start = buffer.len();
        buffer.extend_from_slice(&[0; HEADER_BYTES]);
        Self { kind, request_id, start }
    }

    /// Adds an operation.
    #[inline]
    pub fn push_operation(&mut self, buffer: &mut Vec<u8>, operation: &Operation) {
        debug_assert_eq!(self.kind, FrameKind::Operations, "operations go into frames of operations");
        buffer.extend_from_slice(&operation.encode());
    }

    /// Adds an answer.
    #[inline]
    pub fn push_answer(&mut self, buffer: &mut Vec<u8>, answer: &Answer) {
        debug_assert_eq!(self.kind, FrameKind::Answers, "answers go into frames of answers");
        buffer.extend_from_slice(&answer.encode());
    }

    /// Records that have been added so far.
    #[must_use]
    #[inline]
    pub fn count(&self, buffer: &[u8]) -> usize {
        self.body_len(buffer) / OPERATION_BYTES
    }

    /// Whether no further record fits.
    #[must_use]
    #[inline]
    pub fn is_full(&self, buffer: &[u8]) -> bool {
        self.count(buffer) >= FRAME_OPERATIONS_MAX as usize
    }

    /// Writes the header. On an error the frame is taken out of the buffer.
    ///
    /// # Errors
    /// The body has no record, too many, or is too long for its kind.
    #[inline]
    pub fn finish(self, buffer: &mut Vec<u8>) -> Result<Header, EncodeError> {
        match self.header(buffer) {
            Ok(header) => {
                buffer[self.start..self.start + HEADER_BYTES].copy_from_slice(&header.encode());
                Ok(header)
            }
            Err(error) => {
                self.abandon(buffer);
                Err(error)
            }
        }
    }

    /// Whether it is the first in its buffer.
    #[must_use]
    #[inline]
    pub const fn is_first(&self) -> bool {
        self.start == 0
    }

    /// Moves the frame, as far as it is written, to the end of another buffer: what came before it can leave.
    #[inline]
    pub fn move_to(&mut self, buffer: &mut Vec<u8>, other: &mut Vec<u8>) {
        let start = other.len();
        other.extend_from_slice(&buffer[self.start..]);
        buffer.truncate(self.start);
        self.start = start;
    }

    /// Takes the frame out of the buffer again.
    #[inline]
    pub fn abandon(self, buffer: &mut Vec<u8>) {
        buffer.truncate(self.start);
    }

    #[inline]
    fn body_len(&self, buffer: &[u8]) -> usize {
        buffer.len().saturating_sub(self.start + HEADER_BYTES)
    }

    #[inline]
    fn header(&self, buffer: &[u8]) -> Result<Header, EncodeError> {
        let Self { kind, request_id, start } = *self;
        let body_len = self.body_len(buffer);
        let too_long = EncodeError::BodyTooLong { kind, body_len };
        let count = if kind.is_counted() { self.count(buffer) } else { 1 };
        let count = u32::try_from(count)
            .ok()
            .filter(|count| (1..=FRAME_OPERATIONS_MAX).contains(count))
            .ok_or(EncodeError::BadCount { count })?;
        let body_len = u32::try_from(body_len).ok().filter(|len| *len <= kind.body_bytes_max()).ok_or(too_long)?;
        let body_crc = crc32c::crc32c(&buffer[start + HEADER_BYTES..]);
        Ok(Header { kind, request_id, count, body_len, body_crc })
    }
}

/// Appends a frame of operations.
///
/// # Errors
/// None, or more than a frame takes; the buffer is unchanged.
pub fn encode_operations(
    buffer: &mut Vec<u8>,
    request_id: u64,
    operations: &[Operation],
) -> Result<Header, EncodeError> {
    let mut frame = FrameWriter::operations(buffer, request_id);
    for operation in operations {
        frame.push_operation(buffer, operation);
    }
    frame.finish(buffer)
}

/// Appends a frame of answers.
///
/// # Errors
/// None, or more than a frame takes; the buffer is unchanged.
pub fn encode_answers(buffer: &mut Vec<u8>, request_id: u64, answers: &[Answer]) -> Result<Header, EncodeError> {
    let mut frame = FrameWriter::answers(buffer, request_id);
    for answer in answers {
        frame.push_answer(buffer, answer);
    }
    frame.finish(buffer)
}

/// Appends a ping.
pub fn encode_ping(buffer: &mut Vec<u8>, request_id: u64) -> Header {
    encode_empty(buffer, FrameKind::Ping, request_id)
}

/// Appends the answer to a ping, with the ping's request id.
pub fn encode_pong(buffer: &mut Vec<u8>, request_id: u64) -> Header {
    encode_empty(buffer, FrameKind::Pong, request_id)
}

fn encode_empty(buffer: &mut Vec<u8>, kind: FrameKind, request_id: u64) -> Header {
    let header = Header { kind, request_id, count: 1, body_len: 0, body_crc: crc32c::crc32c(&[]) };
    buffer.extend_from_slice(&header.encode());
    header
}

#[cfg(test)]
mod tests;
