//! A power cut in the middle of the last group: any of its pages may be on the disk, and any other not.

use std::collections::BTreeMap;

use super::*;
use crate::faulty::SplitMix;
use crate::unit::RECORD_BYTES_MAX;

const PAGE: usize = 4096;
/// Groups of a few bytes, of a few pages, of several blocks of a log, and of the longest record; and what stands before them.
const SIZES: [(usize, usize); 5] = [(700, 600), (9_000, 0), (9_000, 6_400), (120_000, 700), (RECORD_BYTES_MAX, 0)];

/// `HOLES=100` takes so many patterns by chance and so many pages of each group; the short form takes a few.
fn number_from(name: &str, otherwise: usize) -> usize {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

/// A journal with a few groups and then one in doubt.
struct Doubt {
    folder: tempfile::TempDir,
    /// Its newest log.
    log: Vec<u8>,
    /// Where the last group begins in it.
    from: usize,
    /// The last position before that group.
    last: Position,
}

impl Doubt {
    fn new(bytes: usize, offset: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (journal, mut writer) = start(folder.path(), DurabilityMode::Sync);
        write(&journal, &mut writer, 5, 90 + offset);
        let from = std::fs::metadata(logs(folder.path()).last().unwrap()).unwrap().len();
        let last = writer.store().tail();
        write(&journal, &mut writer, 1, bytes);
        let folder = copied(folder.path());
        let log = std::fs::read(logs(folder.path()).last().unwrap()).unwrap();
        Self { folder, log, from: usize::try_from(from).unwrap(), last }
    }

    fn pages(&self) -> usize {
        self.log.len().div_ceil(PAGE) - self.from / PAGE
    }

    /// The log as a power cut leaves it: without the pages of the last group that `kept` says no to, and no longer than `end`.
    fn left(&self, kept: impl Fn(usize) -> bool, end: usize) -> Vec<u8> {
        let mut log = self.log.clone();
        for (number, page) in (self.from / PAGE..log.len().div_ceil(PAGE)).enumerate() {
            if !kept(number) {
                let (first, last) = ((page * PAGE).max(self.from), ((page + 1) * PAGE).min(log.len()));
                log[first..last].fill(0);
            }
        }
        log.truncate(end);
        log
    }

    /// Every way in which the pages of the last group may be there.
    fn ways(&self) -> Vec<(String, Vec<u8>)> {
        let (pages, whole) = (self.pages(), self.log.len());
        let mut ways = Vec::new();
        let mut add = |name: String, kept: &dyn Fn(usize) -> bool| {
            // The size may be there of all or of a part.
            let ends = [whole, self.from + (whole - self.from) * 2 / 3];
            let log = self.left(kept, ends[usize::from(ways.len() % 3 == 2)]);
            if log != self.log {
                ways.push((format!("{name}, {} of {whole} bytes", log.len()), log));
            }
        };
        for one in (0..pages).step_by(pages.div_ceil(number_from("HOLES", 5))).chain([pages - 1]) {
            add(format!("only page {one} of {pages}"), &|page| page == one);
            add(format!("all but page {one} of {pages}"), &|page| page != one);
        }
        add("even pages".to_owned(), &|page| page % 2 == 0);
        add("odd pages".to_owned(), &|page| page % 2 == 1);
        add("no page".to_owned(), &|_| false);
        for seed in 0..number_from("HOLES", 4) as u64 {
            let mut random = SplitMix(seed);
            let kept: Vec<_> = (0..pages).map(|_| random.below(2) == 0).collect();
            add(format!("pages of seed {seed}"), &|page| kept[page]);
        }
        ways
    }

    fn copy_with(&self, log: &[u8]) -> tempfile::TempDir {
        let copy = copied(self.folder.path());
        std::fs::write(logs(copy.path()).pop().unwrap(), log).unwrap();
        copy
    }
}

/// What of the files of a folder is the store's: RocksDB's own messages may be added.
fn data_of(folder: &Path) -> BTreeMap<std::ffi::OsString, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let data = entries.filter(|entry| {
        let name = entry.file_name();
        !name.to_str().unwrap().starts_with("LOG") && name != "LOCK"
    });
    data.map(|entry| (entry.file_name(), std::fs::read(entry.path()).unwrap())).collect()
}

