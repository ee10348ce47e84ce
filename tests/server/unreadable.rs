//! Files of the projections that cannot be read any more: what is not known is not shown as zero.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;

use protocol::{AccountId, Bucket, Command, CommandAnswer, Outcome, Text, View};

use super::commands::command_id;
use super::daemon::Daemon;
use super::wire::Wire;

/// Accounts enough that a file has more than one block.
const ACCOUNTS: u128 = 300;
const GRANTED: u64 = 5_000;

/// Writes over the blocks of every table, under the daemon that has it open; where the blocks are stays readable.
fn damage(folder: &Path) -> usize {
    let files = std::fs::read_dir(folder.join("projections")).unwrap().map(|entry| entry.unwrap().path());
    let tables: Vec<_> = files.filter(|path| path.extension().is_some_and(|kind| kind == "sst")).collect();
    for path in &tables {
        let file = OpenOptions::new().write(true).open(path).unwrap();
        let bytes = usize::try_from(file.metadata().unwrap().len()).unwrap();
        file.write_all_at(&vec![0xa5; bytes], 0).unwrap();
    }
    tables.len()
}

fn show(wire: &mut Wire, account: u128) -> CommandAnswer {
    wire.command(&Command::ShowAccount { account: AccountId(account) })
}

fn granted(answer: &CommandAnswer) -> u64 {
    let View::Account(account) = &answer.view else { panic!("an account is shown: {answer:?}") };
    account.top_up.granted
}

#[test]
fn an_account_whose_row_cannot_be_read_is_not_shown_with_zeros() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::on(folder.path(), &[]);
    let mut wire = Wire::connect(&daemon);
    for account in (1..=ACCOUNTS).map(AccountId) {
        let open = Command::OpenAccount { command: command_id(), account, zone: Text::default() };
        let (command, bucket, reason) = (command_id(), Bucket::TopUp, Text::default());
        let grant = Command::Grant { command, account, bucket, amount: GRANTED, reason };
        for command in [open, grant] {
            assert_eq!(wire.command(&command).outcome, Outcome::Done);
        }
    }
    assert_eq!(granted(&show(&mut wire, ACCOUNTS)), GRANTED);
    daemon.terminate();
    assert_eq!(daemon.wait().code(), Some(0));

    // One that has them on disk alone.
    let daemon = Daemon::on(folder.path(), &[]);
    let mut wire = Wire::connect(&daemon);
    assert!(damage(folder.path()) > 0, "there are tables");
    let answers: Vec<_> = (1..=ACCOUNTS).map(|account| show(&mut wire, account)).collect();
    let unreadable = answers.iter().filter(|answer| answer.outcome == Outcome::Overloaded).count();
    println!("{unreadable} of {ACCOUNTS} rows cannot be read");
    assert!(unreadable > 0, "the damage was read");
    for answer in &answers {
        match answer.outcome {
            Outcome::Overloaded => assert!(answer.detail > 0 && answer.view == View::None, "{answer:?}"),
            _ => assert_eq!(granted(answer), GRANTED),
        }
    }
}
