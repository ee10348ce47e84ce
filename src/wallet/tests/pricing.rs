//! Prices in reserves and charges: R8, R18, R19, R20, R23 and R26 by the rate card.

use super::verbs::card;
use super::world::account;
use super::{World, check};
use crate::record::{OverCommit, PricedTerms, Record};
use crate::settings::Settings;

#[test]
fn r18_the_daemon_prices_what_is_to_be_made() {
    let world = check(
        "open a
         rates 1
         reserve h1 a 0 priced tool=1 model=1 count=2  => granted split=48/0/0 left=52/0/0
         charge c1 a 0 priced tool=1 model=1           => granted split=24/0/0 left=28/0/0
         commit h1 24 n=1 more                         => done
         commit h1 all n=2                             => done amount=24",
    );
    let Some(Record::Reserve(reserve)) = world.disk.records().into_iter().nth(2) else { panic!("no reserve") };
    let priced = PricedTerms { version: 1, expected: false, pro_model: false, over_commit: OverCommit::Reject };
    assert_eq!(reserve.terms.priced, Some(priced));
}

#[test]
fn r18_another_price_than_the_expected_one_is_told() {
    check(
        "open a
         rates 1
         reserve h1 a 24 priced tool=1 model=1  => granted split=24/0/0
         rates 2
         reserve h2 a 24 priced tool=1 model=1  => price_changed amount=25 left=76/0/0
         reserve h2 a 25 priced tool=1 model=1  => granted split=25/0/0
         charge c1 a 24 priced tool=1 model=1   => price_changed amount=25",
    );
}

#[test]
fn r18_a_retry_after_a_reload_gets_the_first_decision() {
    let mut world = check(
        "open a
         rates 1
         reserve h1 a 0 priced tool=1 model=1 ttl=0   => granted split=24/0/0 ends=600s
         reserve h2 a 24 priced tool=1 model=1  => granted split=24/0/0
         reserve h3 a 0 priced tool=1 model=4   => granted split=0/0/0
         rates 2
         reserve h1 a 0 priced tool=1 model=1 ttl=0   => replayed:granted split=24/0/0 ends=600s
         reserve h1 a 24 priced tool=1 model=1 ttl=0  => hold_id_reused field=Amount
         reserve h1 a 24 tool=1 model=1         => hold_id_reused field=Flags
         reserve h1 a 0 priced tool=1 model=2 ttl=0   => hold_id_reused field=Model
         reserve h2 a 24 priced tool=1 model=1  => replayed:granted split=24/0/0
         reserve h2 a 0 priced tool=1 model=1   => hold_id_reused field=Amount
         reserve h2 a 25 priced tool=1 model=1  => hold_id_reused field=Amount
         reserve h3 a 0 priced tool=1 model=4   => replayed:granted split=0/0/0
         reserve h4 a 0 priced tool=1 model=4   => unpriced field=Model
         reserve h5 a 5                         => granted
         reserve h5 a 5 priced tool=1 model=1   => hold_id_reused field=Flags",
    );
    world.check("restart\nreserve h1 a 0 priced tool=1 model=1 ttl=0 => replayed:granted split=24/0/0 ends=600s");
}

#[test]
fn r18_a_reload_leaves_open_holds_as_they_are() {
    check(
        "open a
         subscribe a 500 tier=2
         rates 1
         reserve h1 a 0 priced tool=2 model=2 settings=6553600 ttl=0 => granted split=0/210/0 ends=30s
         rates 2
         commit h1 230                                         => done split=0/230/0 amount=230
         reserve h2 a 0 priced tool=2 model=2 settings=6553600 => granted split=0/230/0",
    );
}

#[test]
fn r19_what_the_card_does_not_know_is_refused_never_free() {
    check(
        "open a
         reserve h1 a 0 priced tool=1 model=1          => unpriced field=Tool
         rates 1
         reserve h1 a 0 priced tool=9 model=1          => unpriced field=Tool
         reserve h1 a 0 priced tool=1 model=9          => unpriced field=Model
         reserve h1 a 0 priced tool=1 model=2          => unpriced field=Model
         reserve h1 a 0 priced tool=1 model=1 settings=1 => unpriced field=Settings
         reserve h1 a 0 priced tool=1 model=1 count=11 => bad_request field=Count
         charge c1 a 0 priced tool=9 model=1           => unpriced
         reserve h1 a 0 priced tool=1 model=4          => granted split=0/0/0
         reserve h1 a 0 priced tool=1 model=4          => replayed:granted
         balance a                                     => done left=100/0/0",
    );
}

#[test]
fn r20_the_cards_tier_and_the_requests_own_the_higher_counts() {
    check(
        "open a
         rates 1
         subscribe a 500 tier=1
         reserve h1 a 0 priced tool=2 model=2 settings=6553600        => tier_required tier=2
         reserve h1 a 0 priced tool=2 model=2 settings=6553600 tier=3 => tier_required tier=3
         subscribe a 500 tier=2
         reserve h1 a 0 priced tool=2 model=2 settings=6553600        => granted
         reserve h2 a 0 priced tool=1 model=1 tier=3                  => tier_required tier=3",
    );
}

