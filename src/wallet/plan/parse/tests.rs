//! The catalogue's file: what it reads, and how each mistake is refused (R9, R14).

use super::{plan_catalog, successor};
use crate::credits::Credits;
use crate::ids::{PlanId, Tier};
use crate::plan::{BUNDLES_MAX, BillingTerm, Bundle, PLANS_MAX, Plan, PlanCatalog, RetiredPlan};

const SAMPLE: &str = include_str!("../../../../config/plans.toml");

const GOOD: &str = r#"version = 3
retired = [7]

[[plan]]
id = 2
name = "pro"
title = "Pro, for studios"
tier = 3
credits = 10_500
term = "yearly"
top_up = false

[[plan]]
id = 1
name = "basic"
tier = 1
credits = "73.5"

[[bundle]]
name = "boost"
credits = 300.125
"#;

/// The list of retired plans of [`GOOD`] with that without top-ups in it.
const WITH_PRO: &str = "[7, { id = 2, top_up = false }]";

fn good() -> PlanCatalog {
    plan_catalog("plans.toml", GOOD).unwrap()
}

/// What is said of the good file with one text in the place of another.
fn refused(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    plan_catalog("plans.toml", &GOOD.replacen(from, to, 1)).unwrap_err().to_string()
}

#[test]
fn r9_a_plan_has_all_that_its_table_says_and_the_defaults() {
    let catalog = good();
    assert_eq!(catalog.version(), 3);
    let basic = Plan {
        id: PlanId(1),
        name: "basic".to_owned(),
        title: "basic".to_owned(),
        tier: Tier(1),
        credits: Credits::from_millis(73_500),
        term: BillingTerm::Monthly,
        top_up: true,
    };
    let pro = Plan {
        id: PlanId(2),
        name: "pro".to_owned(),
        title: "Pro, for studios".to_owned(),
        tier: Tier(3),
        credits: Credits::from_whole(10_500),
        term: BillingTerm::Yearly,
        top_up: false,
    };
    assert_eq!(catalog.all(), [basic, pro], "by id");
    assert_eq!(catalog.by_name("pro"), catalog.by_id(PlanId(2)));
    assert_eq!((catalog.by_name("Pro"), catalog.by_id(PlanId(7)), catalog.by_id(PlanId::NONE)), (None, None, None));
}

#[test]
fn r14_a_bundle_has_a_name_and_credits() {
    let boost = Bundle { name: "boost".to_owned(), credits: Credits::from_millis(300_125) };
    assert_eq!(good().bundle("boost"), Some(&boost));
    assert_eq!(good().bundle("boots"), None);
}

#[test]
fn r9_the_sample_has_every_plan_in_every_term() {
    let catalog = plan_catalog("config/plans.toml", SAMPLE).unwrap();
    assert_eq!(catalog.all().len(), 12);
    for (tier, name) in ["basic", "standard", "pro", "ultimate"].into_iter().enumerate() {
        for (term, suffix) in BillingTerm::ALL.into_iter().zip(["", "-quarterly", "-yearly"]) {
            let plan = catalog.by_name(&format!("{name}{suffix}")).unwrap();
            assert_eq!((usize::from(plan.tier.0), plan.term), (tier + 1, term), "{}", plan.name);
            let monthly = catalog.by_name(name).unwrap();
            assert_eq!(plan.credits, monthly.credits, "monthly credits, whatever the term");
        }
    }
    let bundles: Vec<_> = catalog.bundles().iter().map(|bundle| bundle.credits).collect();
    let shaped_after = [300, 1_000, 2_000, 3_000, 5_000, 10_000].map(Credits::from_whole);
    assert!(bundles.starts_with(&shaped_after), "{bundles:?}");
}

#[test]
fn r9_an_empty_catalogue_is_one() {
    let catalog = plan_catalog("plans.toml", "version = 1").unwrap();
    assert!(catalog.all().is_empty() && catalog.bundles().is_empty());
    assert_eq!(catalog.cheapest_covering(Credits::ZERO, Tier::NONE), None);
    assert_eq!(catalog.upgrade_for(Tier::NONE, Credits::ZERO), None);
}

