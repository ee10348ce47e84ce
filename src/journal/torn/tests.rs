//! Logs as RocksDB writes them, with any part of the last record missing, of one before it, or any byte changed.

use super::*;
use crate::faulty::SplitMix;

/// A log of records of so many bytes, and where each ends.
fn log(lengths: &[usize]) -> (Vec<u8>, Vec<usize>) {
    let (mut log, mut ends) = (Vec::new(), Vec::new());
    for (number, length) in (1_u64..).zip(lengths) {
        let mut record = number.to_le_bytes().to_vec();
        record.extend(1_u32.to_le_bytes());
        let mut random = SplitMix(number);
        record.resize_with(*length, || u8::try_from(random.below(255)).unwrap() + 1);
        append(&mut log, &record);
        ends.push(log.len());
    }
    (log, ends)
}

/// Adds a record in the blocks of a log.
pub(crate) fn append(log: &mut Vec<u8>, mut record: &[u8]) {
    let mut first = true;
    loop {
        log.resize(after_trailer(log.len()), 0);
        let room = block_end(log.len()) - log.len() - HEADER_BYTES;
        let (part, rest) = record.split_at(record.len().min(room));
        let kind: u8 = match (first, rest.is_empty()) {
            (true, true) => 1,
            (true, false) => 2,
            (false, false) => 3,
            (false, true) => 4,
        };
        let sum = crc32c::crc32c_append(crc32c::crc32c(&[kind]), part);
        log.extend(logs::masked(sum).to_le_bytes());
        log.extend(u16::try_from(part.len()).unwrap().to_le_bytes());
        log.push(kind);
        log.extend(part);
        (record, first) = (rest, false);
        if record.is_empty() {
            return;
        }
    }
}

/// Takes pages of a part of a log away by chance; whether anything is left of the part, and anything gone.
fn punch(log: &mut [u8], part: std::ops::Range<usize>, page: usize, random: &mut SplitMix) -> (bool, bool) {
    let (mut left, mut gone) = (false, false);
    for first in (part.start / page * page..part.end).step_by(page) {
        let bytes = &mut log[first.max(part.start)..(first + page).min(part.end)];
        if random.below(2) == 0 {
            gone |= bytes.iter().any(|byte| *byte != 0);
            bytes.fill(0);
        } else {
            left |= bytes.iter().any(|byte| *byte != 0);
        }
    }
    (left, gone)
}

const SHAPES: [&[usize]; 9] = [
    &[40, 300, 12],
    &[100, 5_000, 9_000],
    &[2_000, 30_000, 70_000],
    &[90_000, 40, 200_000],
    // The last begins with the end of a block: with no room for a header, with room for one alone, with a few bytes.
    &[BLOCK_BYTES - 2 * HEADER_BYTES - 100, 100 - 6, 5_000],
    &[BLOCK_BYTES - 2 * HEADER_BYTES - 100, 100 - 7, 5_000],
    &[BLOCK_BYTES - 2 * HEADER_BYTES - 100, 100 - 12, 5_000],
    &[BLOCK_BYTES - HEADER_BYTES, 2 * (BLOCK_BYTES - HEADER_BYTES), 3 * (BLOCK_BYTES - HEADER_BYTES)],
    &[300, RECORD_BYTES_MAX, RECORD_BYTES_MAX],
];

/// As its end is torn: cut at what is whole, it is a whole log.
fn torn_from(log: &[u8]) -> Option<usize> {
    match ending(log) {
        Ending::Torn { from, .. } => {
            assert_eq!(ending(&log[..from]), Ending::Whole);
            Some(from)
        }
        _ => None,
    }
}

#[test]
fn a_log_is_whole_after_each_of_its_records_and_torn_in_the_middle_of_one() {
    for shape in SHAPES {
        let (log, ends) = log(shape);
        assert_eq!(ending(&[]), Ending::Whole);
        let mut whole = 0;
        for (number, end) in (1..).zip(ends) {
            assert_eq!(ending(&log[..end]), Ending::Whole, "{shape:?}");
            for cut in [after_trailer(whole) + 1, after_trailer(whole) + HEADER_BYTES, (whole + end) / 2, end - 1] {
                let last_entry = Some(number - 1).filter(|entry| *entry > 0);
                match ending(&log[..cut]) {
                    Ending::Torn { from, last_entry: entry, .. } => {
                        assert_eq!((from, entry), (whole, last_entry), "{shape:?}: {cut}");
                    }
                    other => panic!("{shape:?} cut at {cut} of {end}: {other:?}"),
                }
            }
            whole = end;
        }
    }
}

