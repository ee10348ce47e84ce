//! `forgetful FOLDER` mounts a disk in memory there, and does what the lines of its standard input say:
//!
//! - `crash nothing`: unmounts, forgets everything that was not synced, mounts again;
//! - `crash SEED`: the same, and of what was not synced some of the beginning is left;
//! - `crash pages SEED`: the same, and of what was not synced some pages are left, and not those before them.
//!
//! Each answer is a line. At the end of the input it unmounts and ends. Exit code 3: nothing can be mounted here.

mod disk;
mod mount;

use std::io::{BufRead, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use disk::{Disk, Left};
use fuser::BackgroundSession;

/// The device, or the right to use it, is missing.
const CANNOT_MOUNT: u8 = 3;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1) else {
        eprintln!("forgetful FOLDER");
        return ExitCode::from(2);
    };
    let folder = Path::new(&folder);
    let disk = Arc::new(Mutex::new(Disk::new()));
    let mut mounted = match mount::mount(&disk, folder) {
        Ok(mounted) => mounted,
        Err(error) => {
            println!("cannot mount: {error}");
            return ExitCode::from(CANNOT_MOUNT);
        }
    };
    say("mounted");
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        let Some(left) = line.strip_prefix("crash ").and_then(left) else {
            say(&format!("unknown: {line}"));
            continue;
        };
        if let Err(error) = unmount(mounted, folder) {
            say(&format!("cannot unmount: {error}"));
            return ExitCode::FAILURE;
        }
        let lost = disk.lock().expect("no call has panicked").crash(left);
        mounted = match mount::mount(&disk, folder) {
            Ok(mounted) => mounted,
            Err(error) => {
                say(&format!("cannot mount again: {error}"));
                return ExitCode::FAILURE;
            }
        };
        say(&format!("crashed changes={} names={}", lost.changes, lost.names));
    }
    match unmount(mounted, folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot unmount: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What a crash leaves, as a line tells it.
fn left(words: &str) -> Option<Left> {
    match words.strip_prefix("pages ") {
        Some(seed) => seed.parse().ok().map(Left::Pages),
        None if words == "nothing" => Some(Left::Nothing),
        None => words.parse().ok().map(Left::Some),
    }
}

/// Unmounts, and waits until nothing is served any more. The session learns of that end as "no such device", or now and then as
/// an aborted connection, which is an error to it: what counts is that the folder is none of this disk any more.
fn unmount(mounted: BackgroundSession, folder: &Path) -> std::io::Result<()> {
    mounted.umount_and_join().or_else(|error| match is_mounted(folder) {
        Ok(false) if error.kind() == ErrorKind::ConnectionAborted => Ok(()),
        _ => Err(error),
    })
}

fn is_mounted(folder: &Path) -> std::io::Result<bool> {
    let around = folder.parent().ok_or(ErrorKind::InvalidInput)?;
    Ok(folder.metadata()?.dev() != around.metadata()?.dev())
}

fn say(line: &str) {
    println!("{line}");
    // Whoever reads has gone: the end of the input follows.
    let _ = std::io::stdout().flush();
}
