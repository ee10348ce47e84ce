//! Commands: R13, R14, R16, R33, limits and idempotency.

use super::world::account;
use super::{World, check};
use crate::bucket::Bucket;
use crate::credits::Credits;
use crate::ids::Position;
use crate::outcome::Outcome;
use crate::request::Command;
use crate::settings::Settings;

#[test]
fn r16_a_clawback_takes_what_is_there_and_the_rest_is_debt() {
    let world = check(
        "open a
         subscribe a 50
         topup a 20
         clawback a 5          => done split=0/0/5 debt=0 left=100/50/15
         reserve h1 a 1        => granted
         clawback a 40         => done split=0/0/15 debt=25 left=99/50/0
         reserve h2 a 1        => debt debt=25
         charge c1 a 1         => debt debt=25
         topup a 10            => done left=99/50/0
         reserve h2 a 1        => debt debt=15
         topup a 20            => done left=99/50/5
         reserve h2 a 1        => granted split=1/0/0",
    );
    let row = &world.disk.replayed().rows[&account("a")];
    assert_eq!(row.counters[Bucket::TopUp as usize].clawed_back, Credits::from_whole(45));
}

#[test]
fn r16_what_comes_back_into_top_up_repays_debt_first() {
    check(
        "open a
         subscribe a 10
         topup a 60
         reserve h1 a 150      => granted split=100/10/40
         charge c1 a 20        => granted split=0/0/20
         clawback a 50         => done debt=50 left=0/0/0
         refund c1 5           => done split=0/0/5 left=0/0/0
         balance a             => done debt=45
         commit h1 130         => done split=100/10/20
         balance a             => done debt=25 left=0/0/0
         reserve h2 a 0        => debt debt=25
         refund c1 all n=2     => done split=0/0/15
         refund h1 15 n=1      => done split=0/0/15 left=0/0/5
         balance a             => done debt=0 left=0/0/5
         reserve h2 a 5        => granted",
    );
}

#[test]
fn r16_a_release_and_an_expiry_repay_debt() {
    check(
        "open a
         subscribe a 1
         topup a 60
         reserve h1 a 120      => granted split=100/1/19
         reserve h2 a 20       => granted split=0/0/20
         clawback a 60         => done split=0/0/21 debt=39
         release h1            => done split=100/1/19
         balance a             => done debt=20 left=100/1/0
         after 60s
         expire                => 1
         balance a             => done debt=0 left=100/1/0
         reserve h3 a 101      => granted",
    );
}

#[test]
fn r16_a_top_up_of_at_most_the_debt_needs_no_subscription() {
    check(
        "open a
         clawback a 30         => done debt=30
         topup a 30.001        => subscription_required
         topup a 10            => done
         topup a 20.001        => subscription_required
         topup a 20            => done
         balance a             => done debt=0
         topup a 0.001         => subscription_required",
    );
}

#[test]
fn r14_a_top_up_needs_a_subscription_and_is_spendable_at_once() {
    check(
        "open a
         topup a 20 id=900     => subscription_required top_up_allowed=false
         subscribe a 0         => done top_up_allowed
         topup a 20 id=900     => done left=100/0/20
         reserve h1 a 120      => granted split=100/0/20
         topup a 20 id=900     => replayed:done left=0/0/0
         topup a 21 id=900     => payment_reused field=Amount
         open b
         topup b 20 id=900     => payment_reused field=Account",
    );
}

#[test]
fn r13_a_command_takes_effect_once_by_its_id() {
    check(
        "open a id=1                 => done position
         open a id=1                 => replayed:done position
         open a id=1 zone=UTC        => replayed:done
         open a id=1 zone=Asia/Tokyo => command_id_reused field=Zone
         open b id=1                 => command_id_reused field=Account
         grant b free 1 id=1         => unknown_account",
    );
    check(
        "open a id=1
         open b id=2
         grant a free 5 id=3         => done split=5/0/0 left=105/0/0
         grant a free 5 id=3         => replayed:done split=5/0/0 left=105/0/0
         grant a free 6 id=3         => command_id_reused field=Amount
         grant a topup 5 id=3        => command_id_reused field=Bucket
         grant b free 5 id=3         => command_id_reused field=Account
         clawback a 5 id=3           => command_id_reused field=Command
         clawback a 5 id=4           => done debt=5
         clawback a 5 id=4           => replayed:done
         balance a                   => done debt=5
         freeze a id=5               => done
         freeze a id=5               => replayed:done
         unfreeze a id=5             => command_id_reused field=Frozen
         subscribe a 9 tier=2 until=2026-04-01T00:00:00Z id=6 => done
         subscribe a 9 tier=2 until=2026-04-01T00:00:00Z id=6 => replayed:done
         subscribe a 8 tier=2 until=2026-04-01T00:00:00Z id=6 => command_id_reused field=Amount
         subscribe a 9 tier=3 until=2026-04-01T00:00:00Z id=6 => command_id_reused field=Tier
         subscribe a 9 tier=2 id=6   => command_id_reused field=EndsAt
         topup a 5 id=6              => done",
    );
}

#[test]
fn r13_a_command_is_known_after_it_has_left_memory_and_after_a_restart() {
    let mut world = check(
        "open a id=1
         subscribe a 9 id=2
         topup a 7 id=3
         grant a topup 5 id=4
         flush
         forget",
    );
    assert!(world.engine.commands.is_empty(), "what is flushed has left memory");
    let known = "open a id=1          => replayed:done
         subscribe a 9 id=2   => replayed:done
         topup a 7 id=3       => replayed:done
         topup a 8 id=3       => payment_reused field=Amount
         grant a topup 5 id=4 => replayed:done
         balance a            => done left=100/9/12";
    world.check(known);
    world.restarted().check(known);
}

