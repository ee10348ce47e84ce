//! Every command that can end without an answer: what is printed is followed, and makes the same request again.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use clap::{CommandFactory, Parser};
use protocol::{Body, Durability, Expecting, FrameKind, NodeId, Progress, Text, Welcome};

use super::*;
use crate::arguments::Arguments;
use crate::exit::{Exit, Failure};

const ID: &str = "01234567-89ab-7def-8123-456789abcdef";

/// What is sent: the frame's kind, and its body.
type Sent = Arc<Mutex<Vec<(FrameKind, Vec<u8>)>>>;

/// A daemon that takes one connection and answers nothing but its hello.
fn silent_daemon() -> (String, Sent) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let sent = Sent::default();
    let seen = Arc::clone(&sent);
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        listen(stream, &seen);
    });
    (address, sent)
}

fn listen(mut stream: TcpStream, sent: &Sent) {
    let (mut inbox, mut expecting) = (Vec::new(), Expecting::Hello);
    loop {
        while let Progress::Frame { header, body } = protocol::decode(&inbox, expecting).unwrap() {
            if header.kind == FrameKind::Hello {
                stream.write_all(&welcome()).unwrap();
                expecting = Expecting::FromClient;
            } else if header.kind != FrameKind::Close {
                sent.lock().unwrap().push((header.kind, inbox[body.clone()].to_vec()));
            }
            inbox.drain(..body.end);
        }
        let mut bytes = [0; 4096];
        match stream.read(&mut bytes) {
            Ok(read @ 1..) => inbox.extend_from_slice(&bytes[..read]),
            _ => return,
        }
    }
}

fn welcome() -> Vec<u8> {
    let welcome = Welcome {
        version: 1,
        in_flight_max: 100,
        frame_operations_max: 8190,
        idle_timeout_ms: 0,
        server_time_ms: 1_795_384_800_123,
        server_name: Text::cut("silent"),
        durability: Durability::Sync,
        epoch: 1,
        node: NodeId(1),
    };
    let mut frame = Vec::new();
    welcome.encode(&mut frame, 0).unwrap();
    frame
}

/// Runs a command line against a daemon that never answers: how it ends, and what it has sent.
fn run(line: &str) -> (Failure, (FrameKind, Vec<u8>)) {
    let (address, sent) = silent_daemon();
    let whole = format!("creditctl --address {address} --timeout 2s {line}");
    let arguments =
        Arguments::try_parse_from(whole.split_whitespace()).unwrap_or_else(|error| panic!("{line}: {error}"));
    let failure = crate::run(arguments).expect_err(line);
    let mut sent = sent.lock().unwrap();
    assert_eq!(sent.len(), 1, "{line}: one request, and no answer to go on with");
    (failure, sent.remove(0))
}

/// The command line that a person makes of what is printed.
fn followed(line: &str, advice: &str) -> String {
    let changes = advice.strip_prefix("the same request again: ").unwrap_or_else(|| panic!("{line}: {advice}"));
    let mut words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    for change in changes.split(" and ") {
        if let Some(added) = change.strip_prefix("add ") {
            words.extend(added.split_whitespace().map(str::to_owned));
        } else if let Some((said, option)) = change.strip_prefix("say ").and_then(|it| it.split_once(" in place of ")) {
            let at = words.iter().position(|word| word == option).unwrap_or_else(|| panic!("{line} has no {option}"));
            words.splice(at..at + 2, said.split_whitespace().map(str::to_owned));
        } else {
            assert_eq!(change, "the same command line", "{line}");
        }
    }
    words.join(" ")
}

/// What is to be printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Nothing but to try again.
    Anew,
    /// The same command line as it is.
    AsItIs,
    /// The same with more or other arguments.
    Changed,
    /// Where to look.
    Look,
}

use Way::{Anew, AsItIs, Changed, Look};

