//! Sorting in linear time.

/// Below this a comparison sort is faster than the counters are cleared.
pub(super) const RADIX_MIN: usize = 1 << 14;
const DIGIT_BITS: u32 = 16;

/// The indices in the order of their keys; of equal keys in the order in which they came.
pub(super) fn by_key(indices: impl Iterator<Item = u32>, key: impl Fn(u32) -> u64) -> Vec<u32> {
    let mut keyed: Vec<(u64, u32)> = indices.map(|index| (key(index), index)).collect();
    if keyed.len() < RADIX_MIN {
        keyed.sort_by_key(|(key, _)| *key);
    } else {
        radix_sort(&mut keyed);
    }
    keyed.into_iter().map(|(_, index)| index).collect()
}

/// From the lowest digit up; a digit in which all keys agree is passed over.
fn radix_sort(keyed: &mut Vec<(u64, u32)>) {
    let (all, any) = keyed.iter().fold((u64::MAX, 0), |(all, any), (key, _)| (all & key, any | key));
    let mut sorted = vec![(0, 0); keyed.len()];
    for shift in (0..u64::BITS).step_by(DIGIT_BITS as usize) {
        let digit = |key: u64| usize::from(u16::try_from(key >> shift & 0xffff).unwrap_or(u16::MAX));
        if digit(all) == digit(any) {
            continue;
        }
        let mut places = vec![0_usize; 1 << DIGIT_BITS];
        for (key, _) in &*keyed {
            places[digit(*key)] += 1;
        }
        let mut next = 0;
        for place in &mut places {
            next += std::mem::replace(place, next);
        }
        for pair in &*keyed {
            let place = &mut places[digit(pair.0)];
            sorted[*place] = *pair;
            *place += 1;
        }
        std::mem::swap(keyed, &mut sorted);
    }
}
