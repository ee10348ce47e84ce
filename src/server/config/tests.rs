//! The configuration: the shipped file, precedence, errors that help, and contradictions.

use super::*;

const DEFAULT_TOML: &str = include_str!("../../../config/default.toml");

fn environment(pairs: &[(&str, &str)]) -> impl Iterator<Item = (OsString, OsString)> {
    pairs.iter().map(|(name, value)| (name.into(), value.into())).collect::<Vec<_>>().into_iter()
}

#[test]
fn the_shipped_file_is_the_default() {
    let shipped = load::from_text(DEFAULT_TOML, "default.toml").expect("it can be read");
    assert_eq!(shipped, Config::default());
}

#[test]
fn the_shipped_file_states_every_key() {
    let shipped: toml::Table = toml::from_str(DEFAULT_TOML).expect("TOML");
    let all = toml::Table::try_from(Config::default()).expect("TOML");
    assert_eq!(shipped, all);
}

#[test]
fn the_default_is_valid() {
    assert!(Config::default().validate().is_ok());
}

#[test]
fn what_is_shown_can_be_read_again() {
    let shown = Config::default().to_toml().expect("TOML");
    assert_eq!(load::from_text(&shown, "shown").expect("TOML"), Config::default());
}

#[test]
fn an_unknown_key_names_its_line_and_the_nearest_key() {
    let error = load::from_text("[journal]\ninterval_ms = 5\ndurabilty = \"sync\"\n", "c.toml").unwrap_err();
    assert_eq!(error.to_string(), "c.toml, line 3: unknown key `durabilty`; did you mean `durability`?");
}

#[test]
fn an_unknown_part_names_the_nearest_part() {
    let error = load::from_text("[jurnal]\n", "c.toml").unwrap_err();
    assert_eq!(error.to_string(), "c.toml, line 1: unknown key `jurnal`; did you mean `journal`?");
}

#[test]
fn a_bad_value_names_its_line() {
    let error = load::from_text("[free]\n\nallowance = \"1.2345\"\n", "c.toml").unwrap_err().to_string();
    assert!(error.starts_with("c.toml, line 3: not an amount of credits"), "{error}");
}

#[test]
fn a_path_of_the_catalogue_begins_at_the_folder_of_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("creditd.toml");
    std::fs::write(&file, "[catalog]\nplans = \"plans.toml\"\nrates = \"/etc/rates.toml\"\n").expect("written");
    let config = Config::load(Some(&file), environment(&[])).expect("it can be read");
    assert_eq!(config.catalog.plans, folder.path().join("plans.toml"));
    assert_eq!(config.catalog.rates, Path::new("/etc/rates.toml"));
    let pairs = [("CREDITD_CATALOG__PLANS", "other.toml"), ("CREDITD_CATALOG__RATES", "")];
    let config = Config::load(Some(&file), environment(&pairs)).expect("it can be read");
    assert_eq!(
        (config.catalog.plans.as_path(), config.catalog.rates.as_path()),
        (Path::new("other.toml"), Path::new(""))
    );
}

#[test]
fn a_file_that_is_far_too_long_is_not_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("creditd.toml");
    std::fs::File::create(&path).expect("made").set_len((1 << 20) + 1).expect("grown");
    let error = Config::load(Some(&path), environment(&[])).unwrap_err().to_string();
    assert_eq!(error, format!("{}: it has more than 1048576 bytes", path.display()));
}

/// TOML's integers have a sign; what goes beyond them could not be shown or compared, and no key would be named.
#[test]
fn an_integer_beyond_those_of_toml_is_refused_with_its_line() {
    for number in ["9223372036854775808", "18446744073709551615", "18446744073709551616"] {
        let text = format!("[audit]\n\ninterval_ms = {number}\n");
        let error = Config::from_text(&text, "creditd.toml").unwrap_err().to_string();
        assert!(error.starts_with("creditd.toml, line 3: "), "{error}");
    }
    let largest =
        Config::from_text("[audit]\ninterval_ms = 9223372036854775807\n", "creditd.toml").expect("it is read");
    assert_eq!(largest.differing_keys(&Config::default()).expect("TOML"), ["audit.interval_ms"]);
}

#[test]
fn differing_keys_are_named_with_their_part() {
    let mut config = Config::default();
    config.holds.memory_max = 2_048;
    config.log.filter = "warn".to_owned();
    assert_eq!(config.differing_keys(&Config::default()).expect("TOML"), ["holds.memory_max", "log.filter"]);
    assert_eq!(config.differing_keys(&config).expect("TOML"), [""; 0]);
}

