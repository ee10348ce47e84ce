//! The free user, who subscribes, makes images and videos, and runs out.

use super::card::{IMAGE_MODEL, PRO_MODEL, TOP_MODEL, VIDEO_MODEL};
use super::*;

/// What the plan of the story brings a cycle.
pub(super) const BASIC: Amount = Amount(3_100 * CREDIT);

/// Credits of the buckets, in whole credits.
pub(super) const fn credits(free: u64, subscription: u64, top_up: u64) -> PerBucket {
    PerBucket { free: free * CREDIT, subscription: subscription * CREDIT, top_up: top_up * CREDIT }
}

impl Story<'_> {
    /// 100 free credits, a Pro model that they do not pay for, a model of a higher plan, and an image.
    pub(super) async fn free_user(&mut self) -> Result<(), Failure> {
        self.tell("The free user asks for an image of a Pro model. The 100 credits would be enough, but free credits");
        self.tell("never pay for a Pro model:");
        self.refused(PRO_MODEL, Amount(88 * CREDIT), Outcome::Insufficient).await?;
        self.tell("A model of the highest plan is refused by its tier, whatever the credits:");
        let answer = self.refused(TOP_MODEL, Amount(30 * CREDIT), Outcome::TierRequired).await?;
        self.expect("the tier that is needed", answer.detail, 4)?;
        self.make("An image of an everyday model is fine:", IMAGE_MODEL, 1, credits(24, 0, 0)).await?;
        self.look("Nothing was taken for what was refused:").await?;
        Ok(())
    }

    /// Subscription credits come; what is left of the day's free ones stays for the day (R7).
    pub(super) async fn subscribes(&mut self) -> Result<(), Failure> {
        self.tell("The workspace subscribes to the plan basic, monthly.");
        let (command, account, plan) = (client::command_id(), self.account, self.plan("basic")?);
        self.command(Command::Subscribe { command, account, plan, auto_renew: true, paid_through_ms: 0 }).await?;
        self.balance.subscription = BASIC.0;
        let view =
            self.look("Its credits are there at once; what is left of the day's free ones stays for today:").await?;
        self.expect("the tier", view.tier, 1)?;
        self.tell(&format!("The credit cycle ends at {}.\n", instant_or_none(view.cycle_ends_at_ms)));
        Ok(())
    }

    /// Three images at 24 and a video at 210, priced from the card: free credits first, then the subscription's.
    pub(super) async fn makes_images_and_a_video(&mut self) -> Result<(), Failure> {
        let quote = self.quote(IMAGE_MODEL, 3).await?;
        self.expect("the price of an image", Amount(quote.per_result), IMAGE)?;
        self.expect("the price of three", Amount(quote.price), Amount(3 * IMAGE.0))?;
        self.make("Three images at 24, priced from the rate card:", IMAGE_MODEL, 3, credits(72, 0, 0)).await?;
        let quote = self.quote(VIDEO_MODEL, 1).await?;
        self.expect("the price of a video", Amount(quote.price), VIDEO)?;
        self.expect("what a reserve would come to", quote.would, Outcome::Granted)?;
        self.expect("what it would draw", Expected(quote.split), Expected(credits(4, 206, 0)))?;
        let draws = "A video at 210, what is left of the free credits first:";
        self.make(draws, VIDEO_MODEL, 1, credits(4, 206, 0)).await?;
        self.price_has_changed().await?;
        self.look("The workspace after that:").await?;
        Ok(())
    }

    /// A price that the person did not see is never taken (R18).
    async fn price_has_changed(&mut self) -> Result<(), Failure> {
        let (_, answer) = self.reserve(VIDEO_MODEL, 1, Amount(199 * CREDIT)).await?;
        self.expect("a reserve that expects 199", answer.outcome, Outcome::PriceChanged)?;
        self.expect("the price that it is told", Amount(answer.amount), VIDEO)?;
        self.tell("A reserve that expects 199 for the video is told that the price is 210, and takes nothing.");
        Ok(())
    }

    /// Thirteen videos later the next one does not fit: three ways out.
    pub(super) async fn runs_out(&mut self) -> Result<(), Failure> {
        for _ in 0..3 {
            self.make("Four more videos:", VIDEO_MODEL, 4, credits(0, 840, 0)).await?;
        }
        self.make("And one:", VIDEO_MODEL, 1, credits(0, 210, 0)).await?;
        self.tell("The next one is refused, and the answer names the three ways out:");
        let answer = self.refused(VIDEO_MODEL, VIDEO, Outcome::Insufficient).await?;
        self.expect("what was required", Amount(answer.amount), VIDEO)?;
        self.expect("what was available", Expected(answer.available), Expected(credits(0, 164, 0)))?;
        let view = account_view(self.tool, self.account).await?;
        self.expect("the wait until the cycle's end", answer.next_reset_at_ms, view.cycle_ends_at_ms)?;
        let top_up = answer.flags.contains(protocol::AnswerFlags::TOP_UP_ALLOWED);
        self.expect("whether a top-up is allowed", top_up, true)?;
        self.expect("the plan to upgrade to", answer.detail, u32::from(self.plan("standard")?))?;
        let quote = self.quote(IMAGE_MODEL, 1).await?;
        self.expect("how many images would fit", quote.largest_count, 6)?;
        self.tell("Six images would still fit, says the quote.");
        Ok(())
    }
}
