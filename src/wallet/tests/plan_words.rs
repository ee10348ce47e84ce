//! The words of plan and zone commands in tables, and the plans that they name.
//!
//! ```text
//! join a 2                     => done left=100/3000/0
//! join a 2 once paid=2026-05-01T00:00:00Z
//! renew a 2026-05-01T00:00:00Z
//! cancel a | cancel a now | lapse a
//! change a 3 | change a 3 renewal | change a 3 prorated | change a 3 cycle
//! move a Asia/Tokyo
//! ```

use std::sync::Arc;

use super::world::{Line, account, instant};
use crate::ids::{PlanId, Timestamp};
use crate::plan::PlanCatalog;
use crate::request::Command;
use crate::subscription::ChangeMode;

const PLANS: &str = r#"
version = 1
retired = []
[[plan]]
id = 1
name = "basic"
tier = 1
credits = 1000
[[plan]]
id = 2
name = "standard"
tier = 2
credits = 3000
[[plan]]
id = 3
name = "pro"
tier = 3
credits = 6000
[[plan]]
id = 4
name = "standard-quarterly"
tier = 2
credits = 3000
term = "quarterly"
[[plan]]
id = 500
name = "starter"
tier = 1
credits = 500
top_up = false
"#;

/// 1 basic (1,000), 2 standard (3,000), 3 pro (6,000), 4 standard by the quarter, 500 starter (500, no top-ups).
pub(super) fn plans() -> Arc<PlanCatalog> {
    Arc::new(crate::plan::parse::plan_catalog("plans.toml", PLANS).unwrap())
}

pub(super) fn command(verb: &str, line: &Line<'_>) -> Option<Command> {
    let account = || account(line.word(0));
    let plan = || PlanId(line.word(1).parse().unwrap());
    Some(match verb {
        "join" => {
            let paid_through = line.options.get("paid").map_or(Timestamp::NONE, |text| instant(text));
            Command::Subscribe { account: account(), plan: plan(), auto_renew: !line.has("once"), paid_through }
        }
        "renew" => Command::Renew { account: account(), paid_through: instant(line.word(1)) },
        "cancel" => Command::Cancel { account: account(), at_period_end: !line.has("now") },
        "lapse" => Command::Lapse { account: account() },
        "change" => {
            let mode = match () {
                () if line.has("renewal") => ChangeMode::AtRenewal,
                () if line.has("prorated") => ChangeMode::NowProrated,
                () if line.has("cycle") => ChangeMode::NowNewCycle,
                () => ChangeMode::Default,
            };
            Command::ChangePlan { account: account(), plan: plan(), mode }
        }
        "move" => Command::SetZone { account: account(), zone: line.word(1).to_owned() },
        _ => return None,
    })
}