#[test]
fn r8_free_credits_pay_neither_for_a_pro_model_nor_where_the_card_forbids_it() {
    check(
        "open a
         rates 1
         reserve h1 a 0 priced tool=1 model=3              => insufficient amount=2.5 left=100/0/0
         subscribe a 500 tier=2
         reserve h1 a 0 priced tool=1 model=3              => granted split=0/2.5/0
         reserve h2 a 0 priced tool=2 model=2 settings=655360 => granted split=0/21/0
         reserve h3 a 0 priced tool=1 model=1              => granted split=24/0/0
         reserve h4 a 0 priced tool=1 model=1 pro          => granted split=0/24/0",
    );
}

#[test]
fn r23_the_cards_hold_time_where_the_request_gives_none_and_its_longest() {
    check(
        "open a
         rates 1
         subscribe a 500 tier=2
         reserve h1 a 0 priced tool=2 model=2 settings=655360 ttl=0    => granted ends=30s
         reserve h2 a 0 priced tool=2 model=2 settings=655360 ttl=2m   => granted ends=120s
         reserve h3 a 0 priced tool=2 model=2 settings=655360 ttl=120001 => bad_request field=TtlMs
         reserve h4 a 0 priced tool=1 model=1 ttl=0                    => granted ends=600s
         reserve h4 a 0 priced tool=1 model=1 ttl=600000               => hold_id_reused field=TtlMs
         extend h1 1m                                                  => done ends=60s
         reserve h1 a 0 priced tool=2 model=2 settings=655360 ttl=0    => replayed:granted ends=30s",
    );
}

#[test]
fn r26_the_cards_policy_says_what_a_commit_of_more_does() {
    check(
        "open a
         rates 1
         subscribe a 500 tier=2
         topup a 100
         reserve h1 a 0 priced tool=1 model=3              => granted split=0/2.5/0
         commit h1 3                                       => done split=0/2.5/0 amount=2.5
         reserve h2 a 0 priced tool=2 model=2 settings=655360 no_top_up => granted split=0/21/0
         commit h2 498                                     => insufficient amount=477
         commit h2 497.5                                   => done split=0/497.5/0 left=100/0/100
         reserve h3 a 0 priced tool=1 model=1 draw         => granted split=24/0/0
         commit h3 25                                      => exceeds_hold amount=24",
    );
}

#[test]
fn r26_a_draw_and_a_late_commit_keep_to_the_holds_own_sources() {
    check(
        "open a
         rates 1
         subscribe a 30 tier=2
         reserve h1 a 0 priced tool=2 model=2 settings=655360          => granted split=0/21/0
         commit h1 31                                                  => insufficient amount=10 left=100/9/0
         after 2m
         expire                                                        => 1
         commit h1 21                                                  => late split=0/21/0 left=100/9/0",
    );
}

#[test]
fn r18_a_chunk_is_priced_by_one_card() {
    let mut world = World::new(Settings::default());
    world.check("open a\nrates 1");
    let mut chunk = world.engine.chunk();
    world.check("reserve h1 a 0 priced tool=1 model=1 => granted split=24/0/0");
    let Some(Record::Reserve(first)) = world.disk.records().into_iter().nth(2) else { panic!("no reserve") };
    assert_eq!((first.account, first.terms.priced.map(|priced| priced.version)), (account("a"), Some(1)));
    chunk.rates = Some(std::sync::Arc::new(card(2)));
    let asked = crate::request::ReserveRequest {
        account: first.account,
        hold: world.hold("h2"),
        amount: crate::credits::Credits::ZERO,
        sources: first.terms.sources,
        pro_model: false,
        priced: true,
        min_tier: first.terms.min_tier,
        ttl_ms: 60_000,
        over_commit: OverCommit::Reject,
        attribution: first.attribution,
        worker: first.worker,
        settings: 0,
    };
    let asked = world.engine.asked(&mut chunk, &asked, false).unwrap();
    assert_eq!(asked.terms.priced.map(|priced| priced.version), Some(2), "the card that the chunk took");
    chunk.clear();
    assert!(chunk.rates.is_none(), "the next chunk takes the card of then");
}

#[test]
fn r40_insufficient_names_the_three_ways_out() {
    check(
        "open a
         bundles small=100
         reserve h1 a 101       => insufficient amount=101 detail=3 top_up_allowed=false next=43200s
         subscribe a 10 tier=3 for=1d
         reserve h1 a 111       => insufficient amount=111 detail=0 top_up_allowed next=129600s
         reserve h2 a 110 draw  => granted
         commit h2 111          => insufficient amount=1 detail=0",
    );
}

/// R19, R35: who asks for what has no price is told of the wallet as it is now.
#[test]
fn r19_a_refused_price_rolls_a_wallet_that_is_due() {
    check(
        "open a
         subscribe a 50 for=1h
         after 2h
         reserve h1 a 0 priced tool=1 model=1  => unpriced field=Tool left=100/0/0",
    );
}
