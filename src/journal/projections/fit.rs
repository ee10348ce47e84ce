//! Whether projections and a journal belong together: what was reached is a place in the chain that was found.
//!
//! The position alone says little: a journal of another time or daemon grows past it sooner or later. The hash of the group
//! that ends there says that every record up to it is the same.

use super::disk::{self, ReadError};
use super::rows::Reached;
use super::store::ProjectionStore;
use crate::group::Group;
use crate::keys::Position;
use crate::recovery::Checked;
use crate::store::{GroupReader, ReadError as JournalReadError};

/// Why projections cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// They have reached what the journal does not have: they belong to another journal, or the journal lost records.
    #[error("the projections have reached position {reached}, and the journal ends at {journal}")]
    Ahead {
        /// Where they are.
        reached: Position,
        /// Where the journal ends.
        journal: Position,
    },
    /// What they need was trimmed.
    #[error(
        "the projections have reached position {reached} only, and the journal begins at {first}: restore both from one backup"
    )]
    Behind {
        /// Where they are.
        reached: Position,
        /// Where the journal begins.
        first: Position,
    },
    /// The journal has other records up to there.
    #[error(
        "the projections have reached position {reached}, and the journal has another group there: one of them is of another \
         time or daemon; restore both from one backup"
    )]
    Apart {
        /// Where they are.
        reached: Position,
    },
    /// They cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The journal cannot be read where they are.
    #[error(transparent)]
    Journal(#[from] JournalReadError),
}

/// What the projections in a store have reached.
///
/// # Errors
/// [`ReadError`].
pub fn reached(store: &impl ProjectionStore) -> Result<Reached, ReadError> {
    disk::reached(store)
}

/// Checks that what projections have reached is a place in the chain that was found, before anything is appended to it.
/// `reader` was told what of its store is the journal.
///
/// # Errors
/// [`OpenError`].
pub fn check_fit(reached: &Reached, found: &Checked, reader: &dyn GroupReader) -> Result<(), OpenError> {
    found.assert_prefix();
    let (start, position) = (&found.start, reached.position);
    if position > found.end.last {
        return Err(OpenError::Ahead { reached: position, journal: found.end.last });
    }
    if position < start.first.before() {
        return Err(OpenError::Behind { reached: position, first: start.first });
    }
    let fits = if position == start.first.before() {
        // The start has the lowest epoch that the first group allows before it.
        reached.hash == start.previous && reached.epoch <= start.epoch
    } else {
        assert!(found.groups > 0, "I4: what lies between start and end is in groups");
        let bytes = reader.read(position)?;
        let group = bytes.as_deref().and_then(|bytes| Group::trust(bytes).ok());
        group.is_some_and(|group| {
            let here = Reached { position: group.last(), epoch: group.header().epoch, hash: group.hash() };
            here == *reached
        })
    };
    if fits { Ok(()) } else { Err(OpenError::Apart { reached: position }) }
}

#[cfg(test)]
mod tests;
