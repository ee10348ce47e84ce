//! What a frame is made of: the parts of the mix, spread evenly over the frames whatever their size.

use std::fmt;
use std::str::FromStr;

use protocol::OperationKind;

/// Parts that a mix has in all, at most.
const PARTS_MAX: u32 = 1000;

/// The kinds that a mix may have, in the order in which a frame carries them.
pub(crate) const KINDS: [OperationKind; 6] = [
    OperationKind::Reserve,
    OperationKind::Charge,
    OperationKind::Commit,
    OperationKind::Release,
    OperationKind::Refund,
    OperationKind::Balance,
];

/// How many operations of each of [`KINDS`].
pub(crate) type Counts = [u32; KINDS.len()];

/// The parts of each kind, and the even sequence that they make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mix {
    parts: Counts,
    /// One period of the sequence: indices into [`KINDS`].
    sequence: Vec<usize>,
}

/// The text is no mix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadMix {
    /// Not `kind=parts,kind=parts`.
    #[error("a mix is written like reserve=50,commit=45,release=5")]
    Form,
    /// A kind that a bench does not send.
    #[error("a mix has reserve, charge, commit, release, refund and balance, each once")]
    Kind,
    /// None at all, or more than the limit.
    #[error("the parts of a mix are 1 to {PARTS_MAX} in all")]
    Parts,
    /// More settlements than there is to settle.
    #[error("commits and releases together are at most the reserves, refunds at most the commits")]
    Unsettled,
}

impl FromStr for Mix {
    type Err = BadMix;

    fn from_str(text: &str) -> Result<Self, BadMix> {
        let mut parts: Counts = [0; KINDS.len()];
        for part in text.split(',') {
            let (name, number) = part.split_once('=').ok_or(BadMix::Form)?;
            let kind = KINDS.iter().position(|kind| kind.name() == name.trim()).ok_or(BadMix::Kind)?;
            let number: u32 = number.trim().parse().map_err(|_| BadMix::Form)?;
            if std::mem::replace(&mut parts[kind], number.min(PARTS_MAX + 1)) != 0 {
                return Err(BadMix::Kind);
            }
        }
        Self::new(parts)
    }
}

impl Mix {
    fn new(parts: Counts) -> Result<Self, BadMix> {
        let total: u32 = parts.iter().sum();
        if !(1..=PARTS_MAX).contains(&total) {
            return Err(BadMix::Parts);
        }
        let [reserve, _, commit, release, refund, _] = parts;
        if commit + release > reserve || refund > commit {
            return Err(BadMix::Unsettled);
        }
        Ok(Self { parts, sequence: sequence(parts, total) })
    }

    /// What the next frame of so many operations is made of. `at` is the place in the sequence, and moves on.
    pub(crate) fn next(&self, at: &mut usize, operations: u32) -> Counts {
        let mut counts: Counts = [0; KINDS.len()];
        for _ in 0..operations {
            counts[self.sequence[*at]] += 1;
            *at = (*at + 1) % self.sequence.len();
        }
        counts
    }
}

/// A period of the even sequence (smooth weighted round robin): at every step each kind earns its parts, and the richest
/// one pays the total and takes the step.
fn sequence(parts: Counts, total: u32) -> Vec<usize> {
    let total = i64::from(total);
    let mut credit = [0_i64; KINDS.len()];
    (0..total)
        .map(|_| {
            for (credit, part) in credit.iter_mut().zip(parts) {
                *credit += i64::from(part);
            }
            // Of equals the first: a reserve comes before its commit.
            let richest = (0..KINDS.len()).rev().max_by_key(|kind| credit[*kind]).unwrap_or(0);
            credit[richest] -= total;
            richest
        })
        .collect()
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = KINDS.iter().zip(self.parts).filter(|(_, part)| *part != 0);
        let parts: Vec<String> = parts.map(|(kind, part)| format!("{kind}={part}")).collect();
        f.write_str(&parts.join(","))
    }
}

#[cfg(test)]
mod tests;
