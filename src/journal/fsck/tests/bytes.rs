//! Every byte of a journal is flipped, in memory.

use std::collections::BTreeMap;

use super::*;

/// What must come of damage.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Came {
    Refused,
    Identical,
    DroppedTail,
}

/// What a check says of a journal that should end there.
pub(super) fn came(report: &Report, end: &crate::writer::ChainEnd, last_group: Position) -> Came {
    if !report.is_clean() {
        let placed = |finding: &Finding| finding.place != Place::default();
        assert!(report.findings.iter().all(placed), "{:?}", report.findings);
        return Came::Refused;
    }
    let found = &report.journal.as_ref().unwrap().end;
    if found == end {
        return Came::Identical;
    }
    assert_eq!(found.last, last_group.before(), "only the last group can be dropped");
    Came::DroppedTail
}

#[test]
fn every_byte_of_a_64_kib_journal_is_refused_with_its_place_or_a_dropped_tail() {
    let image = journal_of(&script(355), 24);
    let bytes = image.bytes();
    assert!((60 << 10..72 << 10).contains(&bytes), "{bytes} bytes");
    let clean = examined(&image, NONE);
    assert_eq!(clean.findings, []);
    let end = clean.journal.unwrap().end;
    let last = *image.groups.last_key_value().unwrap().0;
    let mut tally = BTreeMap::new();
    for (key, group) in &image.groups {
        for at in 0..group.len() {
            let mut flipped = group.to_vec();
            flipped[at] ^= 1 << (at % 8);
            let mut damaged = image.clone();
            damaged.replace(*key, flipped);
            if at % 16 > 0 && at > 8 && *key != last {
                // The chain decides; what is replayed before it is the same for every byte of a group.
                let refused = chain(&damaged).refused;
                let place = matches!(refused, Some(RecoveryError::Refused { key: place, .. }) if place == *key);
                assert!(place, "byte {at} of {key}: {refused:?}");
                *tally.entry(Came::Refused).or_insert(0) += 1;
                continue;
            }
            let report = examined(&damaged, NONE);
            let came = came(&report, &end, last.first);
            if came == Came::DroppedTail {
                assert_eq!((*key, report.dropped().unwrap().key), (last, last));
                assert_eq!(report.notes.len(), 1);
            } else {
                assert_eq!(report.findings[0].place.group, Some(*key), "byte {at} of {key}");
                assert_eq!(report.findings[0].place.position, Some(key.first));
            }
            *tally.entry(came).or_insert(0) += 1;
        }
    }
    println!("{bytes} bytes flipped: {tally:?}");
    assert_eq!(tally.values().sum::<usize>(), bytes);
    assert_eq!(tally.get(&Came::Identical), None, "every byte is hashed");
}

fn chain(image: &MemoryImage) -> Examined {
    examine(MemoryStore::open(image.clone()).reader().as_ref(), &mut |_, _| {}).unwrap()
}
