//! Many accounts in a short time: commands without waiting for the answers of those before.

use client::{Options, RawConnection};
use protocol::{AccountId, Body, Command, CommandAnswer, CommandId, Expecting, FrameKind, Outcome, Progress, Text};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use crate::bench::progress_bar;
use crate::bench::setup::Accounts;
use crate::exit::{Exit, Failure};

/// Connections of the setup.
const CONNECTIONS: u32 = 8;
/// Commands under way on each; the daemon's queue for answers has room for them (`stage`).
pub(crate) const UNDER_WAY: u32 = 4_096;
/// Bytes that one read asks for.
const READ_BYTES: usize = 256 << 10;

/// Opens accounts, and subscribes each to a plan.
pub(crate) async fn subscribe(options: &Options, count: u32, plan: u16) -> Result<Accounts, Failure> {
    let accounts = Accounts::new(count);
    let commands_from = uuid::Uuid::new_v4().as_u128() >> 64 << 64;
    let bar = progress_bar(u64::from(count)).with_message("opening accounts");
    let mut tasks = JoinSet::new();
    for number in 0..CONNECTIONS {
        let options = options.clone();
        let raw = RawConnection::open(&options).await.map_err(client::CallError::Unreachable)?;
        let bar = bar.clone();
        tasks.spawn(async move {
            let mut pipe = Pipe { raw, outbox: Vec::new() };
            let mut indexes = (number..count).step_by(CONNECTIONS as usize).peekable();
            while indexes.peek().is_some() {
                let mut sent: u32 = 0;
                for index in indexes.by_ref().take(UNDER_WAY as usize / 2) {
                    let account = AccountId(accounts.from + u128::from(index));
                    let command = CommandId(commands_from + u128::from(index) * 2);
                    pipe.add(&Command::OpenAccount { command, account, zone: Text::default() })?;
                    let command = CommandId(command.0 + 1);
                    let (auto_renew, paid_through_ms) = (true, 0);
                    pipe.add(&Command::Subscribe { command, account, plan, auto_renew, paid_through_ms })?;
                    sent += 2;
                }
                pipe.exchange(sent).await?;
                bar.inc(u64::from(sent / 2));
            }
            Ok::<(), Failure>(())
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.map_err(|error| Failure::bug(&error))??;
    }
    bar.finish_and_clear();
    Ok(accounts)
}

struct Pipe {
    raw: RawConnection,
    outbox: Vec<u8>,
}

impl Pipe {
    fn add(&mut self, command: &Command) -> Result<(), Failure> {
        command.encode(&mut self.outbox, 1).map(|_| ()).map_err(|error| Failure::bug(&error))
    }

    /// Sends what was added, and waits until so many answers have come; each must be a success.
    async fn exchange(&mut self, mut left: u32) -> Result<(), Failure> {
        let RawConnection { stream, inbox, .. } = &mut self.raw;
        let (mut read, mut write) = stream.split();
        let mut at = 0;
        while left > 0 {
            inbox.reserve(READ_BYTES);
            tokio::select! {
                read = read.read_buf(inbox) => {
                    if read.map_err(|error| lost(&error))? == 0 {
                        return Err(lost(&"closed by the daemon"));
                    }
                    left = left.saturating_sub(take_answers(inbox)?);
                }
                written = write.write(&self.outbox[at..]), if at < self.outbox.len() => {
                    at += written.map_err(|error| lost(&error))?;
                }
            }
        }
        self.outbox.clear();
        Ok(())
    }
}

/// Takes every whole answer out of the inbox.
fn take_answers(inbox: &mut Vec<u8>) -> Result<u32, Failure> {
    let (mut at, mut taken) = (0, 0);
    while let Progress::Frame { header, body } =
        protocol::decode(&inbox[at..], Expecting::FromServer).map_err(|error| lost(&error))?
    {
        if header.kind != FrameKind::CommandAnswer {
            return Err(lost(&format!("a {} came", header.kind)));
        }
        let answer = CommandAnswer::decode(&inbox[at + body.start..at + body.end]).map_err(|error| lost(&error))?;
        if answer.outcome != Outcome::Done {
            return Err(Failure::new(Exit::Refused, "refused", format!("opening the accounts: {}", answer.outcome)));
        }
        at += body.end;
        taken += 1;
    }
    inbox.drain(..at);
    Ok(taken)
}

pub(crate) fn lost(cause: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::Unreachable, "unreachable", format!("the bench lost its connection: {cause}"))
}
