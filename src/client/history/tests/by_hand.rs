//! Histories of one wallet, written by hand: what is told of it is wrong in one place, or looks wrong and is right.

use protocol::{
    AccountId, ChangeMode, CommandId, OperationFlags, PaymentId, RefundReason, Sources, SubscriptionChangeView, View,
    WorkerId,
};

use super::*;

const NOTHING: PerBucket = per_bucket(0, 0, 0);
/// When the holds of these histories end.
const ENDS_AT_MS: u64 = SERVER_TIME_MS + 60_000;

fn hold(number: u128) -> HoldId {
    HoldId::from_time_ms(SERVER_TIME_MS, number)
}

fn reserve(number: u128, amount: u64) -> Operation {
    Operation::reserve(hold(number), account(0), amount, 60_000)
}

fn release(number: u128) -> Operation {
    Operation::release(hold(number), account(0))
}

/// A book of requests, one after the other, each with the next position.
struct Book {
    history: History,
    opening: Standing,
    position: u64,
    now_us: u64,
}

impl Book {
    fn new(available: PerBucket) -> Self {
        Self::of_terms(TERMS, available)
    }

    fn of_terms(terms: Terms, available: PerBucket) -> Self {
        let opening = World::new(1, 1, available).openings()[0];
        Self { history: History::new(terms, vec![opening]), opening, position: 0, now_us: 0 }
    }

    fn span(&mut self) -> Span {
        self.now_us += 100;
        Span { start_us: self.now_us - 50, end_us: self.now_us }
    }

    /// Notes an answer with the position that it carries.
    fn says(&mut self, operation: Operation, answer: Answer) {
        let span = self.span();
        let answer = Answer { flags: AnswerFlags::DURABLE, time_ms: ENDS_AT_MS, ..answer };
        self.history.record(&operation, &answer, span);
    }

    /// Notes a success with the next position.
    fn done(&mut self, operation: Operation, split: PerBucket, available: PerBucket) {
        self.forfeits(operation, split, available, 0);
    }

    fn forfeits(&mut self, operation: Operation, split: PerBucket, available: PerBucket, forfeited: u64) {
        self.position += 1;
        let takes = matches!(operation.kind, OperationKind::Reserve | OperationKind::Charge);
        let outcome = if takes { Outcome::Granted } else { Outcome::Done };
        let position = self.position;
        self.says(operation, Answer { split, available, forfeited, position, ..Answer::of(outcome) });
    }

    fn command(&mut self, command: &Command, answer: CommandAnswer) {
        self.position += 1;
        let (position, flags, span) = (self.position, AnswerFlags::DURABLE, self.span());
        self.history.command(command, &CommandAnswer { position, flags, ..answer }, span);
    }

    fn shown(&mut self, number: u128, state: HoldState, amount: PerBucket) {
        self.position += 1;
        let mut world = World::new(1, 1, amount);
        let captured = NOTHING;
        world.holds.push(Held { hold: hold(number), wallet: 0, amount, rest: amount, captured, open: false });
        self.history.shown(&HoldView { state, position: self.position, ..world.view(hold(number)) });
    }

    /// The verdict on a wallet that stands like this in the end.
    fn verdict(&self, available: PerBucket, held: PerBucket, spent: PerBucket) -> Verdict {
        let open_holds = u64::from(held != NOTHING);
        let as_of_position = self.position;
        self.history.check(&[Standing { available, held, spent, open_holds, as_of_position, ..self.opening }])
    }

    #[track_caller]
    fn clean(&self, available: PerBucket, held: PerBucket, spent: PerBucket) -> Verdict {
        let verdict = self.verdict(available, held, spent);
        assert!(verdict.is_clean(), "{:#?}", verdict.violations);
        verdict
    }
}

/// R24, I7.
#[test]
fn a_release_into_another_bucket_is_found() {
    let released = |back, available| {
        let mut book = Book::new(per_bucket(10, 20, 0));
        book.done(reserve(1, 15), per_bucket(10, 5, 0), per_bucket(0, 15, 0));
        book.done(release(1), back, available);
        book.verdict(available, NOTHING, NOTHING)
    };
    assert!(released(per_bucket(10, 5, 0), per_bucket(10, 20, 0)).is_clean());
    let verdict = released(per_bucket(0, 15, 0), per_bucket(0, 30, 0));
    found(&verdict, ViolationKind::Amount, "release");
    assert_eq!(verdict.violations_count, 1, "nothing else shows it: {:#?}", verdict.violations);
}

