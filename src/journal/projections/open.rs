//! Open holds that changed since the last flush. Their places are used again at once, so that the holds that begin and
//! end between two flushes stay in a little memory; a map from ids to places moves only these when it grows.

use foldhash::{HashMap, HashMapExt};
use wallet::hold::{Hold, HoldState};
use wallet::ids::HoldId;

/// An open hold.
#[derive(Clone, Debug)]
pub(crate) struct OpenHold {
    pub(crate) hold: Hold,
    /// The store has it under the key of an open hold.
    pub(crate) stored: bool,
    /// It began since the last flush.
    pub(crate) begun: bool,
}

/// Where a hold is, as long as it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(u32);

impl Place {
    fn index(self) -> usize {
        usize::try_from(self.0).expect("a place in memory")
    }
}

/// Open holds by id.
#[derive(Debug)]
pub(crate) struct OpenHolds {
    places: HashMap<HoldId, Place>,
    holds: Vec<OpenHold>,
    free: Vec<Place>,
}

impl OpenHolds {
    pub(crate) fn new() -> Self {
        Self { places: HashMap::new(), holds: Vec::new(), free: Vec::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.holds.is_empty()
    }

    pub(crate) fn contains(&self, id: HoldId) -> bool {
        self.places.contains_key(&id)
    }

    pub(crate) fn hold(&self, id: HoldId) -> Option<&OpenHold> {
        self.place(id).map(|place| &self.holds[place.index()])
    }

    pub(crate) fn place(&self, id: HoldId) -> Option<Place> {
        self.places.get(&id).copied()
    }

    /// Looks at many holds one after another: the processor fetches them at the same time, where each record alone
    /// would wait for its own.
    pub(crate) fn warm(&self, ids: impl Iterator<Item = HoldId>) {
        let seen = |id| {
            let hold = &self.holds[self.place(id)?.index()].hold;
            Some(hold.last_position.0 | hold.ends_at.0 | hold.captured.free.millis())
        };
        std::hint::black_box(ids.filter_map(seen).fold(0, |all, part| all | part));
    }

    pub(crate) fn at_mut(&mut self, place: Place) -> &mut OpenHold {
        &mut self.holds[place.index()]
    }

    /// Every place is free or has its hold.
    fn assert_whole(&self) {
        assert!(self.free.len() <= self.holds.len(), "what is free is a place");
        assert!(self.free.len() + self.places.len() == self.holds.len(), "every place is free or has its hold");
    }

    /// Adds a hold that is not there.
    pub(crate) fn insert(&mut self, id: HoldId, mut hold: OpenHold) -> Place {
        let place = match self.free.pop() {
            Some(place) => {
                let old = self.at_mut(place);
                assert!(old.hold.state != HoldState::Open, "I6: a place is free when its hold has ended");
                if hold.hold.settlements.is_empty() {
                    // Nearly every hold is settled once: the memory for that is there from an earlier one.
                    hold.hold.settlements = std::mem::take(&mut old.hold.settlements);
                    hold.hold.settlements.clear();
                }
                *old = hold;
                place
            }
            None => {
                let place = Place(u32::try_from(self.holds.len()).expect("the engine has fewer open holds"));
                hold.hold.settlements.reserve_exact(1);
                self.holds.push(hold);
                place
            }
        };
        let there = self.places.insert(id, place);
        assert!(there.is_none(), "a hold is there once");
        self.assert_whole();
        place
    }

    /// Removes a hold; what it holds in memory stays for the next one.
    pub(crate) fn remove(&mut self, id: HoldId) -> Place {
        let place = self.places.remove(&id).expect("a hold that is removed is there");
        assert!(self.at_mut(place).hold.state != HoldState::Open, "I6: a hold goes when it has ended");
        self.free.push(place);
        self.assert_whole();
        place
    }

    /// The holds in the order of their ids.
    pub(crate) fn in_order(&self) -> Vec<(HoldId, &OpenHold)> {
        self.assert_whole();
        let mut holds: Vec<_> = self.places.iter().map(|(id, place)| (*id, &self.holds[place.index()])).collect();
        holds.sort_unstable_by_key(|(id, _)| *id);
        holds
    }

    /// Takes all holds out.
    pub(crate) fn drain(&mut self, mut take: impl FnMut(HoldId, OpenHold)) {
        self.assert_whole();
        let mut holds: Vec<_> = self.holds.drain(..).map(Some).collect();
        for (id, place) in self.places.drain() {
            take(id, holds[place.index()].take().expect("a place has one hold"));
        }
        self.free.clear();
        assert!(self.places.is_empty() && self.holds.is_empty(), "every hold was taken out");
    }
}

#[cfg(test)]
mod tests;
