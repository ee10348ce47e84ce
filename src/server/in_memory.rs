//! A daemon that keeps nothing, for the tests of its parts.

use std::sync::Arc;

use crate::catalogue::Catalogue;
use crate::config::{Config, DurabilityKey, HoldIds};
use crate::start::{Started, Wanted, start};

/// Starts one that takes hold ids of any form.
pub(crate) fn started() -> Started {
    let mut config = Config::default();
    config.journal.durability = DurabilityKey::Memory;
    config.holds.ids = HoldIds::Any;
    let settings = config.validate().unwrap();
    let catalogue = Catalogue::load(&settings.config.catalog).unwrap();
    start(Wanted { settings, catalogue, config_source: Arc::new(move || Ok(config.clone())) }, None).unwrap()
}

/// For a test that waits.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
