//! What must be, beside what is.

use std::fmt;

use protocol::PerBucket;

use crate::answer_view::buckets_text;
use crate::exit::{Exit, Failure};

/// Credits by bucket, shown with their parts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Expected(pub(super) PerBucket);

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&buckets_text(self.0))
    }
}

/// Something is not what it must be: a bug of the daemon, or another daemon than the one with the sample files.
pub(super) fn wrong(what: &str, is: &dyn fmt::Display, must_be: &dyn fmt::Display) -> Failure {
    let message = format!(
        "WRONG: {what} is {is} and must be {must_be} (the story needs a daemon with the sample plans and rate card)"
    );
    Failure::new(Exit::Bug, "wrong", message)
}
