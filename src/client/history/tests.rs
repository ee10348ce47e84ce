//! Clean histories pass, and each kind of planted bug is found and named.

mod by_hand;
mod world;

use protocol::{
    Answer, AnswerFlags, Bucket, Command, CommandAnswer, HoldId, HoldState, HoldView, List, Operation, OperationKind,
    Outcome, OverCommit, PerBucket, Text,
};

use super::*;
use world::*;

fn world(seed: u64) -> World {
    World::new(seed, 3, per_bucket(30, 500, 200)).run(600)
}

/// The only kinds of violation, and that one of them names the operation.
#[track_caller]
fn found(verdict: &Verdict, kind: ViolationKind, name: &str) {
    let named = |violation: &Violation| violation.kind == kind && violation.message.contains(name);
    assert!(verdict.violations.iter().any(named), "{kind:?} of {name} is not in {verdict:#?}");
}

#[test]
fn clean_histories_pass_whole() {
    for seed in 0..150 {
        let wallets = 1 + usize::try_from(seed % 4).unwrap();
        let world = World::new(seed, wallets, per_bucket(seed % 50, 300, 40 * (seed % 7))).run(800);
        let verdict = world.history().check(&world.closings());
        assert!(verdict.is_clean(), "seed {seed}: {:#?}", verdict.violations);
        assert_eq!((verdict.operations, verdict.checked), (800, 800), "seed {seed}");
        assert!(verdict.suspects.is_empty());
    }
}

#[test]
fn credits_that_are_granted_twice_are_found() {
    for seed in 0..20 {
        let mut world = world(seed);
        let first = world.noted[world.find(OperationKind::Reserve)].clone();
        // Another hold took from what the first had found, at the same time: a check and a spend in two steps.
        let hold = HoldId::from_time_ms(SERVER_TIME_MS, 1 << 40);
        let mut second = Noted { operation: Operation { hold, ..first.operation }, ..first };
        second.answer.position = world.position + 1;
        world.noted.push(second);
        let verdict = world.history().check(&world.closings());
        found(&verdict, ViolationKind::Chain, "reserve of hold");
        found(&verdict, ViolationKind::Sum, "held");
    }
}

#[test]
fn an_overspend_is_named_by_its_operation() {
    let mut world = World::new(1, 1, per_bucket(0, 10, 0));
    for number in 0..2 {
        let hold = HoldId::from_time_ms(SERVER_TIME_MS, number);
        let answer = Answer { split: per_bucket(0, 10, 0), ..Answer::of(Outcome::Granted) };
        world.note(Operation::reserve(hold, account(0), 10, 1_000), answer, true, None);
    }
    world.pass(1_000);
    let verdict = world.history().check(&world.closings());
    let last = world.noted.iter().max_by_key(|noted| noted.answer.position).unwrap();
    found(&verdict, ViolationKind::Overspent, &last.operation.hold.to_string());
    found(&verdict, ViolationKind::Chain, "reserve of hold");
}

#[test]
fn a_capture_that_took_effect_twice_is_found() {
    let mut world = world(2);
    let mut again = world.noted[world.find(OperationKind::Commit)].clone();
    again.answer.position = world.position + 1;
    let name = format!("commit {} of hold {}", again.operation.number, again.operation.hold);
    world.noted.push(again);
    let verdict = world.history().check(&world.closings());
    found(&verdict, ViolationKind::Doubled, &name);
}

#[test]
fn a_hold_that_was_decided_twice_is_found() {
    let mut world = world(3);
    let mut again = world.noted[world.find(OperationKind::Charge)].clone();
    again.answer.position = world.position + 1;
    let name = format!("charge of hold {}", again.operation.hold);
    world.noted.push(again);
    found(&world.history().check(&world.closings()), ViolationKind::Doubled, &name);
}

