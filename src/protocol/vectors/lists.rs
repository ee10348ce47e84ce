//! Frames of listings and of what is done to many holds at once.

use super::Vector;
use super::valid::{ACCOUNT, COMMAND, HOLD, MADE_AT_MS, MEMBER, WORKER, command, shown};
use crate::{AccountId, Command, HoldId, HoldLine, List, MemberId, View, WorkerId};

pub(super) fn vectors() -> Vec<Vector> {
    let line = HoldLine {
        hold: HOLD,
        account: ACCOUNT,
        worker: WORKER,
        member: MEMBER,
        amount: 73_500,
        created_at_ms: MADE_AT_MS,
        ends_at_ms: MADE_AT_MS + 60_000,
        model: 70_001,
        tool: 513,
        count: 4,
    };
    let plain = HoldLine {
        hold: HoldId(HOLD.0 + 1),
        worker: WorkerId::NIL,
        member: MemberId::NIL,
        model: 0,
        tool: 0,
        count: 0,
        ..line
    };
    let accounts = vec![ACCOUNT, AccountId(ACCOUNT.0 + 1)];
    vec![
        command(
            "command-release-worker",
            "A worker has died: all its holds go back.",
            Command::ReleaseWorker { command: COMMAND, account: AccountId::NIL, worker: WORKER },
        ),
        command(
            "command-list-holds",
            "The oldest 100 holds of any account.",
            Command::ListHolds {
                account: AccountId::NIL,
                worker: WorkerId::NIL,
                older_than_ms: 0,
                limit: 100,
                after: HoldId::NIL,
            },
        ),
        command(
            "command-list-holds-of-worker",
            "Holds of an account and a worker, at least a minute old, after the last one that was seen.",
            Command::ListHolds { account: ACCOUNT, worker: WORKER, older_than_ms: 60_000, limit: 256, after: HOLD },
        ),
        command(
            "command-list-accounts",
            "The next 256 accounts.",
            Command::ListAccounts { after: ACCOUNT, limit: 256 },
        ),
        shown("command-answer-holds", "Two holds.", View::Holds(List::new(vec![line, plain]).unwrap())),
        shown("command-answer-holds-none", "No hold.", View::Holds(List::default())),
        shown("command-answer-accounts", "Two accounts.", View::Accounts(List::new(accounts).unwrap())),
    ]
}
