//! The samples, and files in their place.

use super::*;

#[test]
fn the_samples_are_good() {
    let catalogue = Catalogue::load(&CatalogPart::default()).expect("the samples can be read");
    assert!(catalogue.plans.all().len() >= 12);
    assert!(catalogue.rates.models().len() >= 25);
    assert_eq!(catalogue.successor(&CatalogPart::default()).expect("nothing changed"), catalogue);
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
    assert!(error.ends_with("4194305 bytes are more than 4194304"), "{error}");
}