#[test]
fn a_last_group_with_any_of_its_pages_missing_is_dropped_and_all_before_it_is_kept() {
    let mut ways = 0;
    for (size, offset) in SIZES {
        let doubt = Doubt::new(size, offset);
        for (name, log) in doubt.ways() {
            let copy = doubt.copy_with(&log);
            let (_, recovered) = open(copy.path()).unwrap_or_else(|refused| panic!("{size} bytes, {name}: {refused}"));
            assert_eq!(recovered.found.end.last, doubt.last, "{size} bytes, {name}");
            // Nothing is left of it where not even its size is there.
            let torn = recovered.found.torn.map(|torn| (torn.from, torn.bytes));
            let rest = log.len() - doubt.from;
            assert_eq!(torn, (rest > 0).then_some((doubt.from as u64, rest as u64)), "{size} bytes, {name}");
            ways += 1;
        }
    }
    println!("{ways} ways");
}

#[test]
fn what_was_dropped_is_gone_before_anything_is_appended_and_the_journal_goes_on() {
    let doubt = Doubt::new(120_000, 0);
    let copy = doubt.copy_with(&doubt.left(|page| page % 2 == 1, doubt.log.len()));
    let before = data_of(copy.path());
    let reader = RocksReader::open(copy.path()).unwrap();
    assert_eq!(check(&reader, &mut |_, _| {}).unwrap().end.last, doubt.last);
    let torn = reader.torn_end().cloned().expect("a torn end");
    drop(reader);
    assert!(data_of(copy.path()) == before, "what is read is not changed");
    torn.cut().unwrap();
    let log = logs(copy.path()).pop().unwrap();
    assert!(std::fs::read(&log).unwrap() == doubt.log[..doubt.from], "what is before it stays");
    // A start that is ended here finds nothing to cut.
    assert_eq!(RocksReader::open(copy.path()).unwrap().torn_end(), None);
    let (journal, mut writer) = start(copy.path(), DurabilityMode::Sync);
    write(&journal, &mut writer, 3, 50_000);
    drop((journal, writer));
    let (_, recovered) = open(copy.path()).unwrap();
    // The epoch record of the start between, and three.
    assert_eq!((recovered.found.end.last, recovered.found.torn), (Position(doubt.last.0 + 4), None));
}

/// The place that a refusal names.
fn refused_at(folder: &Path) -> String {
    let before = data_of(folder);
    let refused = open(folder).err().expect("a refusal").to_string();
    assert!(data_of(folder) == before, "a refusal changes nothing");
    assert!(!crate::store::is_of_the_disk(&refused), "a later start finds it as it is: {refused}");
    let (_, place) = refused.split_once("is damaged at byte ").unwrap_or_else(|| panic!("no place: {refused}"));
    place.to_owned()
}

/// In the mode `sync` the damaged one was durable; in the mode `interval` both were in doubt, and nobody can tell.
#[test]
fn pages_that_are_missing_before_a_group_that_is_there_are_refused_with_their_place() {
    for size in [700, 9_000, 120_000] {
        let doubt = Doubt::new(size, 0);
        let (journal, mut writer) = start(doubt.folder.path(), DurabilityMode::Interval { interval_ms: 10 });
        let from = std::fs::metadata(logs(doubt.folder.path()).last().unwrap()).unwrap().len();
        write(&journal, &mut writer, 1, size);
        let next = std::fs::metadata(logs(doubt.folder.path()).last().unwrap()).unwrap().len();
        write(&journal, &mut writer, 1, 400);
        let folder = copied(doubt.folder.path());
        let log = std::fs::read(logs(folder.path()).last().unwrap()).unwrap();
        let (from, next) = (usize::try_from(from).unwrap(), usize::try_from(next).unwrap());
        for first in (from..next).step_by(PAGE.min(size / 2)) {
            let mut holed = log.clone();
            let end = (first / PAGE * PAGE + PAGE).min(next);
            holed[first..end].fill(0);
            std::fs::write(logs(folder.path()).last().unwrap(), &holed).unwrap();
            let place = refused_at(folder.path());
            assert!(place.contains(&format!("at byte {next} stands")), "{size} bytes, hole at {first}: {place}");
        }
    }
}