#[test]
fn the_environment_goes_over_the_file() {
    let pairs = [
        ("CREDITD_JOURNAL__DURABILITY", "interval"),
        ("CREDITD_JOURNAL__INTERVAL_MS", "25"),
        ("CREDITD_FREE__ALLOWANCE", "73.5"),
        ("CREDITD_SERVER__LISTEN", "127.0.0.1:0"),
        ("CREDITD_KEY", "belongs to somebody else"),
        ("PATH", "/bin"),
    ];
    let config = Config::load(None, environment(&pairs)).expect("it can be read");
    assert_eq!(config.journal.durability, DurabilityKey::Interval);
    assert_eq!(config.journal.interval_ms, 25);
    assert_eq!(config.free.allowance, Credits::from_millis(73_500));
    assert_eq!(config.server.listen.port(), 0);
}

#[test]
fn the_environment_is_checked_like_the_file() {
    let wrong = |name, value| Config::load(None, environment(&[(name, value)])).unwrap_err().to_string();
    assert_eq!(
        wrong("CREDITD_JOURNAL__DURABILTY", "sync"),
        "CREDITD_JOURNAL__DURABILTY: unknown key `durabilty`; did you mean `durability`?"
    );
    assert_eq!(
        wrong("CREDITD_JURNAL__DURABILITY", "sync"),
        "CREDITD_JURNAL__DURABILITY: unknown key `jurnal`; did you mean `journal`?"
    );
    assert!(wrong("CREDITD_JOURNAL__INTERVAL_MS", "soon").contains("`soon` is not a whole number"));
    assert!(wrong("CREDITD_JOURNAL__DURABILITY", "never").contains("unknown variant `never`"));
}

#[test]
fn an_address_that_others_can_reach_is_refused() {
    let mut config = Config::default();
    config.server.listen = SocketAddr::from(([0, 0, 0, 0], 7411));
    let refused = config.validate().unwrap_err();
    assert_eq!(refused, Contradiction::NotLoopback { key: "server.listen", address: config.server.listen });
    let mut config = Config::default();
    config.server.http = SocketAddr::from(([10, 0, 0, 1], 7412));
    assert!(matches!(config.validate(), Err(Contradiction::NotLoopback { key: "server.http", .. })));
}

#[test]
fn contradictions_are_named() {
    let key_of = |change: fn(&mut Config)| {
        let mut config = Config::default();
        change(&mut config);
        match config.validate() {
            Err(Contradiction::OutOfRange { key, .. }) => key,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(key_of(|c| c.server.in_flight_operations_max = 1), "server.in_flight_operations_max");
    assert_eq!(key_of(|c| c.journal.settlement_share_records = 262_144), "journal.settlement_share_records");
    assert_eq!(key_of(|c| c.journal.interval_ms = 0), "journal.interval_ms");
    assert_eq!(key_of(|c| c.journal.file_bytes = (64 << 10) - 1), "journal.file_bytes");
    assert_eq!(key_of(|c| c.journal.file_bytes = (256 << 20) + 1), "journal.file_bytes");
    assert_eq!(key_of(|c| c.holds.ttl_default_ms = 0), "holds.ttl_default_ms");
    assert_eq!(key_of(|c| c.holds.age_max_ms = 5), "holds.age_max_ms");
    assert_eq!(key_of(|c| c.free.allowance = Credits::from_millis(1 << 27)), "free.allowance (millicredits)");
    let mut config = Config::default();
    config.free.allowance = Credits::from_millis((1 << 27) - 1);
    assert!(config.validate().is_ok(), "as much as a gift may bring");
    let mut config = Config::default();
    config.server.http = config.server.listen;
    assert!(matches!(config.validate(), Err(Contradiction::SameAddress { .. })));
    let mut config = Config::default();
    config.log.filter = "info,=".to_owned();
    assert!(matches!(config.validate(), Err(Contradiction::LogFilter { .. })));
}

/// The automaton of a regular expression can take all memory: none is made of what a filter says of a field.
#[test]
fn what_a_log_filter_says_of_a_field_is_text() {
    let mut config = Config::default();
    config.log.filter = "creditd[frame{peer=a(}]=debug".to_owned();
    assert!(config.validate().is_ok(), "this is no regular expression");
}

#[test]
fn the_rules_defaults_are_the_configured_defaults() {
    let settings = Config::default().validate().expect("valid");
    assert_eq!(settings.rules(), wallet::settings::Settings::default());
    assert_eq!(settings.config.journal.file_bytes, u64::try_from(journal::store::FILE_BYTES).expect("a size"));
}
