//! Doubly linked lists of node numbers, one a bucket. Where a list ends, the link names the bucket: so a node is unlinked
//! without knowing where it is, and a whole list is spliced by its two ends.

use crate::ids::Timestamp;

/// The links of a node in no list.
const UNLINKED: u32 = u32::MAX;

/// A link with this bit is not to a node but names the bucket whose list ends here.
const END: u32 = 1 << 31;

/// The most nodes that can be numbered.
pub(super) const NODES_MAX: u32 = END;

const _: () = assert!(UNLINKED & END != 0, "no node has the number of the link of none");
const _: () = assert!(NODES_MAX & END == NODES_MAX, "the number of a node leaves the end bit alone");

/// Where the timers are. A number names the same node until it is taken out.
pub trait Nodes {
    /// When the timer is due.
    fn deadline(&self, node: u32) -> Timestamp;
    /// The node's links.
    fn links(&self, node: u32) -> Links;
    /// Changes the node's links.
    fn set_links(&mut self, node: u32, links: Links);
    /// Changes the link to the node before.
    fn set_previous(&mut self, node: u32, previous: u32);
    /// Changes the link to the node after.
    fn set_next(&mut self, node: u32, next: u32);
}

/// The neighbours of a node in its list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Links {
    /// The node before, or the bucket.
    pub previous: u32,
    /// The node after, or the bucket.
    pub next: u32,
}

impl Links {
    /// In no list.
    pub const NONE: Self = Self { previous: UNLINKED, next: UNLINKED };

    /// Whether the node is in a list.
    #[must_use]
    pub const fn linked(self) -> bool {
        self.previous != UNLINKED
    }
}

/// The number of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Bucket(u32);

impl Bucket {
    #[expect(clippy::cast_possible_truncation, reason = "there are fewer than a thousand buckets")]
    pub(super) const fn new(index: usize) -> Self {
        Self(index as u32)
    }

    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }

    const fn end(self) -> u32 {
        self.0 | END
    }

    /// The bucket that a link names, if it ends the list.
    const fn of(link: u32) -> Option<Self> {
        if link & END == 0 { None } else { Some(Self(link & !END)) }
    }
}

/// The first and the last node of each list; both name the bucket itself in an empty one.
#[derive(Debug)]
pub(super) struct Lists<const BUCKETS: usize> {
    ends: [Links; BUCKETS],
}

impl<const BUCKETS: usize> Lists<BUCKETS> {
    pub(super) const fn new() -> Self {
        let mut ends = [Links::NONE; BUCKETS];
        let mut index = 0_usize;
        while index < BUCKETS {
            let end = Bucket::new(index).end();
            ends[index] = Links { previous: end, next: end };
            index = index.saturating_add(1);
        }
        Self { ends }
    }

    /// The first node of a list.
    pub(super) const fn first(&self, bucket: Bucket) -> Option<u32> {
        let first = self.ends[bucket.index()].next;
        if first & END == 0 { Some(first) } else { None }
    }

    /// Adds a node to the end of a list.
    pub(super) fn push(&mut self, nodes: &mut impl Nodes, node: u32, bucket: Bucket) {
        let last = self.ends[bucket.index()].previous;
        nodes.set_links(node, Links { previous: last, next: bucket.end() });
        self.join(nodes, last, node);
        self.ends[bucket.index()].previous = node;
    }

    /// Takes a node out of its list, whichever that is; says which one that leaves empty.
    pub(super) fn unlink(&mut self, nodes: &mut impl Nodes, node: u32) -> Option<Bucket> {
        let Links { previous, next } = nodes.links(node);
        assert!(previous != UNLINKED, "a node is taken out of its list once");
        nodes.set_links(node, Links::NONE);
        self.join(nodes, previous, next);
        match (Bucket::of(previous), Bucket::of(next)) {
            (Some(emptied), Some(list)) => {
                assert!(emptied == list, "a list ends where it begins");
                Some(emptied)
            }
            _ => None,
        }
    }

    /// Moves a whole list to the end of another.
    pub(super) fn splice(&mut self, nodes: &mut impl Nodes, from: Bucket, to: Bucket) {
        let Links { previous: last, next: first } = self.ends[from.index()];
        if Bucket::of(first).is_some() {
            return;
        }
        assert!(from != to, "a list is spliced to another");
        assert!(Bucket::of(last).is_none(), "a list with a first node has a last one");
        let before = self.ends[to.index()].previous;
        self.join(nodes, before, first);
        self.join(nodes, last, to.end());
        self.ends[from.index()] = Links { previous: from.end(), next: from.end() };
        assert!(self.ends[to.index()].previous == last, "a list ends with what was spliced to it");
    }

    /// Makes two links neighbours; either may be the end of a list.
    fn join(&mut self, nodes: &mut impl Nodes, before: u32, after: u32) {
        match Bucket::of(before) {
            Some(bucket) => self.ends[bucket.index()].next = after,
            None => nodes.set_next(before, after),
        }
        match Bucket::of(after) {
            Some(bucket) => self.ends[bucket.index()].previous = before,
            None => nodes.set_previous(after, before),
        }
    }
}
