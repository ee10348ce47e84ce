//! What is on the disk: beside each file and folder as programs see it, what a crash would leave of it.
//!
//! A file that is synced has its bytes and its length on the disk; whether it has a name there is a matter of its folder,
//! which is synced apart. Of a file that is not synced a power cut may leave anything of what was written: nothing, the
//! beginning, or some of its pages and not those before them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::time::SystemTime;

/// The number of a file or folder.
pub type Number = u64;
/// The folder that is mounted.
pub const ROOT: Number = 1;

/// What a disk writes, or does not write, at a time.
const PAGE_BYTES: usize = 4096;

/// Why a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No such file or folder.
    Missing,
    /// The name is taken.
    Exists,
    /// A file where a folder is needed.
    NotFolder,
    /// A folder where a file is needed.
    IsFolder,
    /// The folder has entries.
    NotEmpty,
    /// Between folders nothing is moved.
    OtherFolder,
}

/// A change of a file that is not synced.
#[derive(Clone, Debug)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Length(usize),
}

/// A change of a folder that is not synced. A rename is one change: never half.
#[derive(Clone, Debug)]
enum Naming {
    Put(OsString, Number),
    Remove(OsString),
    Move { from: OsString, to: OsString, number: Number },
}

#[derive(Debug, Default)]
struct File {
    now: Vec<u8>,
    synced: Vec<u8>,
    unsynced: Vec<Change>,
}

type Names = BTreeMap<OsString, Number>;

#[derive(Debug, Default)]
struct Folder {
    now: Names,
    synced: Names,
    unsynced: Vec<Naming>,
}

#[derive(Debug)]
enum Content {
    File(File),
    Folder(Folder),
}

#[derive(Debug)]
struct Node {
    content: Content,
    changed_at: SystemTime,
}

/// What a crash leaves of what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Nothing.
    Nothing,
    /// Of each file and folder the first so many changes, the last of them in part; drawn from a seed.
    Some(u64),
    /// Of each file any of its pages, and any length between the old one and the new; of folders the first so many changes;
    /// drawn from a seed.
    Pages(u64),
}

/// What a crash has taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Changes of files.
    pub changes: u64,
    /// Changes of folders.
    pub names: u64,
}

/// The disk.
#[derive(Debug)]
pub struct Disk {
    nodes: HashMap<Number, Node>,
    next: Number,
}

/// What `stat` shows.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    pub number: Number,
    pub is_folder: bool,
    pub size: u64,
    pub changed_at: SystemTime,
}

impl Disk {
    pub fn new() -> Self {
        let root = Node { content: Content::Folder(Folder::default()), changed_at: SystemTime::now() };
        Self { nodes: HashMap::from([(ROOT, root)]), next: ROOT + 1 }
    }

    pub fn show(&self, number: Number) -> Result<Shown, Refusal> {
        let node = self.nodes.get(&number).ok_or(Refusal::Missing)?;
        let (is_folder, size) = match &node.content {
            Content::File(file) => (false, file.now.len() as u64),
            Content::Folder(_) => (true, 4096),
        };
        Ok(Shown { number, is_folder, size, changed_at: node.changed_at })
    }

    pub fn find(&self, folder: Number, name: &OsStr) -> Result<Number, Refusal> {
        self.folder(folder)?.now.get(name).copied().ok_or(Refusal::Missing)
    }

    pub fn names(&self, folder: Number) -> Result<Vec<(OsString, Number)>, Refusal> {
        Ok(self.folder(folder)?.now.iter().map(|(name, number)| (name.clone(), *number)).collect())
    }

    pub fn make(&mut self, folder: Number, name: &OsStr, is_folder: bool) -> Result<Number, Refusal> {
        if self.find(folder, name).is_ok() {
            return Err(Refusal::Exists);
        }
        let number = self.next;
        let content = if is_folder { Content::Folder(Folder::default()) } else { Content::File(File::default()) };
        self.change_names(folder, Naming::Put(name.to_owned(), number))?;
        self.nodes.insert(number, Node { content, changed_at: SystemTime::now() });
        self.next += 1;
        Ok(number)
    }

    pub fn link(&mut self, number: Number, folder: Number, name: &OsStr) -> Result<(), Refusal> {
        if self.find(folder, name).is_ok() {
            return Err(Refusal::Exists);
        }
        self.change_names(folder, Naming::Put(name.to_owned(), number))
    }

