//! `creditctl hold reserve|charge|commit|release|refund|extend|show|list|release-worker`.

use clap::{Args, Subcommand, ValueEnum};
use protocol::limits::{HOLD_TTL_MS_MAX, TIER_MAX};
use protocol::{
    AccountId, Command, HoldId, MemberId, Operation, OperationFlags, OperationKind, Outcome, OverCommit, RefundReason,
    Sources, WorkerId,
};

use crate::again::Again;
use crate::amount::Amount;
use crate::duration::parse_ms;
use crate::exit::Failure;
use crate::generation::{Generation, What};
use crate::grant::Source;
use crate::hold::list::{List, ReleaseWorker};
use crate::output::Shown;
use crate::tool::Tool;
use crate::{account_view, answer_view};

mod list;

/// What is done with the hold.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Set credits aside for a generation.
    Reserve(Reserve),
    /// Take credits at once: reserve and commit in one step.
    Charge(Make),
    /// Capture all or part of a hold; the rest goes back.
    Commit(Commit),
    /// Give a hold back.
    Release(Which),
    /// Give back what was captured.
    Refund(Refund),
    /// Move a hold's end, counted from now.
    Extend(Extend),
    /// Show a hold.
    Show {
        /// The hold.
        hold: HoldId,
    },
    /// List open holds.
    List(List),
    /// Release all open holds of a worker that is gone.
    ReleaseWorker(ReleaseWorker),
}

/// `hold reserve`.
#[derive(Debug, Args)]
pub(crate) struct Reserve {
    #[command(flatten)]
    make: Make,
    /// How long the credits stay set aside, at most 24h; the daemon's default if it is left out.
    #[arg(long, value_parser = ttl_ms)]
    ttl: Option<u32>,
}

/// What reserve and charge have in common.
#[derive(Debug, Args)]
pub(crate) struct Make {
    /// The account.
    account: AccountId,
    /// Credits; where it is left out, the daemon prices what is to be made.
    #[arg(required_unless_present = "model")]
    amount: Option<Amount>,
    /// The price that is expected: another one is refused, and told.
    #[arg(long, value_name = "CREDITS", conflicts_with = "amount")]
    expect: Option<Amount>,
    #[command(flatten)]
    what: What,
    /// The hold's id, which makes a repeat safe; made up and shown if it is left out.
    #[arg(long, value_name = "ID")]
    hold: Option<HoldId>,
    /// Buckets that may pay, comma-separated; all if it is left out.
    #[arg(long, value_enum, value_delimiter = ',')]
    sources: Vec<Source>,
    /// Who is counted.
    #[arg(long, value_name = "ID")]
    member: Option<MemberId>,
    /// Where the generation runs.
    #[arg(long, value_name = "ID")]
    worker: Option<WorkerId>,
    /// The lowest tier that may use it.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(..=i64::from(TIER_MAX)))]
    min_tier: u8,
    /// The model is a Pro one: free credits may not pay.
    #[arg(long)]
    pro_model: bool,
    /// What a commit of more than is held does.
    #[arg(long, value_enum, default_value = "reject")]
    over_commit: More,
}

/// What happens with more than is held.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum More {
    /// Refuse it.
    Reject,
    /// Take what is held.
    Cap,
    /// Take the difference from the wallet.
    Draw,
}

/// A hold of an account.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// The account.
    account: AccountId,
    /// The hold.
    hold: HoldId,
}

/// `hold commit`.
#[derive(Debug, Args)]
pub(crate) struct Commit {
    #[command(flatten)]
    which: Which,
    /// Credits to capture; all that is held if it is left out.
    amount: Option<Amount>,
    /// The capture's number within the hold, which makes a repeat safe.
    #[arg(long, default_value_t = 1)]
    number: u8,
    /// More captures will follow: the rest stays held.
    #[arg(long)]
    not_final: bool,
}

/// `hold refund`.
#[derive(Debug, Args)]
pub(crate) struct Refund {
    #[command(flatten)]
    which: Which,
    /// Credits to give back.
    amount: Amount,
    /// Why.
    #[arg(long, value_parser = reason)]
    reason: RefundReason,
    /// The refund's number within the hold, which makes a repeat safe.
    #[arg(long, default_value_t = 1)]
    number: u8,
}

/// `hold extend`.
#[derive(Debug, Args)]
pub(crate) struct Extend {
    #[command(flatten)]
    which: Which,
    /// The new end, counted from now.
    #[arg(long, value_parser = ttl_ms)]
    ttl: u32,
}

fn ttl_ms(text: &str) -> Result<u32, String> {
    parse_ms(text)
        .ok()
        .filter(|ms| (1..=HOLD_TTL_MS_MAX).contains(ms))
        .ok_or_else(|| "a hold time is 1ms to 24h".to_owned())
}

