//! Both directions, and that the numbers of the two crates agree.

use wallet::ids::CommandId;
use wallet::request::{Command, CommandRequest};

use super::*;

#[test]
fn outcomes_have_one_number_and_one_name() {
    for rules in Outcome::ALL {
        assert_eq!(outcome(*rules).number(), rules.code());
        assert_eq!(outcome(*rules).name(), rules.name());
    }
    assert_eq!(Outcome::ALL.len(), protocol::Outcome::ALL.len());
}

#[test]
fn details_that_name_a_field_name_it_by_its_wire_number() {
    let answered = answer(&Answer::bad_request(Field::Zone), true);
    assert_eq!(answered, protocol::Answer::bad_request(protocol::Field::Zone));
    let reused = answer(&Answer::reused(Outcome::HoldIdReused, Field::Settings), true);
    assert_eq!(reused.detail, u32::from(protocol::Field::Settings.number()));
    assert_eq!(field(9_999), 0, "a number that nobody knows");
}

#[test]
fn a_reserve_keeps_every_field() {
    let mut wire = protocol::Operation::reserve(protocol::HoldId(7), protocol::AccountId(1), 73_500, 60_000);
    wire.flags = protocol::OperationFlags::PRO_MODEL;
    wire.sources = protocol::Sources::FREE.with(protocol::Sources::TOP_UP);
    wire.member = protocol::MemberId(2);
    wire.worker = protocol::WorkerId(3);
    (wire.model, wire.tool, wire.count, wire.min_tier, wire.settings) = (4, 5, 6, 7, 8);
    wire.over_commit = protocol::OverCommit::Draw;
    let expected = ReserveRequest {
        account: AccountId(1),
        hold: HoldId(7),
        amount: Credits::from_millis(73_500),
        sources: Sources::from_bits(0b101).unwrap(),
        pro_model: true,
        priced: false,
        min_tier: Tier(7),
        ttl_ms: 60_000,
        over_commit: OverCommit::Draw,
        attribution: Attribution { member: MemberId(2), tool: 5, model: 4, count: 6 },
        worker: WorkerId(3),
        settings: 8,
    };
    assert_eq!(operation(&wire), Operation::Reserve(expected));
}

#[test]
fn commits_and_refunds_say_all_by_a_flag() {
    let (hold, account) = (protocol::HoldId(7), protocol::AccountId(1));
    let commit = operation(&protocol::Operation::commit_all(hold, account, 2));
    let request = CaptureRequest { number: 2, amount: None, last: true };
    assert_eq!(commit, Operation::Commit { account: AccountId(1), hold: HoldId(7), request });
    let mut wire = protocol::Operation::refund(hold, account, 0, 1, protocol::RefundReason::Goodwill);
    wire.flags = protocol::OperationFlags::ALL;
    let reason = RefundReason::Goodwill;
    let (account, hold) = (AccountId(1), HoldId(7));
    assert_eq!(operation(&wire), Operation::Refund { account, hold, number: 1, amount: None, reason });
    wire.flags = protocol::OperationFlags::NONE;
    let amount = Some(Credits::ZERO);
    assert_eq!(operation(&wire), Operation::Refund { account, hold, number: 1, amount, reason });
}

#[test]
fn only_what_rests_on_a_record_is_marked_durable() {
    let position = wallet::ids::Position(3);
    let decided = Answer::of(Outcome::Granted).resting_on(position);
    assert!(answer(&decided, true).flags.contains(AnswerFlags::DURABLE));
    assert!(!answer(&decided, false).flags.contains(AnswerFlags::DURABLE));
    assert!(!answer(&Answer::of(Outcome::Done), true).flags.contains(AnswerFlags::DURABLE));
}

#[test]
fn commands_carry_the_clients_name() {
    let wire = protocol::Command::TopUp { payment: protocol::PaymentId(9), account: protocol::AccountId(1), amount: 5 };
    let amount = Credits::from_millis(5);
    let expected = CommandRequest {
        id: CommandId(9),
        command: Command::TopUp { account: AccountId(1), amount },
        by: "billing".to_owned(),
        reason: String::new(),
    };
    assert_eq!(command(&wire, "billing"), Asked::Change(expected));
    let show = protocol::Command::ShowHold { hold: protocol::HoldId(4) };
    assert_eq!(command(&show, "billing"), Asked::Hold(HoldId(4)));
}

#[test]
fn every_field_keeps_its_number() {
    for number in 1..=64 {
        let known = Field::from_code(number).is_some();
        assert_eq!(field(number), if known { number } else { 0 });
    }
}

/// A model with a step that has a tenth of a second says so.
#[test]
fn a_model_says_what_its_price_is_for() {
    let text = "version = 1\n[[tool]]\nid = 1\nname = \"video\"\n[[model]]\nid = 1\nname = \"kling\"\ntools = [\"video\"]\n\
        unit = \"step\"\nstep_seconds = 2.5\nprice = 35\nduration = { min = 5, max = 10 }\n";
    let card = wallet::rate_card::parse::rate_card("rates.toml", text).expect("good");
    let view = rates_view(&card);
    let units: Vec<&str> = view.models.as_slice().iter().map(|model| model.unit.as_str()).collect();
    assert_eq!(units, ["step of 2.5 s"]);
    assert_eq!(view.models.as_slice()[0].price, 35_000);
}