/// R24: top-up first, then subscription, then free, each no more than was captured of it.
#[test]
fn a_refund_goes_back_the_other_way_round() {
    let refunded = |asked, back: PerBucket, forfeited| {
        let mut book = Book::new(per_bucket(10, 20, 7));
        let captured = per_bucket(10, 20, 3);
        book.done(Operation::charge(hold(1), account(0), 33), captured, per_bucket(0, 0, 4));
        let refund = Operation::refund(hold(1), account(0), asked, 0, RefundReason::Timeout);
        let available = plus(per_bucket(0, 0, 4), back);
        book.forfeits(refund, back, available, forfeited);
        let left: Vec<u64> = [(10, back.free), (20, back.subscription), (3, back.top_up)]
            .map(|(captured, back): (u64, u64)| captured.wrapping_sub(back))
            .to_vec();
        book.verdict(available, NOTHING, per_bucket(left[0], left[1], left[2]))
    };
    assert!(refunded(5, per_bucket(0, 2, 3), 0).is_clean());
    assert!(refunded(33, per_bucket(10, 20, 3), 0).is_clean());
    // What is forfeited is told as a sum.
    assert!(refunded(5, per_bucket(0, 0, 3), 2).is_clean());
    for (asked, back, forfeited) in [
        (5, per_bucket(0, 1, 4), 0),
        (5, per_bucket(5, 0, 0), 0),
        (5, per_bucket(0, 5, 0), 0),
        (5, per_bucket(0, 1, 3), 0),
        (5, per_bucket(1, 0, 3), 1),
    ] {
        found(&refunded(asked, back, forfeited), ViolationKind::Amount, "refund 0");
    }
}

/// R27: refunds undo what the ones before them have left.
#[test]
fn refunds_that_come_to_more_than_was_captured_are_found() {
    let refunds = |second: u64| {
        let mut book = Book::new(per_bucket(0, 10, 0));
        book.done(Operation::charge(hold(1), account(0), 10), per_bucket(0, 10, 0), NOTHING);
        let refund = |amount, number| Operation::refund(hold(1), account(0), amount, number, RefundReason::Timeout);
        // All of it is lost: of an ended period.
        book.forfeits(refund(6, 0), NOTHING, NOTHING, 6);
        book.forfeits(refund(second, 1), NOTHING, NOTHING, second);
        book.verdict(NOTHING, NOTHING, per_bucket(0, 10, 0))
    };
    assert!(refunds(4).is_clean());
    found(&refunds(5), ViolationKind::Amount, "refund 1");
}

/// R3, R8.
#[test]
fn credits_that_are_drawn_out_of_order_are_found() {
    let opening = per_bucket(10, 20, 5);
    let drawn = |change: fn(&mut Operation), split| {
        [reserve(1, 12), Operation::charge(hold(1), account(0), 12)].map(|mut operation| {
            change(&mut operation);
            let mut book = Book::new(opening);
            let left = less(opening, split);
            book.done(operation, split, left);
            let charged = operation.kind == OperationKind::Charge;
            if charged { book.verdict(left, NOTHING, split) } else { book.verdict(left, split, NOTHING) }
        })
    };
    let as_it_is: fn(&mut Operation) = |_| {};
    let no_top_up: fn(&mut Operation) = |operation| operation.sources = Sources::FREE.with(Sources::SUBSCRIPTION);
    let not_free: fn(&mut Operation) = |operation| operation.sources = Sources::SUBSCRIPTION.with(Sources::TOP_UP);
    let pro_model: fn(&mut Operation) = |operation| operation.flags = OperationFlags::PRO_MODEL;
    // The card may mark the model Pro, and the price that is expected is what is taken.
    let priced: fn(&mut Operation) = |operation| operation.flags = OperationFlags::PRICED;
    for (change, split, right) in [
        (as_it_is, per_bucket(10, 2, 0), true),
        (as_it_is, per_bucket(0, 12, 0), false),
        (as_it_is, per_bucket(10, 0, 2), false),
        (as_it_is, per_bucket(2, 10, 0), false),
        (no_top_up, per_bucket(10, 2, 0), true),
        (no_top_up, per_bucket(10, 0, 2), false),
        (not_free, per_bucket(0, 12, 0), true),
        (not_free, per_bucket(10, 2, 0), false),
        (pro_model, per_bucket(0, 12, 0), true),
        (pro_model, per_bucket(10, 2, 0), false),
        (priced, per_bucket(10, 2, 0), true),
        (priced, per_bucket(0, 12, 0), true),
        (priced, per_bucket(10, 0, 2), false),
        (priced, per_bucket(10, 1, 0), false),
    ] {
        for verdict in drawn(change, split) {
            if right {
                assert!(verdict.is_clean(), "{split:?}: {:#?}", verdict.violations);
            } else {
                found(&verdict, ViolationKind::Amount, "of hold");
                assert_eq!(verdict.violations_count, 1, "nothing else shows it: {:#?}", verdict.violations);
            }
        }
    }
}