const LINES: &[(&str, Way)] = &[
    ("account open", Changed),
    ("account open ID --zone Europe/Paris", Changed),
    ("account open --command-id ID", Changed),
    ("account open ID --command-id ID", AsItIs),
    ("account show ID", Anew),
    ("account list", Anew),
    ("account zone ID Europe/Paris", Changed),
    ("account zone ID Europe/Paris --command-id ID", AsItIs),
    ("account freeze ID --reason abuse", Changed),
    ("account unfreeze ID --command-id ID", AsItIs),
    ("account unfreeze ID", Changed),
    ("balance ID", Anew),
    ("clawback ID 5", Changed),
    ("clawback ID 5 --command-id ID", AsItIs),
    ("clock", Anew),
    ("clock show", Anew),
    ("clock confirm", AsItIs),
    ("config reload", AsItIs),
    ("correct ID 5 --bucket free --reason mistake", Changed),
    ("correct ID 5 --bucket free --reason mistake --command-id ID", AsItIs),
    ("estimate --line 30/day@1:101", Anew),
    ("estimate --line 30/day@image:seedream-4", Anew),
    ("grant ID 73.5 --bucket top-up", Changed),
    ("grant ID 73.5 --bucket top-up --command-id ID", AsItIs),
    ("hold reserve ID 24 --ttl 10m", Changed),
    ("hold reserve ID 24 --hold ID", AsItIs),
    ("hold reserve ID --tool image --model seedream-4", Anew),
    ("hold charge ID --tool 3 --model 301 --count 2", Changed),
    ("hold charge ID 24 --hold ID", AsItIs),
    ("hold commit ID ID", AsItIs),
    ("hold commit ID ID 20.5 --number 2 --not-final", AsItIs),
    ("hold release ID ID", AsItIs),
    ("hold refund ID ID 5 --reason provider_error", AsItIs),
    ("hold extend ID ID --ttl 1h", AsItIs),
    ("hold show ID", Anew),
    ("hold list --account ID", Anew),
    ("hold release-worker ID --account ID", Look),
    ("hold release-worker ID --command-id ID", Look),
    ("ping", Anew),
    ("plan list", Anew),
    ("plan show pro", Anew),
    ("quote ID --tool 3 --model 301", Anew),
    ("rates list", Anew),
    ("resets", Anew),
    ("subscription subscribe ID 31", Changed),
    ("subscription subscribe ID pro", Anew),
    ("subscription subscribe ID 31 --paid-through +30d --no-auto-renew", Changed),
    ("subscription subscribe ID 31 --command-id ID", AsItIs),
    ("subscription renew ID --paid-through 2027-01-31T00:00:00Z", Changed),
    ("subscription renew ID --paid-through +30d --command-id ID", Changed),
    ("subscription cancel ID --now", Changed),
    ("subscription lapse ID", Changed),
    ("subscription change ID 31 --mode new-cycle", Changed),
    ("subscription set ID 1500 --ends-in 2s", Changed),
    ("subscription set ID 1500 --ends-at +2s --command-id ID", Changed),
    ("subscription set ID 1500", Changed),
    ("topup ID 500", Changed),
    ("topup ID --bundle boost-1000 --pending", Changed),
    ("topup ID 500 --payment ID", AsItIs),
    ("topup confirm ID ID", AsItIs),
    ("topup list ID", Anew),
];

fn check(line: &str, way: Way) {
    let line = line.replace("ID", ID);
    let (failure, request) = run(&line);
    assert_eq!((failure.exit, failure.code), (Exit::OutcomeUnknown, "outcome_unknown"), "{line}: {}", failure.message);
    let text = crate::output::failure_text(&failure);
    let (message, advice) = text.trim_end().split_once('\n').unwrap_or_else(|| panic!("{line}: no advice in {text}"));
    assert!(!message.contains("again"), "{line}: {message}");
    match way {
        Anew => assert_eq!(advice, "try again", "{line}"),
        Look => {
            let (_, look) = advice.split_once("creditctl ").unwrap_or_else(|| panic!("{line}: {advice}"));
            assert_eq!(look.contains("--account"), line.contains("--account"), "{line}: {look}");
            assert_eq!(run(look).1.0, FrameKind::Command, "{line}: {look}");
        }
        AsItIs | Changed => {
            let again = followed(&line, advice);
            assert_eq!(again == line, way == AsItIs, "{line}: {advice}");
            let (failure, repeated) = run(&again);
            assert_eq!(repeated, request, "{line}: {again} is another request");
            let advice = failure.again.map(|again| again.to_string());
            assert_eq!(advice.as_deref(), Some("the same request again: the same command line"), "{again}");
        }
    }
}