#[test]
fn an_acknowledged_commit_that_is_lost_is_found_and_named() {
    let world = world(4);
    let lost = world.noted[world.find(OperationKind::Commit)].clone();
    let wallet = world.holds.iter().find(|held| held.hold == lost.operation.hold).unwrap().wallet;
    let mut closings = world.closings();
    closings[wallet].spent = less(closings[wallet].spent, lost.answer.split);
    closings[wallet].held = plus(closings[wallet].held, lost.answer.split);
    let history = world.history();
    let mut verdict = history.check(&closings);
    found(&verdict, ViolationKind::Sum, &account(wallet).to_string());
    assert!(verdict.suspects.contains(&lost.operation.hold));
    let mut shown: Vec<_> = verdict.suspects.iter().map(|hold| (*hold, Some(world.view(*hold)))).collect();
    for (hold, view) in &mut shown {
        if *hold == lost.operation.hold {
            view.as_mut().unwrap().captures = List::new(Vec::new()).unwrap();
        }
    }
    history.compare(&mut verdict, &shown);
    let name = format!("commit {} of hold {}", lost.operation.number, lost.operation.hold);
    found(&verdict, ViolationKind::Lost, &name);
    let lost: Vec<_> = verdict.violations.iter().filter(|found| found.kind == ViolationKind::Lost).collect();
    assert!(lost.iter().all(|lost| lost.message.contains("commit")), "{lost:?}");
}

#[test]
fn a_position_that_is_told_for_two_requests_is_found() {
    let mut world = world(5);
    let [one, two] = [OperationKind::Reserve, OperationKind::Charge].map(|kind| world.find(kind));
    world.noted[two].answer.position = world.noted[one].answer.position;
    let name = world.noted[two].operation.hold.to_string();
    found(&world.history().check(&world.closings()), ViolationKind::PositionReused, &name);
}

#[test]
fn positions_that_go_back_against_real_time_are_found() {
    let mut world = world(6);
    let first = world.find(OperationKind::Reserve);
    let last = world.noted.iter().rposition(|noted| noted.operation.kind == OperationKind::Reserve).unwrap();
    let early = world.noted[first].answer.position;
    world.noted[first].answer.position = world.noted[last].answer.position;
    world.noted[last].answer.position = early;
    let name = world.noted[first].operation.hold.to_string();
    found(&world.history().check(&world.closings()), ViolationKind::PositionsGoBack, &name);
}

#[test]
fn a_second_end_of_a_hold_is_found() {
    let mut world = world(7);
    let release = world.find(OperationKind::Release);
    let Noted { operation, answer, .. } = world.noted[release].clone();
    // After the release a commit takes what had gone back.
    let amount = sum(answer.split);
    let commit = Operation::commit(operation.hold, operation.account, amount, 251);
    let done = Answer { split: answer.split, ..Answer::of(Outcome::Done) };
    world.note(commit, done, true, None);
    world.pass(1_000);
    let name = format!("commit 251 of hold {}", operation.hold);
    found(&world.history().check(&world.closings()), ViolationKind::SecondEnd, &name);
}

#[test]
fn a_commit_above_its_hold_is_capped_where_the_reserve_said_so() {
    let commit_above = |over_commit| {
        let mut world = World::new(1, 1, per_bucket(0, 100, 0));
        world.take(false);
        world.pass(1_000);
        let Held { hold, rest, .. } = world.holds[0];
        world.noted[0].operation.over_commit = over_commit;
        world.holds[0] = Held { rest: PerBucket::default(), captured: rest, open: false, ..world.holds[0].clone() };
        world.spent[0] = rest;
        let answer = Answer { split: rest, available: world.wallets[0], ..Answer::of(Outcome::Done) };
        world.note(Operation::commit(hold, account(0), sum(rest) + 7, 0), answer, true, None);
        world.pass(1_000);
        world.history().check(&world.closings())
    };
    let verdict = commit_above(OverCommit::Cap);
    assert!(verdict.is_clean(), "{:#?}", verdict.violations);
    found(&commit_above(OverCommit::Reject), ViolationKind::Amount, "commit 0 of hold");
}

#[test]
fn a_capture_without_a_grant_before_it_is_found() {
    let mut world = world(8);
    let commit = world.find(OperationKind::Commit);
    let hold = world.noted[commit].operation.hold;
    let reserve = world.noted.iter().position(|noted| noted.operation.hold == hold).unwrap();
    let name = format!("of hold {hold}");
    let position = world.noted[commit].answer.position;
    world.noted[commit].answer.position = world.noted[reserve].answer.position;
    world.noted[reserve].answer.position = position;
    found(&world.history().check(&world.closings()), ViolationKind::NoGrant, &name);
    world.noted.remove(reserve);
    found(&world.history().check(&world.closings()), ViolationKind::NoGrant, &name);
}

