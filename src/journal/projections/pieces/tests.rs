//! Every row is found where it was put, short ones and long ones.

use super::*;

fn row(number: usize) -> Vec<u8> {
    let length = match number % 100 {
        0 => PIECE_BYTES + 1,
        1 => ROW_BYTES * 3,
        short => short * 5,
    };
    vec![u8::try_from(number % 251).unwrap(); length]
}

#[test]
fn every_row_is_where_it_was_put() {
    let mut pieces = Pieces::default();
    let mut counts = Vec::new();
    for _ in 0..2 {
        let spans: Vec<Span> =
            (0..10_000).map(|number| pieces.add(|out| out.extend_from_slice(&row(number)))).collect();
        for (number, span) in spans.iter().enumerate() {
            assert_eq!(pieces.bytes(*span), row(number), "row {number}");
        }
        let count = pieces.count();
        assert!(count > 100, "each of the long rows has a piece of its own: {count}");
        pieces.clear();
        assert_eq!(pieces.count(), count, "the memory is kept");
        counts.push(count);
    }
    assert_eq!(counts[0], counts[1], "the memory is used again");
}

#[test]
fn a_row_takes_the_place_of_a_longer_one_and_of_no_other() {
    let mut pieces = Pieces::default();
    let spans: Vec<Span> = (2..50).map(|number| pieces.add(|out| out.extend_from_slice(&row(number)))).collect();
    let replaced = pieces.replace(spans[7], b"short");
    assert_eq!(pieces.bytes(replaced), b"short");
    for (number, span) in (2..50).zip(&spans).filter(|(number, _)| *number != 9) {
        assert_eq!(pieces.bytes(*span), row(number), "row {number}");
    }
}

#[test]
#[should_panic(expected = "a row stays in its place")]
fn a_longer_row_is_not_put_into_the_place_of_a_shorter_one() {
    let mut pieces = Pieces::default();
    let span = pieces.add(|out| out.extend_from_slice(b"short"));
    let _ = pieces.replace(span, b"longer");
}

#[test]
fn a_piece_is_filled_before_the_next_one_is_begun() {
    let mut pieces = Pieces::default();
    for number in 1..=3 * PIECE_BYTES / ROW_BYTES {
        pieces.add(|out| out.resize(out.len() + ROW_BYTES, 7));
        let bytes = number * ROW_BYTES;
        assert_eq!(pieces.count(), bytes.div_ceil(PIECE_BYTES), "{number} rows");
    }
}
