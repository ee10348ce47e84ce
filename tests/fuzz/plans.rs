//! The plans and bundles, and what a customer without enough is offered of them.

use wallet::credits::Credits;
use wallet::ids::Tier;
use wallet::plan::parse;

/// Any text is a catalogue or says what is wrong with it.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match parse::plan_catalog("fuzz.toml", text) {
        Ok(catalog) => {
            assert_eq!(parse::successor("fuzz.toml", text, &catalog).as_ref(), Ok(&catalog), "plans follow themselves");
            for plan in catalog.all() {
                assert_eq!(catalog.by_id(plan.id), Some(plan));
                assert_eq!(catalog.by_name(&plan.name), Some(plan));
            }
            for bundle in catalog.bundles() {
                assert_eq!(catalog.bundle(&bundle.name), Some(bundle));
            }
            for need in [0, 1, 3_100_000, u64::MAX] {
                for tier in [0, 1, 15] {
                    let (need, tier) = (Credits::from_millis(need), Tier(tier));
                    if let Some(plan) = catalog.cheapest_covering(need, tier) {
                        assert!(plan.tier >= tier);
                    }
                    if let Some(plan) = catalog.upgrade_for(tier, need) {
                        assert!(plan.tier >= tier);
                    }
                }
            }
        }
        Err(error) => assert!(error.to_string().starts_with("fuzz.toml"), "{error} has no place"),
    }
}

/// The shipped plans, and each table of them alone.
pub fn seeds() -> Vec<Vec<u8>> {
    super::seeds::parts("config/plans.toml", "[[")
}
