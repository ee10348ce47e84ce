//! Plans and prices from files of their own: at the start, by `config check`, and read again while the daemon runs.

use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::time::Duration;

use protocol::{Command, Operation, OperationFlags, Outcome, ReloadView, View};

use super::commands::{command_id, funded};
use super::daemon::Daemon;
use super::requests::{ACCOUNT, hold_id};
use super::wire::Wire;

const PLANS: &str = r#"version = 1

[[plan]]
id = 1
name = "basic"
tier = 1
credits = 1000

[[plan]]
id = 2
name = "pro"
tier = 3
credits = 5000

[[bundle]]
name = "small"
credits = 300
"#;

const RATES: &str = r#"version = 1

[[tool]]
id = 1
name = "image"

[[model]]
id = 10
name = "flux"
tools = ["image"]
price = 24

[[model]]
id = 11
name = "banana"
tools = ["image"]
price = 73.5
"#;

/// A configuration with files of its own.
pub(super) struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    pub(super) fn new() -> Self {
        let files = Self { folder: tempfile::tempdir().unwrap() };
        files.write("plans.toml", PLANS);
        files.write("rates.toml", RATES);
        files.write("creditd.toml", "[catalog]\nplans = \"plans.toml\"\nrates = \"rates.toml\"\n");
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// Writes a file with one part of it replaced.
    fn change(&self, name: &str, original: &str, from: &str, to: &str) {
        assert!(original.contains(from), "{from} in {name}");
        self.write(name, &original.replacen(from, to, 1));
    }

    pub(super) fn daemon(&self) -> Daemon {
        Daemon::configured(&self.path("creditd.toml"))
    }
}

fn reload(wire: &mut Wire) -> ReloadView {
    let answer = wire.command(&Command::Reload);
    assert_eq!(answer.outcome, Outcome::Done);
    let View::Reload(view) = answer.view else { panic!("a reload is shown") };
    *view
}

fn changed(view: &ReloadView) -> Vec<String> {
    view.changed.as_slice().iter().map(ToString::to_string).collect()
}

/// An operation that the daemon prices: the model, the price that is expected.
fn priced(model: u32, expected: u64) -> Operation {
    let mut operation = Operation::reserve(hold_id(), ACCOUNT, expected, 60_000);
    operation.flags = OperationFlags::PRICED;
    (operation.tool, operation.model, operation.count) = (1, model, 1);
    operation
}

#[test]
fn the_samples_come_with_the_program() {
    let daemon = Daemon::in_memory(&[]);
    let mut wire = Wire::connect(&daemon);
    let View::Plans(plans) = wire.command(&Command::ListPlans).view else { panic!("plans are shown") };
    assert!(plans.plans.as_slice().iter().any(|plan| plan.name.as_str() == "pro"));
    assert!(!plans.bundles.as_slice().is_empty());
    let View::Rates(rates) = wire.command(&Command::ListRates).view else { panic!("prices are shown") };
    assert!(rates.models.as_slice().len() >= 25, "{}", rates.models.as_slice().len());
}

#[test]
fn files_beside_the_configuration_are_read() {
    let files = Files::new();
    let daemon = files.daemon();
    let mut wire = Wire::connect(&daemon);
    let View::Plans(plans) = wire.command(&Command::ListPlans).view else { panic!("plans are shown") };
    let names: Vec<&str> = plans.plans.as_slice().iter().map(|plan| plan.name.as_str()).collect();
    assert_eq!(names, ["basic", "pro"]);
    let View::Rates(rates) = wire.command(&Command::ListRates).view else { panic!("prices are shown") };
    let models: Vec<(&str, u64)> =
        rates.models.as_slice().iter().map(|model| (model.key.as_str(), model.price)).collect();
    assert_eq!(models, [("flux", 24_000), ("banana", 73_500)]);
}

#[test]
fn a_start_with_a_bad_file_says_where_it_is_wrong() {
    let files = Files::new();
    files.change("rates.toml", RATES, "price = 24", "prise = 24");
    let run = |arguments: &[&str], file: &Path| {
        Process::new(env!("CARGO_BIN_EXE_creditd")).args(arguments).arg(file).output().unwrap()
    };
    let started = run(&["run", "--durability", "memory", "--config"], &files.path("creditd.toml"));
    let checked = run(&["config", "check"], &files.path("creditd.toml"));
    for refused in [started, checked] {
        assert_eq!(refused.status.code(), Some(78));
        let message = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(message.contains("rates.toml, line 11: "), "{message}");
        assert!(message.contains("did you mean \"price\"?"), "{message}");
    }
    files.write("rates.toml", RATES);
    let valid = run(&["config", "check"], &files.path("creditd.toml"));
    assert_eq!((valid.status.code(), valid.stdout.as_slice()), (Some(0), b"valid\n".as_slice()));
}

