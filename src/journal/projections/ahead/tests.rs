//! Rows that no cache has are read together, and once.

use crate::projections::tests::script::*;
use crate::projections::*;

/// Counts the rows of wallets that are read one by one.
#[derive(Clone, Default)]
struct Counting {
    store: MemoryProjections,
    alone: Arc<AtomicU64>,
    together: Arc<AtomicU64>,
}

impl ProjectionStore for Counting {
    fn value(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if key.first() == Some(&(KeyKind::Wallet as u8)) {
            self.alone.fetch_add(1, Ordering::Relaxed);
        }
        self.store.value(family, key)
    }

    fn values(
        &self,
        family: Family,
        keys: &[&[u8]],
        show: &mut dyn FnMut(usize, Option<&[u8]>),
    ) -> Result<(), StoreError> {
        self.together.fetch_add(1, Ordering::Relaxed);
        self.store.values(family, keys, show)
    }

    fn last_up_to(&self, family: Family, key: &[u8], show: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), StoreError> {
        self.store.last_up_to(family, key, show)
    }

    fn scan(&self, family: Family, from: &[u8], show: &mut store::Show<'_>) -> Result<(), StoreError> {
        self.store.scan(family, from, show)
    }

    fn write(&self, fill: &mut dyn FnMut(&mut dyn BatchWriter)) -> Result<(), StoreError> {
        self.store.write(fill)
    }

    fn freeze(&self, read: &mut dyn FnMut(&dyn Frozen)) {
        self.store.freeze(read);
    }

    fn flush(&self) -> Result<(), StoreError> {
        self.store.flush()
    }
}

#[test]
fn rows_that_no_cache_has_are_read_together_and_once() {
    let records = script(60);
    let set_up = set_up().len();
    let counting = Counting::default();
    {
        let mut projector = open(counting.store.clone());
        follow(&mut projector, &records, set_up, set_up);
        projector.flush().unwrap();
    }
    let mut projector = Projector::open(counting.clone(), Options::default(), Position::MAX).unwrap();
    follow(&mut projector, &records, set_up + CHUNK_RECORDS, CHUNK_RECORDS);
    assert_eq!(counting.alone.load(Ordering::Relaxed), 0, "every account of the records is known before");
    assert_eq!(counting.together.load(Ordering::Relaxed), 1);
    follow(&mut projector, &records, records.len(), CHUNK_RECORDS);
    assert_eq!(counting.together.load(Ordering::Relaxed), 1, "what is there is not read again");
    assert!(projector.archive().canonical().unwrap() == in_one_go(&records), "I8");
}
