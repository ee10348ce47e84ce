//! Order, grouping and room; with threads.

use super::*;
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

fn unit(records: &[&[u8]]) -> EncodedUnit {
    let mut unit = EncodedUnit::new();
    for record in records {
        unit.push_record(record).unwrap();
    }
    unit
}

fn records_of(group: &Gathered) -> Vec<Vec<u8>> {
    let mut rest = &group.buffer[HEADER_BYTES..];
    let mut records = Vec::new();
    while let Some(range) = first_record(rest) {
        records.push(rest[range.clone()].to_vec());
        rest = &rest[range.end..];
    }
    assert!(rest.is_empty());
    assert_eq!(records.len(), usize::try_from(group.records).unwrap());
    records
}

/// Longer than a test takes.
const LONG: Duration = Duration::from_secs(600);

#[test]
fn positions_follow_each_other() {
    let queue = Queue::new(Position(10), RoomLimits::default());
    assert_eq!(queue.pushed(), Position(10));
    assert!(queue.take_group().is_none());
    assert_eq!(queue.push(&unit(&[b"a", b"b"])), Position(11));
    assert_eq!(queue.push(&unit(&[b"c"])), Position(13));
    assert_eq!(queue.pushed(), Position(13));
    assert_eq!(queue.gathered_bytes(), 6);
    let group = queue.take_group().unwrap();
    assert_eq!((group.first, group.last()), (Position(11), Position(13)));
    assert_eq!(records_of(&group), [b"a", b"b", b"c"]);
    queue.recycle(group.buffer);
    assert_eq!(queue.push(&unit(&[b"d"])), Position(14));
    assert_eq!(records_of(&queue.take_group().unwrap()), [b"d"]);
    assert_eq!(queue.gathered_bytes(), 0);
}

#[test]
fn what_is_pushed_in_passing_waits_for_a_push_or_a_ring() {
    let queue = Arc::new(Queue::new(Position::NONE, RoomLimits::default()));
    let wake: [fn(&Queue); 2] = [Queue::ring, |queue| _ = queue.push(&unit(&[b"b"]))];
    for (wake, records) in wake.into_iter().zip([1, 2]) {
        let sleeper = Arc::clone(&queue);
        let sleeping = std::thread::spawn(move || sleeper.wait(LONG));
        std::thread::sleep(Duration::from_millis(50));
        queue.push_in_passing(&unit(&[b"a"]));
        std::thread::sleep(Duration::from_millis(50));
        assert!(!sleeping.is_finished(), "a writer that sleeps is left alone");
        wake(&queue);
        assert_eq!(sleeping.join().unwrap(), Woken::Pushed);
        assert_eq!(queue.take_group().unwrap().records, records);
    }
}

#[test]
fn a_unit_stays_in_one_group_if_a_group_can_hold_it() {
    let queue = Queue::new(Position::NONE, RoomLimits::default());
    let large = vec![1; 200 * 1024];
    queue.push(&unit(&[&large, &large]));
    queue.push(&unit(&[&large]));
    queue.push(&unit(&[&large, &large, &large, &large]));
    let counts: Vec<_> =
        std::iter::from_fn(|| queue.take_group()).map(|group| (group.first.0, group.records)).collect();
    assert_eq!(counts, [(1, 2), (3, 2), (5, 2), (7, 1)]);
}

#[test]
fn a_group_is_filled_to_the_limit() {
    let queue = Queue::new(Position::NONE, RoomLimits::default());
    let half = vec![1; BODY_BYTES_MAX / 2 - 3];
    queue.push(&unit(&[&half]));
    queue.push(&unit(&[&half]));
    queue.push(&unit(&[b""]));
    let full = queue.take_group().unwrap();
    assert_eq!((full.records, full.buffer.len()), (2, HEADER_BYTES + BODY_BYTES_MAX));
    assert_eq!(queue.take_group().unwrap().first, Position(3));
}

#[test]
fn buffers_are_kept_up_to_the_limit() {
    let queue = Queue::new(Position::NONE, RoomLimits::default());
    for buffers in 1..=SPARE_BUFFERS_MAX + 2 {
        queue.recycle(vec![7; 100]);
        assert_eq!(queue.gathering.lock().spare.len(), buffers.min(SPARE_BUFFERS_MAX));
    }
}