fn reason(text: &str) -> Result<RefundReason, String> {
    RefundReason::ALL.iter().copied().find(|reason| reason.name() == text).ok_or_else(|| {
        let names: Vec<&str> = RefundReason::ALL.iter().map(|reason| reason.name()).collect();
        format!("a reason is one of {}", names.join(", "))
    })
}

impl Verb {
    pub(crate) async fn run(self, tool: &Tool) -> Result<Shown, Failure> {
        match self {
            Self::Reserve(reserve) => {
                let generation = tool.generation(&reserve.make.what).await?;
                let operation = reserve.operation(generation);
                let again = Again::with("--hold", reserve.make.hold, operation.hold);
                send(tool, operation, "drawn", again).await
            }
            Self::Charge(make) => {
                let generation = tool.generation(&make.what).await?;
                let operation = make.operation(OperationKind::Charge, generation);
                let again = Again::with("--hold", make.hold, operation.hold);
                send(tool, operation, "drawn", again).await
            }
            Self::Commit(commit) => send(tool, commit.operation(), "captured", Again::same()).await,
            Self::Release(Which { account, hold }) => {
                send(tool, Operation::release(hold, account), "returned", Again::same()).await
            }
            Self::Refund(Refund { which: Which { account, hold }, amount, reason, number }) => {
                send(tool, Operation::refund(hold, account, amount.0, number, reason), "returned", Again::same()).await
            }
            Self::Extend(Extend { which: Which { account, hold }, ttl }) => {
                send(tool, Operation::extend(hold, account, ttl), "held", Again::same()).await
            }
            Self::Show { hold } => {
                let answer = tool.look(&Command::ShowHold { hold }).await?;
                Ok(account_view::hold(&[("hold", hold.to_string())], &answer))
            }
            Self::List(list) => list.run(tool).await,
            Self::ReleaseWorker(release) => release.run(tool).await,
        }
    }
}

async fn send(tool: &Tool, operation: Operation, moved: &str, again: Again) -> Result<Shown, Failure> {
    let Operation { hold, account, .. } = operation;
    let answer = tool.operation(operation, again).await?;
    let upgrade_to = match client::decided(&answer) {
        Outcome::Insufficient if answer.detail != 0 => tool.plan_name(answer.detail).await,
        _ => None,
    };
    let about = [("hold", hold.to_string()), ("account", account.to_string())];
    Ok(answer_view::operation(&about, moved, &answer, upgrade_to))
}

impl Reserve {
    fn operation(&self, generation: Generation) -> Operation {
        Operation { ttl_ms: self.ttl.unwrap_or(0), ..self.make.operation(OperationKind::Reserve, generation) }
    }
}

impl Make {
    /// Without an amount the daemon prices it (R18).
    fn operation(&self, kind: OperationKind, generation: Generation) -> Operation {
        let hold = self.hold.unwrap_or_else(client::hold_id);
        let pro = if self.pro_model { OperationFlags::PRO_MODEL } else { OperationFlags::NONE };
        let priced = if self.amount.is_none() { OperationFlags::PRICED } else { OperationFlags::NONE };
        let amount = self.amount.or(self.expect).unwrap_or_default();
        Operation {
            kind,
            flags: pro.with(priced),
            sources: self.sources.iter().fold(Sources::ALL, |mask, source| mask.with(mask_of(*source))),
            member: self.member.unwrap_or_default(),
            worker: self.worker.unwrap_or_default(),
            tool: generation.tool,
            model: generation.model,
            settings: generation.settings,
            count: generation.count,
            min_tier: self.min_tier,
            over_commit: self.over_commit.into(),
            ..Operation::charge(hold, self.account, amount.0)
        }
    }
}

impl Commit {
    fn operation(&self) -> Operation {
        let Which { account, hold } = self.which;
        let operation = match self.amount {
            Some(amount) => Operation::commit(hold, account, amount.0, self.number),
            None => Operation::commit_all(hold, account, self.number),
        };
        let open = OperationFlags(operation.flags.0 & !OperationFlags::FINAL.0);
        Operation { flags: if self.not_final { open } else { operation.flags }, ..operation }
    }
}

pub(crate) const fn mask_of(source: Source) -> Sources {
    match source {
        Source::Free => Sources::FREE,
        Source::Subscription => Sources::SUBSCRIPTION,
        Source::TopUp => Sources::TOP_UP,
    }
}

impl From<More> for OverCommit {
    fn from(more: More) -> Self {
        match more {
            More::Reject => Self::Reject,
            More::Cap => Self::Cap,
            More::Draw => Self::Draw,
        }
    }
}

#[cfg(test)]
mod tests;
