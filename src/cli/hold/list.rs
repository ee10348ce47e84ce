//! `creditctl hold list` and `hold release-worker` (R31).

use clap::Args;
use protocol::limits::HOLDS_LISTED_MAX;
use protocol::{AccountId, Command, CommandId, HoldId, HoldLine, View, WorkerId};
use serde_json::{Value, json};

use crate::again::Again;
use crate::amount::Amount;
use crate::exit::{Exit, Failure};
use crate::output::{Shown, table};
use crate::time::{instant, instant_or_none};
use crate::tool::Tool;
use crate::{answer_view, duration};

/// `hold list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only holds of this account.
    #[arg(long, value_name = "ID")]
    account: Option<AccountId>,
    /// Only holds of this worker.
    #[arg(long, value_name = "ID")]
    worker: Option<WorkerId>,
    /// Only holds that were made at least so long ago: 30s, 10m, 2h.
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    older_than: Option<std::time::Duration>,
    /// How many at most.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Only holds after this one: where an earlier list ended.
    #[arg(long, value_name = "HOLD")]
    after: Option<HoldId>,
}

/// `hold release-worker`.
#[derive(Debug, Args)]
pub(crate) struct ReleaseWorker {
    /// The worker.
    worker: WorkerId,
    /// Only its holds of this account.
    #[arg(long, value_name = "ID")]
    account: Option<AccountId>,
    /// Names the command in the record.
    #[arg(long, value_name = "ID")]
    command_id: Option<CommandId>,
}

impl List {
    /// Asks page by page, until the limit or the end.
    pub(super) async fn run(self, tool: &Tool) -> Result<Shown, Failure> {
        let wanted = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let mut holds: Vec<HoldLine> = Vec::new();
        let mut after = self.after.unwrap_or_default();
        loop {
            let page = (wanted - holds.len()).min(HOLDS_LISTED_MAX);
            let answer = tool.look(&self.command(after, page)).await?;
            let View::Holds(lines) = &answer.view else { return Ok(answer_view::command(&[], &answer)) };
            holds.extend(lines.as_slice());
            let full = lines.as_slice().len() == page;
            let Some(last) = lines.as_slice().last().filter(|_| full) else { return Ok(listed(&holds, None)) };
            after = last.hold;
            if holds.len() >= wanted {
                return Ok(listed(&holds, Some(after)));
            }
        }
    }

    fn command(&self, after: HoldId, page: usize) -> Command {
        let older_than = self.older_than.unwrap_or_default().as_millis();
        Command::ListHolds {
            account: self.account.unwrap_or_default(),
            worker: self.worker.unwrap_or_default(),
            older_than_ms: u64::try_from(older_than).unwrap_or(u64::MAX),
            limit: u16::try_from(page).unwrap_or(u16::MAX),
            after,
        }
    }
}

/// Holds as a list; `more_after` where the limit cut it.
fn listed(holds: &[HoldLine], more_after: Option<HoldId>) -> Shown {
    let rows: Vec<Vec<String>> = holds
        .iter()
        .map(|hold| {
            let worker = if hold.worker.is_nil() { "none".to_owned() } else { hold.worker.to_string() };
            vec![
                hold.hold.to_string(),
                hold.account.to_string(),
                worker,
                Amount(hold.amount).to_string(),
                instant_or_none(hold.created_at_ms),
                instant_or_none(hold.ends_at_ms),
            ]
        })
        .collect();
    let mut text = table(&["hold", "account", "worker", "held", "created at", "ends at"], &rows);
    match more_after {
        Some(after) => text.push_str(&format!("listed: {}; there may be more: --after {after}\n", holds.len())),
        None => text.push_str(&format!("listed: {}\n", holds.len())),
    }
    let json = json!({
        "holds": holds.iter().map(line_json).collect::<Vec<_>>(),
        "more_after": more_after.map(|hold| hold.to_string()),
    });
    Shown { json, text, exit: Exit::Ok }
}

fn line_json(hold: &HoldLine) -> Value {
    let or_null = |nil: bool, id: String| if nil { Value::Null } else { json!(id) };
    json!({
        "hold": hold.hold.to_string(),
        "account": hold.account.to_string(),
        "worker": or_null(hold.worker.is_nil(), hold.worker.to_string()),
        "member": or_null(hold.member.is_nil(), hold.member.to_string()),
        "held": Amount(hold.amount),
        "created_at": instant(hold.created_at_ms),
        "ends_at": instant(hold.ends_at_ms),
        "tool": hold.tool,
        "model": hold.model,
        "count": hold.count,
    })
}

/// A second release would also take what the worker, alive again, has reserved since the first.
fn look_first(worker: WorkerId, account: Option<AccountId>) -> Again {
    let account = account.map_or_else(String::new, |account| format!(" --account {account}"));
    let list = format!("creditctl hold list --worker {worker}{account}");
    Again::Look(format!("look at the holds that the worker still has before you do it again: {list}"))
}

impl ReleaseWorker {
    pub(super) async fn run(self, tool: &Tool) -> Result<Shown, Failure> {
        let Self { worker, account, command_id } = self;
        let command = command_id.unwrap_or_else(client::command_id);
        let request = Command::ReleaseWorker { command, account: account.unwrap_or_default(), worker };
        let answer = tool.command(&request, look_first(worker, account)).await?;
        let about = [("worker", worker.to_string()), ("command_id", command.to_string())];
        let mut shown = answer_view::command(&about, &answer);
        if client::decided_command(&answer).is_success() {
            let released = answer.detail;
            shown.text.push_str(&format!("released: {released}\n"));
            if let Value::Object(json) = &mut shown.json {
                json.insert("released".to_owned(), json!(released));
            }
        }
        Ok(shown)
    }
}

#[cfg(test)]
mod tests {
    use protocol::MemberId;

    use super::*;

    fn line() -> HoldLine {
        HoldLine {
            hold: HoldId(1),
            account: AccountId(2),
            worker: WorkerId(3),
            member: MemberId::NIL,
            amount: 73_500,
            created_at_ms: 1_795_384_800_000,
            ends_at_ms: 1_795_385_400_000,
            model: 118,
            tool: 1,
            count: 2,
        }
    }

    /// R31: what is listed, in both forms.
    #[test]
    fn open_holds_are_listed() {
        let shown = listed(&[line()], Some(HoldId(1)));
        assert!(shown.text.contains("  73.5  2026-11-22T22:00:00Z  2026-11-22T22:10:00Z\n"), "{}", shown.text);
        assert!(shown.text.ends_with("--after 00000000-0000-0000-0000-000000000001\n"), "{}", shown.text);
        assert_eq!(shown.json["holds"][0]["held"], "73.5");
        assert_eq!(shown.json["holds"][0]["member"], Value::Null);
        assert_eq!(shown.json["more_after"], "00000000-0000-0000-0000-000000000001");
    }

    #[test]
    fn a_list_that_is_whole_says_how_many() {
        let shown = listed(&[], None);
        assert!(shown.text.ends_with("listed: 0\n"), "{}", shown.text);
        assert_eq!(shown.json["more_after"], Value::Null);
    }
}
