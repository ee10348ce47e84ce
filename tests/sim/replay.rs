//! A replay needs the journal and nothing else: no clock, no time-zone database, no plan or rate file (I8).

use std::sync::Arc;

use wallet::engine::Engine;
use wallet::hold::HoldState;
use wallet::ids::Now;
use wallet::plan::PlanCatalog;
use wallet::rate_card::RateCard;
use wallet::record::Record;
use wallet::settings::Settings;

use super::ground::{Entry, PlainJournal, Projection, Rows};
use super::model::Model;
use super::planted::Planted;
use super::world::{same_memory, view_of};
use super::zones::Zone;

/// No database knows this.
const NOWHERE: &str = "Moon/";

fn to_the_moon(zone: &mut String) {
    if !zone.is_empty() {
        zone.insert_str(0, NOWHERE);
    }
}

fn back_from_the_moon(zone: &mut String) {
    if let Some(rest) = zone.strip_prefix(NOWHERE) {
        *zone = rest.to_owned();
    }
}

fn zone_of(record: &mut Record) -> Option<&mut String> {
    match record {
        Record::Open(open) => Some(&mut open.zone),
        Record::Subscription(change) => Some(&mut change.zone),
        _ => None,
    }
}

/// The same state, bit by bit, from records whose zones nobody can look up.
pub(crate) fn replays_without_zones(records: &[Entry]) -> Result<(), String> {
    let expected = Rows::of(records)?;
    let mut renamed = records.to_vec();
    renamed.iter_mut().flatten().filter_map(zone_of).for_each(to_the_moon);
    let mut replayed = Rows::of(&renamed)?;
    if replayed.rows.values().any(|row| Zone::of(&row.zone).is_some()) {
        return Err("a zone that has kept its name".to_owned());
    }
    replayed.rows.values_mut().for_each(|row| back_from_the_moon(&mut row.zone));
    replayed.commands.iter_mut().filter_map(|(_, row)| zone_of(&mut row.record)).for_each(back_from_the_moon);
    if replayed == expected { Ok(()) } else { Err("I8: a replay that depends on its zones".to_owned()) }
}

/// A daemon that starts from the rows with other settings, plans and prices has the same wallets.
pub(crate) fn loads_with_other_files(rows: Rows, model: &Model, now: Now) -> Result<(), String> {
    let journal = PlainJournal::default();
    let settings = Settings { late_redebit: false, refund_window_ms: 1, id_window_ms: 7, ..Settings::default() };
    let projection = Projection::of(rows, Planted::Nothing);
    let engine = Engine::new(settings, journal, projection.clone());
    engine.set_plans(Arc::new(PlanCatalog::default()));
    engine.set_rates(Arc::new(RateCard::default()));
    load(&engine, &projection, now, Planted::Nothing)?;
    for account in model.wallets.keys() {
        let view = view_of(&engine, *account, now).ok_or("no view of a wallet")?;
        let expected = model.wallet(*account, model_clock(now));
        if !same_memory(&view, &expected, now.daemon.0) {
            return Err(format!("I8: other files give another wallet\n  memory {view:?}\n  model {expected:?}"));
        }
    }
    Ok(())
}

const fn model_clock(now: Now) -> super::model::Clock {
    super::model::Clock { daemon: now.daemon.0, wall: now.wall.0 }
}

/// What a start does with the rows that it finds.
pub(crate) fn load<J: wallet::engine::Journal, A: wallet::engine::Archive>(
    engine: &Engine<J, A>,
    projection: &Projection,
    now: Now,
    planted: Planted,
) -> Result<(), String> {
    let rows = projection.rows();
    rows.policies.all().iter().for_each(|policy| engine.load_policy(*policy));
    if planted != Planted::BoundGoesBack {
        engine.load_id_bound(rows.id_bound);
    }
    for row in rows.rows.values() {
        let mut row = row.clone();
        if planted == Planted::PeriodUsedTwice && row.subscribed.is_none() {
            row.period.0 = row.period.0.saturating_sub(1);
        }
        engine.load_wallet(&row, now).map_err(|error| error.to_string())?;
    }
    for (id, hold) in &rows.holds {
        let remembered = id.own_time().is_none_or(|own| own >= rows.id_bound) && planted != Planted::ForgottenEndedHold;
        if hold.state == HoldState::Open || remembered {
            engine.load_hold(*id, hold.clone()).map_err(|error| error.to_string())?;
        }
    }
    engine.loaded(now);
    Ok(())
}

/// The path that live traffic and replay share names no zone, no file and no setting.
#[test]
fn what_applies_records_has_no_way_to_ask() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/wallet");
    let words = ["jiff", "TimeZone", "calendar", "Cohort", "PlanCatalog", "RateCard", "Settings", "Engine"];
    for file in ["ledger.rs", "row.rs", "hold.rs", "policy.rs", "record.rs"] {
        let text = std::fs::read_to_string(root.join(file)).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            let named = words.iter().find(|word| line.contains(**word));
            assert!(named.is_none(), "{file} names {named:?}: {line}");
        }
    }
}
