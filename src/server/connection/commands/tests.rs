//! Commands that walk over all holds: they wait for the thread of walks, and nobody else does.

use std::pin::pin;
use std::sync::mpsc;
use std::time::Duration;

use protocol::{Bucket, CommandId, Text};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use wallet::bucket::Sources;
use wallet::credits::Credits;
use wallet::engine::Run;
use wallet::ids::Tier;
use wallet::record::{Attribution, OverCommit};
use wallet::request::{Operation, ReserveRequest};

use super::*;
use crate::aside::Aside;
use crate::in_memory;

const ACCOUNT: protocol::AccountId = protocol::AccountId(1);
const WORKER: protocol::WorkerId = protocol::WorkerId(7);

/// Long enough for what waits for nothing.
const MOMENT: Duration = Duration::from_millis(200);

/// A daemon that keeps nothing, with one account.
fn with_daemon(test: impl AsyncFnOnce(&Arc<Daemon>)) {
    let started = in_memory::started();
    in_memory::runtime().block_on(async {
        let open = Command::OpenAccount { command: CommandId(1), account: ACCOUNT, zone: Text::default() };
        assert_eq!(asked(&started.daemon, &open).await.outcome, Outcome::Done);
        test(&started.daemon).await;
    });
    started.stop();
}

async fn asked(daemon: &Arc<Daemon>, command: &Command) -> CommandAnswer {
    answer(daemon, command, "test").await.unwrap().0
}

fn grant(number: u128, millis: u64) -> Command {
    let (command, bucket) = (CommandId(number), Bucket::Free);
    Command::Grant { command, account: ACCOUNT, bucket, amount: millis, reason: Text::default() }
}

/// Keeps one of the threads for what takes long busy until the sender is dropped.
async fn busy(daemon: &Arc<Daemon>, thread: fn(&Daemon) -> &Aside) -> (mpsc::Sender<()>, JoinHandle<Option<bool>>) {
    let (go_on, held) = mpsc::channel();
    let walker = Arc::clone(daemon);
    let busy = tokio::spawn(async move { thread(&walker).run(move || held.recv().is_err()).await });
    tokio::task::yield_now().await;
    (go_on, busy)
}

#[test]
fn a_large_gift_walks_where_no_request_waits() {
    with_daemon(async |daemon| {
        let (go_on, busy) = busy(daemon, |daemon| &daemon.aside).await;
        let large = grant(2, 50_000_000);
        let mut large = pin!(asked(daemon, &large));
        assert!(timeout(MOMENT, &mut large).await.is_err(), "it was executed on a thread of the requests");
        assert_eq!(asked(daemon, &grant(3, 1_000)).await.outcome, Outcome::Done);
        drop(go_on);
        assert_eq!(large.await.outcome, Outcome::Done);
        assert_eq!(busy.await.unwrap(), Some(true));
    });
}

#[test]
fn a_reload_reads_files_where_no_request_waits() {
    with_daemon(async |daemon| {
        let (go_on, _busy) = busy(daemon, |daemon| &daemon.reader).await;
        let mut reload = pin!(asked(daemon, &Command::Reload));
        assert!(timeout(MOMENT, &mut reload).await.is_err(), "it was read on a thread of the requests");
        // A disk that hangs keeps nobody else waiting: a large gift has the other thread.
        let gift = timeout(Duration::from_secs(20), asked(daemon, &grant(2, 50_000_000))).await;
        assert_eq!(gift.expect("no walk waits for a reload").outcome, Outcome::Done);
        drop(go_on);
        let View::Reload(view) = reload.await.view else { panic!("what a reload came to is shown") };
        assert!(view.error.as_str().is_empty(), "{view:?}");
    });
}

fn reserve(number: u128) -> Operation {
    Operation::Reserve(ReserveRequest {
        account: AccountId(ACCOUNT.0),
        hold: HoldId(number),
        amount: Credits::from_millis(1),
        sources: Sources::ALL,
        pro_model: false,
        priced: false,
        min_tier: Tier::NONE,
        ttl_ms: 60_000,
        over_commit: OverCommit::Draw,
        attribution: Attribution::default(),
        worker: WorkerId(WORKER.0),
        settings: 0,
    })
}

/// R31: more holds than a chunk takes. Behind the one walk the thread is somebody else's.
#[test]
fn all_holds_of_a_dead_worker_are_found_in_one_walk() {
    const HOLDS: u128 = 1_300;
    with_daemon(async |daemon| {
        let mut chunk = daemon.rules.chunk();
        for number in 1..=HOLDS {
            chunk.clear();
            let mut room = daemon.room(RECORDS_PER_OPERATION, Class::Reserve).await.unwrap();
            let (ran, pushed) = counted(|| daemon.rules.run(&mut chunk, &[reserve(number)], daemon.clock.now()));
            room.used(pushed);
            assert_eq!(ran, Run::Done);
        }
        let release = Command::ReleaseWorker { command: CommandId(9), account: protocol::AccountId(0), worker: WORKER };
        let mut release = pin!(asked(daemon, &release));
        assert!(timeout(Duration::ZERO, &mut release).await.is_err(), "the walk has been asked for");
        let (go_on, _busy) = busy(daemon, |daemon| &daemon.aside).await;
        let answer = timeout(Duration::from_secs(20), release).await.expect("no chunk waits for another walk");
        assert_eq!((answer.outcome, u128::from(answer.detail)), (Outcome::Done, HOLDS));
        assert_eq!(daemon.rules.gauges().holds_open, 0);
        drop(go_on);
    });
}