#[test]
fn any_pages_of_the_last_record_may_be_missing() {
    for (shape, page) in SHAPES.into_iter().flat_map(|shape| [(shape, 512), (shape, 4096)]) {
        let (whole, ends) = log(shape);
        let begin = ends[ends.len() - 2];
        for seed in 0..24 {
            let (mut log, mut random) = (whole.clone(), SplitMix(seed));
            let (_, gone) = punch(&mut log, begin..whole.len(), page, &mut random);
            let end = if seed % 3 == 0 { log.len() - (log.len() - begin) / 3 } else { log.len() };
            let changed = gone || end < log.len();
            assert_eq!(torn_from(&log[..end]), changed.then_some(begin), "{shape:?}, pages of {page}, seed {seed}");
        }
    }
}

#[test]
fn pages_of_a_record_that_others_follow_are_refused_with_their_place() {
    for (shape, page) in SHAPES.into_iter().flat_map(|shape| [(shape, 512), (shape, 4096)]) {
        let (whole, ends) = log(shape);
        let [.., before, begin, _] = *ends else { panic!("three records") };
        for seed in 0..24 {
            let (mut log, mut random) = (whole.clone(), SplitMix(seed));
            let (_, gone) = punch(&mut log, before..begin, page, &mut random);
            // Nobody knows more of what follows than that it is there.
            let left = seed % 2 == 0 || punch(&mut log, begin..whole.len(), page, &mut random).0;
            match ending(&log) {
                Ending::Followed { bad, next, .. } => {
                    assert!(gone && left, "{shape:?}, seed {seed}");
                    assert!((before..begin).contains(&bad), "{shape:?}, seed {seed}: {bad}");
                    assert!(bad <= next && next < log.len(), "{shape:?}, seed {seed}: {next}");
                }
                // A record without its header does not tell where it ends: what is left of the next may be taken for its own.
                Ending::Torn { from, .. } if seed % 2 == 1 => {
                    assert!(from == before || !gone, "{shape:?}, seed {seed}")
                }
                Ending::Whole => assert!(!gone, "{shape:?}, pages of {page}, seed {seed}"),
                torn @ Ending::Torn { .. } => panic!("{shape:?}, pages of {page}, seed {seed}: {torn:?}"),
            }
        }
    }
}

/// Of a log that was whole, no changed byte takes more than the last record.
#[test]
fn a_changed_bit_drops_no_record_but_the_last() {
    for shape in [&[40_usize, 300, 12, 90][..], &[33_000, 500, 40_000, 700], &[32_000, 700, 100, 33_000]] {
        let (whole, ends) = log(shape);
        let begin = ends[ends.len() - 2];
        let stride = if whole.len() < 2_000 { 1 } else { 211 };
        let headers: Vec<_> =
            (0..whole.len()).filter(|at| matches!(logs::fragment(&whole, *at), Seen::Whole(_))).collect();
        let near = |at: &usize| headers.iter().any(|header| (*header..header + HEADER_BYTES).contains(at));
        for at in (0..whole.len()).filter(|at| near(at) || at % stride == 0) {
            for bit in 0..8 {
                let mut log = whole.clone();
                log[at] ^= 1 << bit;
                match ending(&log) {
                    Ending::Torn { from, .. } => assert_eq!(from, begin, "{shape:?}: bit {bit} of byte {at}"),
                    Ending::Followed { bad, next, .. } => {
                        assert!(bad <= at && next > at.min(bad), "byte {at}: {bad}, {next}")
                    }
                    // The rest of a block that has no room for a header is not read.
                    Ending::Whole => assert_eq!(whole[at], 0, "{shape:?}: bit {bit} of byte {at}"),
                }
            }
        }
    }
}

/// Of a later record nothing is left that can be told from any bytes: only the header of the damaged one shows where it ends. A
/// header in two sectors may itself be there in half.
#[test]
fn a_header_in_one_sector_tells_where_its_damaged_record_ends() {
    let sectors = [0, SECTOR_BYTES, 9 * SECTOR_BYTES];
    let places = [(100, true), (505, true), (506, false), (508, false), (511, false), (512, true)];
    for (at, trusted) in sectors.into_iter().flat_map(|sector| places.map(|(at, trusted)| (sector + at, trusted))) {
        let (mut log, ends) = log(&[at - HEADER_BYTES, 300, 200]);
        assert_eq!(ends[0], at, "the damaged record begins here");
        log[ends[1] - 1] ^= 1;
        log[ends[1]..ends[1] + HEADER_BYTES].fill(0);
        let what = "a record with a wrong checksum";
        let expected = if trusted {
            Ending::Followed { bad: at, what, next: ends[1] + HEADER_BYTES }
        } else {
            Ending::Torn { from: at, what, last_entry: Some(1) }
        };
        assert_eq!(ending(&log), expected, "{at}");
    }
}