/// RocksDB takes a record that says to be longer than the file for the last one, whatever stands behind it.
#[test]
fn a_changed_length_does_not_make_the_groups_after_it_a_torn_end() {
    let doubt = Doubt::new(300, 0);
    let (bytes, ends) = (doubt.log.clone(), doubt.from);
    assert!(bytes.len() < 16_384, "the changed length is in the block and not in the file");
    let length = (0..ends).rev().find(|at| logs_in(&bytes, *at)).unwrap() + 5;
    let mut changed = bytes;
    changed[length] ^= 0x40;
    let copy = doubt.copy_with(&changed);
    assert!(
        DB::open_for_read_only(&options(), copy.path(), false).is_ok(),
        "RocksDB alone drops them and says nothing"
    );
    let place = refused_at(copy.path());
    assert!(place.contains(&format!("at byte {ends} stands")), "{place}");
}

fn logs_in(bytes: &[u8], at: usize) -> bool {
    matches!(crate::fsck::logs::fragment(bytes, at), crate::fsck::logs::Seen::Whole(_))
}

/// The last group of a log, as the only one of the next log.
fn moved_on(doubt: &Doubt) -> (Vec<u8>, Vec<u8>) {
    let (mut at, mut record) = (doubt.from, Vec::new());
    while at < doubt.log.len() {
        match crate::fsck::logs::fragment(&doubt.log, at) {
            crate::fsck::logs::Seen::Whole(fragment) => {
                record.extend(&doubt.log[at + 7..fragment.end]);
                at = fragment.end;
            }
            crate::fsck::logs::Seen::Bad(_) => at += 1,
        }
    }
    let mut next = Vec::new();
    crate::torn::tests::append(&mut next, &record);
    (doubt.log[..doubt.from].to_vec(), next)
}

#[test]
fn an_older_log_must_be_whole_where_a_newer_one_has_anything() {
    let doubt = Doubt::new(70_000, 9_000);
    let (older, newer) = moved_on(&doubt);
    let with = |older: &[u8], newer: &[u8]| {
        let copy = doubt.copy_with(older);
        std::fs::write(copy.path().join("900000.log"), newer).unwrap();
        copy
    };
    let (_, recovered) = open(with(&older, &newer).path()).unwrap();
    assert_eq!((recovered.found.end.last, recovered.found.torn), (doubt.last.next(), None));
    let mut torn = newer.clone();
    torn[..PAGE].fill(0);
    let (_, recovered) = open(with(&older, &torn).path()).unwrap();
    assert_eq!((recovered.found.end.last, recovered.found.torn.unwrap().from), (doubt.last, 0));
    for at in [older.len() / 2 / PAGE * PAGE, (older.len() - 1) / PAGE * PAGE] {
        let mut holed = older.clone();
        let end = (at + PAGE).min(older.len());
        holed[at..end].fill(0);
        for newer in [&newer, &torn] {
            let copy = with(&holed, newer);
            let before = data_of(copy.path());
            let refused = open(copy.path()).err().expect("a refusal").to_string();
            let placed = refused.contains("is damaged at byte") || refused.contains("refused at");
            assert!(placed || refused.contains("its write-ahead logs: "), "{refused}");
            assert!(data_of(copy.path()) == before, "a refusal changes nothing");
        }
    }
}
