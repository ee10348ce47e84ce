//! Mixes: read, refused, and spread evenly over frames of any size.

use super::*;

fn mix(text: &str) -> Mix {
    text.parse().unwrap()
}

#[test]
fn mixes_are_read_and_shown() {
    for text in
        ["reserve=50,commit=50", "reserve=50,commit=45,release=5", "charge=1", "reserve=2,commit=1,refund=1,balance=3"]
    {
        assert_eq!(mix(text).to_string(), text);
    }
}

#[test]
fn what_is_no_mix_is_refused() {
    for (text, error) in [
        ("", BadMix::Form),
        ("reserve", BadMix::Form),
        ("reserve=x", BadMix::Form),
        ("reserve=-1", BadMix::Form),
        ("extend=1", BadMix::Kind),
        ("reserve=1,reserve=1", BadMix::Kind),
        ("reserve=0", BadMix::Parts),
        ("balance=1001", BadMix::Parts),
        ("balance=4294967295,charge=4294967295", BadMix::Parts),
        ("commit=1", BadMix::Unsettled),
        ("reserve=2,commit=1,release=2", BadMix::Unsettled),
        ("reserve=2,commit=1,refund=2", BadMix::Unsettled),
    ] {
        assert_eq!(text.parse::<Mix>(), Err(error), "{text:?}");
    }
}

#[test]
fn frames_of_any_size_keep_the_mix() {
    let mix = mix("reserve=50,commit=45,release=5");
    for size in [1, 2, 3, 7, 100, 512] {
        let mut at = 0;
        let mut total: Counts = [0; KINDS.len()];
        for _ in 0..100 {
            let counts = mix.next(&mut at, size);
            assert_eq!(counts.iter().sum::<u32>(), size);
            for (sum, count) in total.iter_mut().zip(counts) {
                *sum += count;
            }
        }
        assert_eq!(total, [50 * size, 0, 45 * size, 5 * size, 0, 0], "size {size}");
    }
}

#[test]
fn frames_of_one_reserve_and_commit_in_turn() {
    let mix = mix("reserve=50,commit=50");
    let mut at = 0;
    assert_eq!(mix.next(&mut at, 1), [1, 0, 0, 0, 0, 0]);
    assert_eq!(mix.next(&mut at, 1), [0, 0, 1, 0, 0, 0]);
    assert_eq!(mix.next(&mut at, 4), [2, 0, 2, 0, 0, 0]);
}
