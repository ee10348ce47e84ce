//! Plans as they look, from the daemon and from a file.

use protocol::{BillingTerm, List, Text};

use super::*;

fn view() -> PlansView {
    let plan = |number, name, tier, credits, term| PlanView {
        plan: number,
        name: Text::cut(name),
        title: Text::cut(name),
        tier,
        credits,
        term,
        top_up: tier < 4,
    };
    let plans = vec![
        plan(11, "basic", 1, 3_100_000, BillingTerm::Monthly),
        plan(43, "ultimate-yearly", 4, 85_000_500, BillingTerm::Yearly),
    ];
    let bundles = vec![BundleView { name: Text::cut("boost-300"), credits: 300_000 }];
    PlansView { version: 1, plans: List::new(plans).unwrap(), bundles: List::new(bundles).unwrap() }
}

/// R9, R14: what can be subscribed to, and what can be bought beside it.
#[test]
fn plans_and_bundles_are_listed() {
    let shown = catalogue(&view());
    let text = "\
plan             number  tier  credits a cycle     paid  top-up
basic                11     1             3100  monthly     yes
ultimate-yearly      43     4          85000.5   yearly      no

bundle     credits
boost-300      300
";
    assert_eq!(shown.text, text);
    assert_eq!(shown.json["plans"][1]["credits_per_cycle"], "85000.5");
    assert_eq!(shown.json["bundles"][0], json!({ "name": "boost-300", "credits": "300" }));
}

#[test]
fn a_plan_is_shown_by_name_and_by_number() {
    for named in ["basic", "11"] {
        let shown = show(&view(), &Named(named.to_owned())).unwrap();
        assert!(shown.text.contains("credits a cycle  3100\n"), "{}", shown.text);
        assert_eq!(shown.json["term"], "monthly");
    }
    let failure = show(&view(), &Named("12".to_owned())).unwrap_err();
    assert_eq!((failure.exit, failure.code), (Exit::Refused, "unknown_plan"));
    assert_eq!(show(&view(), &Named("gold".to_owned())).unwrap_err().exit, Exit::Usage);
}

/// R9: the sample file is right, and a mistake is told with its line.
#[test]
fn files_are_checked_without_a_daemon() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/plans.toml");
    let shown = checked("plans.toml", &files::read(sample.as_ref(), plan_catalog).unwrap());
    assert!(shown.text.contains("plans.toml is right: version "), "{}", shown.text);
    assert_eq!(shown.json["ok"], true);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plans.toml");
    std::fs::write(&file, "version = 1\n\n[[plan]]\nid = 1\nname = \"pro\"\ntier = 1\ncredit = 5\n").unwrap();
    let failure = files::read(&file, plan_catalog).unwrap_err();
    assert_eq!((failure.exit, failure.code), (Exit::Configuration, "bad_file"));
    assert!(failure.message.contains("plans.toml, line 7: "), "{}", failure.message);
    assert!(failure.message.contains("did you mean \"credits\"?"), "{}", failure.message);
    let missing = files::read(&folder.path().join("none.toml"), plan_catalog).unwrap_err();
    assert_eq!(missing.exit, Exit::Configuration);
    // What the daemon does not read is not called right here (decision 0012).
    std::fs::File::create(&file).unwrap().set_len((4 << 20) + 1).unwrap();
    let too_long = files::read(&file, plan_catalog).unwrap_err();
    assert!(too_long.message.ends_with("plans.toml: it has more than 4194304 bytes"), "{}", too_long.message);
}
