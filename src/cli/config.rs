//! `creditctl config reload`.

use clap::Subcommand;
use protocol::{Command, CommandAnswer, ReloadView, View};
use serde_json::{Value, json};

use crate::again::Again;
use crate::answer_view;
use crate::exit::{Exit, Failure};
use crate::output::{Shown, list};
use crate::tool::Tool;

/// What is done with the daemon's configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Read the plan and rate files again, all or nothing; open holds keep their prices.
    Reload,
}

impl Verb {
    pub(crate) async fn run(self, tool: &Tool) -> Result<Shown, Failure> {
        let Self::Reload = self;
        Ok(reload(&tool.command(&Command::Reload, Again::same()).await?))
    }
}

/// What a reload came to. Files that are wrong end the program with the code of a wrong configuration.
fn reload(answer: &CommandAnswer) -> Shown {
    let View::Reload(view) = &answer.view else { return answer_view::command(&[], answer) };
    let error = view.error.as_str();
    let exit = if error.is_empty() { Exit::Ok } else { Exit::Configuration };
    let json = json!({
        "applied": error.is_empty(),
        "plans_version": view.plans_version,
        "rates_version": view.rates_version,
        "changed": lines(view.changed.as_slice()),
        "needs_restart": lines(view.needs_restart.as_slice()),
        "error": if error.is_empty() { Value::Null } else { json!(error) },
    });
    Shown { json, text: text(view), exit }
}

fn lines<const MAX: usize>(lines: &[protocol::Text<MAX>]) -> Vec<&str> {
    lines.iter().map(protocol::Text::as_str).collect()
}

fn text(view: &ReloadView) -> String {
    let verdict = if view.error.as_str().is_empty() { "applied" } else { "refused: everything stays as it was" };
    let mut rows = vec![("reload", verdict.to_owned())];
    if !view.error.as_str().is_empty() {
        rows.push(("what is wrong", view.error.as_str().to_owned()));
    }
    rows.push(("plans", format!("version {}", view.plans_version)));
    rows.push((
        "rate card",
        if view.rates_version == 0 { "none".to_owned() } else { format!("version {}", view.rates_version) },
    ));
    rows.extend(lines(view.changed.as_slice()).into_iter().map(|line| ("changed", line.to_owned())));
    rows.extend(lines(view.needs_restart.as_slice()).into_iter().map(|line| ("needs a restart", line.to_owned())));
    list(&rows)
}

#[cfg(test)]
mod tests {
    use protocol::{List, Outcome, Text};

    use super::*;

    fn shown(view: ReloadView) -> Shown {
        reload(&CommandAnswer { view: View::Reload(Box::new(view)), ..CommandAnswer::of(Outcome::Done) })
    }

    #[test]
    fn a_reload_says_what_changed() {
        let changed = List::new(vec![Text::cut("model imagen-4: price 24")]).unwrap();
        let shown = shown(ReloadView { plans_version: 1, rates_version: 2, changed, ..ReloadView::default() });
        let text = "\
reload     applied
plans      version 1
rate card  version 2
changed    model imagen-4: price 24
";
        assert_eq!(shown.text, text);
        assert_eq!(shown.exit, Exit::Ok);
        assert_eq!(shown.json["changed"][0], "model imagen-4: price 24");
        assert_eq!(shown.json["error"], Value::Null);
    }

    #[test]
    fn files_that_are_wrong_are_a_wrong_configuration() {
        let error = Text::cut("rates.toml:7: price: expected credits");
        let shown = shown(ReloadView { plans_version: 1, error, ..ReloadView::default() });
        assert_eq!(shown.exit, Exit::Configuration);
        assert!(shown.text.contains("what is wrong  rates.toml:7: price: expected credits\n"), "{}", shown.text);
        assert!(shown.text.contains("rate card      none\n"), "{}", shown.text);
        assert_eq!(shown.json["applied"], false);
    }
}
