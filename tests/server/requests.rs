//! What requests come to over the wire: decisions, order, chunks, replays, views.

use protocol::{
    AccountId, AnswerFlags, Command, CommandId, Field, HoldId, HoldState, Operation, OperationFlags, Outcome, Text,
    View,
};

use super::daemon::Daemon;
use super::wire::{Wire, operations_frame};

pub(super) const ACCOUNT: AccountId = AccountId(0xacc0);

pub(super) fn open_account(wire: &mut Wire) {
    let command = CommandId(uuid::Uuid::now_v7().as_u128());
    let answer = wire.command(&Command::OpenAccount { command, account: ACCOUNT, zone: Text::default() });
    assert_eq!(answer.outcome, Outcome::Done);
}

pub(super) fn hold_id() -> HoldId {
    HoldId(uuid::Uuid::now_v7().as_u128())
}

pub(super) fn outcomes(answers: &[protocol::Answer]) -> Vec<Outcome> {
    answers.iter().map(|answer| answer.outcome).collect()
}

#[test]
fn a_reserve_is_granted_durably_and_committed() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::on(folder.path(), &[]);
    let mut wire = Wire::connect(&daemon);
    open_account(&mut wire);
    let hold = hold_id();
    let answers = wire.ask(&[Operation::reserve(hold, ACCOUNT, 73_500, 60_000)]);
    assert_eq!(answers[0].outcome, Outcome::Granted);
    assert!(answers[0].flags.contains(AnswerFlags::DURABLE));
    assert!(answers[0].position > 0);
    assert_eq!(answers[0].split.free, 73_500);
    assert_eq!(answers[0].available.free, 26_500);
    let answers = wire.ask(&[Operation::commit(hold, ACCOUNT, 70_000, 1), Operation::balance(ACCOUNT)]);
    assert_eq!(outcomes(&answers), [Outcome::Done, Outcome::Done]);
    let View::Hold(view) = wire.command(&Command::ShowHold { hold }).view else { panic!("a hold is shown") };
    assert_eq!((view.state, view.captured.free), (HoldState::Settled, 70_000));
    let View::Account(view) = wire.command(&Command::ShowAccount { account: ACCOUNT }).view else {
        panic!("an account is shown")
    };
    assert_eq!(view.free.available, 30_000);
    assert_eq!((view.free.held, view.free.spent, view.open_holds), (0, 70_000, 0));
}

#[test]
fn answers_say_when_they_are_not_durable() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::on(folder.path(), &[("CREDITD_JOURNAL__DURABILITY", "interval")]);
    assert!(daemon.ready.ends_with("durability=interval"), "{}", daemon.ready);
    let mut wire = Wire::connect(&daemon);
    open_account(&mut wire);
    let answers = wire.ask(&[Operation::charge(hold_id(), ACCOUNT, 1)]);
    assert_eq!(answers[0].outcome, Outcome::Granted);
    assert!(!answers[0].flags.contains(AnswerFlags::DURABLE));
}

#[test]
fn frames_in_flight_are_answered_in_their_order() {
    let daemon = Daemon::in_memory(&[]);
    let mut wire = Wire::connect(&daemon);
    open_account(&mut wire);
    let mut bytes = Vec::new();
    for request in 0..300_u64 {
        let hold = hold_id();
        let pair = [Operation::reserve(hold, ACCOUNT, 10, 60_000), Operation::commit_all(hold, ACCOUNT, 1)];
        bytes.extend(operations_frame(request, &pair));
        if request % 50 == 0 {
            protocol::encode_ping(&mut bytes, 1_000_000 + request);
        }
    }
    wire.send(&bytes);
    for request in 0..300_u64 {
        let (answered, answers) = wire.answers();
        assert_eq!(answered, request);
        assert_eq!(outcomes(&answers), [Outcome::Granted, Outcome::Done]);
        if request % 50 == 0 {
            let (header, _) = wire.frame(protocol::Expecting::FromServer).unwrap();
            assert_eq!((header.kind, header.request_id), (protocol::FrameKind::Pong, 1_000_000 + request));
        }
    }
}

#[test]
fn the_largest_frame_runs_in_chunks_and_is_answered_whole() {
    let daemon = Daemon::in_memory(&[]);
    let mut wire = Wire::connect(&daemon);
    open_account(&mut wire);
    let operations: Vec<Operation> = (0..8_190).map(|_| Operation::charge(hold_id(), ACCOUNT, 10)).collect();
    let answers = wire.ask(&operations);
    assert_eq!(answers.len(), 8_190);
    assert!(answers.iter().all(|answer| answer.outcome == Outcome::Granted));
    assert_eq!(answers[8_189].available.free, 100_000 - 81_900);
    let again = wire.ask(&operations[8_000..]);
    assert!(again.iter().all(|answer| answer.outcome == Outcome::Replayed));
    assert_eq!(again[189].position, answers[8_189].position, "the first decision is told again");
}

#[test]
fn a_bad_operation_harms_no_other() {
    let daemon = Daemon::in_memory(&[]);
    let mut wire = Wire::connect(&daemon);
    open_account(&mut wire);
    let mut bad = Operation::charge(hold_id(), ACCOUNT, 10);
    bad.flags = OperationFlags(0x80);
    let good = Operation::charge(hold_id(), ACCOUNT, 10);
    let answers = wire.ask(&[good, bad, Operation::balance(ACCOUNT), Operation::balance(AccountId(7))]);
    let expected = [Outcome::Granted, Outcome::BadRequest, Outcome::Done, Outcome::UnknownAccount];
    assert_eq!(outcomes(&answers), expected);
    assert_eq!(answers[1].detail, u32::from(Field::Flags.number()));
}

#[test]
fn a_bad_command_is_an_answer_and_not_the_end() {
    let daemon = Daemon::in_memory(&[]);
    let mut wire = Wire::connect(&daemon);
    let answer = wire.command(&Command::ShowAccount { account: AccountId(0) });
    assert_eq!((answer.outcome, answer.detail), (Outcome::BadRequest, u32::from(Field::Account.number())));
    let answer = wire.command(&Command::ShowAccount { account: ACCOUNT });
    assert_eq!(answer.outcome, Outcome::UnknownAccount);
    let zone = Text::new("Mars/Olympus").unwrap();
    let answer = wire.command(&Command::OpenAccount { command: CommandId(1), account: ACCOUNT, zone });
    assert_eq!((answer.outcome, answer.detail), (Outcome::BadRequest, u32::from(Field::Zone.number())));
}

#[test]
fn a_hold_expires_by_itself() {
    let daemon = Daemon::in_memory(&[("CREDITD_RECOVERY__HOLD_GRACE_MS", "0")]);
    let mut wire = Wire::connect(&daemon);
    open_account(&mut wire);
    wire.ask(&[Operation::reserve(hold_id(), ACCOUNT, 100_000, 1)]);
    let is_back = || {
        std::thread::sleep(std::time::Duration::from_millis(20));
        wire.ask(&[Operation::balance(ACCOUNT)])[0].available.free == 100_000
    };
    assert!(std::iter::repeat_with(is_back).take(1_000).any(|back| back), "the hold does not expire");
}
