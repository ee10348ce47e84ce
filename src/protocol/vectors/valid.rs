//! Frames that are taken: the handshake, close, ping and pong; and the ids and times of all vectors.

use super::{Meaning, Value, Vector, clock, control, lists, plans, rates, records, resets};
use crate::{
    AccountId, AnswerFlags, Close, CloseReason, Command, CommandAnswer, CommandId, Durability, Expecting, Hello,
    HoldId, MemberId, NodeId, Outcome, PaymentId, Secret, Text, View, Welcome, WorkerId,
};

pub(super) const HOLD: HoldId = HoldId(0x0192_f0c1_7a00_7abc_8def_0123_4567_89ab);
pub(super) const ACCOUNT: AccountId = AccountId(0x1111_1111_2222_4333_8444_5555_5555_5555);
pub(super) const MEMBER: MemberId = MemberId(0xaaaa_aaaa_bbbb_4ccc_8ddd_eeee_eeee_eeee);
pub(super) const WORKER: WorkerId = WorkerId(0x0a0b_0c0d_0e0f_4010_8111_1213_1415_1617);
pub(super) const COMMAND: CommandId = CommandId(0xc0c0_c0c0_0000_4000_8000_0000_0000_0001);
pub(super) const PAYMENT: PaymentId = PaymentId(0xfade_fade_0000_4000_8000_0000_0000_0002);
const NODE: NodeId = NodeId(0x0d0d_0d0d_0000_4000_8000_0000_0000_0003);
/// The hold id's own time.
pub(super) const MADE_AT_MS: u64 = 1_730_616_064_512;
/// The midnight after it in Berlin.
pub(super) const MIDNIGHT_MS: u64 = 1_730_674_800_000;

pub(super) fn vectors() -> Vec<Vector> {
    let mut vectors = handshake();
    vectors.extend(records::operations());
    vectors.extend(records::answers());
    vectors.extend(control::commands());
    vectors.extend(control::command_answers());
    vectors.extend(plans::vectors());
    vectors.extend(rates::vectors());
    vectors.extend(lists::vectors());
    vectors.extend(clock::vectors());
    vectors.extend(resets::vectors());
    vectors.extend(others());
    vectors
}

pub(super) fn frame(name: &str, about: &'static str, expecting: Expecting, request_id: u64, value: Value) -> Vector {
    let bytes = value.encode(request_id).unwrap();
    Vector { name: name.to_owned(), about, expecting, bytes, meaning: Meaning::Frame(request_id, value) }
}

pub(super) fn text<const MAX: usize>(text: &str) -> Text<MAX> {
    Text::new(text).unwrap()
}

/// A command to a daemon.
pub(super) fn command(name: &str, about: &'static str, command: Command) -> Vector {
    frame(name, about, Expecting::FromClient, 9, Value::Command(command))
}

/// The answer to a command that was carried out, and what it shows.
pub(super) fn shown(name: &str, about: &'static str, view: View) -> Vector {
    let answer =
        CommandAnswer { flags: AnswerFlags::DURABLE, position: 1003, view, ..CommandAnswer::of(Outcome::Done) };
    frame(name, about, Expecting::FromServer, 9, Value::CommandAnswer(answer))
}

fn handshake() -> Vec<Vector> {
    let hello = Hello {
        version_min: 1,
        version_max: 1,
        client_name: text("scheduler-7"),
        in_flight_wanted: 16_384,
        auth_token: Secret::default(),
    };
    let with_token = Hello { auth_token: Secret::new(b"0123456789abcdef").unwrap(), ..hello.clone() };
    let welcome = Welcome {
        version: 1,
        in_flight_max: 16_384,
        frame_operations_max: 8190,
        idle_timeout_ms: 60_000,
        server_time_ms: MADE_AT_MS,
        server_name: text("creditd/0.1.0"),
        durability: Durability::Sync,
        epoch: 3,
        node: NODE,
    };
    vec![
        frame("hello", "The first frame of a client.", Expecting::Hello, 0, Value::Hello(hello)),
        frame("hello-token", "A hello with a key.", Expecting::Hello, 0, Value::Hello(with_token)),
        frame("welcome", "The daemon's answer to hello.", Expecting::Welcome, 0, Value::Welcome(welcome)),
    ]
}

fn others() -> Vec<Vector> {
    let draining = Close::new(CloseReason::Draining, "the daemon is stopping");
    let goodbye = Close::new(CloseReason::Goodbye, "");
    vec![
        frame("close", "The daemon is stopping.", Expecting::FromServer, 0, Value::Close(draining)),
        frame("close-goodbye", "The client ends politely.", Expecting::FromClient, 0, Value::Close(goodbye)),
        frame("ping", "Are you there?", Expecting::FromClient, 77, Value::Ping),
        frame("pong", "The answer to ping.", Expecting::FromServer, 77, Value::Pong),
    ]
}
