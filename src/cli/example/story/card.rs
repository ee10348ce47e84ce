//! What the workspace makes: models of the sample rate card, priced by the daemon (R18).

use super::*;

/// The image of the story, 24 credits.
pub(super) const IMAGE_MODEL: (&str, &str) = ("image", "seedream-4");
/// Its video, 210 credits.
pub(super) const VIDEO_MODEL: (&str, &str) = ("video", "veo-3-fast");
/// A Pro model that every tier may use: free credits do not pay for it (R8).
pub(super) const PRO_MODEL: (&str, &str) = ("image", "nano-banana-pro");
/// A model of the highest plan (R20).
pub(super) const TOP_MODEL: (&str, &str) = ("image", "flux-ultra");

impl Story<'_> {
    /// The numbers of so many results of a model.
    pub(super) fn generation(&self, (tool, model): (&str, &str), count: u16) -> Result<Generation, Failure> {
        let named = |name: &str| Some(Named(name.to_owned()));
        What { tool: named(tool), model: named(model), count, ..What::default() }.resolve(&self.rates)
    }

    /// What it would cost and whether it would pass.
    pub(super) async fn quote(&mut self, model: (&str, &str), count: u16) -> Result<QuoteView, Failure> {
        let Generation { tool, model, settings, count } = self.generation(model, count)?;
        let command = Command::Quote { account: self.account, tool, model, settings, count, sources: 0 };
        match self.command(command).await?.view {
            View::Quote(view) => Ok(*view),
            _ => Err(wrong("the answer to a quote", &"another view", &"a quote")),
        }
    }

    /// A reserve that the daemon prices; `expected` is the price that the person has seen.
    pub(super) async fn reserve(
        &mut self,
        model: (&str, &str),
        count: u16,
        expected: Amount,
    ) -> Result<(Operation, Answer), Failure> {
        let Generation { tool, model, settings, count } = self.generation(model, count)?;
        let reserve = Operation {
            flags: OperationFlags::PRICED,
            tool,
            model,
            settings,
            count,
            ..Operation::reserve(client::hold_id(), self.account, expected.0, HOLD_MS)
        };
        let answer = self.tool.operation(reserve, Again::Anew).await?;
        Ok((reserve, answer))
    }

    /// Reserves and commits: it must pass, and draw just this.
    pub(super) async fn make(
        &mut self,
        tale: &str,
        model: (&str, &str),
        count: u16,
        drawn: PerBucket,
    ) -> Result<(), Failure> {
        let price = Amount(drawn.sum().unwrap_or(u64::MAX));
        let (reserve, answer) = self.reserve(model, count, price).await?;
        self.expect("the reserve", answer.outcome, Outcome::Granted)?;
        self.expect("what it drew", Expected(answer.split), Expected(drawn))?;
        let commit = Operation::commit_all(reserve.hold, self.account, 1);
        let answer = self.tool.operation(commit, Again::Anew).await?;
        self.expect("the commit", answer.outcome, Outcome::Done)?;
        self.expect("what it captured", Expected(answer.split), Expected(drawn))?;
        self.tell(&format!("{tale} {}, set aside and committed.", buckets_text(drawn)));
        self.balance.free -= drawn.free;
        self.balance.subscription -= drawn.subscription;
        self.balance.top_up -= drawn.top_up;
        Ok(())
    }

    /// Reserves, must be refused, and shows the answer as `hold reserve` does.
    pub(super) async fn refused(
        &mut self,
        model: (&str, &str),
        price: Amount,
        outcome: Outcome,
    ) -> Result<Answer, Failure> {
        let (_, answer) = self.reserve(model, 1, price).await?;
        self.expect("the reserve", answer.outcome, outcome)?;
        let upgrade_to = self.plans.plans.as_slice().iter().find(|plan| u32::from(plan.plan) == answer.detail);
        let upgrade_to = upgrade_to.map(|plan| plan.name.as_str().to_owned());
        let shown = answer_view::operation(&[], "drawn", &answer, upgrade_to);
        self.tell(&format!("\n{}", shown.text));
        Ok(answer)
    }
}
