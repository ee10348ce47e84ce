//! The store on a real disk: what is written comes back, damage is refused, files are trimmed whole.

use super::*;
use crate::durability::DurabilityMode;
use crate::handle::{Journal, JournalSettings};
use crate::recovery::Case;
use crate::unit::EncodedUnit;
use crate::writer::Writer;

mod holes;

const WRITER: WriterId = WriterId([3; 16]);

fn open(directory: &Path) -> Result<(RocksStore, Recovered), OpenError> {
    open_and_recover(directory, WRITER, 1, &mut |_, _| {})
}

fn start(directory: &Path, mode: DurabilityMode) -> (Journal, Writer<RocksStore>) {
    let (store, recovered) = open(directory).unwrap();
    Journal::start(store, recovered.end, &JournalSettings { mode, ..JournalSettings::default() })
}

/// Pushes and writes groups of one record of so many bytes.
fn write(journal: &Journal, writer: &mut Writer<RocksStore>, groups: u32, bytes: usize) {
    let mut unit = EncodedUnit::new();
    for number in 0..groups {
        unit.clear();
        let mut record = vec![1; bytes];
        record[bytes - 1] = u8::try_from(number % 251).unwrap();
        unit.push_record(&record).unwrap();
        assert!(journal.queue.try_take_room(1, crate::Class::Reserve));
        journal.queue.push(&unit);
        writer.write_next(2).unwrap();
    }
}

fn logs(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut logs: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "log")).collect();
    logs.sort();
    logs
}

/// A copy of the directory as it is: what a killed process leaves.
fn copied(directory: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "LOCK" {
            std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
    }
    copy
}

#[test]
fn a_killed_writer_loses_nothing_that_was_said() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, mut writer) = start(folder.path(), DurabilityMode::Sync);
    write(&journal, &mut writer, 30, 90);
    let copy = copied(folder.path());
    let (_, recovered) = open(copy.path()).unwrap();
    assert_eq!((recovered.found.end.last, recovered.found.groups), (Position(31), 31));
    assert_eq!(recovered.end.epoch, Epoch(2));
    assert!(recovered.found.dropped.is_none());
}

/// RocksDB writes down which options it has taken.
pub(crate) fn assert_in_force(folder: &Path, wanted: &[&str]) {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let in_force = names.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("OPTIONS-")).max();
    let text = std::fs::read_to_string(in_force.unwrap()).unwrap();
    for wanted in wanted {
        assert!(text.lines().any(|line| line.trim() == *wanted), "{wanted} is in force:\n{text}");
    }
}

#[test]
fn files_are_written_out_step_by_step() {
    let folder = tempfile::tempdir().unwrap();
    let (_journal, _writer) = start(folder.path(), DurabilityMode::Sync);
    assert_in_force(folder.path(), &["strict_bytes_per_sync=true", "bytes_per_sync=65536", "paranoid_checks=true"]);
}

#[test]
fn groups_are_found_by_any_of_their_positions() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, mut writer) = start(folder.path(), DurabilityMode::Memory);
    let mut unit = EncodedUnit::new();
    for _ in 0..10 {
        unit.push_record(b"record").unwrap();
    }
    for _ in 0..20 {
        assert!(journal.queue.try_take_room(10, crate::Class::Settlement));
        journal.queue.push(&unit);
        writer.write_next(2).unwrap();
    }
    for position in 1..=201 {
        let bytes = journal.reader().read(Position(position)).unwrap().unwrap();
        let group = Group::check(&bytes).unwrap();
        assert!(group.header().first.0 <= position && position <= group.last().0);
    }
    assert!(journal.reader().read(Position(202)).unwrap().is_none());
    let stale = writer.into_store().append(Position(200), &[], Persist::Written);
    assert!(matches!(stale, Err(AppendError::Stale { .. })));
}

#[test]
fn a_cut_log_loses_only_its_end_and_never_in_the_middle() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, mut writer) = start(folder.path(), DurabilityMode::Sync);
    write(&journal, &mut writer, 12, 90);
    let whole = std::fs::metadata(logs(folder.path()).last().unwrap()).unwrap().len();
    for cut in (0..whole).step_by(97) {
        let copy = copied(folder.path());
        let log = logs(copy.path()).pop().unwrap();
        std::fs::OpenOptions::new().write(true).open(log).unwrap().set_len(cut).unwrap();
        if let Ok((_, recovered)) = open(copy.path()) {
            assert!(recovered.found.end.last <= Position(13));
            assert_eq!(recovered.found.groups, recovered.found.end.last.0, "a prefix");
        }
    }
}

