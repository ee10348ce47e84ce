//! Files, and what is none.

use super::*;

#[test]
fn a_file_is_read_up_to_its_limit() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    std::fs::write(&path, "1234").expect("written");
    assert_eq!(read(&path, 4).as_deref(), Ok("1234"));
    assert_eq!(read(&path, 3), Err(TextFileError::TooLong { bytes_max: 3 }));
    std::fs::write(&path, "").expect("written");
    assert_eq!(read(&path, 0).as_deref(), Ok(""));
    std::fs::write(&path, b"\xff").expect("written");
    assert_eq!(read(&path, 4), Err(TextFileError::NotText));
    assert!(matches!(read(&folder.path().join("other"), 4), Err(TextFileError::System(_))));
}

/// Nobody writes into the pipe: to open it as a file waits for ever. The device has no end.
#[test]
fn what_is_no_file_is_refused_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
    assert!(made.success());
    for path in [pipe.as_path(), folder.path(), Path::new("/dev/zero")] {
        assert_eq!(read(path, 4), Err(TextFileError::NotAFile), "{}", path.display());
    }
}

/// It says that it has no bytes.
#[test]
fn a_file_that_is_longer_than_it_says_has_the_same_limit() {
    let path = Path::new("/proc/self/status");
    assert_eq!(path.metadata().expect("it is there").len(), 0);
    assert!(read(path, 1 << 20).is_ok_and(|text| text.starts_with("Name:")));
    assert_eq!(read(path, 10), Err(TextFileError::TooLong { bytes_max: 10 }));
}
