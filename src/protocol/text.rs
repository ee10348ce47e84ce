//! Texts, tokens and lists with a limit in their type: a length is checked against it before anything is allocated.

use core::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The text has more bytes than its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{len} bytes are more than {max}")]
pub struct TooLong {
    /// Its bytes.
    pub len: usize,
    /// The limit.
    pub max: usize,
}

/// UTF-8 of at most `MAX` bytes.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    /// A text within the limit.
    ///
    /// # Errors
    /// It is longer.
    pub fn new(text: &str) -> Result<Self, TooLong> {
        if text.len() > MAX {
            return Err(TooLong { len: text.len(), max: MAX });
        }
        Ok(Self(text.to_owned()))
    }

    /// The text, or as many whole characters of it as the limit takes: for texts that only people read.
    #[must_use]
    pub fn cut(text: &str) -> Self {
        Self(text[..text.floor_char_boundary(MAX)].to_owned())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> fmt::Display for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<const MAX: usize> fmt::Debug for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<const MAX: usize> TryFrom<&str> for Text<MAX> {
    type Error = TooLong;

    fn try_from(text: &str) -> Result<Self, TooLong> {
        Self::new(text)
    }
}

impl<const MAX: usize> Serialize for Text<MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Text<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor<const MAX: usize>;

        impl<const MAX: usize> Visitor<'_> for TextVisitor<MAX> {
            type Value = Text<MAX>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a text of at most {MAX} bytes")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text<MAX>, E> {
                Text::new(text).map_err(E::custom)
            }
        }

        deserializer.deserialize_str(TextVisitor)
    }
}

/// A secret of at most `MAX` bytes; it is never printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret<const MAX: usize>(Vec<u8>);

impl<const MAX: usize> Secret<MAX> {
    /// A secret within the limit.
    ///
    /// # Errors
    /// It is longer.
    pub fn new(bytes: &[u8]) -> Result<Self, TooLong> {
        if bytes.len() > MAX {
            return Err(TooLong { len: bytes.len(), max: MAX });
        }
        Ok(Self(bytes.to_owned()))
    }

    /// The bytes, for the one place that checks them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl<const MAX: usize> fmt::Debug for Secret<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}

impl<const MAX: usize> Serialize for Secret<MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Secret<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SecretVisitor<const MAX: usize>;

        impl<const MAX: usize> Visitor<'_> for SecretVisitor<MAX> {
            type Value = Secret<MAX>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "at most {MAX} bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Secret<MAX>, E> {
                Secret::new(bytes).map_err(E::custom)
            }
        }

        deserializer.deserialize_bytes(SecretVisitor)
    }
}

/// Entries that memory is asked for before any of them is read.
const ENTRIES_AT_ONCE: usize = 16;

/// A list of at most `MAX` entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T, const MAX: usize>(Vec<T>);

impl<T, const MAX: usize> List<T, MAX> {
    /// A list within the limit.
    ///
    /// # Errors
    /// It is longer.
    pub fn new(entries: Vec<T>) -> Result<Self, TooLong> {
        if entries.len() > MAX {
            return Err(TooLong { len: entries.len(), max: MAX });
        }
        Ok(Self(entries))
    }

    /// The entries.
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }
}

impl<T, const MAX: usize> Default for List<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Serialize, const MAX: usize> Serialize for List<T, MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for List<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor<T, const MAX: usize>(core::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for ListVisitor<T, MAX> {
            type Value = List<T, MAX>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of at most {MAX} entries")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<List<T, MAX>, A::Error> {
                let len = seq.size_hint().unwrap_or(0);
                if len > MAX {
                    return Err(A::Error::custom(TooLong { len, max: MAX }));
                }
                // A length alone is no reason to allocate for all of it: entries may be a thousand times as long.
                let mut entries = Vec::with_capacity(len.min(ENTRIES_AT_ONCE));
                while let Some(entry) = seq.next_element()? {
                    if entries.len() == MAX {
                        return Err(A::Error::custom(TooLong { len: MAX + 1, max: MAX }));
                    }
                    entries.push(entry);
                }
                Ok(List(entries))
            }
        }

        deserializer.deserialize_seq(ListVisitor(core::marker::PhantomData))
    }
}

#[cfg(test)]
mod tests;
