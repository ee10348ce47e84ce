//! Every limit of the wire format, named, with its unit; checked before anything is allocated.

/// Bytes of a frame's header.
pub const HEADER_BYTES: usize = 32;
/// Bytes of one operation.
pub const OPERATION_BYTES: usize = 96;
/// Bytes of one answer.
pub const ANSWER_BYTES: usize = 96;

/// Operations (or answers) in one frame, at most.
pub const FRAME_OPERATIONS_MAX: u32 = 8190;
/// Bytes of any body, at most.
pub const BODY_BYTES_MAX: u32 = 1 << 20;
/// Bytes of a hello's body: small, because it is read from peers that nobody has authenticated.
pub const HELLO_BODY_BYTES_MAX: u32 = 512;
/// Bytes of a welcome's body.
pub const WELCOME_BODY_BYTES_MAX: u32 = 512;
/// Bytes of a command's body.
pub const COMMAND_BODY_BYTES_MAX: u32 = 4096;
/// Bytes of a close's body.
pub const CLOSE_BODY_BYTES_MAX: u32 = 512;

/// Bytes (UTF-8) of the name that a client gives itself.
pub const CLIENT_NAME_BYTES_MAX: usize = 64;
/// Bytes (UTF-8) of the daemon's name and version.
pub const SERVER_NAME_BYTES_MAX: usize = 64;
/// Bytes of the token in a hello.
pub const AUTH_TOKEN_BYTES_MAX: usize = 256;
/// Bytes (UTF-8) of an IANA zone name.
pub const ZONE_BYTES_MAX: usize = 64;
/// Bytes (UTF-8) of a reason that an operator gives.
pub const REASON_BYTES_MAX: usize = 200;
/// Bytes (UTF-8) of the text in a close.
pub const CLOSE_TEXT_BYTES_MAX: usize = 200;

/// Millicredits that one request may name, at most: a full field of the wallet's word, 2^38 - 1.
pub const AMOUNT_MAX: u64 = (1 << 38) - 1;
/// The longest hold time, in milliseconds: 24 hours (R23).
pub const HOLD_TTL_MS_MAX: u32 = 24 * 60 * 60 * 1000;
/// The highest tier of a plan (R9).
pub const TIER_MAX: u8 = 15;
/// Captures of one hold, at most (R25).
pub const CAPTURES_MAX: usize = 255;
/// Refunds of one hold, at most (R27).
pub const REFUNDS_MAX: usize = 255;

const _: () = assert!(FRAME_OPERATIONS_MAX as usize * OPERATION_BYTES <= BODY_BYTES_MAX as usize);
const _: () = assert!(OPERATION_BYTES == ANSWER_BYTES);
