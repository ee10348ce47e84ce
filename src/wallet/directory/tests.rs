//! What a directory finds, with the lock and without.

use super::*;

/// A cell whose id is its number: zero is none.
struct Number(AtomicU64);

impl Cell for Number {
    fn empty() -> Self {
        Self(AtomicU64::new(0))
    }

    fn copy_from(&self, other: &Self) {
        self.0.store(other.0.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    fn more_groups(groups: usize) -> usize {
        groups + groups / 4 + 1
    }
}

type Numbers = Directory<Number, ()>;

fn hash(numbers: &Numbers, number: u64) -> Hash {
    numbers.hash(u128::from(number))
}

/// Adds a number, unless it is there.
fn add(numbers: &Numbers, number: u64) -> bool {
    let of = hash(numbers, number);
    let shard = &mut *numbers.write(of);
    let is = |cell: &Number| cell.0.load(Ordering::Relaxed) == number;
    let hash_of = |cell: &Number| hash(numbers, cell.0.load(Ordering::Relaxed));
    let Err(at) = numbers.find_or_room(shard, of, is, hash_of) else { return false };
    shard.cell(at).0.store(number, Ordering::Relaxed);
    numbers.fill(shard, at, of);
    true
}

fn finds(numbers: &Numbers, number: u64) -> bool {
    let of = hash(numbers, number);
    numbers.read(of).find(of, |cell| cell.0.load(Ordering::Relaxed) == number).is_some()
}

#[test]
fn what_was_added_is_found_and_nothing_else_at_any_size() {
    let numbers = Numbers::new();
    let mut added = 0;
    for size in [1, 100, 10_000, 200_000] {
        while added < size {
            added += 1;
            assert!(add(&numbers, added));
        }
        assert!((1..=size).all(|number| finds(&numbers, number)), "of {size}");
        assert!((size + 1..=2 * size + 1).all(|number| !finds(&numbers, number)), "of {size}");
        assert!(!add(&numbers, 1), "I5: one is added once");
    }
    let used: usize = numbers.shards().map(|shard| shard.read().used().count()).sum();
    assert_eq!(used, 200_000);
}

#[test]
fn what_is_to_go_goes_and_its_room_with_it() {
    let numbers = Numbers::new();
    assert!((1..=100_000).all(|number| add(&numbers, number)));
    let room = |numbers: &Numbers| -> usize { numbers.shards().map(|shard| shard.read().table.cells.len()).sum() };
    let before = room(&numbers);
    let stays = |cell: &Number| cell.0.load(Ordering::Relaxed).is_multiple_of(10);
    let hash_of = |cell: &Number| hash(&numbers, cell.0.load(Ordering::Relaxed));
    let gone: u64 = numbers.shards().map(|shard| numbers.retain(&mut shard.write(), stays, hash_of)).sum();
    assert_eq!(gone, 90_000);
    assert!((1..=100_000).all(|number| finds(&numbers, number) == (number % 10 == 0)));
    assert!(room(&numbers) < before / 3, "{} of {before}", room(&numbers));
}

/// D1: at most seven of eight cells are in use, so that every search ends.
#[test]
fn d1_every_table_has_an_empty_cell() {
    let numbers = Numbers::new();
    assert!((1..=50_000).all(|number| add(&numbers, number)));
    for shard in numbers.shards() {
        let shard = shard.read();
        assert_eq!(shard.used, shard.used().count());
        assert!(shard.used * GROUP_CELLS <= shard.table.cells.len() * (GROUP_CELLS - 1));
    }
}

/// D3: a look without the lock is right about most, also of tables that are nearly full, while they are built anew beside it.
#[test]
fn d3_a_look_without_the_lock_guesses_mostly_right() {
    let numbers = Numbers::new();
    let right = |most: u64| {
        let look = numbers.look();
        let guessed = |number| look.guess(hash(&numbers, number)).map(|cell| cell.0.load(Ordering::Relaxed));
        (1..=most).filter(|number| guessed(*number) == Some(*number)).count()
    };
    std::thread::scope(|scope| {
        let adds = scope.spawn(|| assert!((1..=100_000).all(|number| add(&numbers, number))));
        while !adds.is_finished() {
            right(100);
        }
    });
    assert!(right(100_000) > 50_000, "{} of 100,000", right(100_000));
}

/// An empty cell is nobody's, whatever it looks like: it has no tag.
#[test]
fn an_empty_cell_is_not_found() {
    for of in (0..128).map(Hash) {
        assert_eq!(Table::<Number>::with_groups(1).search(of, |_| true), Err(Some(At(0))), "{of:?}");
    }
}

/// Puts a number where a hash says, which is not that of the number.
fn put(numbers: &Numbers, number: u64, of: Hash) {
    let shard = &mut *numbers.write(of);
    let hash_of = |cell: &Number| Hash(cell.0.load(Ordering::Relaxed));
    let at = numbers.find_or_room(shard, of, |_| false, hash_of).unwrap_err();
    shard.cell(at).0.store(number, Ordering::Relaxed);
    numbers.fill(shard, at, of);
}

/// What is not there is guessed where it would be put.
#[test]
fn a_guess_is_the_first_cell_of_the_tag_or_else_the_first_empty_one() {
    let numbers = Numbers::new();
    (1..=3).for_each(|number| put(&numbers, number, Hash(number)));
    let look = numbers.look();
    let guessed = |tag| look.guess(Hash(tag)).unwrap();
    let place = |cell: &Number| look.0[0].cells.iter().position(|one| std::ptr::eq(one, cell));
    assert_eq!([1, 2, 3, 4, 127].map(|tag| place(guessed(tag))), [0, 1, 2, 3, 3].map(Some));
}

/// I9: what stays gets no more room than it needs.
#[test]
fn a_table_that_has_just_enough_room_has_no_more() {
    let numbers = Numbers::new();
    (1..=8).for_each(|number| put(&numbers, number, Hash(number)));
    let shard = &mut *numbers.write(Hash(1));
    let hash_of = |cell: &Number| Hash(cell.0.load(Ordering::Relaxed));
    let mut groups = vec![shard.table.tags.len()];
    for most in [7, 0] {
        numbers.retain(shard, |cell| cell.0.load(Ordering::Relaxed) <= most, hash_of);
        groups.push(shard.table.tags.len());
    }
    assert_eq!(groups, [2, 1, 0]);
}
