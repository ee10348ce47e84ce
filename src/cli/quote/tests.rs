//! Quotes as they look (R21).

use protocol::{Outcome, PerBucket};

use super::*;

fn shown(view: QuoteView) -> Shown {
    quote(&[], &CommandAnswer { view: View::Quote(Box::new(view)), ..CommandAnswer::of(Outcome::Done) })
}

fn view() -> QuoteView {
    QuoteView {
        price: 210_000,
        per_result: 210_000,
        version: 1,
        min_tier: 0,
        pro_model: false,
        would: Outcome::Granted,
        split: PerBucket { free: 4_000, subscription: 206_000, top_up: 0 },
        available: PerBucket { free: 4_000, subscription: 3_100_000, top_up: 0 },
        largest_count: 14,
        longest_duration_ds: 80,
        highest_resolution: 0,
        fits_after_reset_at_ms: 0,
    }
}

#[test]
fn a_quote_that_would_pass() {
    let shown = shown(view());
    let text = "\
price          210
per result     210
rate card      version 1
a reserve      granted
would draw     210 (free 4, subscription 206)
available      3104 (free 4, subscription 3100)
largest count  14
longest        8s
";
    assert_eq!(shown.text, text);
    assert_eq!(shown.json["fits"]["duration"], "8s");
    assert_eq!(shown.json["fits"]["resolution"], Value::Null);
    assert_eq!(shown.json["split"]["total"], "210");
}

#[test]
fn a_quote_that_would_not_pass_is_an_answer_all_the_same() {
    let shown = shown(QuoteView {
        would: Outcome::Insufficient,
        split: PerBucket::default(),
        pro_model: true,
        min_tier: 4,
        largest_count: 0,
        fits_after_reset_at_ms: 1_795_392_000_000,
        ..view()
    });
    assert_eq!(shown.exit, Exit::Ok);
    for line in [
        "a reserve      insufficient\n",
        "tier needed    4\n",
        "free credits   do not pay for it\n",
        "fits after     2026-11-23T00:00:00Z\n",
    ] {
        assert!(shown.text.contains(line), "{}", shown.text);
    }
    assert!(!shown.text.contains("would draw"));
    assert_eq!(shown.json["would"], "insufficient");
    assert_eq!(shown.json["free_credits_pay"], false);
}

#[test]
fn what_has_no_price_is_a_refusal() {
    let shown = quote(&[], &CommandAnswer::of(Outcome::Unpriced));
    assert_eq!(shown.exit, Exit::Refused);
}
