//! The bytes that have come and are not used yet; one whole frame at a time, each within its deadline.

use std::future::Future;
use std::ops::Range;
use std::time::Duration;

use protocol::{CloseReason, Expecting, Header, Progress};
use tokio::io::AsyncReadExt;
use tokio::net::tcp::OwnedReadHalf;

use super::End;
use crate::config::Deadlines;
use crate::daemon::Daemon;

/// What is read at a time, if it is there.
const READ_BYTES: usize = 64 * 1024;
/// The same of somebody who has not shaken hands: a hello fits.
const READ_BYTES_STRANGER: usize = 1024;
/// A connection on which nothing comes for so long gives its memory back.
const QUIET: Duration = Duration::from_secs(1);

/// The reading half with its buffer.
pub(super) struct Input {
    half: OwnedReadHalf,
    buffer: Vec<u8>,
    /// Where the bytes begin that are not used yet.
    start: usize,
    deadlines: Deadlines,
}

impl Input {
    pub(super) fn new(half: OwnedReadHalf, daemon: &Daemon) -> Self {
        Self { half, buffer: Vec::new(), start: 0, deadlines: daemon.settings.deadlines }
    }

    /// One that has read so many bytes already, whatever a socket would have given at once.
    #[cfg(test)]
    pub(super) fn holding(self, bytes: Vec<u8>) -> Self {
        Self { buffer: bytes, ..self }
    }

    pub(super) fn into_half(self) -> OwnedReadHalf {
        self.half
    }

    /// The next frame, if it is whole: its header, and where its body is in [`Input::bytes`].
    pub(super) fn whole(&self, expecting: Expecting) -> Result<Option<(Header, Range<usize>)>, End> {
        match protocol::decode(&self.buffer[self.start..], expecting) {
            Ok(Progress::Frame { header, body }) => Ok(Some((header, body.start + self.start..body.end + self.start))),
            Ok(Progress::NeedMore(_)) => Ok(None),
            Err(error) => {
                tracing::debug!(%error, "bad frame");
                Err(End::Close(error.close_reason()))
            }
        }
    }

    /// The buffer that ranges of [`Input::whole`] are about.
    pub(super) fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.buffer[range]
    }

    /// Everything before this place is used.
    pub(super) fn used_up_to(&mut self, place: usize) {
        self.start = place;
    }

    /// Reads until a whole frame is there. `stopped` ends the wait with a reason of its own; `quiet` is called when nothing
    /// has come for a while, to give memory back.
    pub(super) async fn fill(
        &mut self,
        expecting: Expecting,
        stopped: impl Future<Output = End>,
        quiet: impl FnOnce(),
    ) -> Result<(), End> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let Deadlines { idle, frame, .. } = self.deadlines;
        let reading = async {
            if self.buffer.is_empty() {
                self.begin(idle, quiet).await?;
            }
            within(frame, CloseReason::FrameTimeout, self.read_whole(expecting)).await
        };
        tokio::select! {
            biased;
            end = stopped => Err(end),
            read = reading => read,
        }
    }

    /// Waits for the first bytes of a frame. Thousands may wait here, so that who waits for long has no buffer.
    async fn begin(&mut self, idle: Option<Duration>, quiet: impl FnOnce()) -> Result<(), End> {
        let soon = idle.map_or(QUIET, |idle| idle.min(QUIET));
        // An error is one of the read that follows, too.
        if tokio::time::timeout(soon, self.half.readable()).await.is_err() {
            self.buffer = Vec::new();
            quiet();
            match idle {
                Some(idle) => {
                    let left = tokio::time::timeout(idle.saturating_sub(soon), self.half.readable()).await;
                    let _ = left.map_err(|_| End::Close(CloseReason::IdleTimeout))?;
                }
                None => {
                    let _ = self.half.readable().await;
                }
            }
        }
        self.read(READ_BYTES).await
    }

    /// Reads until a whole frame is there, with no deadline but the caller's.
    pub(super) async fn read_whole(&mut self, expecting: Expecting) -> Result<(), End> {
        let most = if expecting == Expecting::Hello { READ_BYTES_STRANGER } else { READ_BYTES };
        while self.whole(expecting)?.is_none() {
            self.read(most).await?;
        }
        Ok(())
    }

    /// Reads once. What is not whole yet is shorter than the longest frame, so that the buffer is bounded.
    async fn read(&mut self, most: usize) -> Result<(), End> {
        self.buffer.reserve(most);
        match self.half.read_buf(&mut self.buffer).await {
            Ok(count) if count > 0 => Ok(()),
            _ => Err(End::Gone),
        }
    }
}

async fn within(limit: Duration, reason: CloseReason, wait: impl Future<Output = Result<(), End>>) -> Result<(), End> {
    tokio::time::timeout(limit, wait).await.unwrap_or(Err(End::Close(reason)))
}
