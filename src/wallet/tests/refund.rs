//! Refunds: R24 and R27.

use super::{check, check_with};
use crate::record::RefundReason;
use crate::settings::Settings;

fn restoring() -> Settings {
    Settings { restore_on: vec![RefundReason::ProviderError], ..Settings::default() }
}

#[test]
fn r27_refunds_have_numbers_and_reasons_up_to_what_was_captured() {
    check(
        "open a
         reserve h1 a 60
         commit h1 50
         refund h1 20 n=1                => done split=20/0/0 amount=20 left=70/0/0
         refund h1 20 n=1                => replayed:done split=20/0/0 amount=20 left=70/0/0
         refund h1 21 n=1                => settlement_reused field=Amount
         refund h1 20 n=1 provider_error => settlement_reused field=Reason
         refund h1 31 n=2                => exceeds_captured amount=30
         refund h1 10 n=2                => done left=80/0/0
         refund h1 all n=3               => done amount=20 left=100/0/0
         refund h1 all n=3               => replayed:done amount=20
         refund h1 20 n=3                => settlement_reused field=Amount
         refund h1 0.001 n=4             => exceeds_captured amount=0
         refund h1 0 n=4                 => done amount=0
         refund h9 1                     => unknown_hold",
    );
}

#[test]
fn r24_a_refund_goes_back_in_reverse_order() {
    check(
        "open a
         subscribe a 50
         topup a 20
         charge c1 a 165                 => granted split=100/50/15 left=0/0/5
         refund c1 10 n=1                => done split=0/0/10
         refund c1 30 n=2                => done split=0/25/5
         refund c1 45 n=3                => done split=20/25/0
         refund c1 all n=4               => done split=80/0/0 left=100/50/20",
    );
}

#[test]
fn r24_a_refund_undoes_the_latest_capture_of_a_bucket_first() {
    check(
        "open a
         at 2026-03-10T23:59:30Z
         reserve h1 a 30 ttl=10s draw
         commit h1 10 n=1 more
         at 2026-03-11T00:00:10Z
         commit h1 60 n=2                => late split=60/0/0 left=60/0/0
         refund h1 50 n=1                => done split=40/0/0 lost=10 left=100/0/0
         refund h1 20 n=2                => done split=0/0/0 lost=20",
    );
}

#[test]
fn r24_an_ended_period_forfeits_by_default() {
    check(
        "open a
         subscribe a 50 for=1h
         topup a 20
         charge c1 a 160                 => granted split=100/50/10
         at 2026-03-11T00:00:00Z
         refund c1 160                   => done split=0/0/10 lost=150 left=100/0/20
         refund c1 160                   => replayed:done split=0/0/10 lost=150 amount=160",
    );
}

#[test]
fn r24_a_reason_can_restore_to_the_current_period() {
    check_with(
        restoring(),
        "open a
         subscribe a 50 for=1h
         topup a 20
         charge c1 a 160                 => granted split=100/50/10
         at 2026-03-11T08:00:00Z
         refund c1 20 n=1                => done split=0/0/10 lost=10
         refund c1 60 n=2 provider_error => done split=20/0/0 lost=40 left=120/0/20
         subscribe a 10
         refund c1 10 n=3 provider_error => done split=0/0/0 lost=10 left=120/10/20
         at 2026-03-12T08:00:00Z
         balance a                       => done left=0/10/20
         refund c1 10 n=4 provider_error => done split=0/0/0 lost=10 left=0/10/20",
    );
}

#[test]
fn r24_subscription_credits_are_restored_to_the_running_subscription() {
    check_with(
        restoring(),
        "open a
         subscribe a 50
         charge c1 a 140                 => granted split=100/40/0
         subscribe a 30                  => done left=0/30/0
         refund c1 15 n=1                => done lost=15
         refund c1 15 n=2 provider_error => done split=0/15/0 lost=0 left=0/45/0
         subscribe a 30
         refund c1 30 n=3 provider_error => done split=20/10/0 left=20/40/0",
    );
}

