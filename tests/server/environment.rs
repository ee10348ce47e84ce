//! The environment of the process: what is no text in it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Output};

/// A value that is no UTF-8, and that nobody may see in a log.
const VALUE: &[u8] = b"hush\xff";

fn creditd(arguments: &[&str], name: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_creditd"));
    command.args(arguments).env(OsStr::from_bytes(name), OsStr::from_bytes(VALUE)).output().unwrap()
}

/// Whatever reads the configuration; a daemon does not get as far as listening.
fn ways(folder: &str) -> [Vec<&str>; 4] {
    [
        vec!["config", "check"],
        vec!["config", "show"],
        vec!["run", "--durability", "memory", "--listen", "0.0.0.0:0"],
        vec!["seed", folder, "--accounts", "1"],
    ]
}

#[test]
fn a_key_that_is_no_text_is_named_and_its_value_is_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("data");
    for arguments in ways(folder.to_str().unwrap()) {
        for (name, told) in [
            (&b"CREDITD_DATA__DIR"[..], "CREDITD_DATA__DIR: the value is not UTF-8"),
            // Only the beginning of the name is ours.
            (&b"CREDITD_JOURNAL__\xff"[..], "CREDITD_JOURNAL__\u{fffd}: the value is not UTF-8"),
        ] {
            let refused = creditd(&arguments, name);
            let message = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert_eq!(refused.status.code(), Some(78), "{arguments:?}: {message}");
            assert_eq!(message.trim_end(), format!("creditd: {told}"), "{arguments:?}");
            assert!(refused.stdout.is_empty(), "{arguments:?}");
        }
    }
}

#[test]
fn what_belongs_to_others_may_be_anything() {
    let folder = tempfile::tempdir().unwrap();
    for (number, name) in [&b"OTHER"[..], b"OTHER\xff", b"CREDITD_KEY", b"creditd_data__dir"].into_iter().enumerate() {
        let folder = folder.path().join(number.to_string());
        for arguments in ways(folder.to_str().unwrap()) {
            let output = creditd(&arguments, name);
            let message = String::from_utf8_lossy(&output.stderr).into_owned();
            if arguments[0] == "run" {
                assert!(message.contains("not a loopback address"), "{message}");
            } else {
                assert!(output.status.success(), "{arguments:?}: {message}");
            }
        }
    }
}
