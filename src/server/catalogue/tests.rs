//! The samples, and files in their place.

use super::*;

#[test]
fn the_samples_are_good() {
    let catalogue = Catalogue::load(&CatalogPart::default()).expect("the samples can be read");
    assert!(catalogue.plans.all().len() >= 12);
    assert!(catalogue.rates.models().len() >= 25);
    assert_eq!(catalogue.successor(&CatalogPart::default()).expect("nothing changed"), catalogue);
}

/// R20: a tier that no plan reaches is a mistake in one of the files.
#[test]
fn a_tier_that_no_plan_has() {
    let folder = tempfile::tempdir().expect("a folder");
    let plans = folder.path().join("plans.toml");
    std::fs::write(&plans, "version = 1\n[[plan]]\nid = 1\nname = \"basic\"\ntier = 1\ncredits = 10\n")
        .expect("written");
    let error =
        Catalogue::load(&CatalogPart { plans: plans.clone(), ..CatalogPart::default() }).unwrap_err().to_string();
    assert!(
        error.contains("config/rates.toml, line ") && error.contains("model.min_tier: no plan has tier"),
        "{error}"
    );
    assert!(error.ends_with("the highest tier of a plan is 1"), "{error}");
    std::fs::write(&plans, "version = 2\n").expect("written");
    let by_hand = Catalogue::load(&CatalogPart { plans, ..CatalogPart::default() });
    assert!(by_hand.is_ok(), "without plans tiers are set by hand: {by_hand:?}");
}

#[test]
fn a_file_is_named_by_its_path() {
    let folder = tempfile::tempdir().expect("a folder");
    let plans = folder.path().join("plans.toml");
    std::fs::write(&plans, "version = 1\nplams = []\n").expect("written");
    let part = CatalogPart { plans: plans.clone(), ..CatalogPart::default() };
    let error = Catalogue::load(&part).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}, line 2: ", plans.display())), "{error}");
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_its_key() {
    let part = CatalogPart { rates: PathBuf::from("/nowhere/rates.toml"), ..CatalogPart::default() };
    let error = Catalogue::load(&part).unwrap_err().to_string();
    assert!(error.starts_with("catalog.rates = /nowhere/rates.toml: "), "{error}");
}

#[test]
fn a_file_that_is_far_too_long_is_not_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let rates = folder.path().join("rates.toml");
    let file = std::fs::File::create(&rates).expect("made");
    file.set_len(FILE_BYTES_MAX + 1).expect("grown");
    let part = CatalogPart { rates, ..CatalogPart::default() };
    let error = Catalogue::load(&part).unwrap_err().to_string();
    assert!(error.ends_with("rates.toml: it has more than 4194304 bytes"), "{error}");
}
