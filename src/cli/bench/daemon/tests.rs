//! The bench's own daemon, with a shell script in its place.

use std::os::unix::fs::PermissionsExt;

use super::*;

fn script(folder: &TempDir, text: &str) -> PathBuf {
    let path = folder.path().join("creditd");
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn start(program: &Path) -> Result<OwnDaemon, Failure> {
    OwnDaemon::start_on(Grounds::new(Some(program), None)?)
}

#[test]
fn the_ready_line_names_the_address() {
    let line = "creditd ready address=127.0.0.1:7411 http=127.0.0.1:7412 durability=sync";
    assert_eq!(word_of(line, "address="), Some("127.0.0.1:7411"));
    assert_eq!(word_of(line, "http="), Some("127.0.0.1:7412"));
    assert_eq!(word_of("something else address=1", "address="), None);
}

#[test]
fn it_is_started_stopped_and_its_folder_removed() {
    let folder = tempfile::tempdir().unwrap();
    let text = "echo \"creditd ready address=127.0.0.1:1 http=x durability=sync\"; exec sleep 60";
    let program = script(&folder, text);
    let daemon = start(&program).unwrap();
    assert_eq!(daemon.address, "127.0.0.1:1");
    let data = daemon.grounds.path().to_owned();
    assert!(data.exists());
    daemon.stop().unwrap();
    assert!(!data.exists());
}

#[test]
fn a_daemon_that_fails_shows_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let program = script(&folder, "echo 'the disk is on fire' >&2; exit 78");
    let failure = start(&program).unwrap_err();
    assert_eq!(failure.exit, Exit::Unreachable);
    assert!(failure.message.ends_with("the daemon's log ends with:\nthe disk is on fire"), "{}", failure.message);
}

#[test]
fn a_missing_program_is_a_matter_of_configuration() {
    let failure = start(Path::new("/nowhere/creditd")).unwrap_err();
    assert_eq!(failure.exit, Exit::Configuration);
}

#[test]
fn it_is_started_again_on_the_same_grounds() {
    let folder = tempfile::tempdir().unwrap();
    let text = "echo run >> \"$(dirname $8)/runs\"; echo \"creditd ready address=$SOMEWHERE http=y\"; exec sleep 60";
    let grounds = Grounds::new(Some(&script(&folder, text)), None).unwrap().with("SOMEWHERE", "127.0.0.1:2");
    let runs = grounds.path().join("runs");
    let mut daemon = OwnDaemon::start_on(grounds).unwrap();
    assert_eq!((daemon.address.as_str(), daemon.http.as_str()), ("127.0.0.1:2", "y"));
    let before = daemon.process();
    daemon.restart(|| Ok(())).unwrap();
    assert_ne!(daemon.process(), before);
    assert_eq!(std::fs::read_to_string(runs).unwrap().lines().count(), 2);
    daemon.stop().unwrap();
}
