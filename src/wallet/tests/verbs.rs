//! More of the tables' language: top-ups that wait, corrections, workers, rate cards.
//!
//! ```text
//! rates 1                          the card of that version, see [`card`]
//! announce a 20 id=900             a pending top-up
//! confirm a id=900
//! bundle a small id=901            at once; with `pending` it waits
//! correct a free 30
//! drop                 => 1        pending top-ups whose time is over
//! release_worker 7     => 2        of every account; `release_worker 7 a` of one
//! holds worker=7       => h1,h2    also `account=a`, `older=10s`, `after=h1`, `limit=1`
//! ```

use std::sync::Arc;

use super::world::{Line, Told, World, account, bucket, credits, millis};
use crate::engine::SWEEP_HOLDS_MAX;
use crate::ids::{AccountId, HoldId, Timestamp, WorkerId};
use crate::rate_card::{RateCard, parse};
use crate::request::Command;
use crate::workers::HoldFilter;

/// A card of this version. A later one costs a credit more for an image and two for a video, and forgets the sketch.
pub(super) fn card(version: u32) -> RateCard {
    let sketch = "[[model]]\nid = 4\nname = \"sketch\"\ntools = [\"image\"]\nprice = 0\n";
    let text = format!(
        r#"
version = {version}
[[tool]]
id = 1
name = "image"
[[tool]]
id = 2
name = "video"
[[model]]
id = 1
name = "plain"
tools = ["image"]
price = {}
count_max = 10
[[model]]
id = 2
name = "film"
tools = ["video"]
unit = "second"
price = {}
duration = {{ min = 1, max = 10 }}
min_tier = 2
pro = true
over_commit = "draw"
ttl_default_ms = 30000
ttl_max_ms = 120000
[[model]]
id = 3
name = "fine"
tools = ["image"]
price = "2.5"
free_credits = false
over_commit = "cap"
{}
"#,
        23 + version,
        19 + 2 * version,
        if version == 1 { sketch } else { "" },
    );
    parse::rate_card("rates.toml", &text).unwrap()
}

/// The commands of this page.
pub(super) fn command(verb: &str, line: &Line<'_>) -> Option<Command> {
    let account = || account(line.word(0));
    Some(match verb {
        "announce" => Command::PendingTopUp { account: account(), amount: credits(line.word(1)) },
        "confirm" => Command::ConfirmTopUp { account: account() },
        "bundle" => {
            Command::TopUpBundle { account: account(), bundle: line.word(1).to_owned(), pending: line.has("pending") }
        }
        "correct" => {
            Command::Correct { account: account(), bucket: bucket(line.word(1)), amount: credits(line.word(2)) }
        }
        _ => return None,
    })
}

impl World {
    /// The other requests of this page.
    pub(super) fn more(&mut self, verb: &str, line: &Line<'_>) -> Option<Told> {
        match verb {
            "rates" => {
                self.engine.set_rates(Arc::new(card(line.word(0).parse().unwrap())));
                Some(Told::Nothing)
            }
            "bundles" => {
                let rows = line
                    .options
                    .iter()
                    .map(|(name, credits)| format!("[[bundle]]\nname = \"{name}\"\ncredits = \"{credits}\"\n"));
                let plan = "[[plan]]\nid = 3\nname = \"pro\"\ntier = 3\ncredits = 4500\n";
                let text = format!("version = 1\n{plan}{}", rows.collect::<String>());
                let catalog = crate::plan::parse::plan_catalog("plans.toml", &text).unwrap();
                self.engine.set_plans(Arc::new(catalog));
                Some(Told::Nothing)
            }
            "drop" => Some(Told::Count(self.engine.drop_pending(self.now))),
            "release_worker" => {
                let account = line.plain.get(1).map_or(AccountId::NONE, |name| account(name));
                let worker = WorkerId(line.word(0).parse().unwrap());
                let ids = self.engine.holds_of_worker(account, worker);
                let released = ids.chunks(SWEEP_HOLDS_MAX).map(|ids| {
                    let mut chunk = self.engine.chunk();
                    self.engine.release_worker(&mut chunk, ids, (account, worker), self.now)
                });
                Some(Told::Count(released.sum()))
            }
            "holds" => Some(Told::Text(self.listed(line))),
            _ => None,
        }
    }

    fn listed(&mut self, line: &Line<'_>) -> String {
        let made_by = line.options.get("older").map(|age| self.now.daemon.minus_millis(millis(age)));
        let filter = HoldFilter {
            account: line.options.get("account").map_or(AccountId::NONE, |name| account(name)),
            worker: WorkerId(line.number("worker")),
            made_by: made_by.unwrap_or(Timestamp::NONE),
        };
        let after = line.options.get("after").map_or(HoldId::NONE, |name| self.hold(name));
        let limit = line.options.get("limit").map_or(256, |limit| limit.parse().unwrap());
        let listed = self.engine.list_holds(&filter, after, limit);
        let name = |id| self.names().find(|(_, known)| *known == id).map_or("?", |(name, _)| name);
        let names: Vec<&str> = listed.iter().map(|open| name(open.hold)).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(",") }
    }
}
