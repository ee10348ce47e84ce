//! Memory is filled from the projections: wallets on one thread, holds that have ended on another, which then takes a part of
//! the wallets.

use journal::Position;
use journal::projections::{Loaded, ProjectionStore, Projector, ReadError, Shelf};
use wallet::ids::Now;
use wallet::load::LoadError;

use crate::catchup::Told;
use crate::daemon::Rules;
use crate::start::StartError;

/// Records behind the journal from which on all rows are read into memory before the projections catch up: it takes a
/// fraction of a microsecond a row in order, and several where a record asks for one.
const SHELF_RECORDS_MIN: u64 = 500_000;

/// The rows of projections that are far behind the end of their journal.
///
/// # Errors
/// [`ReadError`].
pub(crate) fn read<S: ProjectionStore>(store: S, end: Position) -> Result<(S, Option<Shelf>), ReadError> {
    let told = Told::from_now();
    let behind = journal::projections::behind(&store, end)?;
    if behind < SHELF_RECORDS_MIN {
        return Ok((store, None));
    }
    let shelf = Shelf::read(&store)?;
    let rows = shelf.as_ref().map_or(0, Shelf::len);
    tracing::info!(
        behind,
        rows,
        millis = told.passed_ms(),
        "the rows are in memory for what the journal has beyond them"
    );
    Ok((store, shelf))
}

/// Fills memory from the projections.
///
/// # Errors
/// [`StartError`].
pub(crate) fn load<P: ProjectionStore>(
    rules: &Rules,
    projector: &mut Projector<P>,
    now: Now,
) -> Result<(), StartError> {
    let told = Told::from_now();
    let loading = projector.loading()?;
    let (mut wallets, mut open) = (Taken::default(), Taken::default());
    loading.head(&mut |loaded| match loaded {
        Loaded::Policy(policy) => rules.load_policy(policy),
        Loaded::IdBound(bound) => rules.load_id_bound(bound),
        _ => {}
    })?;
    let load_wallets = |taken: &mut Taken| {
        loading.wallets(&mut |loaded| {
            if let Loaded::Wallet(row) = loaded {
                taken.note(rules.load_wallet(&row, now));
            }
        })
    };
    let (more_wallets, ended) = std::thread::scope(|scope| {
        let beside = || {
            let (mut wallets, mut ended) = (Taken::default(), Taken::default());
            loading.ended_holds(&mut |loaded| {
                if let Loaded::Ended(hold) = loaded {
                    ended.note(rules.load_ended(hold.id, hold.last_position, hold.ended_at));
                }
            })?;
            load_wallets(&mut wallets)?;
            Ok::<_, ReadError>((wallets, ended))
        };
        let named = std::thread::Builder::new().name("ended-holds".to_owned());
        let beside = named.spawn_scoped(scope, beside).map_err(StartError::Thread)?;
        load_wallets(&mut wallets)?;
        let loaded = beside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        // A hold wants its wallet.
        loading.open_holds(&mut |loaded| {
            if let Loaded::Hold(id, hold) = loaded {
                open.note(rules.load_hold(id, hold));
            }
        })?;
        Ok::<_, StartError>(loaded)
    })?;
    let refused = [&wallets, &more_wallets, &open, &ended].into_iter().find_map(|taken| taken.refused.clone());
    if let Some(error) = refused {
        return Err(error.into());
    }
    rules.loaded(now);
    let (wallets, holds) = (wallets.count + more_wallets.count, open.count + ended.count);
    tracing::info!(wallets, holds, millis = told.passed_ms(), "memory loaded");
    Ok(())
}

/// How many of a kind were taken, and the first that was not.
#[derive(Debug, Default)]
struct Taken {
    count: u64,
    refused: Option<LoadError>,
}

impl Taken {
    fn note(&mut self, taken: Result<(), LoadError>) {
        self.count += 1;
        if let Err(error) = taken {
            self.refused.get_or_insert(error);
        }
    }
}