#[test]
fn r13_a_refused_command_may_be_sent_again() {
    check(
        "open a id=1
         topup a 5 id=2        => subscription_required
         grant a subscription 5 id=3 => not_subscribed
         subscribe a 0 id=4
         topup a 5 id=2        => done
         grant a subscription 5 id=3 => done left=100/5/5",
    );
}

#[test]
fn i3_a_refused_command_rests_on_everything_pushed() {
    let mut world = check("open a");
    let refused = world.command(Command::TopUp { account: account("a"), amount: Credits::from_whole(1) });
    assert_eq!((refused.outcome, refused.needs), (Outcome::SubscriptionRequired, Position(2)));
    assert_eq!(refused.position, Position::NONE);
}

#[test]
fn r33_a_frozen_account_takes_commands() {
    check(
        "open a
         subscribe a 10
         freeze a              => done
         reserve h1 a 1        => account_frozen left=100/10/0
         topup a 5             => done left=100/10/5
         grant a free 5        => done left=105/10/5
         clawback a 7          => done debt=2
         unfreeze a            => done
         reserve h1 a 1        => debt debt=2
         topup a 2
         reserve h1 a 1        => granted",
    );
}

#[test]
fn r33_a_grant_goes_into_the_running_period_of_one_bucket() {
    check(
        "open a
         grant a free 10               => done split=10/0/0 left=110/0/0
         grant a topup 10              => done split=0/0/10 left=110/0/10
         subscribe a 5
         grant a subscription 10       => done split=0/10/0 left=110/15/10
         clawback a 30                 => done debt=20
         grant a topup 25              => done left=110/15/5
         at 2026-03-11T00:00:00Z
         balance a                     => done left=0/15/5
         open b",
    );
}

#[test]
fn r40_gifts_are_taken_up_to_half_a_field() {
    check(
        "open a
         grant a free 134117.727       => done left=134217.727/0/0
         grant a free 0.001            => balance_limit amount=0
         subscribe a 137438953.472     => balance_limit
         subscribe a 137438953.471     => done
         grant a subscription 0.001    => balance_limit
         topup a 137438953.472         => balance_limit
         topup a 137438953.471         => done
         topup a 0.001                 => balance_limit
         grant a topup 0.001           => balance_limit
         reserve h1 a 134217.727       => granted split=134217.727/0/0
         reserve h2 a 274877906.944    => bad_request field=Amount
         reserve h2 a 274877906.943    => insufficient
         reserve h2 a 274877906.942    => granted left=0/0/0
         release h2                    => done
         release h1                    => done left=134217.727/137438953.471/137438953.471
         clawback a 274877906.943      => done debt=137438953.472
         clawback a 274877906.944      => bad_request field=Amount",
    );
}

#[test]
fn r40_fields_of_commands_are_checked_first() {
    check(
        "open a id=0                   => bad_request field=Command
         open a
         topup a 5 id=0                => bad_request field=Payment
         topup a 0                     => bad_request field=Amount
         grant a free 0                => bad_request field=Amount
         clawback a 0                  => bad_request field=Amount
         subscribe a 5 tier=0          => bad_request field=Tier
         subscribe a 5 tier=16         => bad_request field=Tier
         subscribe a 5 for=0           => bad_request field=EndsAt
         open a                        => account_exists
         freeze z                      => unknown_account",
    );
    let mut world = World::new(Settings::default());
    let zone = "x".repeat(65);
    let answer = world.command(Command::OpenAccount { account: account("a"), zone });
    assert_eq!((answer.outcome, answer.detail), (Outcome::BadRequest, crate::outcome::Field::Zone as u32));
}

#[test]
fn r40_gifts_leave_a_place_for_what_open_holds_may_bring_back() {
    check(
        "open a
         grant a free 134000           => done left=134100/0/0
         reserve h1 a 134100
         grant a free 134000           => done
         reserve h2 a 134000
         grant a free 10000            => balance_limit amount=335.455
         release h1                    => done left=134100/0/0
         release h2                    => done left=268100/0/0 lost=0
         subscribe a 0
         topup a 137000000             => done
         reserve h3 a 137000000 sources=4
         topup a 137000000             => done
         reserve h4 a 137000000 sources=4
         topup a 137000000             => balance_limit
         release h3                    => done
         commit h4 137000000           => done",
    );
    // A payment that waits is a gift when it is confirmed.
    check(
        "open a
         subscribe a 0
         announce a 137000000 id=900   => done
         topup a 137000000             => done
         reserve h1 a 137000000 sources=4
         topup a 137000000             => done
         reserve h2 a 137000000 sources=4
         confirm a id=900              => balance_limit
         commit h1 137000000           => done
         commit h2 137000000           => done
         confirm a id=900              => done split=0/0/137000000",
    );
}

#[test]
fn r24_a_refund_that_finds_no_place_in_the_word_waits_beside_it() {
    check(
        "open a
         grant a free 134000           => done left=134100/0/0
         charge c1 a 134100
         grant a free 134000           => done
         charge c2 a 134000
         grant a free 134000           => done left=134000/0/0
         refund c1 all                 => done lost=0 left=268100/0/0
         refund c2 all                 => done split=134000/0/0 lost=0 left=402100/0/0",
    );
}
