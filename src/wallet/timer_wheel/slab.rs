//! Timers that carry a value and lie in a slab of their own: chunks that come with the timers and go with them.

use super::list::{Links, NODES_MAX, Nodes};
use super::{Advance, TimerWheel};
use crate::ids::Timestamp;

/// Nodes of a chunk: enough that a chunk is not noticed, few enough that a chunk empties.
const CHUNK_BITS: u32 = 12;
const CHUNK_NODES: usize = 1 << CHUNK_BITS;

/// So many empty chunks are kept in any case: half a mebibyte.
const SPARE_CHUNKS_MIN: usize = 4;

/// The most chunks there can be.
const CHUNKS_MAX: usize = (NODES_MAX >> CHUNK_BITS) as usize;

/// The number of a timer; it comes again after the timer has gone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TimerId(pub u32);

/// A wheel, and its timers with a value each.
#[derive(Debug)]
pub struct Timers<T> {
    wheel: TimerWheel,
    slab: Slab<T>,
    /// The numbers handed out by the wheel, on their way to the caller.
    due: Vec<u32>,
}

impl<T: Copy> Default for Timers<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Copy> Timers<T> {
    /// No timers.
    #[must_use]
    pub const fn new() -> Self {
        Self { wheel: TimerWheel::new(), slab: Slab::new(), due: Vec::new() }
    }

    /// How many timers there are.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.wheel.count()
    }

    /// The memory of all timers, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.slab.bytes()
    }

    /// See [`TimerWheel::begin_at`].
    pub fn begin_at(&mut self, now: Timestamp) {
        self.wheel.begin_at(now);
    }

    /// See [`TimerWheel::next`].
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        self.wheel.next()
    }

    /// Adds a timer.
    pub fn insert(&mut self, deadline: Timestamp, value: T) -> TimerId {
        let node = self.slab.add(Node { deadline, links: Links::NONE, value });
        assert!(node < NODES_MAX, "I9: more timers than can be numbered");
        self.wheel.insert(&mut self.slab, node);
        TimerId(node)
    }

    /// Takes a timer back, if the one of this number is still the caller's, by its deadline and its value.
    pub fn cancel(&mut self, id: TimerId, of: impl FnOnce(Timestamp, &T) -> bool) -> bool {
        let Some(node) = self.slab.find(id.0) else { return false };
        if !node.links.linked() || !of(node.deadline, &node.value) {
            return false;
        }
        let cancelled = self.wheel.cancel(&mut self.slab, id.0);
        assert!(cancelled, "a timer that is linked can be taken back");
        self.slab.free(id.0);
        true
    }

    /// Moves the time on and hands out up to `limit` timers that are due: see [`TimerWheel::advance`].
    pub fn advance(&mut self, now: Timestamp, limit: usize, due: &mut impl Extend<(Timestamp, T)>) -> Advance {
        let advance = self.wheel.advance(&mut self.slab, now, limit, &mut self.due);
        for node in self.due.drain(..) {
            let Node { deadline, links, value } = *self.slab.node(node);
            assert!(deadline <= self.wheel.now, "a timer is handed out at its deadline or later");
            assert!(!links.linked(), "a timer that was handed out is in no list");
            due.extend([(deadline, value)]);
            self.slab.free(node);
        }
        advance
    }
}

#[derive(Clone, Copy, Debug)]
struct Node<T> {
    deadline: Timestamp,
    /// A free node has no previous one, and its next one is the next free one of the chunk.
    links: Links,
    value: T,
}

const _: () = assert!(size_of::<Node<u128>>() <= 32);
const _: () = assert!(CHUNKS_MAX * CHUNK_NODES == NODES_MAX as usize, "every node of every chunk has a number");

#[derive(Debug)]
struct Chunk<T> {
    /// Nodes that were in use once; the rest of the capacity has not been touched.
    nodes: Vec<Node<T>>,
    free: u32,
    live: u32,
}

/// Chunks of nodes. A new node goes to the first chunk with room, so that the last ones empty and go.
#[derive(Debug)]
struct Slab<T> {
    chunks: Vec<Chunk<T>>,
    /// One bit a chunk: whether it has room.
    room: Vec<u64>,
    /// No word before this one has a bit.
    first: usize,
    /// How many chunks have timers.
    in_use: usize,
    /// The memory of empty chunks, for the next that are needed: so that none comes and goes with each frame.
    spare: Vec<Vec<Node<T>>>,
}

impl<T: Copy> Slab<T> {
    const fn new() -> Self {
        Self { chunks: Vec::new(), room: Vec::new(), first: 0, in_use: 0, spare: Vec::new() }
    }

    fn bytes(&self) -> usize {
        let used = self.chunks.iter().map(|chunk| chunk.nodes.capacity());
        let nodes: usize = used.chain(self.spare.iter().map(Vec::capacity)).sum();
        let headers = self.chunks.capacity().saturating_mul(size_of::<Chunk<T>>());
        nodes.saturating_mul(size_of::<Node<T>>()).saturating_add(headers)
    }

    fn add(&mut self, node: Node<T>) -> u32 {
        let index = self.chunk_with_room();
        let chunk = &mut self.chunks[index];
        if chunk.nodes.capacity() == 0 {
            self.in_use = self.in_use.saturating_add(1);
            chunk.nodes = self.spare.pop().unwrap_or_default();
            chunk.nodes.reserve_exact(CHUNK_NODES);
        }
        let at = chunk.take(node);
        assert!(chunk.nodes.capacity() >= CHUNK_NODES, "a chunk's nodes never move");
        if chunk.full() {
            self.room[index >> 6] &= !bit(index);
        }
        number(index, at)
    }