    pub fn remove(&mut self, folder: Number, name: &OsStr, is_folder: bool) -> Result<(), Refusal> {
        let number = self.find(folder, name)?;
        match &self.node(number)?.content {
            Content::Folder(_) if !is_folder => return Err(Refusal::IsFolder),
            Content::Folder(inner) if !inner.now.is_empty() => return Err(Refusal::NotEmpty),
            Content::File(_) if is_folder => return Err(Refusal::NotFolder),
            _ => {}
        }
        self.change_names(folder, Naming::Remove(name.to_owned()))
    }

    pub fn rename(&mut self, folder: Number, from: &OsStr, to_folder: Number, to: &OsStr) -> Result<(), Refusal> {
        if folder != to_folder {
            return Err(Refusal::OtherFolder);
        }
        let number = self.find(folder, from)?;
        self.change_names(folder, Naming::Move { from: from.to_owned(), to: to.to_owned(), number })
    }

    pub fn read(&self, number: Number, at: u64, length: usize) -> Result<&[u8], Refusal> {
        let now = &self.file(number)?.now;
        let at = usize::try_from(at).unwrap_or(usize::MAX).min(now.len());
        Ok(&now[at..at.saturating_add(length).min(now.len())])
    }

    pub fn write(&mut self, number: Number, at: u64, bytes: &[u8]) -> Result<(), Refusal> {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        self.change(number, Change::Write { at, bytes: bytes.to_vec() })
    }

    pub fn set_length(&mut self, number: Number, length: u64) -> Result<(), Refusal> {
        self.change(number, Change::Length(usize::try_from(length).unwrap_or(usize::MAX)))
    }

    /// Bytes and length of a file, or the names of a folder, survive from here on.
    pub fn sync(&mut self, number: Number) -> Result<(), Refusal> {
        match &mut self.node_mut(number)?.content {
            Content::File(file) => file.unsynced.drain(..).for_each(|change| apply(&mut file.synced, &change)),
            Content::Folder(folder) => {
                folder.unsynced.drain(..).for_each(|naming| apply_name(&mut folder.synced, &naming));
            }
        }
        Ok(())
    }

    /// The power is cut: what was not synced is gone, or some of it.
    pub fn crash(&mut self, left: Left) -> Lost {
        let mut lost = Lost::default();
        let mut numbers: Vec<_> = self.nodes.keys().copied().collect();
        numbers.sort_unstable();
        let mut random = match left {
            Left::Nothing => None,
            Left::Some(seed) | Left::Pages(seed) => Some(Random(seed)),
        };
        for number in numbers {
            let Some(node) = self.nodes.get_mut(&number) else { continue };
            match &mut node.content {
                Content::File(file) => {
                    lost.changes += match (left, &mut random) {
                        (Left::Pages(_), Some(random)) => file.crash_by_pages(random),
                        _ => file.crash(&mut random),
                    }
                }
                Content::Folder(folder) => lost.names += folder.crash(&mut random),
            }
        }
        let reachable = self.reachable();
        self.nodes.retain(|number, _| reachable.contains(number));
        lost
    }

    fn reachable(&self) -> HashSet<Number> {
        let mut reachable = HashSet::from([ROOT]);
        let mut open = vec![ROOT];
        while let Some(number) = open.pop() {
            let Ok(folder) = self.folder(number) else { continue };
            open.extend(folder.now.values().copied().filter(|number| reachable.insert(*number)));
        }
        reachable
    }

    fn change(&mut self, number: Number, change: Change) -> Result<(), Refusal> {
        let node = self.node_mut(number)?;
        let Content::File(file) = &mut node.content else { return Err(Refusal::IsFolder) };
        apply(&mut file.now, &change);
        file.unsynced.push(change);
        node.changed_at = SystemTime::now();
        Ok(())
    }

    fn change_names(&mut self, folder: Number, naming: Naming) -> Result<(), Refusal> {
        let node = self.node_mut(folder)?;
        let Content::Folder(folder) = &mut node.content else { return Err(Refusal::NotFolder) };
        apply_name(&mut folder.now, &naming);
        folder.unsynced.push(naming);
        node.changed_at = SystemTime::now();
        Ok(())
    }

