//! The daemon's configuration.

use creditd::config::Config;

/// Any text is a configuration or says what is wrong with it.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Config::from_text(text, "fuzz.toml") {
        Ok(config) => {
            let shown = config.to_toml().unwrap();
            assert_eq!(Config::from_text(&shown, "shown").as_ref(), Ok(&config), "what is shown can be read again");
            assert_eq!(config.differing_keys(&config).as_deref(), Ok(&[] as &[String]));
            if let Ok(settings) = config.validate() {
                assert_eq!(settings.config, config);
                assert!(settings.worker_threads > 0);
                let rules = settings.rules();
                assert!(rules.hold_ttl_default_ms <= rules.hold_ttl_max_ms);
            }
        }
        Err(error) => assert!(error.to_string().starts_with("fuzz.toml, line "), "{error} has no place"),
    }
}

/// The shipped file, each part of it alone, and what once failed.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = super::seeds::parts("config/default.toml", "[");
    seeds.push(b"[audit]\ninterval_ms = 9999999999999991000".to_vec());
    seeds.push(b"[log]\nfilter = \"k[b{f=.....*.......1..............al_mhhhhhh}]\"".to_vec());
    seeds
}
