//! Scripts, seeds and delays.

use super::*;
use crate::durability::DurabilityMode;
use crate::epoch::WriterId;
use crate::handle::{Journal, JournalSettings};
use crate::recovery::{check, recover};
use crate::room::Class;
use crate::unit::EncodedUnit;

#[test]
fn splitmix_is_the_known_sequence() {
    let mut random = SplitMix(0);
    assert_eq!(random.next_u64(), 0xe220_a839_7b1d_cdaf);
    assert_eq!(random.next_u64(), 0x6e78_9e6a_a1b9_65f4);
    assert_eq!(random.below(0), 0);
    assert!((0..100).all(|_| random.below(3) < 3));
}

#[test]
fn a_slow_append_costs_the_callers_clock() {
    let plan = FaultPlan::none().with(0, Fault::Slow { delay_ms: 30 });
    let mut store = FaultyStore::open(FaultyImage::default(), plan);
    recover(&mut store, WriterId([0; 16]), 0).unwrap();
    assert_eq!((store.take_delay_ms(), store.take_delay_ms()), (30, 0));
}

const HOLE: Fault = Fault::Holed { from: 64, bytes: 9 };

#[test]
fn an_epoch_record_can_fail_and_the_next_start_goes_on() {
    for fault in [Fault::Full, Fault::FailedAndThere, Fault::FailedAndThereLater, Fault::Torn { bytes: 5 }, HOLE] {
        let mut store = FaultyStore::open(FaultyImage::default(), FaultPlan::none().with(0, fault));
        assert!(recover(&mut store, WriterId([0; 16]), 0).is_err());
        let mut store = FaultyStore::open(store.crash(0), FaultPlan::none());
        assert!(recover(&mut store, WriterId([0; 16]), 0).is_ok(), "{fault:?}");
        let mut store = FaultyStore::open(store.crash(0), FaultPlan::none());
        assert!(recover(&mut store, WriterId([0; 16]), 0).is_ok(), "{fault:?}");
    }
}

#[test]
fn every_kind_of_fault_comes_by_chance() {
    let rates = FaultRates { failed: 5000, slow: 5000, delay_ms_max: 9 };
    let mut plan = FaultPlan::seeded(7, rates);
    let drawn: Vec<_> = (0..2000).filter_map(|append| plan.fault_for(append, 100)).collect();
    assert_eq!(drawn.len(), 2000);
    let kinds: [fn(&Fault) -> bool; 7] = [
        |f| matches!(f, Fault::Full),
        |f| matches!(f, Fault::FailedAndLost),
        |f| matches!(f, Fault::FailedAndThere),
        |f| matches!(f, Fault::FailedAndThereLater),
        |f| matches!(f, Fault::Torn { bytes } if *bytes < 100),
        |f| matches!(f, Fault::Slow { delay_ms } if *delay_ms <= 9),
        |f| matches!(f, Fault::Holed { from, .. } if *from < 100),
    ];
    assert!(kinds.iter().all(|kind| drawn.iter().any(kind)));
}

#[test]
fn faults_come_as_often_as_their_rates_say() {
    let often = |failed, slow| {
        let mut plan = FaultPlan::seeded(7, FaultRates { failed, slow, delay_ms_max: 9 });
        (0..2000).filter_map(|append| plan.fault_for(append, 100)).count()
    };
    assert_eq!((often(0, 0), often(10_000, 0)), (0, 2000));
    assert!((100..300).contains(&often(1_000, 0)) && (100..300).contains(&often(0, 1_000)));
}

/// A process that writes three groups of a record and syncs none of them: the sync fails.
fn a_failing_sync(fault: SyncFault) -> FaultyStore {
    let mut store = FaultyStore::open(FaultyImage::default(), FaultPlan::none().with_sync(0, fault));
    let recovered = recover(&mut store, WriterId([0; 16]), 0).unwrap();
    let mode = DurabilityMode::Interval { interval_ms: 1_000 };
    let (journal, mut writer) = Journal::start(store, recovered.end, &JournalSettings { mode, ..Default::default() });
    let mut unit = EncodedUnit::new();
    crate::codec::encode_unit(&[crate::record::samples::records().remove(0).1], &mut unit).unwrap();
    for now in 0..3 {
        assert!(journal.queue.try_take_room(1, Class::Settlement));
        journal.queue.push(&unit);
        writer.write_next(now).unwrap().unwrap();
    }
    assert!(writer.sync_now().is_err(), "{fault:?}");
    assert!(writer.write_next(3_000).is_err(), "nothing goes on after a failed sync");
    assert_eq!((journal.durability.durable(), journal.durability.synced()), (Position(4), Position(1)));
    let store = writer.into_store();
    assert_eq!((store.unsynced_groups(), store.syncs()), (3, 1));
    store
}

#[test]
fn what_a_failed_sync_leaves_may_be_lost_and_may_show_up_later() {
    for (fault, shown) in [(SyncFault::Failed, 0), (SyncFault::FailedAndThereLater, 2)] {
        let image = a_failing_sync(fault).crash(1);
        assert_eq!((image.disk.groups.len(), image.later.len()), (2, shown), "{fault:?}");
        let mut store = FaultyStore::open(image, FaultPlan::none());
        assert_eq!(recover(&mut store, WriterId([1; 16]), 0).unwrap().end.last, Position(3), "{fault:?}");
        let store = FaultyStore::open(store.crash(0), FaultPlan::none());
        let found = check(store.reader().as_ref(), &mut |_, _| {}).unwrap();
        assert_eq!((found.end.last, found.superseded.len()), (Position(3), shown), "{fault:?}");
    }
}

#[test]
fn a_torn_group_lacks_its_last_byte_at_least() {
    let plan = FaultPlan::none().with(0, Fault::Torn { bytes: usize::MAX });
    let mut store = FaultyStore::open(FaultyImage::default(), plan);
    assert!(recover(&mut store, WriterId([0; 16]), 0).is_err());
    let image = store.crash(0);
    let torn = image.disk.groups.values().next().unwrap().to_vec();
    let mut store = FaultyStore::open(FaultyImage::default(), FaultPlan::none());
    recover(&mut store, WriterId([0; 16]), 0).unwrap();
    let whole = store.crash(0).disk.groups.values().next().unwrap().to_vec();
    assert_eq!(torn, whole[..whole.len() - 1]);
}

#[test]
fn syncs_are_counted() {
    let mut store = FaultyStore::open(FaultyImage::default(), FaultPlan::none());
    for syncs in 0..3 {
        assert_eq!(store.syncs(), syncs);
        store.sync().unwrap();
    }
}