/// R3: a request that may take from some buckets only is refused for want of credits in those.
#[test]
fn a_refusal_with_enough_in_the_buckets_that_may_pay_is_found() {
    let refused = |sources, asked| {
        let mut book = Book::new(per_bucket(10, 20, 5));
        let operation = Operation { sources, ..reserve(1, asked) };
        let available = per_bucket(10, 20, 5);
        book.says(operation, Answer { available, amount: asked, ..Answer::of(Outcome::Insufficient) });
        book.verdict(available, NOTHING, NOTHING)
    };
    assert!(refused(Sources::FREE, 11).is_clean());
    found(&refused(Sources::FREE, 10), ViolationKind::Amount, "reserve");
    assert!(refused(Sources::ALL, 36).is_clean());
    found(&refused(Sources::ALL, 35), ViolationKind::Amount, "reserve");
}

/// R26.
#[test]
fn a_commit_above_its_hold_draws_only_where_its_reserve_says_so() {
    let commit = |over_commit, sources, drawn: PerBucket| {
        let mut book = Book::new(per_bucket(0, 20, 5));
        book.done(Operation { over_commit, sources, ..reserve(1, 10) }, per_bucket(0, 10, 0), per_bucket(0, 10, 5));
        let (captured, left) = (plus(per_bucket(0, 10, 0), drawn), less(per_bucket(0, 10, 5), drawn));
        book.done(Operation::commit(hold(1), account(0), 13, 0), captured, left);
        book.verdict(left, NOTHING, captured)
    };
    let (both, three) = (Sources::FREE.with(Sources::SUBSCRIPTION), per_bucket(0, 3, 0));
    assert!(commit(OverCommit::Draw, Sources::ALL, three).is_clean());
    assert!(commit(OverCommit::Draw, both, three).is_clean());
    for over_commit in [OverCommit::Reject, OverCommit::Cap] {
        let verdict = commit(over_commit, Sources::ALL, three);
        found(&verdict, ViolationKind::Amount, "commit 0");
        assert_eq!(verdict.violations_count, 1, "nothing else shows it: {:#?}", verdict.violations);
    }
    found(&commit(OverCommit::Draw, both, per_bucket(0, 0, 3)), ViolationKind::Amount, "commit 0");
}

#[test]
fn an_expiry_is_no_request_that_was_checked() {
    let openings: Vec<Standing> = World::new(1, 2, per_bucket(0, 10, 0)).openings();
    let mut history = History::new(TERMS, openings.clone());
    let span = Span { start_us: 0, end_us: 10 };
    let (split, available) = (per_bucket(0, 4, 0), per_bucket(0, 6, 0));
    let granted = Answer { split, available, position: 1, flags: AnswerFlags::DURABLE, ..Answer::of(Outcome::Granted) };
    history.record(&reserve(1, 4), &Answer { time_ms: ENDS_AT_MS, ..granted }, span);
    let of_other = Operation { account: account(1), ..reserve(2, 4) };
    history.record(&of_other, &Answer::of(Outcome::OutcomeUnknown), span);
    let mut world = World::new(1, 1, NOTHING);
    world.holds.push(Held { hold: hold(1), wallet: 0, amount: split, rest: split, captured: NOTHING, open: false });
    history.shown(&HoldView { state: HoldState::Expired, position: 2, ..world.view(hold(1)) });
    let closings: Vec<Standing> = openings.iter().map(|opening| Standing { as_of_position: 2, ..*opening }).collect();
    let verdict = history.check(&closings);
    assert!(verdict.is_clean(), "{:#?}", verdict.violations);
    assert_eq!((verdict.operations, verdict.checked), (2, 1));
}