#[test]
fn an_after_value_that_no_order_explains_is_found() {
    for seed in 10..30 {
        let mut world = world(seed);
        let number = world.noted.len() / 2;
        let take = (number..).find(|number| world.noted[*number].answer.outcome == Outcome::Granted).unwrap();
        let available = &mut world.noted[take].answer.available;
        available.subscription += 1;
        let verdict = world.history().check(&world.closings());
        found(&verdict, ViolationKind::Chain, "account");
    }
}

#[test]
fn answers_that_cannot_be_right_alone_are_found() {
    let mut world = world(31);
    let reserve = world.find(OperationKind::Reserve);
    let name = world.noted[reserve].operation.hold.to_string();
    let right = world.noted[reserve].clone();
    let mut plant = |change: fn(&mut Noted), kind| {
        change(&mut world.noted[reserve]);
        found(&world.history().check(&world.closings()), kind, &name);
        world.noted[reserve] = right.clone();
    };
    plant(|noted| noted.answer.flags = AnswerFlags::NONE, ViolationKind::NotDurable);
    plant(|noted| noted.answer.position = 0, ViolationKind::NotDurable);
    plant(|noted| noted.answer.split.top_up += 1, ViolationKind::Amount);
    let refusal = |noted: &mut Noted| {
        noted.answer.outcome = Outcome::Insufficient;
        noted.answer.available = per_bucket(0, 100, 0);
    };
    plant(refusal, ViolationKind::Amount);
    let commit = world.find(OperationKind::Commit);
    world.noted[commit].answer.split.free += 1;
    found(&world.history().check(&world.closings()), ViolationKind::Amount, "captured");
}

#[test]
fn a_hold_that_time_ended_gives_its_rest_back_once() {
    let mut world = World::new(9, 1, per_bucket(0, 100, 0));
    world.take(false);
    world.pass(1_000);
    let (maker, held) = (world.noted[0].clone(), world.holds[0].clone());
    assert!(sum(held.amount) > 0);
    let mut history = world.history();
    assert_eq!(history.open_at(SERVER_TIME_MS + 59_999), []);
    assert_eq!(history.open_at(SERVER_TIME_MS + 60_000), [held.hold]);
    let (state, position) = (HoldState::Expired, maker.answer.position + 1);
    history.shown(&HoldView { state, position, ..world.view(held.hold) });
    world.wallets[0] = world.openings[0];
    world.holds[0].open = false;
    world.position = position;
    let verdict = history.check(&world.closings());
    assert!(verdict.is_clean(), "{verdict:#?}");
    // What came back is there to be taken.
    world.pass(60_000_000);
    world.take(false);
    world.pass(1_000);
    let mut history = world.history();
    history.shown(&HoldView { state, position, ..world.view(held.hold) });
    let verdict = history.check(&world.closings());
    assert!(verdict.is_clean(), "{verdict:#?}");
    let early = history_of(world.openings(), &world.noted);
    assert!(!early.check(&world.closings()).is_clean());
}

#[test]
fn what_nobody_knows_is_left_out_and_counted() {
    let mut world = world(32);
    let commit = world.find(OperationKind::Commit);
    world.noted[commit].answer = Answer::of(Outcome::OutcomeUnknown);
    let verdict = world.history().check(&world.closings());
    assert!(verdict.is_clean(), "{:#?}", verdict.violations);
    assert!(verdict.checked < verdict.operations && verdict.checked > 0);
}

#[test]
fn a_bucket_whose_day_has_ended_is_not_looked_at() {
    let world = world(33);
    let mut closings = world.closings();
    closings[0].day += 1;
    closings[0].available.free = 100_000;
    assert!(world.history().check(&closings).is_clean());
    closings[0].available.subscription += 1;
    found(&world.history().check(&closings), ViolationKind::Sum, "available");
}