#[test]
fn r24_a_restored_return_that_does_not_fit_is_forfeited() {
    check_with(
        restoring(),
        "open a
         grant a free 134000             => done
         charge c1 a 134000
         at 2026-03-11T08:00:00Z
         grant a free 134000
         charge c2 a 134000
         at 2026-03-12T08:00:00Z
         grant a free 134000             => done left=134100/0/0
         refund c1 all provider_error    => done
         refund c2 all provider_error    => done",
    );
}

/// What is left of each capture is what the latest refunds have not undone, so that a restored one fits or not.
#[test]
fn r24_a_second_refund_goes_on_where_the_first_has_stopped() {
    check_with(
        restoring(),
        "open a
         reserve h1 a 40 draw
         commit h1 100                      => done split=100/0/0
         refund h1 30 n=1                   => done split=30/0/0
         at 2026-03-11T08:00:00Z
         grant a free 134082.728            => done left=134182.728/0/0
         refund h1 all n=2 provider_error   => done split=30/0/0 lost=40",
    );
    check_with(
        restoring(),
        "open a
         reserve h1 a 40 draw
         commit h1 40 n=1 more
         refund h1 10 n=1                   => done split=10/0/0 left=70/0/0
         commit h1 60 n=2                   => done split=60/0/0 left=10/0/0
         at 2026-03-11T08:00:00Z
         grant a free 134062.728            => done left=134162.728/0/0
         refund h1 all n=2 provider_error   => done split=30/0/0 lost=60",
    );
}

#[test]
fn r27_a_hold_that_is_only_on_disk_is_brought_back() {
    check(
        "open a
         reserve h1 a 60
         commit h1 50
         after 1h
         flush
         forget                          => 0
         flush
         forget                          => 1
         reserve h1 a 60                 => hold_id_expired
         commit h1 50                    => replayed:done amount=50
         refund h1 20 n=1                => done split=20/0/0 left=70/0/0
         refund h1 20 n=1                => replayed:done
         release h1                      => already_settled amount=50
         refund h1 31 n=2                => exceeds_captured amount=30
         flush
         after 1h
         forget                          => 0
         flush
         forget                          => 1
         restart
         refund h1 all n=2               => done amount=30 left=100/0/0",
    );
}

#[test]
fn r27_beyond_the_window_a_refund_is_refused() {
    check(
        "open a
         reserve h1 a 60
         after 10s
         commit h1 50
         after 30d
         refund h1 1 n=1                 => done lost=1
         after 1
         refund h1 50 n=2                => exceeds_captured amount=49
         refund h1 1 n=2                 => refund_window_passed
         refund h1 1 n=1                 => replayed:done",
    );
}

#[test]
fn r27_what_was_captured_of_an_open_or_expired_hold_can_be_refunded() {
    check(
        "open a
         reserve h1 a 60 ttl=10s
         refund h1 1                     => exceeds_captured amount=0
         commit h1 30 n=1 more
         refund h1 10 n=1                => done left=50/0/0
         commit h1 31 n=2                => exceeds_hold amount=30
         after 10s
         expire                          => 1
         refund h1 21 n=2                => exceeds_captured amount=20
         refund h1 20 n=2                => done left=100/0/0",
    );
}

#[test]
fn r27_refunds_are_at_most_255() {
    let mut world = check("open a\ncharge c1 a 100");
    for number in 0..255 {
        world.check(&format!("refund c1 0.1 n={number} => done"));
    }
    world.check("refund c1 0.1 n=255 => limit\nrefund c1 100 n=255 => exceeds_captured amount=74.5");
}

#[test]
fn r27_an_id_that_is_older_than_the_window_and_not_on_disk_any_more() {
    check(
        "open a
         refund h1@-29d 1                => unknown_hold
         refund h2@-31d 1                => refund_window_passed
         refund h2 1 by=z                => unknown_account
         commit h2 1                     => unknown_hold",
    );
}