#[test]
fn what_is_printed_makes_the_same_request_again() {
    std::thread::scope(|scope| {
        for (line, way) in LINES {
            scope.spawn(move || check(line, *way));
        }
    });
}

/// A command that is new has to be in the table, or has to have no use for it.
#[test]
fn every_command_is_in_the_table() {
    /// Those that ask no daemon, and those that begin anew each time.
    const OTHERS: [&str; 6] =
        ["bench", "plan check", "rates check", "example story", "example before", "example after"];
    fn leaves(command: &clap::Command, path: &str, found: &mut Vec<String>) {
        let verbs: Vec<_> = command.get_subcommands().filter(|verb| verb.get_name() != "help").collect();
        for verb in &verbs {
            leaves(verb, format!("{path} {}", verb.get_name()).trim(), found);
        }
        if verbs.is_empty() {
            found.push(path.to_owned());
        }
    }
    let mut found = Vec::new();
    leaves(&Arguments::command(), "", &mut found);
    assert!(found.len() > 30, "{found:?}");
    for leaf in found {
        let begins = |line: &str| line == leaf || line.starts_with(&format!("{leaf} "));
        assert!(OTHERS.contains(&leaf.as_str()) || LINES.iter().any(|(line, _)| begins(line)), "{leaf}");
    }
}

/// R22: a repeat with an id that has expired is refused, which looks as if nothing had happened.
#[test]
fn an_id_that_expired_in_doubt_is_looked_up_and_not_repeated() {
    let way = |unknown| way_on(unknown, |hold, account| protocol::Operation::charge(hold, account, 5));
    assert_eq!(way(client::Unknown::DeadlinePassed), Again::same());
    let Again::Look(look) = way(client::Unknown::IdExpired) else { panic!("a repeat is advised") };
    assert!(look.ends_with(&format!("creditctl hold show {ID}")), "{look}");
}

fn way_on(
    unknown: client::Unknown,
    operation: fn(protocol::HoldId, protocol::AccountId) -> protocol::Operation,
) -> Again {
    let operation = operation(ID.parse().unwrap(), ID.parse().unwrap());
    crate::tool::way_on(&client::CallError::OutcomeUnknown(unknown), &operation, Again::same())
}

/// R22, R32: an attempt that was lost may still come after a refusal; a release of the hold makes an end of it.
#[test]
fn what_may_still_come_can_be_ended() {
    use protocol::{Operation, Outcome, RefundReason};
    let refused = client::Unknown::RefusedSince(Outcome::Insufficient);
    let way = way_on(refused.clone(), |hold, account| Operation::charge(hold, account, 5));
    let text = way.to_string();
    let (again, end) = text.split_once("\nor make an end of it: creditctl ").unwrap_or_else(|| panic!("{text}"));
    assert_eq!(again, "the same request again: the same command line");
    let (_, (kind, body)) = run(end);
    assert_eq!(kind, FrameKind::Operations);
    let sent: Vec<Operation> = protocol::Operations::of_body(&body).map(Result::unwrap).collect();
    assert_eq!(sent, [Operation::release(ID.parse().unwrap(), ID.parse().unwrap())]);
    // What these are about is another request's, whose work is done or goes on: a release would give it away.
    let others: [fn(protocol::HoldId, protocol::AccountId) -> Operation; 4] = [
        |hold, account| Operation::refund(hold, account, 5, 1, RefundReason::Timeout),
        |hold, account| Operation::commit(hold, account, 5, 1),
        |hold, account| Operation::extend(hold, account, 60_000),
        Operation::release,
    ];
    for other in others {
        assert_eq!(way_on(refused.clone(), other), Again::same());
    }
}

#[test]
fn programs_are_told_the_arguments() {
    let again = Again::with("--command-id", None::<u8>, 7).saying("--ends-at X".to_owned(), "--ends-in");
    assert_eq!(again.arguments().as_deref(), Some("--command-id 7 --ends-at X"));
    assert_eq!(
        again.to_string(),
        "the same request again: add --command-id 7 and say --ends-at X in place of --ends-in"
    );
    for none in [Again::Anew, Again::same(), Again::with("--hold", Some(1), 1), Again::Look("x".to_owned())] {
        assert_eq!(none.arguments(), None, "{none:?}");
    }
}
