//! `creditd fsck` on what kills under load leave behind: clean where nothing was damaged, and where something was, its place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use super::daemon::{Daemon, Folder};
use super::round::Round;
use super::seed;

fn fsck(folder: &Folder, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_creditd")).arg("fsck").args(arguments).arg(folder.data()).output().unwrap()
}

/// The exit code and the report.
fn report(folder: &Folder, arguments: &[&str]) -> (i32, Value) {
    let output = fsck(folder, &[&["-o", "json"], arguments].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    let value = serde_json::from_str(&text);
    let value = value.unwrap_or_else(|_| panic!("{text:?} {:?}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap(), value)
}

fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                all.insert(path.clone(), std::fs::read(path).unwrap());
            }
        }
    }
    all
}

/// Four kills under load, the last one while everything that was open is sent again.
fn killed(seed: u64) -> Round {
    let mut round = Round::new(seed);
    round.set_up();
    for _ in 0..4 {
        round.cycle();
    }
    round
}

#[test]
fn kills_leave_a_folder_that_fsck_calls_clean_and_does_not_touch() {
    let mut round = killed(seed("fsck after kills"));
    let before = contents(&round.folder.data());
    let (code, found) = report(&round.folder, &[]);
    assert_eq!((code, &found["clean"]), (0, &Value::Bool(true)), "{found:#}");
    assert_eq!(found["compared"], "whole", "{found:#}");
    assert!(found["counts"]["applied"].as_u64().unwrap() > 100, "{found:#}");
    assert!(contents(&round.folder.data()) == before, "fsck changes nothing");
    round.finish();
    let (code, found) = report(&round.folder, &[]);
    assert_eq!((code, &found["clean"]), (0, &Value::Bool(true)), "{found:#}");
    assert_eq!(found["projections_position"], found["journal"]["last_position"]);
    let text = String::from_utf8(fsck(&round.folder, &[]).stdout).unwrap();
    assert!(text.ends_with("clean\n"), "{text}");
}

#[test]
fn damage_is_found_with_its_place_and_can_be_cut_off_by_hand() {
    let round = killed(seed("fsck after damage"));
    let folder = &round.folder;
    let names = std::fs::read_dir(folder.data().join("journal")).unwrap().map(|entry| entry.unwrap().path());
    let logs = names.filter(|path| path.extension().is_some_and(|ending| ending == "log"));
    let log = logs.max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    let mut bytes = std::fs::read(&log).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    std::fs::write(&log, bytes).unwrap();

    let (code, found) = report(folder, &[]);
    assert_eq!(code, 1, "{found:#}");
    let findings = found["findings"].as_array().unwrap();
    let place = findings.iter().map(|finding| &finding["place"]).find(|place| !place["byte"].is_null());
    let place = place.unwrap_or_else(|| panic!("no place: {found:#}"));
    assert_eq!(place["file"], log.to_str().unwrap());
    assert!(place["byte"].as_u64().unwrap() <= at as u64, "{place}");
    assert!(findings.iter().all(|finding| finding["invariant"] == "I4" && finding["advice"].is_string()));
    assert!(Daemon::start(folder).is_err(), "a daemon refuses it");

    // How far it can be read, then a cut there.
    let refused = fsck(folder, &["--truncate-at", "999999999"]);
    assert_eq!(refused.status.code(), Some(2));
    let words = String::from_utf8(refused.stderr).unwrap();
    let last = words.trim_end().rsplit(' ').next().unwrap().to_owned();
    let (code, found) = report(folder, &["--truncate-at", &last]);
    assert_eq!((code, &found["clean"]), (0, &Value::Bool(true)), "{words}{found:#}");
    let kept = PathBuf::from(found["cut"]["journal_before"].as_str().unwrap());
    assert!(kept.join(log.file_name().unwrap()).exists());
    Daemon::must_start(folder).kill();
    assert_eq!(report(folder, &[]).0, 0);
}

#[test]
fn exit_codes_say_why_a_folder_was_not_checked() {
    let folder = Folder::new();
    let code = |arguments: &[&str]| fsck(&folder, arguments).status.code();
    assert_eq!(code(&[]), Some(78), "no data folder");
    assert_eq!(code(&["--no-such-flag"]), Some(2));
    let daemon = Daemon::must_start(&folder);
    assert_eq!(code(&[]), Some(75), "a daemon uses it");
    assert_eq!(code(&["--truncate-at", "2"]), Some(75));
    daemon.kill();
    assert_eq!(code(&[]), Some(0));
    assert_eq!(code(&["--truncate-at", "2"]), Some(2), "nothing is wrong: nothing is cut");
    std::fs::create_dir(folder.data().join("journal.cutting")).unwrap();
    assert_eq!(code(&[]), Some(78), "a cut was not finished");
    assert!(Daemon::start(&folder).is_err());
    assert_eq!(code(&["--truncate-at", "2"]), Some(0), "and is finished by the next");
    Daemon::must_start(&folder).kill();
}
