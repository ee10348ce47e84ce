//! Each call sends the command that it is named after, and gives back what the daemon shows.

#![allow(clippy::unwrap_used)]

use std::future::Future;

use protocol::{
    AccountId, Bucket, ChangeMode, Command, CommandAnswer, CommandId, EstimateLine, Field, HoldId, List, Outcome,
    PaymentId, PlansView, Sources, Text, View, WorkerId,
};

use crate::client::Client;
use crate::error::{CallError, NotSent};
use crate::fake::Fake;
use crate::options::Options;

const COMMAND: CommandId = CommandId(1);
const ACCOUNT: AccountId = AccountId(2);
const PAYMENT: PaymentId = PaymentId(3);
const WORKER: WorkerId = WorkerId(4);

/// Runs one call against a daemon that answers with `view`: what it was asked, and what the call came to.
async fn asked<F>(call: impl FnOnce(Client) -> F, view: View) -> (Command, CommandAnswer)
where
    F: Future<Output = Result<CommandAnswer, CallError>>,
{
    let fake = Fake::start().await;
    let client = Client::new(Options::new(&fake.address));
    let (answer, asked) = tokio::join!(call(client), async {
        let mut peer = fake.accept(100).await;
        let asked = peer.next().await.unwrap();
        peer.answer_view(&asked, view).await;
        asked
    });
    (asked.command.unwrap(), answer.unwrap())
}

macro_rules! sends {
    ($client:ident => $call:expr, $command:expr) => {
        let (command, answer) = asked(async move |$client: Client| $call.await, View::None).await;
        assert_eq!(command, $command);
        assert_eq!(answer.outcome, Outcome::Done);
    };
}

/// R11, R12, R6: plans and zones.
#[tokio::test]
async fn plan_calls_send_their_commands() {
    let (command, account, paid_through_ms) = (COMMAND, ACCOUNT, 1_800_000_000_000);
    sends!(client => client.subscribe(command, account, 21, true, 0),
        Command::Subscribe { command, account, plan: 21, auto_renew: true, paid_through_ms: 0 });
    sends!(client => client.renew(command, account, paid_through_ms),
        Command::Renew { command, account, paid_through_ms });
    sends!(client => client.cancel(command, account, true), Command::Cancel { command, account, at_period_end: true });
    sends!(client => client.lapse(command, account), Command::Lapse { command, account });
    sends!(client => client.change_plan(command, account, 31, ChangeMode::NowProrated),
        Command::ChangePlan { command, account, plan: 31, mode: ChangeMode::NowProrated });
    sends!(client => client.set_zone(command, account, Text::cut("Asia/Tokyo")),
        Command::SetZone { command, account, zone: Text::cut("Asia/Tokyo") });
    sends!(client => client.list_plans(), Command::ListPlans);
}

/// R14, R33: top-ups and corrections.
#[tokio::test]
async fn top_up_calls_send_their_commands() {
    let (payment, account, amount) = (PAYMENT, ACCOUNT, 120_000);
    sends!(client => client.pending_top_up(payment, account, amount), Command::PendingTopUp { payment, account, amount });
    sends!(client => client.confirm_top_up(payment, account), Command::ConfirmTopUp { payment, account });
    sends!(client => client.top_up_bundle(payment, account, Text::cut("boost"), true),
        Command::TopUpBundle { payment, account, bundle: Text::cut("boost"), pending: true });
    sends!(client => client.correct(COMMAND, account, Bucket::Free, amount, Text::cut("why")),
        Command::Correct { command: COMMAND, account, bucket: Bucket::Free, amount, reason: Text::cut("why") });
}

/// R31, R33: many holds, many accounts.
#[tokio::test]
async fn list_calls_send_their_commands() {
    let (account, worker, after) = (AccountId::NIL, WORKER, HoldId(5));
    sends!(client => client.release_worker(COMMAND, account, worker),
        Command::ReleaseWorker { command: COMMAND, account, worker });
    sends!(client => client.list_holds(account, worker, 60_000, 100, after),
        Command::ListHolds { account, worker, older_than_ms: 60_000, limit: 100, after });
    sends!(client => client.list_accounts(ACCOUNT, 256), Command::ListAccounts { after: ACCOUNT, limit: 256 });
}

/// R17, R21: prices.
#[tokio::test]
async fn price_calls_send_their_commands() {
    sends!(client => client.list_rates(), Command::ListRates);
    sends!(client => client.quote(ACCOUNT, 1, 101, 7, 4, Sources::FREE),
        Command::Quote { account: ACCOUNT, tool: 1, model: 101, settings: 7, count: 4, sources: 1 });
    let lines = List::new(vec![EstimateLine { tool: 1, model: 101, settings: 7, per_day: 30 }]).unwrap();
    let expected = Command::Estimate { lines: lines.clone(), days: 22, buffer_percent_min: 20, buffer_percent_max: 30 };
    sends!(client => client.estimate(lines, 22, (20, 30)), expected);
    sends!(client => client.reload(), Command::Reload);
    sends!(client => client.clock(true), Command::Clock { confirm: true });
    sends!(client => client.resets(), Command::ShowResets);
}

#[tokio::test]
async fn what_the_daemon_shows_comes_back() {
    let view = View::Plans(Box::new(PlansView { version: 7, ..PlansView::default() }));
    let (_, answer) = asked(async |client: Client| client.list_plans().await, view.clone()).await;
    assert_eq!(answer.view, view);
}

/// A command that the daemon would refuse by its fields alone is not sent.
#[tokio::test]
async fn a_bad_field_is_found_before_anything_is_sent() {
    let client = Client::new(Options::new("127.0.0.1:1"));
    let refused = client.list_accounts(ACCOUNT, 257).await;
    let field = |result| match result {
        Err(CallError::NotSent(NotSent::BadField(bad))) => Some(bad.field),
        _ => None,
    };
    assert_eq!(field(refused), Some(Field::Limit));
    assert_eq!(field(client.subscribe(COMMAND, ACCOUNT, 0, true, 0).await), Some(Field::Plan));
}
