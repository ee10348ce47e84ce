//! `creditctl quote` (R21).

use clap::Args;
use protocol::{AccountId, Command, CommandAnswer, QuoteView, Sources, View};
use serde_json::{Value, json};

use crate::amount::Amount;
use crate::answer_view::{self, About, buckets_json, buckets_text};
use crate::exit::{Exit, Failure};
use crate::generation::{What, seconds};
use crate::grant::Source;
use crate::hold::mask_of;
use crate::output::{Shown, list};
use crate::time::{instant, instant_or_none};
use crate::tool::Tool;

/// `quote`.
#[derive(Debug, Args)]
pub(crate) struct Quote {
    /// The account that would pay.
    account: AccountId,
    #[command(flatten)]
    what: What,
    /// Buckets that may pay, comma-separated; all if it is left out.
    #[arg(long, value_enum, value_delimiter = ',')]
    sources: Vec<Source>,
}

impl Quote {
    pub(crate) async fn run(self, tool: &Tool) -> Result<Shown, Failure> {
        let Self { account, what, sources } = self;
        if what.model.is_none() || what.tool.is_none() {
            return Err(Failure::usage("a quote needs --tool and --model"));
        }
        let generation = tool.generation(&what).await?;
        let sources = sources.iter().fold(Sources::ALL, |mask, source| mask.with(mask_of(*source)));
        let request = Command::Quote {
            account,
            tool: generation.tool,
            model: generation.model,
            settings: generation.settings,
            count: generation.count,
            sources: sources.0,
        };
        let answer = tool.look(&request).await?;
        Ok(quote(&[("account", account.to_string())], &answer))
    }
}

/// A quote. It is an answer whatever a reserve would come to: the price is what was asked for.
pub(crate) fn quote(about: About<'_>, answer: &CommandAnswer) -> Shown {
    let View::Quote(view) = &answer.view else { return answer_view::command(about, answer) };
    Shown { json: json(view), text: list(&rows(view)), exit: Exit::Ok }
}

fn rows(view: &QuoteView) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        ("price", Amount(view.price).to_string()),
        ("per result", Amount(view.per_result).to_string()),
        ("rate card", format!("version {}", view.version)),
        ("a reserve", view.would.to_string()),
    ];
    if view.would.is_success() {
        rows.push(("would draw", buckets_text(view.split)));
    }
    if view.min_tier != 0 {
        rows.push(("tier needed", view.min_tier.to_string()));
    }
    if view.pro_model {
        rows.push(("free credits", "do not pay for it".to_owned()));
    }
    rows.push(("available", buckets_text(view.available)));
    rows.push(("largest count", view.largest_count.to_string()));
    if view.longest_duration_ds != 0 {
        rows.push(("longest", seconds(view.longest_duration_ds)));
    }
    if view.highest_resolution != 0 {
        rows.push(("highest resolution", format!("number {}", view.highest_resolution)));
    }
    if view.fits_after_reset_at_ms != 0 {
        rows.push(("fits after", instant_or_none(view.fits_after_reset_at_ms)));
    }
    rows
}

fn json(view: &QuoteView) -> Value {
    let or_null = |number: u16, value: Value| if number == 0 { Value::Null } else { value };
    json!({
        "price": Amount(view.price),
        "per_result": Amount(view.per_result),
        "rates_version": view.version,
        "min_tier": view.min_tier,
        "free_credits_pay": !view.pro_model,
        "would": view.would.name(),
        "split": buckets_json(view.split),
        "available": buckets_json(view.available),
        "fits": {
            "count": view.largest_count,
            "duration": or_null(view.longest_duration_ds, json!(seconds(view.longest_duration_ds))),
            "resolution": or_null(u16::from(view.highest_resolution), json!(view.highest_resolution)),
            "after_reset_at": instant(view.fits_after_reset_at_ms),
        },
    })
}

#[cfg(test)]
mod tests;