#[test]
fn r9_each_mistake_is_refused_with_file_line_key_and_hint() {
    let most = "137438953.471";
    for (from, to, expected) in [
        ("version = 3\n", "", "plans.toml, line 1: version: missing; this table needs version = ..."),
        ("version = 3", "version = 0", "plans.toml, line 1: version: 0 is not a whole number from 1 to 4294967295"),
        ("tier = 3", "teir = 3", "plans.toml, line 8: plan.teir: unknown key; did you mean \"tier\"?"),
        ("[[bundle]]", "[[bundel]]", "plans.toml, line 19: bundel: unknown key; did you mean \"bundle\"?"),
        ("tier = 3\n", "", "plans.toml, line 4: plan.tier: missing; this table needs tier = ..."),
        ("tier = 3", "tier = 0", "plans.toml, line 8: plan.tier: 0 is not a whole number from 1 to 15"),
        ("tier = 3", "tier = 16", "plans.toml, line 8: plan.tier: 16 is not a whole number from 1 to 15"),
        ("tier = 3", "tier = -1", "plans.toml, line 8: plan.tier: -1 is not a whole number from 1 to 15"),
        ("id = 2", "id = 0", "plans.toml, line 5: plan.id: 0 is not a whole number from 1 to 65535"),
        ("id = 2", "id = 65536", "plans.toml, line 5: plan.id: 65536 is not a whole number from 1 to 65535"),
        ("id = 1", "id = 2", "plans.toml, line 14: plan.id: plan id 2 is used twice; it is that of the plan in line 5"),
        ("id = 1", "id = 7", "plans.toml, line 14: plan.id: id 7 is retired; take an id that was never used"),
        (
            "\"basic\"",
            "\"PRO\"",
            "plans.toml, line 15: plan.name: plan name \"PRO\" is used twice; it is that of the plan in line 6",
        ),
        ("10_500", "-1", "plans.toml, line 9: plan.credits: -1 is negative; 0 is the least"),
        (
            "10_500",
            "137438953.472",
            &format!("plans.toml, line 9: plan.credits: 137438953.472 is not an amount of at most {most} credits"),
        ),
        (
            "10_500",
            "0.0001",
            "plans.toml, line 9: plan.credits: 0.0001 has more than three decimals; the smallest amount is 0.001 credits",
        ),
        ("10_500", "true", "plans.toml, line 9: plan.credits: true is not an amount of credits, such as 73.5"),
        (
            "\"yearly\"",
            "\"anual\"",
            "plans.toml, line 10: plan.term: \"anual\" is not one of monthly, quarterly, yearly; it is one of monthly, \
             quarterly, yearly",
        ),
        (
            "\"yearly\"",
            "\"yearl\"",
            "plans.toml, line 10: plan.term: \"yearl\" is not one of monthly, quarterly, yearly; did you mean \"yearly\"?",
        ),
        ("top_up = false", "top_up = 0", "plans.toml, line 11: plan.top_up: 0 is not true or false"),
        ("300.125", "0", "plans.toml, line 21: bundle.credits: a bundle brings more than 0 credits"),
        (
            "300.125",
            "137438953.472",
            &format!("plans.toml, line 21: bundle.credits: 137438953.472 is not an amount of at most {most} credits"),
        ),
        (
            "300.125",
            "1\n[[bundle]]\nname = \"boost\"\ncredits = 2",
            "plans.toml, line 23: bundle.name: bundle name \"boost\" is used twice; it is that of the bundle in line 20",
        ),
        ("retired = [7]", "retired = [7, 0]", "plans.toml, line 2: retired: 0 is not a whole number from 1 to 65535"),
    ] {
        assert_eq!(refused(from, to), expected);
    }
    let not_toml = refused("id = 2", "id = ");
    assert!(not_toml.starts_with("plans.toml, line 5: "), "{not_toml}");
}

#[test]
fn r9_the_most_credits_are_half_of_the_field() {
    let most = GOOD.replace("10_500", "137438953.471").replace("300.125", "\"137438953.471\"");
    let catalog = plan_catalog("plans.toml", &most).unwrap();
    let half = Credits::from_millis(((1 << 38) - 1) / 2);
    assert_eq!(catalog.by_name("pro").unwrap().credits, half);
    assert_eq!(catalog.bundle("boost").unwrap().credits, half);
}

#[test]
fn r9_a_catalogue_has_a_limit() {
    let plan = |id: usize| format!("[[plan]]\nid = {id}\nname = \"p{id}\"\ntier = 1\ncredits = 1\n");
    let plans = |count| (1..=count).map(plan).collect::<String>();
    assert!(plan_catalog("plans.toml", &format!("version = 1\n{}", plans(PLANS_MAX))).is_ok());
    let beyond = plan_catalog("plans.toml", &format!("version = 1\n{}", plans(PLANS_MAX + 1))).unwrap_err();
    assert_eq!((beyond.message.as_str(), beyond.line), ("more than 256 plans", 2 + 256 * 5));
    let bundles: String = (0..=BUNDLES_MAX).map(|id| format!("[[bundle]]\nname = \"b{id}\"\ncredits = 1\n")).collect();
    let beyond = plan_catalog("plans.toml", &format!("version = 1\n{bundles}")).unwrap_err();
    assert_eq!(beyond.message, "more than 64 bundles");
}

#[test]
fn r9_an_id_stays_with_its_name() {
    let old = good();
    let next = |from: &str, to: &str| successor("plans.toml", &GOOD.replace(from, to), &old);
    assert_eq!(next("", "").unwrap(), old);
    assert!(next("10_500", "12_000").is_ok(), "credits may change");
    let gone = |text: String| text.replace("[7]", WITH_PRO);
    assert!(successor("plans.toml", &gone(GOOD.replace("id = 2", "id = 3")), &old).is_ok(), "so may what is on offer");
    let renamed = next("\"pro\"", "\"max\"").unwrap_err().to_string();
    assert_eq!(
        renamed,
        "plans.toml, line 5: plan.id: plan id 2 belongs to \"pro\" and cannot be that of \"max\"; \
         take an id that was never used"
    );
    let revived = successor("plans.toml", &GOOD.replace("[7]", "[]").replace("id = 2", "id = 7"), &old).unwrap_err();
    assert_eq!(revived.message, "plan id 7 was retired and cannot be that of \"pro\"");
    assert_eq!(PlanCatalog::reuses_ids(&PlanCatalog::default(), &old), None);
}

