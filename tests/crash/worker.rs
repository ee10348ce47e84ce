//! One connection's worth of the load client: what it has sent, what was acknowledged, what is open.

use std::collections::{HashMap, VecDeque};

use client::history::Span;
use protocol::{AccountId, Answer, AnswerFlags, Command, CommandAnswer, HoldId, Operation, OperationKind, Outcome};

use super::history::{Note, elapsed_us};
use super::hold::HoldBook;
use super::load::Load;
use super::wire::{Gone, Reply, Request, Wire};

/// A request that has no final answer yet.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) request: Request,
    /// It was sent over a connection that ended, or answered with "again".
    pub(super) resent: bool,
    /// When it was sent first.
    first_sent_us: Option<u64>,
}

/// What one connection has shown of positions: all new ones go up.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) first_new: Option<u64>,
    pub(super) last_new: u64,
    pub(super) highest_replayed: u64,
}

/// Whether a worker goes on with new requests or only brings the open ones to a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    Gone,
    Settled,
}

/// A worker and its books. Holds belong to one worker; wallets are everybody's.
pub(super) struct Worker {
    load: Load,
    pub(super) pending: VecDeque<Pending>,
    /// Answered with "nobody knows", in order: they come first, before what was sent after them, when there is a daemon
    /// that knows.
    unknown: Vec<(Request, Option<u64>)>,
    pub(super) holds: HashMap<HoldId, HoldBook>,
    /// Accepted commands.
    pub(super) commands: Vec<(Command, CommandAnswer)>,
    /// What was accepted since the last time that all of it was asked again.
    pub(super) accepted: Vec<(Operation, Answer)>,
    /// Decisions about operations that were sent again, since the last check.
    pub(super) again: Vec<(Operation, Answer)>,
    /// Every record that was acknowledged since the last check.
    pub(super) positions: Vec<(u64, String)>,
    pub(super) seen: Seen,
    /// For the history: every request that was decided, since they were taken.
    pub(super) notes: Vec<Note>,
}

