//! Fixed inputs on the way into the journal and out of it, for counting instructions: `benches/instructions` runs it under
//! callgrind, which counts only inside of `measured_*`. It says how many records that are.
//!
//! `cargo run --release -p journal --example journal_instructions encode|seal|replay`

use std::hint::black_box;
use std::process::ExitCode;

use journal::group::{self, Header};
use journal::{EncodedUnit, Epoch, Group, GroupHash, Position, codec};
use wallet::bucket::{Slices, Sources, Split};
use wallet::credits::Credits;
use wallet::ids::{AccountId, Day, HoldId, Period, Tier, Timestamp, WorkerId};
use wallet::record::{Attribution, Capture, CaptureRequest, OverCommit, Record, Reserve, Terms};

const GROUP: usize = 1_000;
const GROUPS: usize = 100;
const START: Timestamp = Timestamp(1_800_000_000_000);

/// A reserve and the capture of its hold by turns.
fn record(number: usize) -> Record {
    let pair = u128::try_from(number / 2).unwrap_or(0) + 1;
    let account = AccountId(pair.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
    let hold = HoldId((u128::from(START.0) << 80) | (7 << 76) | (2 << 62) | pair);
    let split = Split { free: Credits::from_whole(4), subscription: Credits::from_whole(20), ..Split::ZERO };
    let attribution = Attribution { tool: 1, model: 12, count: 1, ..Attribution::default() };
    if number.is_multiple_of(2) {
        Record::Reserve(Reserve {
            account,
            hold,
            taken: Slices { split, day: Day(20_833), period: Period(17) },
            attribution,
            worker: WorkerId::NONE,
            settings: 0,
            terms: Terms {
                sources: Sources::ALL,
                min_tier: Tier::NONE,
                pro_model: false,
                ttl_ms: 60_000,
                over_commit: OverCommit::Reject,
                priced: None,
                hold_ms: 60_000,
            },
            at: START,
            ends_at: START.plus_millis(60_000),
        })
    } else {
        Record::Capture(Capture {
            account,
            hold,
            request: CaptureRequest { number: 0, amount: None, last: true },
            captured: split,
            drawn: Slices::default(),
            returned: Split::ZERO,
            forfeited: Split::ZERO,
            late: false,
            attribution,
            at: START,
        })
    }
}

/// What a connection's task does with a chunk's records.
#[inline(never)]
fn measured_encode(groups: &[Vec<Record>], unit: &mut EncodedUnit) -> usize {
    let mut good: usize = 0;
    for records in groups {
        unit.clear();
        if codec::encode_unit(records, unit).is_ok() {
            good += black_box(unit.records()) as usize;
        }
    }
    good
}

/// What the journal's thread does with a group: copies, header, hash.
#[inline(never)]
fn measured_seal(units: &[EncodedUnit], mut buffer: Vec<u8>) -> GroupHash {
    let (mut previous, mut first) = (GroupHash::NONE, Position(1));
    for unit in units {
        buffer = group::empty_buffer(buffer);
        buffer.extend_from_slice(unit.bytes());
        let header = Header { records: unit.records(), epoch: Epoch(1), first, time_ms: START.0, previous };
        previous = group::seal(&mut buffer, header);
        first = header.last().next();
    }
    previous
}

/// What a start does with a group: hash, header, records.
#[inline(never)]
fn measured_replay(bytes: &[u8]) -> usize {
    let mut good: usize = 0;
    for _ in 0..GROUPS {
        if let Ok(group) = Group::check(bytes) {
            good += group.records().filter(|(_, record)| black_box(codec::decode(record)).is_ok()).count();
        }
    }
    good
}

fn unit(records: &[Record]) -> Result<EncodedUnit, String> {
    let mut unit = EncodedUnit::new();
    codec::encode_unit(records, &mut unit).map_err(|error| error.to_string())?;
    Ok(unit)
}

fn counted(part: &str) -> Result<usize, String> {
    let records: Vec<Vec<Record>> =
        (0..GROUPS).map(|group| (0..GROUP).map(|number| record(group * GROUP + number)).collect()).collect();
    match part {
        "encode" => {
            let mut unit = unit(&records[0])?;
            Ok(measured_encode(&records, &mut unit))
        }
        "seal" => {
            let units = records.iter().map(|records| unit(records)).collect::<Result<Vec<_>, _>>()?;
            let buffer = group::empty_buffer(Vec::new());
            let last = measured_seal(&units, buffer);
            if last == GroupHash::NONE { Err("no group was sealed".to_owned()) } else { Ok(GROUP * GROUPS) }
        }
        "replay" => {
            let unit = unit(&records[0])?;
            let mut buffer = group::empty_buffer(Vec::new());
            buffer.extend_from_slice(unit.bytes());
            let (first, previous) = (Position(1), GroupHash::NONE);
            group::seal(&mut buffer, Header { records: unit.records(), epoch: Epoch(1), first, time_ms: 1, previous });
            Ok(measured_replay(&buffer))
        }
        _ => Err("encode, seal or replay".to_owned()),
    }
}

fn main() -> ExitCode {
    match counted(&std::env::args().nth(1).unwrap_or_default()) {
        Ok(records) if records == GROUP * GROUPS => {
            println!("{records}");
            ExitCode::SUCCESS
        }
        Ok(records) => {
            eprintln!("{records} of {} passed", GROUP * GROUPS);
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