#[test]
fn an_expiry_has_its_place_in_a_history_that_is_full() {
    let mut book = Book::of_terms(Terms { entries_max: 1, ..TERMS }, per_bucket(0, 10, 0));
    let split = per_bucket(0, 4, 0);
    book.done(reserve(1, 4), split, per_bucket(0, 6, 0));
    assert!(!book.history.has_room(1));
    book.shown(1, HoldState::Expired, split);
    let verdict = book.clean(per_bucket(0, 10, 0), NOTHING, NOTHING);
    assert_eq!((verdict.checked, verdict.dropped), (1, 0));
}

/// R23: the answer to an extend that changes nothing tells the position of the hold's last record.
#[test]
fn an_extend_that_changes_nothing_uses_no_position_again() {
    let mut book = Book::new(per_bucket(0, 10, 0));
    let granted = |position| Answer {
        split: per_bucket(0, 4, 0),
        available: per_bucket(0, 6, 0),
        position,
        ..Answer::of(Outcome::Granted)
    };
    book.says(reserve(1, 4), granted(1));
    let unchanged = || (Operation::extend(hold(1), account(0), 1), Answer { position: 1, ..Answer::of(Outcome::Done) });
    let (operation, answer) = unchanged();
    book.says(operation, answer);
    let again = Answer { detail: u32::from(Outcome::Granted.number()), outcome: Outcome::Replayed, ..granted(1) };
    book.says(reserve(1, 4), again);
    let second = Answer { split: per_bucket(0, 1, 0), available: per_bucket(0, 5, 0), ..granted(2) };
    book.says(reserve(2, 1), second);
    book.says(operation, answer);
    book.position = 2;
    let mut closing = Standing { available: per_bucket(0, 5, 0), held: per_bucket(0, 5, 0), ..book.opening };
    closing.open_holds = 2;
    let verdict = book.history.check(&[closing]);
    assert!(verdict.is_clean(), "{:#?}", verdict.violations);
    assert_eq!((verdict.operations, verdict.checked), (5, 5));
}

/// R31: a worker may die long before the hold's time is over.
#[test]
fn a_hold_that_ended_with_its_worker_gave_its_rest_back_at_any_time() {
    let mut book = Book::new(per_bucket(0, 10, 0));
    let split = per_bucket(0, 4, 0);
    book.done(Operation { worker: WorkerId(9), ..reserve(1, 4) }, split, per_bucket(0, 6, 0));
    book.done(reserve(3, 1), per_bucket(0, 1, 0), per_bucket(0, 5, 0));
    assert_eq!(book.history.open_at(SERVER_TIME_MS), [hold(1)], "the worker's, though its time is not over");
    assert_eq!(book.history.open_at(ENDS_AT_MS).len(), 2);
    book.shown(1, HoldState::ReleasedByWorker, split);
    // What came back is taken long before the hold's end.
    book.done(reserve(2, 9), per_bucket(0, 9, 0), NOTHING);
    let mut closing = Standing { available: NOTHING, held: per_bucket(0, 10, 0), open_holds: 2, ..book.opening };
    closing.as_of_position = book.position;
    let verdict = book.history.check(&[closing]);
    assert!(verdict.is_clean(), "{:#?}", verdict.violations);
}

/// R33: what a correction took is in its answer.
#[test]
fn a_correction_counts_as_much_as_it_took() {
    let mut book = Book::new(per_bucket(0, 10, 0));
    let (command, reason) = (CommandId(1), Text::default());
    let correct = Command::Correct { command, account: account(0), bucket: Bucket::Subscription, amount: 50, reason };
    book.command(&correct, CommandAnswer { amount: 10, ..CommandAnswer::of(Outcome::Done) });
    let verdict = book.clean(NOTHING, NOTHING, NOTHING);
    assert_eq!((verdict.operations, verdict.checked), (1, 1));
    found(&book.verdict(per_bucket(0, 1, 0), NOTHING, NOTHING), ViolationKind::Sum, "available");
}

