//! What is said of a finding, where it is, and how far a check is.

use super::*;
use crate::keys::GroupKey;
use crate::store::{GroupBytes, Start};

/// A journal whose store fails after so many groups have been shown; each look at it is counted.
struct Failing<'a> {
    reader: &'a dyn GroupReader,
    /// The look that fails, from 1 on, and after how many groups.
    fails: (u32, u32),
    looks: std::sync::atomic::AtomicU32,
}

impl GroupReader for Failing<'_> {
    fn start(&self) -> Result<Start, JournalReadError> {
        self.reader.start()
    }

    fn read(&self, from: Position) -> Result<Option<GroupBytes>, JournalReadError> {
        self.reader.read(from)
    }

    fn scan(
        &self,
        from: Position,
        visit: &mut dyn FnMut(GroupKey, &[u8]) -> std::ops::ControlFlow<()>,
    ) -> Result<(), JournalReadError> {
        let look = self.looks.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        let mut shown = 0;
        let mut failed = false;
        self.reader.scan(from, &mut |key, bytes| {
            failed = look == self.fails.0 && shown == self.fails.1;
            shown += 1;
            if failed { std::ops::ControlFlow::Break(()) } else { visit(key, bytes) }
        })?;
        if failed { Err(JournalReadError::Store("the disk is gone".to_owned())) } else { Ok(()) }
    }
}

#[test]
fn a_journal_that_stops_being_readable_is_found_with_its_place() {
    let image = journal_of(&script(30), 1);
    let store = MemoryStore::open(image.clone());
    let reader = store.reader();
    let clean = examined(&image, NONE).counts;
    for (look, groups) in [(1, 0), (1, 10), (2, 0), (2, 10), (2, u32::try_from(image.groups.len()).unwrap() - 1)] {
        let failing = Failing { reader: reader.as_ref(), fails: (look, groups), looks: 0.into() };
        let report = check(&failing, NONE, &mut |_, _| {});
        assert_eq!(numbers(&report), ["I4"], "look {look}, after {groups}");
        let finding = &report.findings[0];
        assert!(finding.what.contains("the disk is gone") && finding.advice == Advice::Damaged, "{finding:?}");
        if look == 2 {
            assert_eq!(finding.place.position, Some(Position(u64::from(groups) + 1)));
            // The first group is the record of the epoch.
            assert_eq!(report.counts.records, u64::from(groups.saturating_sub(1)));
        }
    }
    let failing = Failing { reader: reader.as_ref(), fails: (9, 0), looks: 0.into() };
    assert_eq!(check(&failing, NONE, &mut |_, _| {}).counts, clean);
    assert_eq!(failing.looks.into_inner(), 2, "the chain, then the replay");
}

#[test]
fn a_refusal_has_the_place_from_which_nothing_counts() {
    let error = JournalReadError::Store("the disk is gone".to_owned());
    let read = refusal(&RecoveryError::Read(error), Position(31));
    let epochs = refusal(&RecoveryError::LastEpoch, Position(32));
    for (finding, position) in [(read, 31), (epochs, 32)] {
        assert_eq!((finding.place.position, finding.invariant), (Some(Position(position)), Invariant::Prefix));
        assert_eq!(finding.advice, Advice::Damaged);
    }
}

#[test]
fn a_check_says_how_far_it_is() {
    let image = journal_of(&script(400), 1);
    let store = MemoryStore::open(image.clone());
    let mut told = Vec::new();
    check(store.reader().as_ref(), NONE, &mut |stage, done| told.push((stage, done)));
    let mut expected = Vec::new();
    let mut bytes = 0;
    for (number, group) in (1..).zip(image.groups.values()) {
        bytes += group.len() as u64;
        if number % PROGRESS_EVERY_GROUPS == 0 {
            expected.push((Stage::Replay, bytes));
        }
    }
    assert!(expected.len() > 2, "{} groups", image.groups.len());
    let replay: Vec<_> = told.into_iter().filter(|(stage, _)| *stage == Stage::Replay).collect();
    assert_eq!(replay, expected);
}

#[test]
fn an_unreadable_row_has_its_part_and_what_can_be_done_about_it() {
    let whole = journal_of(&script(60), 7);
    let store = followed(&whole, last_of(&whole));
    store.write(&mut |batch| batch.put(Family::State, &crate::projections::wallet_key(account(0)), b"?")).unwrap();
    let kept = trimmed(&whole, Position(60));
    for (image, advice) in [(whole, Advice::MakeAgain), (kept, Advice::Restore)] {
        let report = examined(&image, Some(&store));
        let finding = &report.findings[0];
        assert_eq!((finding.invariant.number(), finding.advice), ("I8", advice), "{:?}", report.findings);
        assert_eq!(finding.place.file.as_deref(), Some("projections"));
    }
}

#[test]
fn every_advice_says_what_to_do() {
    let words = [
        (Advice::Damaged, "creditd fsck --truncate-at POSITION DIR"),
        (Advice::Record, "freeze the account"),
        (Advice::MakeAgain, "move the folder `projections` away"),
        (Advice::Restore, "Restore the folder from a backup"),
        (Advice::Apart, "from one backup"),
    ];
    for (advice, words) in words {
        assert!(advice.text().contains(words), "{advice:?}: {}", advice.text());
    }
}

/// A group of an epoch that had ended, before the last record of the journal: its key comes first.
#[test]
fn what_an_ended_epoch_has_left_before_the_last_record_is_passed_over() {
    let (before, after) = (script(30), opened(9));
    let mut extended = before.clone();
    extended.extend(opened(8));
    let left = journal_of(&extended, 1);
    let mut store = MemoryStore::open(journal_of(&before, 1));
    let recovered = recover(&mut store, WriterId([8; 16]), HOLD_TIME_MS).unwrap();
    let (journal, mut writer) = Journal::start(store, recovered.end, &JournalSettings::default());
    push(&journal, &mut writer, &after[..1]);
    let mut image = writer.into_store().image();
    let last = last_of(&image);
    assert_eq!(last, Position(before.len() as u64 + 3), "two epochs, and a record");
    let ended = left.groups.iter().filter(|(key, _)| (last.before()..=last).contains(&key.first));
    ended.for_each(|(key, bytes)| assert!(image.groups.insert(*key, bytes.clone()).is_none()));
    let report = examined(&image, NONE);
    assert_eq!((report.findings.len(), report.counts.records), (0, before.len() as u64 + 1), "{:?}", report.findings);
    assert_eq!(report.notes, ["2 stored groups belong to epochs that had ended, and are not read."]);
}
