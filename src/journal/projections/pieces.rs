//! Bytes of rows in memory, one row after another in pieces that never move: a buffer that grows would be copied into memory
//! that is new each time, and new memory is dear.

use crate::codec::ROW_BYTES_MAX;

/// Bytes of a piece; a row that is longer alone has one of its own.
const PIECE_BYTES: usize = 1 << 20;
/// Bytes that are kept free for the next row: longer ones make their piece grow.
const ROW_BYTES: usize = 1 << 10;

const _: () = assert!(ROW_BYTES < PIECE_BYTES, "a piece has many rows");
const _: () = assert!(PIECE_BYTES <= u32::MAX as usize / 2, "places in a piece are u32");
const _: () = assert!(ROW_BYTES_MAX <= u32::MAX as usize / 2, "places in a piece are u32");

/// The pieces.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    pieces: Vec<Vec<u8>>,
    /// The piece that the next row goes to.
    piece: usize,
}

/// Where the bytes of a row are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    piece: u32,
    start: u32,
    length: u32,
}

impl Span {
    pub(crate) fn length(self) -> usize {
        index(self.length)
    }
}

impl Pieces {
    /// Adds the row that `write` appends.
    pub(crate) fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Span {
        if self.pieces.get(self.piece).is_some_and(|piece| piece.len() + ROW_BYTES > PIECE_BYTES) {
            self.piece += 1;
        }
        if self.pieces.len() == self.piece {
            self.pieces.push(Vec::with_capacity(PIECE_BYTES));
        }
        let piece = &mut self.pieces[self.piece];
        let start = piece.len();
        write(piece);
        assert!(piece.len() > start, "a row has bytes");
        assert!(piece.len() - start <= ROW_BYTES_MAX, "I9: a row that no start could read is not written");
        assert!(start + ROW_BYTES <= PIECE_BYTES || start == 0, "I9: a piece has a limit, and room for its next row");
        Span { piece: number(self.piece), start: number(start), length: number(piece.len() - start) }
    }

    /// The bytes of a row.
    pub(crate) fn bytes(&self, span: Span) -> &[u8] {
        let [piece, start, length] = [span.piece, span.start, span.length].map(index);
        assert!(length > 0, "a row has bytes");
        assert!(piece <= self.piece, "a row lies in a piece that was written");
        &self.pieces[piece][start..][..length]
    }

    /// Puts bytes in the place of a row that has as many or more, and says where they are.
    pub(crate) fn replace(&mut self, span: Span, bytes: &[u8]) -> Span {
        assert!(!bytes.is_empty(), "a row has bytes");
        assert!(bytes.len() <= span.length(), "a row stays in its place");
        self.pieces[index(span.piece)][index(span.start)..][..bytes.len()].copy_from_slice(bytes);
        Span { length: number(bytes.len()), ..span }
    }

    /// How many pieces there are.
    pub(crate) const fn count(&self) -> usize {
        self.pieces.len()
    }

    /// Forgets the rows and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.pieces.iter_mut().for_each(Vec::clear);
        self.piece = 0;
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).expect("pieces are counted by u32, and so are their bytes")
}

fn index(number: u32) -> usize {
    usize::try_from(number).expect("a place in memory")
}

#[cfg(test)]
mod tests;