#[test]
fn a_file_that_is_not_there_is_named_with_its_key() {
    let files = Files::new();
    std::fs::remove_file(files.path("plans.toml")).unwrap();
    let refused = Process::new(env!("CARGO_BIN_EXE_creditd"))
        .args(["run", "--durability", "memory", "--config"])
        .arg(files.path("creditd.toml"))
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(78));
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(message.contains("catalog.plans = ") && message.contains("plans.toml: "), "{message}");
}

/// R17, R18: a reload says what is different, and prices from then on.
#[test]
fn a_reload_says_what_changed_and_what_waits_for_a_restart() {
    let files = Files::new();
    let daemon = files.daemon();
    let mut wire = Wire::connect(&daemon);
    assert_eq!(changed(&reload(&mut wire)), [""; 0]);

    let rates = RATES.replace("version = 1", "version = 2\nretired = [11]").replace("price = 24", "price = 30");
    files.write("rates.toml", &rates.replace("id = 11\nname = \"banana\"", "id = 12\nname = \"mango\""));
    files.change("plans.toml", PLANS, "credits = 5000", "credits = 6000");
    files.write(
        "creditd.toml",
        "[catalog]\nplans = \"plans.toml\"\nrates = \"rates.toml\"\n[holds]\nmemory_max = 2048\n",
    );
    let view = reload(&mut wire);
    assert_eq!(view.error.as_str(), "");
    assert_eq!((view.plans_version, view.rates_version), (1, 2));
    let expected = [
        "plan pro: 5000 -> 6000 credits a cycle",
        "model banana removed",
        "model flux: price 24 -> 30",
        "model mango added",
    ];
    assert_eq!(changed(&view), expected);
    let waiting: Vec<&str> = view.needs_restart.as_slice().iter().map(|key| key.as_str()).collect();
    assert_eq!(waiting, ["holds.memory_max"]);

    funded(&mut wire);
    let answers = wire.ask(&[priced(10, 0), priced(11, 0)]);
    assert_eq!((answers[0].outcome, answers[0].split.free), (Outcome::Granted, 30_000));
    assert_eq!(answers[1].outcome, Outcome::Unpriced);
}

/// Every mistake is refused with its place, and the daemon goes on as it was.
#[test]
fn a_reload_of_a_bad_file_changes_nothing() {
    let files = Files::new();
    let daemon = files.daemon();
    let mut wire = Wire::connect(&daemon);
    funded(&mut wire);
    let cases = [
        ("rates.toml", RATES, "price = 24", "prise = 24", "rates.toml, line 11", "did you mean \"price\"?"),
        ("rates.toml", RATES, "price = 24", "price = -24", "rates.toml, line 11", ""),
        ("rates.toml", RATES, "price = 24", "price = 24\nmin_tier = 16", "rates.toml, line 12", ""),
        ("rates.toml", RATES, "price = 24", "price = 24\nmin_tier = 9", "rates.toml, line 12", "of a plan is 3"),
        ("rates.toml", RATES, "name = \"flux\"", "name = \"fluxus\"", "rates.toml, line ", "belongs to \"flux\""),
        ("rates.toml", RATES, "price = 24", "price = 25", "rates.toml, line 1", "version = 2"),
        ("plans.toml", PLANS, "name = \"pro\"", "name = \"basic\"", "plans.toml, line ", ""),
        ("plans.toml", PLANS, "name = \"pro\"", "name = \"ultra\"", "plans.toml, line ", "pro"),
        ("plans.toml", PLANS, "id = 2", "id = 3", "plans.toml, line 1", "add 2 to retired"),
        ("plans.toml", PLANS, "tier = 3", "teir = 3", "plans.toml, line 12", "did you mean \"tier\"?"),
        ("plans.toml", PLANS, "credits = 5000", "credits = -1", "plans.toml, line 13", ""),
        ("creditd.toml", "[catalog]\n", "[catalog]", "[catalogue]", "creditd.toml, line 1", "did you mean `catalog`?"),
    ];
    let good = std::fs::read_to_string(files.path("creditd.toml")).unwrap();
    for (name, original, from, to, place, hint) in cases {
        files.change(name, original, from, to);
        let view = reload(&mut wire);
        let error = view.error.as_str();
        assert!(error.contains(place) && error.contains(hint), "{to}: {error}");
        assert_eq!((view.plans_version, view.rates_version), (1, 1));
        assert_eq!(changed(&view), [""; 0]);
        files.write(name, if name == "creditd.toml" { &good } else { original });
    }
    let mut model = priced(10, 24_000);
    model.hold = hold_id();
    assert_eq!(wire.ask(&[model])[0].outcome, Outcome::Granted, "the old card stays");
    assert_eq!(changed(&reload(&mut wire)), [""; 0]);
}

