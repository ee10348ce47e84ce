//! The targets without libFuzzer: every seed and every input of the corpus.

use super::{TARGETS, packed};

#[test]
fn every_target_holds_for_its_seeds_and_its_corpus() {
    for target in TARGETS {
        let (seeds, corpus) = ((target.seeds)(), packed::read(target));
        assert!(!seeds.is_empty() && !corpus.is_empty(), "{} has inputs", target.name);
        for input in seeds.iter().chain(&corpus) {
            let held = std::panic::catch_unwind(|| (target.run)(input));
            let digits: String = input.iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(held.is_ok(), "{} does not hold for {digits}", target.name);
        }
    }
}

#[test]
fn the_corpus_stays_small() {
    for target in TARGETS {
        let corpus = packed::read(target);
        assert!(corpus.len() <= packed::INPUTS_MAX, "{} has {} inputs", target.name, corpus.len());
        assert!(corpus.iter().map(Vec::len).sum::<usize>() <= packed::BYTES_MAX, "{}", target.name);
        let text = std::fs::read_to_string(packed::path(target)).unwrap();
        assert_eq!(packed::text(target, corpus), text, "{} is packed by `corpus pack`", target.name);
    }
}
