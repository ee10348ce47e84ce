//! A card that takes the place of another: ids keep their names, and what is gone stays retired.

use super::{CARD, card, changed};
use crate::rate_card::RateCard;
use crate::rate_card::parse::{rate_card, successor};

/// R17, R18: a card may take the place of another one when ids keep their names and the version goes up.
#[test]
fn a_reload_keeps_ids_and_raises_the_version() {
    let old = card(CARD);
    let next = |from: &str, to: &str| changed(from, to).replace("version = 1", "version = 2");
    let unused = "take an id that was never used";
    for (text, expected) in [
        (
            next("name = \"clip\"", "name = \"film\""),
            format!(
                "r.toml, line 16: model.id: model id 2 belongs to \"clip\" and cannot be that of \"film\"; {unused}"
            ),
        ),
        (
            next("name = \"video\"", "name = \"film\"").replace("tools = [\"video\"]", "tools = [\"film\"]"),
            format!("r.toml, line 8: tool.id: tool id 2 belongs to \"video\" and cannot be that of \"film\"; {unused}"),
        ),
        (
            next("retired = [9]\n", "").replace("id = 2\nname = \"clip\"", "id = 9\nname = \"film\""),
            format!("r.toml, line 15: model.id: model id 9 was retired and cannot be that of \"film\"; {unused}"),
        ),
        (
            next("name = \"low\"", "name = \"draft\""),
            format!(
                "r.toml, line 16: model.id: quality id 1 of model 2 belongs to \"low\" and cannot be that of \"draft\"; \
                 {unused}"
            ),
        ),
        (
            next("name = \"720p\"", "name = \"700p\""),
            format!(
                "r.toml, line 16: model.id: resolution id 1 of model 2 belongs to \"720p\" and cannot be that of \"700p\"; \
                 {unused}"
            ),
        ),
        (
            next("name = \"sound\"", "name = \"music\""),
            format!(
                "r.toml, line 16: model.id: add-on id 1 of model 2 belongs to \"sound\" and cannot be that of \"music\"; \
                 {unused}"
            ),
        ),
        (
            next("id = 2\nname = \"clip\"", "id = 3\nname = \"clip\""),
            "r.toml, line 2: retired: model 2 is gone; add 2 to retired".to_owned(),
        ),
        (
            next("retired = [9]", "retired = []"),
            "r.toml, line 2: retired: model 9 is gone; add 9 to retired".to_owned(),
        ),
        (next("retired = [9]\n", ""), "r.toml, line 1: retired: model 9 is gone; add 9 to retired".to_owned()),
        (
            next("id = 2\nname = \"video\"", "id = 3\nname = \"video\""),
            "r.toml, line 1: tool: tool 2, \"video\", is gone; keep it; no model needs to name it".to_owned(),
        ),
        (
            changed("price = 24", "price = 25"),
            "r.toml, line 1: version: a changed card needs a version above 1; version = 2".to_owned(),
        ),
    ] {
        assert_eq!(successor("r.toml", &text, &old).unwrap_err().to_string(), expected, "{text}");
    }
    assert_eq!(successor("r.toml", CARD, &old).as_ref(), Ok(&old), "the same card again");
    assert_eq!(successor("r.toml", &next("price = 24", "price = 25"), &old).unwrap().version(), 2);
    assert_eq!(successor("r.toml", CARD, &RateCard::default()).as_ref(), Ok(&old), "the first card");
    assert_eq!(RateCard::reuses_ids(&old, &old), None);
}

/// R17: an id that is gone from a model names something in records for ever, however many cards come in between.
#[test]
fn r17_a_part_of_a_model_that_is_gone_is_retired() {
    let card = |version: u8, parts: &str| {
        format!(
            "version = {version}\n[[tool]]\nid = 1\nname = \"video\"\n[[model]]\nid = 7\nname = \"clip\"\ntools = [\"video\"]\n\
             price = 1\n{parts}"
        )
    };
    for (key, retired, what, of_two, of_other) in [
        ("qualities", "retired_qualities", "quality", ["low", "high"], "max"),
        ("resolutions", "retired_resolutions", "resolution", ["720p", "1080p"], "4k"),
        ("add_ons", "retired_add_ons", "add-on", ["sound", "music"], "voice"),
    ] {
        let entry = |id: u8, name: &str| {
            let price = if key == "add_ons" { ", price = 1" } else { "" };
            format!("{{ id = {id}, name = \"{name}\"{price} }}")
        };
        let [one, two] = of_two;
        let both = card(1, &format!("{key} = [{}, {}]", entry(1, one), entry(2, two)));
        let first = rate_card("r.toml", &both).unwrap();
        let lost = card(2, &format!("{key} = [{}]", entry(1, one)));
        let error = successor("r.toml", &lost, &first).unwrap_err().to_string();
        let expected = format!("r.toml, line 5: model.{retired}: {what} 2 of model 7 is gone; add 2 to {retired}");
        assert_eq!(error, expected);
        let kept = card(2, &format!("{key} = [{}]\n{retired} = [2]", entry(1, one)));
        let second = successor("r.toml", &kept, &first).unwrap();
        // The card after it: neither another name for the id, nor a list that has lost it.
        for (third, said) in [
            (
                card(3, &format!("{key} = [{}, {}]", entry(1, one), entry(2, of_other))),
                format!("{what} id 2 of model 7 was retired and cannot be that of \"{of_other}\""),
            ),
            (card(3, &format!("{key} = [{}]", entry(1, one))), format!("{what} 2 of model 7 is gone")),
        ] {
            let error = successor("r.toml", &third, &second).unwrap_err();
            assert_eq!(error.message, said);
        }
        let again = card(3, &format!("{key} = [{}, {}]\n{retired} = [2]", entry(1, one), entry(3, of_other)));
        assert!(successor("r.toml", &again, &second).is_ok());
        let both_at_once = card(1, &format!("{key} = [{}]\n{retired} = [1]", entry(1, one)));
        let error = rate_card("r.toml", &both_at_once).unwrap_err();
        assert_eq!((error.line, error.message.as_str()), (11, "id 1 is in use"), "{error}");
        // A model that is gone takes its parts with it: its own id does not come back.
        let other = "[[model]]\nid = 8\nname = \"film\"\ntools = [\"video\"]\nprice = 1\n";
        let without = format!("retired = [7]\n{}", lost.split("[[model]]").next().unwrap());
        assert!(successor("r.toml", &format!("{without}{other}"), &first).is_ok());
    }
}
