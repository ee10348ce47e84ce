//! Whole frames of operations in a closed loop, for setting up and for looking at every wallet.

use client::{Options, RawConnection};
use protocol::limits::FRAME_OPERATIONS_MAX;
use protocol::{Answer, Answers, Expecting, FrameKind, FrameWriter, Operation, Progress};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::bench::time::accounts::lost;
use crate::exit::Failure;

/// A connection with one frame under way.
#[derive(Debug)]
pub(crate) struct Frames {
    raw: RawConnection,
    buffer: Vec<u8>,
}

impl Frames {
    /// Connects.
    pub(crate) async fn open(options: &Options) -> Result<Self, Failure> {
        let options = Options { in_flight: FRAME_OPERATIONS_MAX, ..options.clone() };
        let raw = RawConnection::open(&options).await.map_err(client::CallError::Unreachable)?;
        Ok(Self { raw, buffer: Vec::new() })
    }

    /// Sends `count` operations, whole frames at a time, and hands every answer on with the number of its operation.
    /// `make` is told the number of an operation just before its frame is sent.
    pub(crate) async fn run(
        &mut self,
        count: u32,
        mut make: impl FnMut(u32) -> Operation,
        mut take: impl FnMut(u32, &Answer),
    ) -> Result<(), Failure> {
        let mut next = 0;
        while next < count {
            let end = count.min(next + FRAME_OPERATIONS_MAX);
            self.buffer.clear();
            let mut frame = FrameWriter::operations(&mut self.buffer, u64::from(end));
            for number in next..end {
                frame.push_operation(&mut self.buffer, &make(number));
            }
            frame.finish(&mut self.buffer).map_err(|error| Failure::bug(&error))?;
            self.raw.stream.write_all(&self.buffer).await.map_err(|error| lost(&error))?;
            let mut number = next;
            self.hear(|answer| {
                take(number, answer);
                number += 1;
            })
            .await?;
            if number != end {
                return Err(lost(&format!("{} answers to {} operations", number - next, end - next)));
            }
            next = end;
        }
        Ok(())
    }

    async fn hear(&mut self, mut take: impl FnMut(&Answer)) -> Result<(), Failure> {
        let RawConnection { stream, inbox, .. } = &mut self.raw;
        loop {
            if let Progress::Frame { header, body } =
                protocol::decode(inbox, Expecting::FromServer).map_err(|error| lost(&error))?
            {
                if header.kind != FrameKind::Answers {
                    return Err(lost(&format!("a {} came", header.kind)));
                }
                let end = body.end;
                for answer in Answers::of_body(&inbox[body]) {
                    take(&answer.map_err(|error| lost(&error))?);
                }
                inbox.drain(..end);
                return Ok(());
            }
            if stream.read_buf(inbox).await.map_err(|error| lost(&error))? == 0 {
                return Err(lost(&"closed by the daemon"));
            }
        }
    }
}
