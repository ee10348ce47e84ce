//! The book: what is written is read again, up to the last whole line.

use super::*;

fn steps() -> [Step; 4] {
    let (hold, amount) = (HoldId(7), Amount(24_500));
    [
        Step::Reserve { hold, amount },
        Step::Commit { hold, amount },
        Step::Release { hold },
        Step::Refund { hold, amount },
    ]
}

#[test]
fn what_is_written_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let mut book = Book::create(&path, AccountId(1)).unwrap();
    for step in steps() {
        book.asked(step).unwrap();
        book.done(step).unwrap();
    }
    let told = Told::read(&path).unwrap();
    assert_eq!(told, Told { workspace: AccountId(1), done: steps().to_vec(), in_doubt: None });
    book.asked(steps()[0]).unwrap();
    assert_eq!(Told::read(&path).unwrap().in_doubt, Some(steps()[0]));
}

#[test]
fn a_torn_last_line_is_left_out() {
    let whole = format!("workspace {}\nasked {}\n", AccountId(1), steps()[0]);
    let torn = format!("{whole}done {}", steps()[0]);
    assert_eq!(Told::parse(&torn), Told::parse(&whole));
    assert_eq!(Told::parse(&torn).unwrap().in_doubt, Some(steps()[0]));
}

#[test]
fn what_is_no_book_is_refused() {
    for text in ["", "workspace", "workspace x\n", "hello\n"] {
        assert_eq!(Told::parse(text), None, "{text:?}");
    }
    let told = format!("workspace {}\ndone dance\n", AccountId(1));
    assert_eq!(Told::parse(&told), None);
}