#[test]
fn r9_an_id_that_is_gone_is_retired_for_good() {
    let old = good();
    let next = |from: &str, to: &str| successor("plans.toml", &GOOD.replace(from, to), &old).unwrap_err().to_string();
    assert_eq!(
        next("id = 2", "id = 3"),
        "plans.toml, line 2: retired: plan 2 is gone; add { id = 2, top_up = false } to retired"
    );
    assert_eq!(next("id = 1\n", "id = 3\n"), "plans.toml, line 2: retired: plan 1 is gone; add 1 to retired");
    assert_eq!(next("[7]", "[]"), "plans.toml, line 2: retired: plan 7 is gone; add 7 to retired");
    let without_list = successor("plans.toml", &GOOD.replace("retired = [7]", ""), &old).unwrap_err();
    assert_eq!((without_list.line, without_list.message.as_str()), (1, "plan 7 is gone"));
    // However many catalogues lie in between, the first one's ids are known to the last.
    let between = successor("plans.toml", &GOOD.replace("id = 2", "id = 3").replace("[7]", WITH_PRO), &old).unwrap();
    let back = successor("plans.toml", &GOOD.replace("\"pro\"", "\"max\""), &between).unwrap_err();
    assert_eq!(back.message, "plan id 2 was retired and cannot be that of \"max\"");
}

#[test]
fn r14_a_plan_is_retired_with_what_it_allows() {
    let old = good();
    assert!(old.without_top_up().eq([PlanId(2)]));
    assert_eq!(old.retired(), [RetiredPlan { id: PlanId(7), top_up: true }]);
    let retired = |list: &str| {
        successor(
            "plans.toml",
            &GOOD.replace("id = 2", "id = 3").replace("top_up = false", "").replace("[7]", list),
            &old,
        )
    };
    let without = retired(WITH_PRO).unwrap();
    assert!(without.without_top_up().eq([PlanId(2)]));
    for list in ["[2, 7]", "[7, { id = 2, top_up = true }]", "[7, { id = 2 }]"] {
        assert_eq!(
            retired(list).unwrap_err().to_string(),
            "plans.toml, line 2: retired: the subscribers of plan 2 may not buy top-ups; \
             retire it as { id = 2, top_up = false }"
        );
    }
    let twice = retired("[2, 7, { id = 2, top_up = false }]").unwrap_err();
    assert_eq!(twice.message, "plan 2 is retired with top_up and without");
    assert_eq!(retired("[{ id = 2, topup = false }]").unwrap_err().key, "retired.topup");
    assert_eq!(retired("[{ top_up = false }]").unwrap_err().message, "missing");
}

#[test]
fn r20_r21_the_cheapest_plan_that_covers_a_need_and_may_use_all_of_it() {
    let catalog = plan_catalog("config/plans.toml", SAMPLE).unwrap();
    let covering = |credits, tier| {
        catalog.cheapest_covering(Credits::from_whole(credits), Tier(tier)).map(|plan| plan.name.as_str())
    };
    for (need, min_tier, plan) in [
        (0, 0, Some("basic")),
        (3_100, 1, Some("basic")),
        (3_101, 1, Some("standard")),
        (26_000, 0, Some("pro")),
        (62_040, 0, Some("ultimate")),
        (80_652, 0, Some("ultimate")),
        (85_001, 0, None),
        (0, 2, Some("standard")),
        (100, 3, Some("pro")),
        (62_040, 3, Some("ultimate")),
        (0, 5, None),
    ] {
        assert_eq!(covering(need, min_tier), plan, "{need} for tier {min_tier}");
    }
}

#[test]
fn r40_the_upgrade_is_the_lowest_plan_above_that_is_enough() {
    let catalog = plan_catalog("config/plans.toml", SAMPLE).unwrap();
    let upgrade =
        |tier, credits| catalog.upgrade_for(Tier(tier), Credits::from_whole(credits)).map(|plan| plan.name.as_str());
    for (tier, needed, plan) in [
        (0, 100, Some("basic")),
        (0, 4_000, Some("standard")),
        (1, 100, Some("standard")),
        (1, 20_000, Some("pro")),
        (3, 100, Some("ultimate")),
        (0, 1_000_000, Some("ultimate")),
        (4, 100, None),
    ] {
        assert_eq!(upgrade(tier, needed), plan, "{tier} {needed}");
    }
}

proptest::proptest! {
    #[test]
    fn r9_no_text_makes_the_parser_panic(text in "\\PC{0,64}", at in 0..GOOD.len(), length in 0..32_usize) {
        let _ = plan_catalog("plans.toml", &text);
        let spoilt: String = GOOD.chars().take(at).chain(text.chars()).chain(GOOD.chars().skip(at + length)).collect();
        let _ = plan_catalog("plans.toml", &spoilt);
    }
}
