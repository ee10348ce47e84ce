//! The keys: how often which account comes.

use super::*;

fn counts(spread: Spread, accounts: u32, draws: u32) -> Vec<u32> {
    let mut random = Random(7);
    let mut keys = Keys::of(spread, accounts).begun(&mut random);
    let mut counts = vec![0; accounts as usize];
    for _ in 0..draws {
        counts[keys.next(&mut random) as usize] += 1;
    }
    counts
}

#[test]
fn uniform_takes_all_alike_and_hot_takes_one() {
    let uniform = counts(Spread::Uniform, 100, 100_000);
    assert!(uniform.iter().all(|count| (800..1_200).contains(count)), "{uniform:?}");
    let hot = counts(Spread::Hot, 100, 1_000);
    assert_eq!((hot[0], hot.iter().sum::<u32>()), (1_000, 1_000));
}

#[test]
fn zipf_draws_ranks_as_often_as_the_law_says() {
    let (accounts, draws) = (1_000_u32, 1_000_000_u32);
    let mut counts = counts(Spread::Zipf, accounts, draws);
    counts.sort_unstable_by(|a, b| b.cmp(a));
    let whole: f64 = (1..=accounts).map(|rank| f64::from(rank).powf(-EXPONENT)).sum();
    for rank in [1_u32, 2, 3, 10, 100] {
        let expected = f64::from(draws) * f64::from(rank).powf(-EXPONENT) / whole;
        let ratio = f64::from(counts[rank as usize - 1]) / expected;
        assert!((0.9..1.1).contains(&ratio), "rank {rank}: {ratio}");
    }
    assert!(counts.iter().all(|count| *count > 0), "every account has its turn");
}

#[test]
fn ranks_are_scattered_over_all_accounts_once() {
    for accounts in [1, 2, 3, 10, 999, 1_000, 1_000_000] {
        let step = scatter(accounts);
        let mut seen = vec![false; accounts as usize];
        for rank in 0..u64::from(accounts) {
            let account = usize::try_from(rank * step % u64::from(accounts)).unwrap();
            assert!(!std::mem::replace(&mut seen[account], true), "{accounts}: {rank}");
        }
    }
}

#[test]
fn few_accounts_are_drawn_too() {
    for accounts in 1..4 {
        assert_eq!(counts(Spread::Zipf, accounts, 1_000).iter().sum::<u32>(), 1_000);
    }
}
