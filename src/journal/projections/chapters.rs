//! Many values of one kind in memory that never move: a vector that grows would copy them into memory that is new each time,
//! and new memory is dear.

/// Values of a chapter.
const CHAPTER_VALUES: usize = 1 << 12;

const _: () = assert!(CHAPTER_VALUES.is_power_of_two(), "a value's number is a chapter and a place");

/// Values, numbered from 0 in the order in which they came.
#[derive(Debug)]
pub(crate) struct Chapters<T>(Vec<Vec<T>>);

impl<T> Default for Chapters<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Chapters<T> {
    /// How many there are: as many as were added.
    pub(crate) fn len(&self) -> usize {
        let before = self.0.len().saturating_sub(1) * CHAPTER_VALUES;
        self.0.last().map_or(0, |last| before + last.len())
    }

    /// Adds one, and says its number.
    pub(crate) fn push(&mut self, value: T) -> usize {
        let number = self.len();
        if number.is_multiple_of(CHAPTER_VALUES) {
            self.0.push(Vec::with_capacity(CHAPTER_VALUES));
        }
        self.0[number / CHAPTER_VALUES].push(value);
        assert!(self.len() == number + 1, "a value has the number after the one before");
        number
    }

    /// The value of a number that was given.
    pub(crate) fn at(&self, number: usize) -> &T {
        &self.0[number / CHAPTER_VALUES][number % CHAPTER_VALUES]
    }

    /// The same, to change it.
    pub(crate) fn at_mut(&mut self, number: usize) -> &mut T {
        &mut self.0[number / CHAPTER_VALUES][number % CHAPTER_VALUES]
    }

    /// The last one.
    pub(crate) fn last(&self) -> Option<&T> {
        self.0.last().and_then(|chapter| chapter.last())
    }

    /// All of them, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flatten()
    }

    /// Those of a chapter; `None` after the last one.
    pub(crate) fn chapter(&self, number: usize) -> Option<&[T]> {
        self.0.get(number).map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests;