/// R12: a change of the plan within a cycle adds to the bucket, and its view says how much.
#[test]
fn a_prorated_change_of_the_plan_counts() {
    let mut book = Book::new(per_bucket(0, 10, 0));
    let (command, mode) = (CommandId(1), ChangeMode::NowProrated);
    let change = |amount| {
        let view = SubscriptionChangeView { before: None, after: None, period: 1, amount };
        CommandAnswer { view: View::Subscription(Box::new(view)), ..CommandAnswer::of(Outcome::Done) }
    };
    book.command(&Command::ChangePlan { command, account: account(0), plan: 2, mode }, change(30));
    book.command(
        &Command::ChangePlan { command, account: account(0), plan: 1, mode: ChangeMode::AtRenewal },
        change(0),
    );
    let verdict = book.clean(per_bucket(0, 40, 0), NOTHING, NOTHING);
    assert_eq!(verdict.checked, 1, "the other one moved nothing");
    found(&book.verdict(per_bucket(0, 10, 0), NOTHING, NOTHING), ViolationKind::Sum, "available");
}

/// R14: neither the confirmation nor a bundle's answer says what came.
#[test]
fn a_wallet_with_a_command_whose_amount_nobody_told_is_left_out() {
    let account: AccountId = account(0);
    let bundle = |pending| Command::TopUpBundle { payment: PaymentId(1), account, bundle: Text::default(), pending };
    for (command, outcome, left_out) in [
        (Command::ConfirmTopUp { payment: PaymentId(1), account }, Outcome::Done, true),
        (Command::ConfirmTopUp { payment: PaymentId(1), account }, Outcome::NotPending, false),
        (bundle(false), Outcome::Done, true),
        (bundle(true), Outcome::Done, false),
        (Command::PendingTopUp { payment: PaymentId(1), account, amount: 5 }, Outcome::Done, false),
    ] {
        let mut book = Book::new(per_bucket(0, 10, 0));
        book.done(reserve(1, 4), per_bucket(0, 4, 0), per_bucket(0, 6, 0));
        book.command(&command, CommandAnswer::of(outcome));
        let top_up = if left_out { 500 } else { 0 };
        let verdict = book.clean(per_bucket(0, 6, top_up), per_bucket(0, 4, 0), NOTHING);
        assert_eq!(verdict.checked, u64::from(!left_out), "{command:?}: {outcome}");
    }
}

/// What cannot be right is told, and harms nobody who adds it up.
#[test]
fn amounts_beyond_every_sum_are_violations() {
    let split = per_bucket(0, 4, 0);
    for last in [
        release(1),
        Operation::commit_all(hold(1), account(0), 1),
        Operation::refund(hold(1), account(0), 2, 1, RefundReason::Timeout),
    ] {
        let mut book = Book::new(per_bucket(0, 10, 0));
        book.done(reserve(1, 4), split, per_bucket(0, 6, 0));
        let mut commit = Operation::commit(hold(1), account(0), 2, 0);
        commit.flags = OperationFlags::NONE;
        book.done(commit, per_bucket(0, 2, 0), per_bucket(0, 6, 0));
        let endless = per_bucket(u64::MAX, u64::MAX, u64::MAX);
        book.forfeits(last, endless, endless, u64::MAX);
        book.opening.open_holds = u64::MAX;
        let mut verdict = book.verdict(endless, endless, endless);
        found(&verdict, ViolationKind::Amount, "of hold");
        let mut world = World::new(1, 1, split);
        world.holds.push(Held { hold: hold(1), wallet: 0, amount: split, rest: split, captured: split, open: true });
        let view = world.view(hold(1));
        book.history.compare(&mut verdict, &[(hold(1), Some(view))]);
        assert!(!verdict.is_clean());
    }
    let mut opening = World::new(1, 1, split).openings()[0];
    opening.open_holds = u64::MAX;
    let mut history = History::new(TERMS, vec![opening]);
    let answer = Answer { split, position: 1, flags: AnswerFlags::DURABLE, ..Answer::of(Outcome::Granted) };
    history.record(&reserve(1, 4), &answer, Span { start_us: 0, end_us: 1 });
    let held = Standing { available: NOTHING, held: split, ..opening };
    assert!(history.check(&[held]).is_clean(), "as many as can be told");
}