#[test]
fn a_changed_byte_before_the_end_is_refused_and_no_file_is_changed() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, mut writer) = start(folder.path(), DurabilityMode::Sync);
    write(&journal, &mut writer, 12, 90);
    let length = std::fs::metadata(logs(folder.path()).last().unwrap()).unwrap().len();
    let last_group = length - 400;
    for at in (0..length).step_by(61) {
        let copy = copied(folder.path());
        let log = logs(copy.path()).pop().unwrap();
        let mut bytes = std::fs::read(&log).unwrap();
        bytes[usize::try_from(at).unwrap()] ^= 0x10;
        std::fs::write(&log, &bytes).unwrap();
        match open(copy.path()) {
            Err(_) => assert_eq!(std::fs::read(&log).unwrap(), bytes, "a refusal changes nothing"),
            Ok((_, recovered)) if at < last_group => {
                assert_eq!(
                    recovered.found.end.last,
                    Position(13),
                    "byte {at} of {length}: groups were dropped silently"
                );
            }
            Ok((_, recovered)) => assert!(recovered.found.end.last >= Position(12)),
        }
    }
}

#[test]
fn a_damaged_group_in_the_store_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, mut writer) = start(folder.path(), DurabilityMode::Sync);
    write(&journal, &mut writer, 5, 90);
    let key = GroupKey { first: Position(4), epoch: Epoch(1) };
    writer.store().shared.db.put(Key::Group(key).to_bytes(), b"damage").unwrap();
    drop((journal, writer));
    match open(folder.path()) {
        Err(OpenError::Recovery(RecoveryError::Refused { key: at, case: Case::Damaged, .. })) => assert_eq!(at, key),
        other => panic!("not refused: {:?}", other.map(|(_, recovered)| recovered)),
    }
}

#[test]
fn whole_files_are_trimmed_and_the_rest_is_verified() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, mut writer) = start(folder.path(), DurabilityMode::Memory);
    for _ in 0..4 {
        write(&journal, &mut writer, 20, 2000);
        writer.store().shared.db.flush().unwrap();
    }
    write(&journal, &mut writer, 3, 100);
    let before = writer.store().shared.db.live_files().unwrap().len();
    assert_eq!(before, 4);
    journal.durability.allow_trim(Position(30));
    writer.trim_if_allowed();
    let start_after = journal.reader().start().unwrap();
    assert_eq!(start_after.first, Position(22), "one file ends before record 30");
    assert_eq!(writer.store().shared.db.live_files().unwrap().len(), 3);
    assert!(matches!(journal.reader().read(Position(21)), Err(ReadError::Trimmed { .. })));
    assert!(journal.reader().read(Position(22)).unwrap().is_some());
    let copy = copied(folder.path());
    let (mut again, recovered) = open(copy.path()).unwrap();
    assert_eq!((recovered.found.start, recovered.found.end.last), (start_after, Position(84)));
    let kept = again.trim(Position(85)).unwrap();
    assert_eq!(kept.first, Position(85), "all files end before the epoch record, which is in the log");
    drop(again);
    let (_, recovered) = open(copy.path()).unwrap();
    assert_eq!((recovered.found.start.first, recovered.end.last), (Position(85), Position(86)));
}

/// What a long run does once a minute, many times: a log that is full goes on in another one, is written to a file, and is
/// removed, all beside appends.
#[test]
fn small_files_are_made_and_trimmed_beside_appends_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = RocksStore::open_with_files(folder.path(), true, FILE_BYTES_MIN).unwrap();
    let found = check(store.reader().as_ref(), &mut |_, _| {}).unwrap();
    let end = open_epoch(&mut store, found, WRITER, 1).unwrap().end;
    let mode = DurabilityMode::Memory;
    let (journal, mut writer) = Journal::start(store, end, &JournalSettings { mode, ..JournalSettings::default() });
    let first_log = logs(folder.path()).pop().unwrap();
    let (mut most, mut last) = (0, 1);
    for _ in 0..60 {
        write(&journal, &mut writer, 10, 3_000);
        last += 10;
        most = most.max(writer.store().shared.db.live_files().unwrap().len());
        journal.durability.allow_trim(Position(last - 5));
        writer.trim_if_allowed();
    }
    let start = journal.reader().start().unwrap();
    assert!(most > 0, "files are written before anything is closed: {most}");
    assert!(start.first > Position(1) && start.first <= Position(last - 5), "{start:?} of {last}");
    assert!(!logs(folder.path()).contains(&first_log), "the first log is gone");
    let copy = copied(folder.path());
    let (_, recovered) = open(copy.path()).unwrap();
    assert_eq!((recovered.found.start, recovered.found.end.last), (start, Position(last)));
}

