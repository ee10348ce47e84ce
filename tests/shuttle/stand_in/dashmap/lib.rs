//! The concurrent map with one shard whose lock shuttle schedules: every two keys meet, and who takes a second guard of a
//! map while he has one waits for ever.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash};
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use parking_lot::planted::{Bug, is};
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard, point};

pub use mapref::entry::Entry;

// The same order of keys in every run.
type Map<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;

/// The map.
pub struct DashMap<K, V, S = ()> {
    shard: RwLock<Map<K, V>>,
    hasher: PhantomData<fn() -> S>,
}

impl<K: Eq + Hash, V> DashMap<K, V> {
    /// An empty map.
    pub fn new() -> Self {
        Self::empty()
    }
}

impl<K: Eq + Hash, V, S> DashMap<K, V, S> {
    fn empty() -> Self {
        Self { shard: RwLock::new(Map::default()), hasher: PhantomData }
    }

    /// An empty map.
    pub fn with_capacity_and_hasher_and_shard_amount(_capacity: usize, _hasher: S, _shards: usize) -> Self {
        Self::empty()
    }
}

impl<K: Eq + Hash + Clone, V, S> DashMap<K, V, S> {
    /// Looks, and keeps writers out.
    pub fn get(&self, key: &K) -> Option<mapref::one::Ref<'_, K, V>> {
        let guard = self.shard.read();
        guard.contains_key(key).then(|| mapref::one::Ref { key: key.clone(), guard })
    }

    /// Looks, and keeps everybody out.
    pub fn get_mut(&self, key: &K) -> Option<mapref::one::RefMut<'_, K, V>> {
        let guard = self.shard.write();
        guard.contains_key(key).then(|| mapref::one::RefMut { key: key.clone(), guard })
    }

    /// The place of a key, for one step.
    pub fn entry(&self, key: K) -> Entry<'_, K, V> {
        let guard = self.shard.write();
        let vacant = !guard.contains_key(&key);
        if !vacant {
            return Entry::Occupied(mapref::entry::OccupiedEntry { key, guard });
        }
        if is(Bug::EntryInTwoSteps) {
            drop(guard);
            point();
            return Entry::Vacant(mapref::entry::VacantEntry { key, guard: self.shard.write() });
        }
        Entry::Vacant(mapref::entry::VacantEntry { key, guard })
    }

    /// Puts a value.
    pub fn insert(&self, key: K, value: V) -> Option<V> {
        self.shard.write().insert(key, value)
    }

    /// Whether the key is there.
    pub fn contains_key(&self, key: &K) -> bool {
        self.shard.read().contains_key(key)
    }

    /// Keeps what the test says.
    pub fn retain(&self, keep: impl FnMut(&K, &mut V) -> bool) {
        self.shard.write().retain(keep);
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.shard.read().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.shard.read().is_empty()
    }

    /// Every key that is there now, with a guard each.
    pub fn iter(&self) -> impl Iterator<Item = mapref::one::Ref<'_, K, V>> {
        let keys: Vec<K> = self.shard.read().keys().cloned().collect();
        keys.into_iter().filter_map(|key| self.get(&key))
    }
}

impl<'a, K: Eq + Hash + Clone, V, S> IntoIterator for &'a DashMap<K, V, S> {
    type Item = mapref::one::Ref<'a, K, V>;
    type IntoIter = Box<dyn Iterator<Item = Self::Item> + 'a>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new(self.iter())
    }
}

/// What points into the map.
pub mod mapref {
    use super::{Deref, DerefMut, Hash, Map, RwLockReadGuard, RwLockWriteGuard};

    /// One value.
    pub mod one {
        use super::{Deref, DerefMut, Hash, Map, RwLockReadGuard, RwLockWriteGuard};

        /// To read.
        pub struct Ref<'a, K, V> {
            pub(crate) key: K,
            pub(crate) guard: RwLockReadGuard<'a, Map<K, V>>,
        }

        impl<K: Eq + Hash, V> Ref<'_, K, V> {
            /// The key.
            pub fn key(&self) -> &K {
                &self.key
            }

            /// Both.
            pub fn pair(&self) -> (&K, &V) {
                (self.key(), self.value())
            }

            /// The value.
            pub fn value(&self) -> &V {
                self.guard.get(&self.key).expect("nobody removes it under the guard")
            }
        }

        impl<K: Eq + Hash, V> Deref for Ref<'_, K, V> {
            type Target = V;

            fn deref(&self) -> &V {
                self.value()
            }
        }

        /// To change.
        pub struct RefMut<'a, K, V> {
            pub(crate) key: K,
            pub(crate) guard: RwLockWriteGuard<'a, Map<K, V>>,
        }

        impl<K: Eq + Hash, V> RefMut<'_, K, V> {
            /// The value.
            pub fn value(&self) -> &V {
                self.guard.get(&self.key).expect("nobody removes it under the guard")
            }

            /// The value, to change.
            pub fn value_mut(&mut self) -> &mut V {
                self.guard.get_mut(&self.key).expect("nobody removes it under the guard")
            }
        }

        impl<K: Eq + Hash, V> Deref for RefMut<'_, K, V> {
            type Target = V;

            fn deref(&self) -> &V {
                self.value()
            }
        }

        impl<K: Eq + Hash, V> DerefMut for RefMut<'_, K, V> {
            fn deref_mut(&mut self) -> &mut V {
                self.value_mut()
            }
        }
    }

    /// The place of one key.
    pub mod entry {
        use super::{Hash, Map, RwLockWriteGuard};

        /// What is there.
        pub enum Entry<'a, K, V> {
            /// Something.
            Occupied(OccupiedEntry<'a, K, V>),
            /// Nothing.
            Vacant(VacantEntry<'a, K, V>),
        }

        /// A key with a value.
        pub struct OccupiedEntry<'a, K, V> {
            pub(crate) key: K,
            pub(crate) guard: RwLockWriteGuard<'a, Map<K, V>>,
        }

        /// A key without one.
        pub struct VacantEntry<'a, K, V> {
            pub(crate) key: K,
            pub(crate) guard: RwLockWriteGuard<'a, Map<K, V>>,
        }

        impl<'a, K: Eq + Hash + Clone, V> Entry<'a, K, V> {
            /// Puts a value, whatever is there.
            pub fn insert(self, value: V) -> super::one::RefMut<'a, K, V> {
                match self {
                    Self::Occupied(OccupiedEntry { key, guard }) | Self::Vacant(VacantEntry { key, guard }) => {
                        put(key, guard, value)
                    }
                }
            }
        }

        impl<K: Eq + Hash, V> OccupiedEntry<'_, K, V> {
            /// The value.
            pub fn get(&self) -> &V {
                self.guard.get(&self.key).expect("nobody removes it under the guard")
            }
        }

        impl<'a, K: Eq + Hash + Clone, V> VacantEntry<'a, K, V> {
            /// Puts the value.
            pub fn insert(self, value: V) -> super::one::RefMut<'a, K, V> {
                put(self.key, self.guard, value)
            }
        }

        fn put<K: Eq + Hash + Clone, V>(
            key: K,
            mut guard: RwLockWriteGuard<'_, Map<K, V>>,
            value: V,
        ) -> super::one::RefMut<'_, K, V> {
            guard.insert(key.clone(), value);
            super::one::RefMut { key, guard }
        }
    }
}