impl Worker {
    pub(super) fn new(seed: u64, accounts: &[AccountId]) -> Self {
        Self {
            load: Load::new(seed, accounts),
            pending: VecDeque::new(),
            unknown: Vec::new(),
            holds: HashMap::new(),
            commands: Vec::new(),
            accepted: Vec::new(),
            again: Vec::new(),
            positions: Vec::new(),
            seen: Seen::default(),
            notes: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, request: Request) {
        self.pending.push_back(Pending { request, resent: false, first_sent_us: None });
    }

    /// Makes so many new requests, and sends none.
    pub(super) fn push_new(&mut self, requests: usize) {
        for _ in 0..requests {
            let request = self.load.request();
            self.push(request);
        }
    }

    /// Sends what is open, in its first order, then new requests; ends with the connection, or when nothing is open.
    pub(super) fn run(&mut self, address: &str, until: Until) -> Result<(), Gone> {
        let mut wire = Wire::connect(address)?;
        let window = self.load.window();
        self.seen = Seen::default();
        let mut sent = 0;
        loop {
            while sent < window && (sent < self.pending.len() || until == Until::Gone) {
                if sent == self.pending.len() {
                    let request = self.load.request();
                    self.push(request);
                }
                let next = &mut self.pending[sent];
                next.first_sent_us.get_or_insert_with(elapsed_us);
                let result = wire.send(&next.request);
                sent += 1;
                if let Err(gone) = result {
                    // Answers may have come before the end.
                    return Err(self.last_answers(&mut wire, sent, gone));
                }
            }
            if sent == 0 && self.unknown.is_empty() {
                return Ok(());
            }
            if sent == 0 {
                return Err(self.ended(0, Gone("the daemon fails".to_owned())));
            }
            match wire.receive() {
                Ok(reply) => self.answered(reply),
                Err(gone) => return Err(self.ended(sent, gone)),
            }
            sent -= 1;
        }
    }

    fn last_answers(&mut self, wire: &mut Wire, mut sent: usize, gone: Gone) -> Gone {
        while sent > 0
            && let Ok(reply) = wire.receive()
        {
            self.answered(reply);
            sent -= 1;
        }
        self.ended(sent, gone)
    }

    fn ended(&mut self, sent: usize, gone: Gone) -> Gone {
        self.pending.iter_mut().take(sent).for_each(|pending| pending.resent = true);
        for (request, first_sent_us) in self.unknown.drain(..).rev() {
            self.pending.push_front(Pending { request, resent: true, first_sent_us });
        }
        gone
    }

    fn answered(&mut self, reply: Reply) {
        let Pending { request, resent, first_sent_us } = self.pending.pop_front().expect("an answer to something");
        let span = Span { start_us: first_sent_us.expect("what is answered was sent"), end_us: elapsed_us() };
        match (request, reply) {
            (Request::Operations(operations), Reply::Answers(answers)) => {
                assert_eq!(operations.len(), answers.len());
                let (mut undecided, mut unknown) = (Vec::new(), Vec::new());
                for (operation, answer) in operations.into_iter().zip(answers) {
                    if answer.outcome == Outcome::OutcomeUnknown {
                        unknown.push(operation);
                    } else if is_undecided(answer.outcome) {
                        undecided.push(operation);
                    } else {
                        self.decided(&operation, &answer, resent, span);
                    }
                }
                if !unknown.is_empty() {
                    self.unknown.push((Request::Operations(unknown), first_sent_us));
                }
                if !undecided.is_empty() {
                    self.later(Request::Operations(undecided), first_sent_us);
                }
            }
            (Request::Command(command), Reply::Command(answer)) => {
                if answer.outcome == Outcome::OutcomeUnknown {
                    self.unknown.push((Request::Command(command), first_sent_us));
                } else if is_undecided(answer.outcome) {
                    self.later(Request::Command(command), first_sent_us);
                } else {
                    self.command_decided(command, *answer, resent, span);
                }
            }
            (request, reply) => panic!("{reply:?} answers {request:?}"),
        }
    }

    fn later(&mut self, request: Request, first_sent_us: Option<u64>) {
        std::thread::sleep(std::time::Duration::from_millis(5));
        self.pending.push_back(Pending { request, resent: true, first_sent_us });
    }

    fn decided(&mut self, operation: &Operation, answer: &Answer, resent: bool, span: Span) {
        // An extend that changes nothing tells the position of another record.
        if operation.kind != OperationKind::Extend {
            self.notes.push(Note::Operation(*operation, *answer, span));
        }
        let replayed = answer.outcome == Outcome::Replayed;
        assert!(resent || !replayed, "{operation:?} was sent once: {answer:?}");
        let book = match operation.kind {
            OperationKind::Reserve | OperationKind::Charge => {
                self.holds.entry(operation.hold).or_insert_with(|| HoldBook::new(*operation))
            }
            _ => match self.holds.get_mut(&operation.hold) {
                Some(book) => book,
                // Its reserve was put off ("again"), and so is not decided yet.
                None => {
                    assert_eq!(answer.outcome, Outcome::UnknownHold, "{operation:?}");
                    return;
                }
            },
        };
        if resent {
            self.again.push((*operation, *answer));
        }
        if book.enter(operation, answer, resent) {
            assert!(answer.flags.contains(AnswerFlags::DURABLE), "I3: {answer:?}");
            self.accepted.push((*operation, *answer));
            let what = format!("{} {} of {}", operation.kind, operation.number, operation.hold);
            self.acknowledged(answer.position, replayed, what);
        }
    }

    fn command_decided(&mut self, command: Command, answer: CommandAnswer, resent: bool, span: Span) {
        self.notes.push(Note::Command(command.clone(), answer.clone(), span));
        let replayed = answer.outcome == Outcome::Replayed;
        assert!(resent || !replayed, "{command:?} was sent once: {answer:?}");
        match client::decided_command(&answer) {
            Outcome::Done => {
                assert!(answer.flags.contains(AnswerFlags::DURABLE), "I3: {answer:?}");
                self.acknowledged(answer.position, replayed, format!("{command:?}"));
                self.commands.push((command, answer));
            }
            Outcome::SubscriptionRequired | Outcome::NotSubscribed => {}
            _ => panic!("{answer:?}\nto {command:?}"),
        }
    }

    fn acknowledged(&mut self, position: u64, replayed: bool, what: String) {
        assert!(position > 0, "no position: {what}");
        self.positions.push((position, what));
        let seen = &mut self.seen;
        if replayed {
            seen.highest_replayed = seen.highest_replayed.max(position);
            return;
        }
        assert!(position > seen.last_new, "positions go back: {position} after {}", seen.last_new);
        seen.first_new.get_or_insert(position);
        seen.last_new = position;
    }
}

/// Whether the same is to be asked again: nothing happened.
fn is_undecided(outcome: Outcome) -> bool {
    [Outcome::Draining, Outcome::NotDurableNow, Outcome::Overloaded].contains(&outcome)
}
