//! Paying for more: a top-up, an upgrade, a new cycle, a lapse, and the estimate.

use super::card::{IMAGE_MODEL, VIDEO_MODEL};
use super::life::{BASIC, credits};
use super::*;

/// The bundle of the story.
const BUNDLE: (&str, Amount) = ("boost-1000", Amount(1_000 * CREDIT));
/// What the larger plan brings a cycle.
const STANDARD: Amount = Amount(10_500 * CREDIT);
/// So much longer the subscription is paid for before its lapse.
const PAID_MS: u64 = 3_000;

impl Story<'_> {
    /// The way out that is a top-up; the same payment twice counts once.
    pub(super) async fn tops_up(&mut self) -> Result<(), Failure> {
        let (account, payment) = (self.account, client::payment_id());
        let bundle = Text::new(BUNDLE.0).map_err(|error| Failure::bug(&error))?;
        let top_up = Command::TopUpBundle { payment, account, bundle, pending: false };
        self.command(top_up.clone()).await?;
        let again = self.tool.command(&top_up, Again::Anew).await?;
        self.expect("the same payment again", again.outcome, Outcome::Replayed)?;
        self.balance.top_up = BUNDLE.1.0;
        self.tell(&format!("\nA top-up: the bundle {}, and its payment sent twice counts once.", BUNDLE.0));
        self.make("Now the video fits:", VIDEO_MODEL, 1, credits(0, 164, 46)).await?;
        self.refunded_image().await?;
        self.look("Top-up credits never expire:").await?;
        Ok(())
    }

    /// A broken result is refunded to where its credits came from (R24, R27).
    async fn refunded_image(&mut self) -> Result<(), Failure> {
        let (reserve, _) = self.reserve(IMAGE_MODEL, 1, IMAGE).await?;
        let hold = reserve.hold;
        self.tool.operation(Operation::commit_all(hold, self.account, 1), Again::Anew).await?;
        let refund = Operation::refund(hold, self.account, IMAGE.0, 1, RefundReason::ProviderError);
        let answer = self.tool.operation(refund, Again::Anew).await?;
        self.expect("what came back", Expected(answer.split), Expected(credits(0, 0, 24)))?;
        self.tell("An image fails at its provider: its 24 come back to where they were taken.");
        Ok(())
    }

    /// The way out that is an upgrade: the difference for the rest of the cycle is added at once (R12).
    pub(super) async fn upgrades(&mut self) -> Result<(), Failure> {
        let (command, account, plan) = (client::command_id(), self.account, self.plan("standard")?);
        let answer = self.command(Command::ChangePlan { command, account, plan, mode: ChangeMode::Default }).await?;
        let View::Subscription(change) = answer.view else {
            return Err(wrong("the answer to a plan change", &"another view", &"a subscription"));
        };
        // The cycle is some seconds old, so that a little less than the whole difference is added.
        let whole = STANDARD.0 - BASIC.0;
        let added = Amount(change.amount);
        self.expect("whether about 7,400 are added", added.0 <= whole && added.0 > whole - 100 * CREDIT, true)?;
        self.balance.subscription = added.0;
        self.tell(&format!(
            "The workspace upgrades to standard: {added} credits are added, for the rest of the cycle."
        ));
        self.look("The cycle stays as it is:").await?;
        Ok(())
    }

    /// The end of a cycle, brought about by a change that begins a new one: what is left expires, top-ups stay (R10, R12).
    pub(super) async fn cycle_ends(&mut self) -> Result<(), Failure> {
        let left = Amount(self.balance.subscription);
        self.tell("A cycle ends. To see it without waiting for a month, the workspace goes over to paying by the year");
        self.tell("in a new cycle: the old one ends now, by the same steps as at its own end.");
        let (command, account, plan) = (client::command_id(), self.account, self.plan("standard-yearly")?);
        let mode = ChangeMode::NowNewCycle;
        let answer = self.command(Command::ChangePlan { command, account, plan, mode }).await?;
        self.balance.subscription = STANDARD.0;
        let view = self.look_at(answer.position).await?;
        self.expect("what expired", Amount(view.subscription.expired), left)?;
        self.look(&format!("The {left} that were left have expired, 10,500 are there, the top-up stays:")).await?;
        Ok(())
    }

    /// A lapse: credits and tier of the subscription are gone, bought credits stay and can be spent (R11, R15).
    pub(super) async fn lapses(&mut self) -> Result<(), Failure> {
        let account = self.account;
        // A connection of its own: its welcome says what time it is now.
        let now_ms = client::Client::new(self.tool.options.clone()).welcome().await?.server_time_ms;
        self.tell(
            "The subscription is cancelled. To see it lapse, the billing service says that it is paid for three more",
        );
        self.tell("seconds (`subscription renew --paid-through +3s`), and then cancels it at the end of what is paid.");
        let paid_through_ms = now_ms + PAID_MS;
        self.command(Command::Renew { command: client::command_id(), account, paid_through_ms }).await?;
        self.command(Command::Cancel { command: client::command_id(), account, at_period_end: true }).await?;
        self.look("Until then nothing changes:").await?;
        let view = self.wait("the lapse", |view| view.tier == 0).await?;
        self.expect("the subscription of the workspace", view.plan.is_none(), true)?;
        self.balance.subscription = 0;
        self.look("Three seconds later it has lapsed: its credits have expired, the top-up stays:").await?;
        self.make("It can still be spent, on what every tier may use:", IMAGE_MODEL, 1, credits(0, 0, 24)).await?;
        let more = Command::TopUp { payment: client::payment_id(), account, amount: BUNDLE.1.0 };
        let answer = self.tool.command(&more, Again::Anew).await?;
        self.expect("another top-up", answer.outcome, Outcome::SubscriptionRequired)?;
        self.tell("Buying more needs a subscription again.");
        self.look("The workspace at the end:").await?;
        Ok(())
    }

    /// 30 images and 10 videos a day, 22 days (R21).
    pub(super) async fn estimates(&mut self) -> Result<Amount, Failure> {
        let line = |generation: Generation, per_day| {
            let Generation { tool, model, settings, .. } = generation;
            EstimateLine { tool, model, settings, per_day }
        };
        let images = line(self.generation(IMAGE_MODEL, 1)?, 30);
        let videos = line(self.generation(VIDEO_MODEL, 1)?, 10);
        let lines = List::new(vec![images, videos]).map_err(|error| Failure::bug(&error))?;
        let (days, buffer_percent_min, buffer_percent_max) = (22, 20, 30);
        let request = Command::Estimate { lines, days, buffer_percent_min, buffer_percent_max };
        let View::Estimate(view) = self.command(request).await?.view else {
            return Err(wrong("the answer to an estimate", &"another view", &"an estimate"));
        };
        let (need, least, most) = (Amount(view.need), Amount(view.with_buffer_min), Amount(view.with_buffer_max));
        self.tell("Which plan would do? 30 images and 10 videos a day, 22 days a month:");
        self.tell(&format!(
            "{need} credits a month; {least} to {most} with 20 to 30 % on top: the plan {}.",
            view.plan_name
        ));
        self.expect("the need", need, Amount(62_040 * CREDIT))?;
        self.expect("the need with the smaller buffer", least, Amount(74_448 * CREDIT))?;
        self.expect("the need with the larger buffer", most, Amount(80_652 * CREDIT))?;
        self.expect("the plan for it", view.plan, self.plan("ultimate")?)?;
        Ok(need)
    }
}