    fn find(&self, number: u32) -> Option<&Node<T>> {
        let (chunk, at) = place(number);
        self.chunks.get(chunk)?.nodes.get(at)
    }

    fn node(&self, number: u32) -> &Node<T> {
        let (chunk, at) = place(number);
        &self.chunks[chunk].nodes[at]
    }

    fn node_mut(&mut self, number: u32) -> &mut Node<T> {
        let (chunk, at) = place(number);
        &mut self.chunks[chunk].nodes[at]
    }

    fn free(&mut self, number: u32) {
        let (index, at) = place(number);
        let chunk = &mut self.chunks[index];
        assert!(chunk.live > 0, "a timer is freed once");
        assert!(at < chunk.nodes.len(), "a timer that was never there is freed");
        chunk.put_back(at);
        if chunk.live == 0 {
            chunk.nodes.clear();
            chunk.free = Links::NONE.next;
            let nodes = std::mem::take(&mut chunk.nodes);
            self.keep(nodes);
        }
        self.room[index >> 6] |= bit(index);
        self.first = self.first.min(index >> 6);
        while self.chunks.last().is_some_and(|last| last.nodes.capacity() == 0) {
            self.drop_last();
        }
    }

    /// Keeps an empty chunk's memory, or lets some go: a sixteenth of what is in use is kept, and a little.
    fn keep(&mut self, nodes: Vec<Node<T>>) {
        assert!(self.in_use > 0, "a chunk that empties was in use");
        self.in_use = self.in_use.saturating_sub(1);
        let most = SPARE_CHUNKS_MIN.saturating_add(self.in_use / 16);
        assert!(nodes.is_empty(), "memory that is kept has no timers");
        self.spare.push(nodes);
        self.spare.truncate(most);
        assert!(self.spare.len() <= most, "I9: the memory that is kept has a limit");
    }

    /// The first chunk with room, or a new one.
    fn chunk_with_room(&mut self) -> usize {
        while let Some(word) = self.room.get(self.first) {
            if *word != 0 {
                let bit = usize::try_from(word.trailing_zeros()).unwrap_or(usize::MAX);
                return (self.first << 6) | bit;
            }
            self.first = self.first.saturating_add(1);
        }
        let index = self.chunks.len();
        assert!(index < CHUNKS_MAX, "I9: more timers than can be numbered");
        assert!(self.room.len().saturating_mul(64) >= index, "every chunk has its bit");
        self.chunks.push(Chunk { nodes: Vec::new(), free: Links::NONE.next, live: 0 });
        if index.is_multiple_of(64) {
            self.room.push(0);
        }
        self.room[index >> 6] |= bit(index);
        self.first = index >> 6;
        index
    }

    fn drop_last(&mut self) {
        let dropped = self.chunks.pop();
        assert!(dropped.is_some_and(|chunk| chunk.live == 0), "a chunk with timers stays");
        assert!(self.first <= self.room.len(), "no word before the first has a bit");
        let index = self.chunks.len();
        self.room[index >> 6] &= !bit(index);
        if index.is_multiple_of(64) {
            self.room.pop();
        }
    }
}

impl<T: Copy> Chunk<T> {
    fn full(&self) -> bool {
        self.free == Links::NONE.next && self.nodes.len() == CHUNK_NODES
    }

    /// Puts a node into a free place.
    fn take(&mut self, node: Node<T>) -> usize {
        self.live = self.live.saturating_add(1);
        match usize::try_from(self.free).ok().filter(|at| *at < CHUNK_NODES) {
            Some(at) => {
                assert!(!self.nodes[at].links.linked(), "a free node is in no list");
                self.free = self.nodes[at].links.next;
                self.nodes[at] = node;
                at
            }
            None => {
                assert!(self.nodes.len() < CHUNK_NODES, "I9: a chunk that is full takes no more");
                self.nodes.push(node);
                self.nodes.len().saturating_sub(1)
            }
        }
    }

    fn put_back(&mut self, at: usize) {
        assert!(!self.nodes[at].links.linked(), "a timer goes back once it is in no list");
        self.nodes[at].links = Links { next: self.free, ..Links::NONE };
        self.free = u32::try_from(at).unwrap_or(u32::MAX);
        self.live = self.live.saturating_sub(1);
    }
}

impl<T: Copy> Nodes for Slab<T> {
    fn deadline(&self, node: u32) -> Timestamp {
        self.node(node).deadline
    }

    fn links(&self, node: u32) -> Links {
        self.node(node).links
    }

    fn set_links(&mut self, node: u32, links: Links) {
        self.node_mut(node).links = links;
    }

    fn set_previous(&mut self, node: u32, previous: u32) {
        self.node_mut(node).links.previous = previous;
    }

    fn set_next(&mut self, node: u32, next: u32) {
        self.node_mut(node).links.next = next;
    }
}

#[inline]
fn place(number: u32) -> (usize, usize) {
    let number = usize::try_from(number).unwrap_or(usize::MAX);
    (number >> CHUNK_BITS, number & (CHUNK_NODES - 1))
}

#[inline]
fn number(chunk: usize, at: usize) -> u32 {
    u32::try_from((chunk << CHUNK_BITS) | at).unwrap_or(u32::MAX)
}

const fn bit(chunk: usize) -> u64 {
    1 << (chunk & 63)
}