#[test]
fn parts_of_records_out_of_their_order_are_not_a_whole_log() {
    let what = "a part of a record out of its order";
    let (long, ends) = log(&[BLOCK_BYTES + 500]);
    assert!((BLOCK_BYTES + HEADER_BYTES..2 * BLOCK_BYTES).contains(&ends[0]), "a beginning and an end");
    let mut begun_twice = long[..BLOCK_BYTES].to_vec();
    append(&mut begun_twice, &[1; 40]);
    let followed = Ending::Followed { bad: BLOCK_BYTES, what, next: BLOCK_BYTES };
    assert_eq!(ending(&begun_twice), followed, "one that has no end, and a whole one");
    let (mut never_begun, ends) = log(&[40]);
    never_begun.extend(&long[BLOCK_BYTES..]);
    let torn = Ending::Torn { from: ends[0], what, last_entry: Some(1) };
    assert_eq!(ending(&never_begun), torn, "a whole one, and the end of one that does not begin");
}

#[test]
fn room_that_was_set_aside_is_cut_off_like_the_rest_of_a_record() {
    let (mut log, ends) = log(&[40, 300]);
    log.resize(BLOCK_BYTES * 3, 0);
    assert_eq!(torn_from(&log), Some(ends[1]));
    assert_eq!(torn_from(&[0; 5]), Some(0));
}

#[test]
fn any_bytes_have_an_ending_and_what_is_kept_is_whole() {
    for seed in 0..3_000 {
        let mut random = SplitMix(seed);
        let length = usize::try_from(random.below(600)).unwrap();
        let mut bytes: Vec<_> = (0..length).map(|_| u8::try_from(random.below(5)).unwrap()).collect();
        if seed % 2 == 0 {
            let mut log = log(&[20, 60, 33]).0;
            let at = usize::try_from(random.below(log.len() as u64)).unwrap();
            log.splice(at..at, bytes);
            bytes = log;
        }
        torn_from(&bytes);
    }
}

#[test]
fn more_than_a_record_can_be_is_more_than_one() {
    for (length, followed) in [(RECORD_BYTES_MAX, false), (RECORD_BYTES_MAX + 2 * BLOCK_BYTES, true)] {
        let (mut log, ends) = log(&[40, length]);
        log[ends[0]..ends[0] + SECTOR_BYTES].fill(0);
        match ending(&log) {
            Ending::Followed { bad, next, .. } => {
                assert!(followed && (bad, next) == (ends[0], ends[0] + RECORD_SPAN_MAX), "{length} bytes: {next}");
            }
            other => assert!(!followed, "{length} bytes: {other:?}"),
        }
    }
}

#[test]
fn a_torn_end_is_told_of_the_newest_log_and_cut_off_durably() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    assert_eq!(look(folder.path()).unwrap(), None, "without logs");
    let (bytes, ends) = log(&[40, 300]);
    put("999999.log", &bytes);
    put("1000000.log", &bytes[..bytes.len() - 1]);
    put("CURRENT", b"");
    let torn = look(folder.path()).unwrap().expect("a torn end");
    let path = folder.path().join("1000000.log");
    assert_eq!((&torn.path, torn.from, torn.bytes), (&path, ends[0] as u64, (bytes.len() - ends[0]) as u64 - 1));
    assert_eq!(torn.last_entry, Some(1));
    put("999999.log", &bytes[..bytes.len() - 1]);
    let refused = look(folder.path()).unwrap_err().to_string();
    let told = format!("999999.log is damaged at byte {}: a record that is longer than what is left; ", ends[0]);
    assert!(refused.contains(&told) && refused.contains("1000000.log was written after it"), "{refused}");
    torn.cut().unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), bytes[..ends[0]]);
    assert_eq!(look(folder.path()).unwrap(), None, "what an older log ends with is not looked for");
    let mut damaged = bytes.clone();
    damaged[ends[0] - 1] ^= 1;
    put("1000000.log", &damaged);
    let refused = look(folder.path()).unwrap_err().to_string();
    let told = format!("1000000.log is damaged at byte 0: a record with a wrong checksum; at byte {} stands", ends[0]);
    assert!(refused.contains(&told), "{refused}");
    assert!(!crate::store::is_of_the_disk(&refused), "a later start finds it as it is");
    std::fs::remove_file(&path).unwrap();
    let gone = torn.cut().unwrap_err().to_string();
    assert!(gone.contains("1000000.log"), "{gone}");
}
