//! Rate cards as they look, from the daemon and from a file.

use protocol::{List, Text, ToolView};

use super::*;

/// R17: tools and models, with base prices in credits.
#[test]
fn the_card_is_listed() {
    let tool = ToolView { tool: 1, key: Text::cut("image"), name: Text::cut("Text to image") };
    let model = |number, key, price, pro| ModelView {
        model: number,
        key: Text::cut(key),
        name: Text::cut(key),
        min_tier: u8::from(pro),
        pro,
        price,
        unit: Text::cut("result"),
    };
    let models = vec![model(115, "seedream-4", 24_000, false), model(123, "nano-banana-pro", 110_250, true)];
    let view = RatesView { version: 3, tools: List::new(vec![tool]).unwrap(), models: List::new(models).unwrap() };
    let shown = card(&view);
    let text = "\
rate card  3

tool   number
image       1

model            number   price   for a  tier  pro
seedream-4          115      24  result     0
nano-banana-pro     123  110.25  result     1  pro
";
    assert_eq!(shown.text, text);
    assert_eq!(shown.json["models"][1]["price"], "110.25");
    assert_eq!(shown.json["tools"][0]["name"], "image");
}

/// R17, R1: the sample file is right, 73.5 is a price, and settings are listed with their numbers.
#[test]
fn a_file_is_checked_and_its_settings_are_numbered() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/rates.toml");
    let shown = checked("rates.toml", &files::read(sample.as_ref(), rate_card).unwrap());
    let lines: Vec<&str> = shown.text.lines().filter(|line| line.starts_with("nano-banana-2 ")).collect();
    let ends = ["118           49", "resolution 1K=1 2K=2 4K=3 · add-on prompt-enhancer=1"];
    for (line, end) in lines.iter().zip(ends) {
        assert!(line.contains(end), "{line}");
    }
    assert_eq!(lines.len(), ends.len());
    assert!(shown.text.contains(" models\n"), "{}", shown.text);
    let models = shown.json["models"].as_array().unwrap();
    assert!(models.len() >= 25);
    let seedream = models.iter().find(|model| model["name"] == "seedream-4").unwrap();
    assert_eq!(seedream["usual_price"], "24");
}

/// R17: a negative price is refused with file, line and key.
#[test]
fn a_wrong_file_is_a_wrong_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rates.toml");
    let text = "version = 1\n[[tool]]\nid = 1\nname = \"image\"\n[[model]]\nid = 1\nname = \"m\"\ntools = [\"image\"]\nprice = -1\n";
    std::fs::write(&file, text).unwrap();
    let failure = files::read(&file, rate_card).unwrap_err();
    assert_eq!((failure.exit, failure.code), (Exit::Configuration, "bad_file"));
    assert!(failure.message.contains("rates.toml, line 9: model.price: "), "{}", failure.message);
}
