//! The blocks of a tree that are objects of its program, and their names.

use std::collections::HashMap;

use super::image::{LONGEST_COPY, Source, bytes};
use crate::memory::arena::{DESCRIPTOR_COUNT, DESCRIPTOR_SIZE, DESCRIPTORS, Offset};
use crate::memory::heap::{Block, BlockId, Kind, NEXT_DESCRIPTOR};
use crate::primitives::condition::{MAX_CHUNKS, NEXT_CHUNK};
use crate::sys::text;
use crate::sys::words::{u32_at, u64_at};
use crate::tree::member::names::{NAME_BYTES, NAME_TEXT, OWNER, OWNER_GENERATION, TEXT_LENGTH};

/// Descriptors beyond this many are not looked at …
const MOST_DESCRIPTORS: u64 = 1 << 20;
/// … nor objects beyond so many.
const MOST_OBJECTS: usize = 1 << 16;

const OBJECTS: [Kind; 9] = [
    Kind::Lock,
    Kind::RLock,
    Kind::Value,
    Kind::Semaphore,
    Kind::Event,
    Kind::Condition,
    Kind::Barrier,
    Kind::Queue,
    Kind::Pool,
];

/// The objects of a tree.
pub struct Blocks {
    /// In the order of their numbers.
    pub objects: Vec<Block>,
    names: HashMap<(BlockId, u32), String>,
    /// Where objects have their words: beginning, end, index of the object. In order.
    ranges: Vec<(Offset, Offset, usize)>,
    pub has_more: bool,
}

impl Blocks {
    pub fn copy(source: &dyn Source) -> Self {
        let next = u64_at(&bytes(source, NEXT_DESCRIPTOR, 8), 0).min(DESCRIPTOR_COUNT);
        let mut blocks = Self {
            objects: Vec::new(),
            names: HashMap::new(),
            ranges: Vec::new(),
            has_more: next > MOST_DESCRIPTORS,
        };
        let step = LONGEST_COPY / DESCRIPTOR_SIZE;
        let end = next.min(MOST_DESCRIPTORS);
        for first in (0..end).step_by(step as usize) {
            let at = DESCRIPTORS + first * DESCRIPTOR_SIZE;
            let copied = bytes(source, at, (end - first).min(step) * DESCRIPTOR_SIZE);
            let descriptors = copied.chunks_exact(DESCRIPTOR_SIZE as usize);
            for (id, words) in (first as BlockId..).zip(descriptors) {
                let words = [0, 8, 16].map(|at| u64_at(words, at));
                if let Some(block) = Block::told(id, words, source.size()) {
                    blocks.add(source, block);
                }
            }
        }
        blocks.find_ranges(source);
        blocks
    }

    fn add(&mut self, source: &dyn Source, block: Block) {
        if block.kind != Kind::Name && !OBJECTS.contains(&block.kind) {
            return;
        }
        if self.objects.len() + self.names.len() >= MOST_OBJECTS {
            self.has_more = true;
        } else if block.kind != Kind::Name {
            self.objects.push(block);
        } else if let Some((owner, name)) = name_in(source, block) {
            self.names.insert(owner, name);
        }
    }

    /// Notes where the words of the objects are, to find whose a word is.
    fn find_ranges(&mut self, source: &dyn Source) {
        for (index, block) in self.objects.iter().enumerate() {
            let mut add = |block: Block| {
                let end = block.offset + block.size;
                self.ranges.push((block.offset, end, index));
            };
            add(*block);
            if block.kind == Kind::Condition {
                chunks(source, *block).into_iter().for_each(add);
            }
        }
        self.ranges.sort_unstable();
    }

    /// The object that has the word at `offset`, and where the word is in the block, if that is its first.
    pub fn at(&self, offset: Offset) -> Option<(&Block, Offset)> {
        let behind = self.ranges.partition_point(|&(start, ..)| start <= offset);
        let &(start, end, index) = self.ranges.get(behind.checked_sub(1)?)?;
        (offset < end).then(|| (&self.objects[index], offset - start))
    }

    /// Its name; empty if it has none.
    pub fn name(&self, block: &Block) -> String {
        let name = self.names.get(&(block.id, block.generation));
        name.cloned().unwrap_or_default()
    }
}

/// Whose name a block has, and which.
fn name_in(source: &dyn Source, block: Block) -> Option<((BlockId, u32), String)> {
    let copied = bytes(source, block.offset, block.size.min(NAME_TEXT + NAME_BYTES));
    let length = u32_at(&copied, TEXT_LENGTH) as usize;
    let name = copied.get(NAME_TEXT as usize..)?.get(..length)?;
    let name = text::harmless(&String::from_utf8_lossy(name));
    let owner = (u32_at(&copied, OWNER), u32_at(&copied, OWNER_GENERATION));
    Some((owner, name))
}

/// The further slots of a condition.
fn chunks(source: &dyn Source, condition: Block) -> Vec<Block> {
    let mut chunks = Vec::new();
    let mut next = u32_at(&bytes(source, condition.offset + NEXT_CHUNK, 4), 0);
    while next != 0 && chunks.len() < MAX_CHUNKS {
        let Some(chunk) = block_of(source, next, Kind::Bytes) else {
            break;
        };
        chunks.push(chunk);
        next = u32_at(&bytes(source, chunk.offset, 4), 0);
    }
    chunks
}

/// The block of that number, if it is of that kind.
pub fn block_of(source: &dyn Source, id: BlockId, kind: Kind) -> Option<Block> {
    if u64::from(id) >= DESCRIPTOR_COUNT {
        return None;
    }
    let at = DESCRIPTORS + u64::from(id) * DESCRIPTOR_SIZE;
    let words = bytes(source, at, DESCRIPTOR_SIZE);
    let words = [0, 8, 16].map(|at| u64_at(&words, at));
    let block = Block::told(id, words, source.size())?;
    (block.kind == kind).then_some(block)
}

/// What tells an object from all others that its tree ever has.
pub fn id_of(block: &Block) -> String {
    format!("{}.{}", block.id, block.generation)
}
