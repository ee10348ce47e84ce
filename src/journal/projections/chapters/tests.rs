//! Every value keeps its number, over the ends of chapters; what was never added is not there.

use super::*;

fn filled(values: usize) -> Chapters<usize> {
    let mut chapters = Chapters::default();
    for value in 0..values {
        assert_eq!(chapters.push(value), value, "its number");
    }
    chapters
}

#[test]
fn every_value_is_found_by_its_number_and_shown_in_order() {
    for values in [0, 1, CHAPTER_VALUES - 1, CHAPTER_VALUES, CHAPTER_VALUES + 1, 3 * CHAPTER_VALUES + 7] {
        let mut chapters = filled(values);
        assert_eq!(chapters.len(), values);
        assert_eq!(chapters.last().copied(), values.checked_sub(1));
        assert!((0..values).all(|number| *chapters.at(number) == number), "of {values}");
        assert!(chapters.iter().copied().eq(0..values), "of {values}");
        (0..values).for_each(|number| *chapters.at_mut(number) += 1);
        assert!(chapters.iter().copied().eq(1..=values), "of {values}, changed");
    }
}

#[test]
fn chapters_have_all_values_once_and_nothing_comes_after_the_last() {
    for values in [0, 1, CHAPTER_VALUES, 2 * CHAPTER_VALUES + 7] {
        let chapters = filled(values);
        let shown: Vec<&[usize]> = (0..).map_while(|number| chapters.chapter(number)).collect();
        assert_eq!(shown.len(), values.div_ceil(CHAPTER_VALUES));
        assert!(shown.concat().into_iter().eq(0..values), "of {values}");
        assert!(chapters.chapter(shown.len()).is_none() && chapters.chapter(usize::MAX).is_none());
    }
}

#[test]
fn a_number_that_was_not_given_is_no_value() {
    for values in [0, 7, CHAPTER_VALUES, CHAPTER_VALUES + 7] {
        for number in [values, values + 1, values + CHAPTER_VALUES] {
            let (chapters, mut to_change) = (filled(values), filled(values));
            let read = std::panic::catch_unwind(|| *chapters.at(number));
            assert!(read.is_err(), "number {number} of {values}");
            let changed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| *to_change.at_mut(number) = 0));
            assert!(changed.is_err(), "number {number} of {values}");
        }
    }
}
