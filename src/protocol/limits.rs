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
/// Bytes (UTF-8) of the name of a plan, a bundle, a tool or a model: the key of its table in the file.
pub const KEY_BYTES_MAX: usize = 64;
/// Bytes (UTF-8) of a title that people read.
pub const TITLE_BYTES_MAX: usize = 128;
/// Bytes (UTF-8) of what a base price is for, such as "image".
pub const UNIT_BYTES_MAX: usize = 32;
/// Bytes (UTF-8) of a line that names what a reload changed.
pub const CHANGE_BYTES_MAX: usize = 128;
/// Bytes (UTF-8) of what is wrong with a file.
pub const RELOAD_ERROR_BYTES_MAX: usize = 512;
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
/// Holds in one listing, at most.
pub const HOLDS_LISTED_MAX: usize = 256;
/// Accounts in one listing, at most.
pub const ACCOUNTS_LISTED_MAX: usize = 256;
/// Pending top-ups of one wallet, at most (R14).
pub const PENDING_TOP_UPS_MAX: usize = 16;
/// Plans of the catalogue, at most.
pub const PLANS_MAX: usize = 256;
/// Bundles of the catalogue, at most.
pub const BUNDLES_MAX: usize = 64;
/// Tools of the rate card, at most.
pub const TOOLS_MAX: usize = 256;
/// Models of the rate card, at most.
pub const MODELS_MAX: usize = 1024;
/// Lines of an estimate, at most.
pub const ESTIMATE_LINES_MAX: usize = 64;
/// Lines about what a reload changed, at most.
pub const CHANGES_MAX: usize = 64;
/// Zones whose next boundary is shown, at most.
pub const BOUNDARIES_SHOWN_MAX: usize = 256;
/// Runs of resets that are shown, at most.
pub const RESET_RUNS_SHOWN_MAX: usize = 32;

const _: () = assert!(FRAME_OPERATIONS_MAX as usize * OPERATION_BYTES <= BODY_BYTES_MAX as usize);
const _: () = assert!(OPERATION_BYTES == ANSWER_BYTES);
