//! What is wrong with a catalogue file (rate card, plans), and where: file, line, key, what was expected, a hint.

use std::fmt;
use std::ops::Range;

use thiserror::Error;

/// The text of a catalogue file and the name by which people know it. It is read by the caller: nothing here opens files.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Source<'a> {
    /// The file's name as errors show it.
    pub file: &'a str,
    /// What is in it.
    pub text: &'a str,
}

impl Source<'_> {
    /// The line of a byte of the text, counted from 1.
    #[must_use]
    pub fn line_of(&self, offset: usize) -> u32 {
        let newlines = self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count();
        assert!(newlines <= offset, "a line begins after the end of the one before it");
        u32::try_from(newlines).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// The line on which a span begins.
    #[must_use]
    pub fn line_at(&self, span: &Range<usize>) -> u32 {
        self.line_of(span.start)
    }
}

/// A catalogue file that is refused as a whole: what runs stays as it is.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub struct CatalogError {
    /// The file's name, as the caller gave it.
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
    /// The key with the tables it stands in, such as `model.price`; empty where it is about the whole file.
    pub key: String,
    /// What is wrong, and what was expected.
    pub message: String,
    /// How it may have been meant.
    pub hint: Option<String>,
}

/// One line: `rates.toml, line 12: model.prise: unknown key; did you mean "price"?`
impl fmt::Display for CatalogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}: ", self.file, self.line)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)?;
        self.hint.iter().try_for_each(|hint| write!(f, "; {hint}"))
    }
}

impl CatalogError {
    /// An error about the key (or its value) at `span`.
    #[must_use]
    pub fn at(source: &Source<'_>, span: &Range<usize>, key: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            file: source.file.to_owned(),
            line: source.line_at(span),
            key: key.into(),
            message: message.into(),
            hint: None,
        }
    }

    /// What the TOML parser (or serde, by `deny_unknown_fields`) says, with the nearest known key as the hint.
    #[must_use]
    pub fn from_toml(source: &Source<'_>, error: &toml::de::Error) -> Self {
        let message = error.message().trim_end();
        let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
        let span = error.span().unwrap_or(0..0);
        match quoted.as_slice() {
            [unknown, known @ ..] if message.starts_with("unknown field") => {
                Self::at(source, &span, *unknown, "unknown key").nearest_of(unknown, known.iter().copied())
            }
            _ => Self::at(source, &span, "", message.replace('\n', ", ")),
        }
    }

    /// This error with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// This error with the hint which of the known names `name` may stand for.
    #[must_use]
    pub fn nearest_of<'a>(self, name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        let hint = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None if known.is_empty() => return self,
            None => format!("it is one of {}", known.join(", ")),
        };
        self.hint(hint)
    }
}

/// The known name that takes the fewest changes of one letter to reach, when it is at all like `name`: at most one
/// letter in two differs.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (changes(name, candidate), candidate))
        .filter(|(changes, candidate)| changes.saturating_mul(2) <= name.len().max(candidate.len()))
        .min_by_key(|(changes, _)| *changes)
        .map(|(_, candidate)| candidate)
}

/// Letters that have to be put in, left out or replaced to make one name of the other; case does not count.
fn changes(from: &str, to: &str) -> usize {
    let to: Vec<u8> = to.bytes().map(|letter| letter.to_ascii_lowercase()).collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, letter) in from.bytes().map(|letter| letter.to_ascii_lowercase()).enumerate() {
        let mut left = index.saturating_add(1);
        let mut next = vec![left];
        for (pair, other) in row.windows(2).zip(&to) {
            let &[diagonal, above] = pair else { continue };
            let replaced = diagonal.saturating_add(usize::from(letter != *other));
            left = replaced.min(above.saturating_add(1)).min(left.saturating_add(1));
            next.push(left);
        }
        assert!(next.len() == row.len(), "each row has a number for every letter");
        row = next;
    }
    let changes = row.last().copied().unwrap_or(from.len());
    assert!(changes <= from.len().max(to.len()), "no more letters change than there are");
    assert!(changes >= from.len().abs_diff(to.len()), "letters that are too many are left out one by one");
    changes
}

#[cfg(test)]
mod tests;
