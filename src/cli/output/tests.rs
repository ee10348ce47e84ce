//! Tables as they look, and failures in both forms.

use super::*;

#[test]
fn tables_are_aligned() {
    let rows = [vec!["free".to_owned(), "28.5".to_owned()], vec!["subscription".to_owned(), "1500".to_owned()]];
    assert_eq!(
        table(&["bucket", "available"], &rows),
        "bucket        available\nfree               28.5\nsubscription       1500\n"
    );
    assert_eq!(
        list(&[("tier", "1".to_owned()), ("next reset", "none".to_owned())]),
        "tier        1\nnext reset  none\n"
    );
}

#[test]
fn an_unknown_outcome_says_what_to_repeat() {
    let failure = Failure::new(Exit::OutcomeUnknown, "outcome_unknown", "nobody knows")
        .again(Again::with("--hold", None::<u8>, 7));
    assert_eq!(failure_text(&failure), "creditctl: nobody knows\nthe same request again: add --hold 7\n");
    assert_eq!(
        failure_json(&failure),
        json!({ "error": { "code": "outcome_unknown", "message": "nobody knows", "same_id": "--hold 7", "advice": "the same request again: add --hold 7" } })
    );
}

#[test]
fn other_failures_do_not_ask_for_a_repeat() {
    let failure =
        Failure::new(Exit::Unreachable, "unreachable", "no daemon").again(Again::with("--hold", None::<u8>, 7));
    assert_eq!(failure_text(&failure), "creditctl: no daemon\n");
}