#[test]
fn settlements_have_a_share() {
    let limits = RoomLimits { journal_room_records: 10, settlement_share_records: 4 };
    let queue = Queue::new(Position::NONE, limits);
    assert!(queue.try_take_room(6, Class::Reserve));
    assert!(!queue.try_take_room(1, Class::Reserve));
    assert!(queue.try_take_room(4, Class::Settlement));
    assert!(!queue.try_take_room(1, Class::Settlement));
    queue.give_back(5);
    queue.give_back(0);
    assert!(queue.try_take_room(1, Class::Reserve));
    assert!(!queue.try_take_room(u32::MAX, Class::Settlement));
    assert_eq!(queue.room_used_records(), 6);
}

#[test]
fn a_sleeping_writer_is_woken_and_told_of_the_end() {
    let queue = Arc::new(Queue::new(Position::NONE, RoomLimits::default()));
    assert_eq!(queue.wait(Duration::from_millis(1)), Woken::Idle);
    let writer = {
        let queue = Arc::clone(&queue);
        std::thread::spawn(move || {
            let mut records = 0;
            while queue.wait(LONG) == Woken::Pushed {
                records += queue.take_group().unwrap().records;
            }
            records
        })
    };
    for _ in 0..10_000 {
        queue.push(&unit(&[b"x"]));
    }
    queue.close();
    assert_eq!(writer.join().unwrap(), 10_000);
}

#[test]
fn rings_that_bring_nothing_do_not_lengthen_a_wait() {
    const RINGS: usize = 1_000;
    let queue = Queue::new(Position::NONE, RoomLimits::default());
    let is_over = AtomicBool::new(false);
    let (woken, rings) = std::thread::scope(|scope| {
        let ringing = scope.spawn(|| {
            let ring = |_: &usize| {
                queue.ring();
                std::thread::sleep(Duration::from_millis(10));
                !is_over.load(Ordering::Acquire)
            };
            (0..RINGS).take_while(ring).count()
        });
        let woken = queue.wait(Duration::from_millis(200));
        is_over.store(true, Ordering::Release);
        (woken, ringing.join().unwrap())
    });
    assert_eq!(woken, Woken::Idle);
    assert!(rings < RINGS, "the wait lasted as long as somebody rang");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever threads push: positions have no gap, units are not split, each thread's units stay in order, and a unit
    /// is where its push said.
    #[test]
    fn threads_never_split_a_unit(
        threads in prop::collection::vec(prop::collection::vec(1_u8..40, 1..60), 2..5),
    ) {
        let queue = Queue::new(Position::NONE, RoomLimits::default());
        let places = std::thread::scope(|scope| {
            let pushing: Vec<_> = threads.iter().enumerate().map(|(thread, sizes)| {
                let queue = &queue;
                scope.spawn(move || push_all(queue, u8::try_from(thread).unwrap(), sizes))
            }).collect();
            pushing.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        let mut journal = Vec::new();
        while let Some(group) = queue.take_group() {
            prop_assert_eq!(group.first, Position(journal.len() as u64 + 1));
            journal.extend(records_of(&group));
        }
        prop_assert_eq!(queue.pushed(), Position(journal.len() as u64));
        for (thread, units) in places.iter().enumerate() {
            prop_assert!(units.windows(2).all(|pair| pair[0] < pair[1]));
            for (number, first) in units.iter().enumerate() {
                let begin = usize::try_from(first.0).unwrap() - 1;
                for offset in 0..threads[thread][number] {
                    let expected = [u8::try_from(thread).unwrap(), u8::try_from(number).unwrap(), offset];
                    prop_assert_eq!(&journal[begin + usize::from(offset)], &expected);
                }
            }
        }
    }
}

fn push_all(queue: &Queue, thread: u8, sizes: &[u8]) -> Vec<Position> {
    let mut unit = EncodedUnit::new();
    let mut places = Vec::new();
    for (number, size) in sizes.iter().enumerate() {
        unit.clear();
        for offset in 0..*size {
            unit.push_record(&[thread, u8::try_from(number).unwrap(), offset]).unwrap();
        }
        places.push(queue.push(&unit));
    }
    places
}