/// A mistake in one file leaves the other as it was too.
#[test]
fn a_reload_is_all_or_nothing() {
    let files = Files::new();
    let daemon = files.daemon();
    let mut wire = Wire::connect(&daemon);
    files.change("plans.toml", PLANS, "credits = 5000", "credits = 6000");
    files.change("rates.toml", RATES, "price = 24", "price = \"a lot\"");
    assert!(reload(&mut wire).error.as_str().contains("rates.toml, line 11"));
    let View::Plans(plans) = wire.command(&Command::ListPlans).view else { panic!("plans are shown") };
    assert_eq!(plans.plans.as_slice()[1].credits, 5_000_000);
}

#[test]
fn a_hangup_reloads_and_ends_nothing() {
    let files = Files::new();
    let daemon = files.daemon();
    let mut wire = Wire::connect(&daemon);
    let rates = RATES.replace("version = 1", "version = 2").replace("price = 24", "price = 30");
    files.write("rates.toml", &rates);
    daemon.hang_up();
    let is_there = || {
        std::thread::sleep(Duration::from_millis(20));
        let View::Rates(rates) = wire.command(&Command::ListRates).view else { panic!("prices are shown") };
        rates.version == 2
    };
    assert!(std::iter::repeat_with(is_there).take(1_000).any(|there| there), "the signal does not reload");
    files.write("rates.toml", "nothing of use");
    daemon.hang_up();
    std::thread::sleep(Duration::from_millis(100));
    let View::Rates(rates) = wire.command(&Command::ListRates).view else { panic!("prices are shown") };
    assert_eq!(rates.version, 2);
}

/// R18: a hold keeps the version that it was priced with, and its retry gets the first decision.
#[test]
fn a_hold_that_was_priced_before_a_reload_keeps_its_price() {
    let files = Files::new();
    let daemon = files.daemon();
    let mut wire = Wire::connect(&daemon);
    funded(&mut wire);
    let (unsaid, expected) = (priced(10, 0), priced(10, 24_000));
    let first = wire.ask(&[unsaid, expected]);
    assert!(first.iter().all(|answer| answer.outcome == Outcome::Granted && answer.split.free == 24_000));

    let rates = RATES.replace("version = 1", "version = 2").replace("price = 24", "price = 30");
    files.write("rates.toml", &rates);
    assert_eq!(changed(&reload(&mut wire)), ["model flux: price 24 -> 30"]);

    let again = wire.ask(&[unsaid, expected]);
    for (again, first) in again.iter().zip(&first) {
        assert_eq!((again.outcome, again.split, again.position), (Outcome::Replayed, first.split, first.position));
    }
    let other = wire.ask(&[priced(10, 24_000)]);
    assert_eq!((other[0].outcome, other[0].amount), (Outcome::PriceChanged, 30_000));
    let committed = wire.ask(&[Operation::commit_all(unsaid.hold, ACCOUNT, 1)]);
    assert_eq!((committed[0].outcome, committed[0].split.free), (Outcome::Done, 24_000));
}

/// R9: who has subscribed keeps the credits of then.
#[test]
fn a_subscription_keeps_its_terms_over_a_reload() {
    let files = Files::new();
    let daemon = files.daemon();
    let mut wire = Wire::connect(&daemon);
    funded(&mut wire);
    let (command, plan) = (command_id(), 1);
    let subscribe = Command::Subscribe { command, account: ACCOUNT, plan, auto_renew: true, paid_through_ms: 0 };
    assert_eq!(wire.command(&subscribe).outcome, Outcome::Done);
    files.change("plans.toml", PLANS, "credits = 1000", "credits = 2000");
    assert_eq!(changed(&reload(&mut wire)), ["plan basic: 1000 -> 2000 credits a cycle"]);
    let View::Account(account) = wire.command(&Command::ShowAccount { account: ACCOUNT }).view else {
        panic!("an account is shown")
    };
    assert_eq!(account.plan.map(|plan| plan.allocation), Some(1_000_000));
    assert_eq!(account.subscription.available, 1_000_000);
}
