//! A chunk of operations on its way through the rules: out of one or more frames, into their answers.

use protocol::{FrameWriter, Operations};
use wallet::engine::{CHUNK_OPERATIONS_MAX, Run};
use wallet::ids::Position;
use wallet::outcome::Field;
use wallet::request::Operation;

use super::End;
use super::writer::Measured;
use crate::daemon::Daemon;
use crate::dispatch;
use crate::link::{Room, counted};
use crate::metrics::{Op, Tally};

/// Bytes of one operation in a frame.
const OPERATION_BYTES: usize = protocol::limits::OPERATION_BYTES;

/// The operations that run together; reused from chunk to chunk.
pub(super) struct Batch {
    operations: Vec<Operation>,
    ops: Vec<Op>,
    /// Answers that the edge gives itself, by the index of their operation; in order.
    own_answers: Vec<(usize, protocol::Answer)>,
    shares: Vec<Share>,
    /// Reserves and charges among the operations.
    takes: u32,
    chunk: wallet::chunk::Chunk,
}

/// The part of a chunk that belongs to one frame.
#[derive(Clone, Copy, Debug)]
struct Share {
    request_id: u64,
    operations: usize,
    /// Whether the frame of answers begins and ends with it.
    begins: bool,
    ends: bool,
}

impl Batch {
    /// An empty one; it takes memory with its first operations.
    pub(super) fn new(daemon: &Daemon) -> Self {
        Self {
            operations: Vec::new(),
            ops: Vec::new(),
            own_answers: Vec::new(),
            shares: Vec::new(),
            takes: 0,
            chunk: daemon.rules.chunk(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.operations.len() >= CHUNK_OPERATIONS_MAX
    }

    /// Takes operations of a frame from `body`, as many as there is space for, and says how many bytes those were.
    pub(super) fn take(&mut self, request_id: u64, body: &[u8], begins: bool) -> usize {
        let space = CHUNK_OPERATIONS_MAX - self.operations.len();
        let bytes = body.len().min(space * OPERATION_BYTES);
        for wire in Operations::of_body(&body[..bytes]) {
            match wire {
                Ok(wire) => self.add(dispatch::operation(&wire), Op::of(wire.kind)),
                Err(bad) => {
                    let index = self.operations.len();
                    self.own_answers.push((index, protocol::Answer::bad_request(bad.field)));
                    self.add(PLACE_HOLDER, Op::Malformed);
                }
            }
        }
        let ends = bytes == body.len();
        self.shares.push(Share { request_id, operations: bytes / OPERATION_BYTES, begins, ends });
        bytes
    }

    fn add(&mut self, operation: Operation, op: Op) {
        self.takes += u32::from(operation.takes_new_credits());
        self.operations.push(operation);
        self.ops.push(op);
    }

    /// Runs everything that was taken. Room is taken first, while nothing is held.
    pub(super) async fn run(&mut self, daemon: &Daemon) -> Result<(), End> {
        let others = u32::try_from(self.operations.len()).unwrap_or(u32::MAX) - self.takes;
        let admission = daemon.admit(self.takes, others).await?;
        if let Some(refusal) = &admission.refusal {
            self.refuse(refusal);
        }
        let mut room = admission.room;
        loop {
            let now = daemon.clock.now();
            let (run, pushed) = counted(|| daemon.rules.run(&mut self.chunk, &self.operations, now));
            use_room(&mut room, pushed);
            match run {
                Run::Done => return Ok(()),
                Run::Yield => tokio::task::yield_now().await,
                Run::Projected(position) => daemon.projected(position).await?,
            }
        }
    }

    /// Answers reserves and charges without running them.
    fn refuse(&mut self, refusal: &protocol::Answer) {
        for (index, operation) in self.operations.iter_mut().enumerate() {
            if operation.takes_new_credits() {
                *operation = PLACE_HOLDER;
                self.own_answers.push((index, *refusal));
            }
        }
        self.own_answers.sort_by_key(|(index, _)| *index);
    }

    /// Appends the answers to their frames; `open` is the frame that began in an earlier chunk, and that which goes on in
    /// the next one. Whole frames and the open one are measured apart, because they leave apart. Says what must be durable
    /// before they leave, and empties the batch.
    pub(super) fn answer(
        &mut self,
        daemon: &Daemon,
        out: &mut Vec<u8>,
        open: &mut Option<FrameWriter>,
        (tally, whole, unfinished): (&mut Tally, &mut Measured, &mut Measured),
    ) -> Result<Position, End> {
        let durable = daemon.is_durable();
        let mut own = self.own_answers.drain(..).peekable();
        let mut answers = self.chunk.answers().iter().zip(&self.ops).enumerate();
        for share in self.shares.drain(..) {
            let mut frame = match open.take() {
                Some(frame) if !share.begins => frame,
                _ => FrameWriter::answers(out, share.request_id),
            };
            let measured = if share.begins && share.ends { &mut *whole } else { &mut *unfinished };
            for (index, (answer, op)) in answers.by_ref().take(share.operations) {
                let wire = match own.next_if(|(at, _)| *at == index) {
                    Some((_, own)) => own,
                    None => dispatch::answer(answer, durable),
                };
                tally.count_answer(*op, &wire);
                measured.count(*op);
                frame.push_answer(out, &wire);
            }
            if share.ends {
                frame.finish(out).map_err(|_| End::Gone)?;
                if !share.begins {
                    whole.take_in(unfinished);
                }
            } else {
                *open = Some(frame);
            }
        }
        drop(own);
        let needs = self.chunk.needs();
        self.chunk.clear();
        self.operations.clear();
        self.ops.clear();
        self.takes = 0;
        Ok(needs)
    }
}

/// What stands for an operation that the edge answers itself: the rules answer it without looking at a wallet.
const PLACE_HOLDER: Operation = Operation::Malformed { field: Field::Kind };

fn use_room(room: &mut Option<Room>, pushed: u32) {
    match room {
        Some(room) => room.used(pushed),
        None => assert_eq!(pushed, 0, "I9: what has no room pushes nothing"),
    }
}