#[test]
fn a_store_is_made_only_on_request() {
    let folder = tempfile::tempdir().unwrap();
    assert!(!exists(folder.path()));
    assert!(RocksStore::open(folder.path(), false).is_err());
    assert!(RocksReader::open(folder.path()).is_err());
    assert!(RocksStore::open(folder.path(), true).is_ok());
}

#[test]
fn log_files_do_not_pile_up() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, mut writer) = start(folder.path(), DurabilityMode::Memory);
    for _ in 0..6 {
        write(&journal, &mut writer, 10, 1000);
        writer.store().shared.db.flush().unwrap();
    }
    assert!(logs(folder.path()).len() <= 2, "{:?}", logs(folder.path()));
}

/// The start of the journal is the first key of the file that a restart has made of the log, and is written again by the
/// next trim: what that file's range flushes must not be dropped with it.
#[test]
fn a_trim_after_a_restart_keeps_what_is_still_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, mut writer) = start(folder.path(), DurabilityMode::Memory);
    write(&journal, &mut writer, 20, 2000);
    writer.store().shared.db.flush().unwrap();
    write(&journal, &mut writer, 20, 2000);
    journal.durability.allow_trim(Position(30));
    writer.trim_if_allowed();
    assert_eq!(journal.reader().start().unwrap().first, Position(22));
    drop((journal, writer));

    let (journal, mut writer) = start(folder.path(), DurabilityMode::Memory);
    assert_eq!(writer.store().shared.db.live_files().unwrap().len(), 1);
    let before = journal.durability.synced();
    write(&journal, &mut writer, 20, 2000);
    journal.durability.allow_trim(before.next());
    writer.trim_if_allowed();
    let kept = journal.reader().start().unwrap().first;
    assert!(kept > Position(22) && kept <= before.next(), "{kept}");
    let end = journal.durability.synced();
    for position in kept.0..=end.0 {
        assert!(journal.reader().read(Position(position)).unwrap().is_some(), "record {position} of {end} is gone");
    }
    drop((journal, writer));
    let (_, recovered) = open(folder.path()).unwrap();
    assert_eq!((recovered.found.start.first, recovered.found.end.last), (kept, end));
}

/// The write of the new start can be the one that begins a flush: its file is not among those that were counted.
#[test]
fn a_trim_keeps_its_hands_off_while_a_flush_begins() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, mut writer) = start(folder.path(), DurabilityMode::Memory);
    write(&journal, &mut writer, 20, 2000);
    writer.store().shared.db.flush().unwrap();
    write(&journal, &mut writer, 5, 2000);
    let store = writer.store();
    let plan = store.shared.plan_trim(Position(25)).unwrap().expect("the first file");
    // What happens when the memory of groups is full at that moment.
    store.shared.db.flush().unwrap();
    store.trim_files(&plan).unwrap();
    let all_there = || {
        for position in 22..=26 {
            assert!(journal.reader().read(Position(position)).unwrap().is_some(), "record {position} is gone");
        }
    };
    assert_eq!(store.shared.db.live_files().unwrap().len(), 2, "no file is dropped on a plan that has become old");
    all_there();
    let plan = store.shared.plan_trim(Position(25)).unwrap().expect("the first file");
    store.trim_files(&plan).unwrap();
    assert_eq!(store.shared.db.live_files().unwrap().len(), 1);
    all_there();
}

#[test]
fn a_store_that_is_made_begins_where_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let start = Start { first: Position(40), epoch: Epoch(3), previous: crate::group::GroupHash([7; 32]) };
    for (name, start) in [("new", Start::NEW), ("trimmed", start)] {
        let directory = folder.path().join(name);
        RocksStore::make(&directory, start).unwrap().close().unwrap();
        assert_eq!(RocksReader::open(&directory).unwrap().start(), Ok(start));
    }
}

#[test]
fn a_damaged_log_is_told_with_the_names_of_the_logs_and_nothing_else_is() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, mut writer) = start(folder.path(), DurabilityMode::Sync);
    write(&journal, &mut writer, 30, 90);
    let copy = copied(folder.path());
    let log = logs(copy.path()).into_iter().max_by_key(|path| std::fs::metadata(path).unwrap().len()).unwrap();
    let mut bytes = std::fs::read(&log).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&log, bytes).unwrap();
    let told = RocksReader::open(copy.path()).err().unwrap().to_string();
    let name = log.file_name().unwrap().to_str().unwrap();
    assert!(told.contains("its write-ahead logs: ") && told.contains(name), "{told}");
    let told = RocksReader::open(&copy.path().join("nothing")).err().unwrap().to_string();
    assert!(!told.contains("write-ahead logs"), "{told}");
}