    fn node(&self, number: Number) -> Result<&Node, Refusal> {
        self.nodes.get(&number).ok_or(Refusal::Missing)
    }

    fn node_mut(&mut self, number: Number) -> Result<&mut Node, Refusal> {
        self.nodes.get_mut(&number).ok_or(Refusal::Missing)
    }

    fn file(&self, number: Number) -> Result<&File, Refusal> {
        match &self.node(number)?.content {
            Content::File(file) => Ok(file),
            Content::Folder(_) => Err(Refusal::IsFolder),
        }
    }

    fn folder(&self, number: Number) -> Result<&Folder, Refusal> {
        match &self.node(number)?.content {
            Content::Folder(folder) => Ok(folder),
            Content::File(_) => Err(Refusal::NotFolder),
        }
    }
}

impl File {
    fn crash(&mut self, random: &mut Option<Random>) -> u64 {
        let all = self.unsynced.len();
        let kept = random.as_mut().map_or(0, |random| random.up_to(all));
        for (index, change) in self.unsynced.drain(..).enumerate() {
            match (&change, random.as_mut()) {
                _ if index < kept => apply(&mut self.synced, &change),
                // The one after the last that is whole is there in part.
                (Change::Write { at, bytes }, Some(random)) if index == kept => {
                    let part = random.up_to(bytes.len());
                    let part = Change::Write { at: *at, bytes: bytes[..part].to_vec() };
                    apply(&mut self.synced, &part);
                }
                _ => {}
            }
        }
        self.now.clone_from(&self.synced);
        (all - kept) as u64
    }
}

impl File {
    /// Each page is as it was or as it is now, whatever the others are.
    fn crash_by_pages(&mut self, random: &mut Random) -> u64 {
        let changes = self.unsynced.drain(..).count() as u64;
        let old = std::mem::take(&mut self.synced);
        let (least, most) = (old.len().min(self.now.len()), old.len().max(self.now.len()));
        let length = match random.up_to(3) {
            0 => old.len(),
            1 => least + random.up_to(most - least),
            _ => self.now.len(),
        };
        let mut left = vec![0; length];
        for first in (0..length).step_by(PAGE_BYTES) {
            let from = if random.up_to(1) == 0 { &old } else { &self.now };
            let end = (first + PAGE_BYTES).min(length).min(from.len());
            if first < end {
                left[first..end].copy_from_slice(&from[first..end]);
            }
        }
        let lost = if left == self.now { 0 } else { changes };
        self.now.clone_from(&left);
        self.synced = left;
        lost
    }
}

impl Folder {
    fn crash(&mut self, random: &mut Option<Random>) -> u64 {
        let all = self.unsynced.len();
        let kept = random.as_mut().map_or(0, |random| random.up_to(all));
        for naming in self.unsynced.drain(..).take(kept) {
            apply_name(&mut self.synced, &naming);
        }
        self.now.clone_from(&self.synced);
        (all - kept) as u64
    }
}

fn apply(content: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write { at, bytes } => {
            let end = at + bytes.len();
            if content.len() < end {
                content.resize(end, 0);
            }
            content[*at..end].copy_from_slice(bytes);
        }
        Change::Length(length) => content.resize(*length, 0),
    }
}

fn apply_name(names: &mut Names, naming: &Naming) {
    match naming {
        Naming::Put(name, number) => {
            names.insert(name.clone(), *number);
        }
        Naming::Remove(name) => {
            names.remove(name);
        }
        Naming::Move { from, to, number } => {
            names.remove(from);
            names.insert(to.clone(), *number);
        }
    }
}