#[test]
fn replays_count_once_and_gifts_and_clawbacks_count() {
    let mut world = world(34);
    let mut replay = world.noted[world.find(OperationKind::Reserve)].clone();
    replay.answer.detail = u32::from(replay.answer.outcome.number());
    replay.answer.outcome = Outcome::Replayed;
    let wallet = world.holds.iter().find(|held| held.hold == replay.operation.hold).unwrap().wallet;
    replay.answer.available = world.wallets[wallet];
    replay.span.end_us = world.now;
    world.noted.push(replay);
    let mut history = world.history();
    let (position, span) = (world.position, Span { start_us: world.now, end_us: world.now + 5 });
    let answer = |more: u64| CommandAnswer {
        position: position + more,
        flags: AnswerFlags::DURABLE,
        ..CommandAnswer::of(Outcome::Done)
    };
    let (command, reason) = (protocol::CommandId(1), Text::default());
    let gift = Command::Grant { command, account: account(0), bucket: Bucket::Subscription, amount: 50, reason };
    history.command(&gift, &answer(1), span);
    let (command, reason) = (protocol::CommandId(2), Text::default());
    history.command(&Command::Clawback { command, account: account(1), amount: 1_000, reason }, &answer(2), span);
    let mut closings = world.closings();
    closings[0].available.subscription += 50;
    closings[1].debt = 1_000 - closings[1].available.top_up;
    closings[1].available.top_up = 0;
    let verdict = history.check(&closings);
    assert!(verdict.is_clean(), "{:#?}", verdict.violations);
    closings[0].available.subscription -= 50;
    found(&history.check(&closings), ViolationKind::Sum, &account(0).to_string());
}

#[test]
fn a_full_history_takes_no_more_and_says_so() {
    let world = world(35);
    let mut history = History::new(Terms { entries_max: 10, ..TERMS }, world.openings());
    assert!(history.has_room(10) && !history.has_room(11));
    world.noted.iter().for_each(|noted| history.record(&noted.operation, &noted.answer, noted.span));
    assert!(!history.has_room(1));
    let verdict = history.check(&world.closings());
    // What is not recorded is missing in every sum, which says nothing of the daemon.
    assert!(verdict.is_clean(), "{:#?}", verdict.violations);
    let kept = u64::try_from(world.noted.len()).unwrap() - 10;
    assert_eq!((verdict.operations, verdict.checked, verdict.dropped), (600, 0, kept));
}

#[test]
fn many_keys_are_sorted_as_few_are_and_equal_ones_stay_in_their_order() {
    let count = u32::try_from(order::RADIX_MIN * 3).unwrap();
    let key = |index: u32| ((u64::from(index).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) % 40_000) << 13;
    let sorted = order::by_key(0..count, key);
    let mut expected: Vec<u32> = (0..count).collect();
    expected.sort_by_key(|index| key(*index));
    assert_eq!(sorted, expected);
    assert_eq!(order::by_key(0..3, |index| u64::from(3 - index)), [2, 1, 0]);
}

#[test]
fn equal_takes_of_two_frames_are_tried_in_both_orders() {
    let hold = |number| HoldId::from_time_ms(SERVER_TIME_MS, number);
    let take = |number: u128, left, position| {
        let (split, available) = (per_bucket(0, 1, 0), per_bucket(0, left, 0));
        let answer = Answer { split, available, position, flags: AnswerFlags::DURABLE, ..Answer::of(Outcome::Granted) };
        (Operation::reserve(hold(number), account(0), 1, 60_000), answer)
    };
    let openings = World::new(1, 1, per_bucket(0, 51, 0)).openings();
    let mut history = History::new(TERMS, openings.clone());
    let span = |start_us, end_us| Span { start_us, end_us };
    let mut note = |first: bool, (operation, answer): (Operation, Answer), span| {
        if first { history.record(&operation, &answer, span) } else { history.record_next(&operation, &answer, span) }
    };
    note(true, take(1, 50, 1), span(0, 5));
    // This frame took second, though it was answered first.
    note(true, take(2, 49, 4), span(10, 50));
    note(false, take(3, 48, 5), span(10, 50));
    // The other one saw what a release had given back after its own take.
    note(true, take(4, 49, 3), span(10, 60));
    let balance = Answer { available: per_bucket(0, 50, 0), ..Answer::of(Outcome::Done) };
    note(false, (Operation::balance(account(0)), balance), span(10, 60));
    let given = per_bucket(0, 1, 0);
    let released = Answer { split: given, available: per_bucket(0, 51, 0), position: 2, ..take(0, 0, 0).1 };
    note(true, (Operation::release(hold(1), account(0)), Answer { outcome: Outcome::Done, ..released }), span(10, 60));
    let held = per_bucket(0, 3, 0);
    let closing = Standing { available: per_bucket(0, 48, 0), held, open_holds: 3, as_of_position: 5, ..openings[0] };
    let verdict = history.check(&[closing]);
    assert!(verdict.is_clean(), "{verdict:#?}");
    assert_eq!((verdict.operations, verdict.checked), (6, 6));
}