/// SplitMix64.
#[derive(Clone, Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn up_to(&mut self, most: usize) -> usize {
        (self.next() % (most as u64 + 1)) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> &OsStr {
        OsStr::new(text)
    }

    fn content(disk: &Disk, file: &str) -> Option<Vec<u8>> {
        let number = disk.find(ROOT, name(file)).ok()?;
        Some(disk.read(number, 0, usize::MAX).unwrap().to_vec())
    }

    #[test]
    fn a_file_without_a_synced_folder_has_no_name() {
        let mut disk = Disk::new();
        let file = disk.make(ROOT, name("a"), false).unwrap();
        disk.write(file, 0, b"abc").unwrap();
        disk.sync(file).unwrap();
        assert_eq!(disk.crash(Left::Nothing), Lost { changes: 0, names: 1 });
        assert_eq!(content(&disk, "a"), None);
    }

    #[test]
    fn a_name_without_synced_bytes_is_an_empty_file() {
        let mut disk = Disk::new();
        let file = disk.make(ROOT, name("a"), false).unwrap();
        disk.sync(ROOT).unwrap();
        disk.write(file, 0, b"abc").unwrap();
        disk.crash(Left::Nothing);
        assert_eq!(content(&disk, "a"), Some(Vec::new()));
    }

    #[test]
    fn what_was_written_after_the_sync_is_gone() {
        let mut disk = Disk::new();
        let file = disk.make(ROOT, name("a"), false).unwrap();
        disk.sync(ROOT).unwrap();
        disk.write(file, 0, b"abc").unwrap();
        disk.sync(file).unwrap();
        disk.write(file, 1, b"XYZ").unwrap();
        disk.set_length(file, 2).unwrap();
        assert_eq!(content(&disk, "a"), Some(b"aX".to_vec()));
        disk.crash(Left::Nothing);
        assert_eq!(content(&disk, "a"), Some(b"abc".to_vec()));
    }

    #[test]
    fn a_rename_or_removal_that_was_not_synced_has_not_happened() {
        let mut disk = Disk::new();
        for (file, text) in [("old", "1"), ("new", "2")] {
            let number = disk.make(ROOT, name(file), false).unwrap();
            disk.write(number, 0, text.as_bytes()).unwrap();
            disk.sync(number).unwrap();
        }
        disk.sync(ROOT).unwrap();
        disk.rename(ROOT, name("new"), ROOT, name("old")).unwrap();
        assert_eq!((content(&disk, "old"), content(&disk, "new")), (Some(b"2".to_vec()), None));
        disk.crash(Left::Nothing);
        assert_eq!((content(&disk, "old"), content(&disk, "new")), (Some(b"1".to_vec()), Some(b"2".to_vec())));
        disk.rename(ROOT, name("new"), ROOT, name("old")).unwrap();
        disk.sync(ROOT).unwrap();
        disk.remove(ROOT, name("old"), false).unwrap();
        disk.crash(Left::Nothing);
        assert_eq!((content(&disk, "old"), content(&disk, "new")), (Some(b"2".to_vec()), None));
    }

    #[test]
    fn some_of_what_was_not_synced_is_its_beginning() {
        let mut parts = HashSet::new();
        for seed in 0..200 {
            let mut disk = Disk::new();
            let file = disk.make(ROOT, name("a"), false).unwrap();
            disk.sync(ROOT).unwrap();
            disk.write(file, 0, b"ab").unwrap();
            disk.write(file, 2, b"cd").unwrap();
            disk.crash(Left::Some(seed));
            parts.insert(content(&disk, "a").unwrap());
        }
        let all: HashSet<_> = (0..=4).map(|length| b"abcd"[..length].to_vec()).collect();
        assert_eq!(parts, all);
    }

    #[test]
    fn any_page_of_what_was_not_synced_may_be_there_and_what_was_synced_is() {
        let mut seen = HashSet::new();
        for seed in 0..400 {
            let mut disk = Disk::new();
            let file = disk.make(ROOT, name("a"), false).unwrap();
            disk.sync(ROOT).unwrap();
            disk.write(file, 0, &[1; 100]).unwrap();
            disk.sync(file).unwrap();
            disk.write(file, 100, &[2; 3 * PAGE_BYTES]).unwrap();
            disk.crash(Left::Pages(seed));
            let left = content(&disk, "a").unwrap();
            assert!(left.len() >= 100 && left[..100] == [1; 100], "seed {seed}");
            assert!(left[100..].iter().all(|byte| [0, 2].contains(byte)), "seed {seed}");
            if left.len() == 100 + 3 * PAGE_BYTES {
                let pages: Vec<_> = left.chunks(PAGE_BYTES).map(|page| page[page.len() - 1] == 2).collect();
                seen.insert(pages);
            } else {
                seen.insert(vec![left.len() == 100]);
            }
        }
        assert_eq!(seen.len(), 16 + 2, "every subset, the old length, and lengths between");
    }
}
