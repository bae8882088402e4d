//! Blocks that are mapped a second time, under buffers that the host has.
//!
//! The buffers are the host's: it unmaps them when no thread of the process has them any more, at some time
//! after the collection and on any thread. Until then a block must stay, or what is written into the
//! buffer would land in another's memory. That a buffer's object was collected is no proof: another
//! thread may have the same memory. The proofs are
//!
//! - that nothing is mapped at its address any more, or something else than the arena;
//! - that the host has given the same address to another buffer.
//!
//! Nothing is ever unmapped here: the kernel would give the address to somebody else, and the host would
//! unmap that later.
//!
//! # How many there may be
//!
//! A process may have `vm.max_map_count` mappings, and a host ends the process where it cannot have one
//! more. The kernel joins neighbours in memory that are also neighbours in the arena. So a block is
//! taken below that of the next buffer in memory ([`Views::create`]), as the kernel gives addresses
//! downwards, and a hundred thousand small arrays are a few hundred mappings. But when every second
//! of them goes, each of the others is one by itself, and nobody can refuse that. So what is counted is
//! what there might be then: of n buffers in g mappings, (n + g) / 2.

#![expect(unsafe_code, reason = "the memory of buffers is the host's")]

use std::collections::{BTreeMap, VecDeque};
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};
use crate::memory::arena::{self, PAGE};
use crate::memory::heap::{Block, BlockId, Kind};
use crate::sys::memory::{cover, is_mapped, is_shared, map_file, page_size};
use crate::sys::procfs;
use crate::tree::member::Member;

/// What is mapped at an address.
#[derive(Debug, Clone, Copy)]
struct Mapping {
    /// `None` if private zeroes are there by now, since the block was let go; or a file.
    block: Option<Block>,
    /// Whether a file is mapped there, which needs no word of ours to be let go.
    is_file: bool,
    size: u64,
    /// How many objects with a finalizer stand for it.
    objects: u32,
    /// Tells it from others at the same address.
    serial: u64,
}

impl Mapping {
    /// Whether the kernel makes one mapping of this one at `address` and another at `next`.
    fn joins(&self, address: usize, next: usize, other: &Self) -> bool {
        let (Some(block), Some(behind)) = (self.block, other.block) else {
            return false;
        };
        address + self.size as usize == next && block.offset + self.size == behind.offset
    }
}

#[derive(Default)]
struct Table {
    mappings: BTreeMap<usize, Mapping>,
    /// How many mappings of the kernel's they are.
    groups: usize,
    /// Whose objects are all collected, and whose memory was still there.
    lingering: VecDeque<(usize, u64)>,
    serial: u64,
    /// All are looked at when there are so many.
    look_at: usize,
}

/// The buffers of one process.
pub struct Views {
    member: Arc<Member>,
    most: usize,
    table: Mutex<Table>,
}

/// Identifies a buffer's memory to its finalizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ViewTicket {
    pub address: usize,
    pub serial: u64,
}

/// How to find out what is gone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effort {
    /// Where something is mapped, it is taken for the buffer's memory.
    Quick,
    /// It may be somebody else's.
    Thorough,
}

/// How many lingering ones each new buffer looks at.
const LOOKS: usize = 4;
/// How many there are at least before all are looked at.
const FEW: usize = 1024;

impl Views {
    pub fn new(member: Arc<Member>) -> Self {
        Self {
            member,
            // A fifth is for the host and everybody else.
            most: procfs::max_map_count() / 5 * 4,
            table: Mutex::default(),
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // The table is whole even after a panic elsewhere: nothing panics while it is locked.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new block of `size` zero bytes, a [`Kind::View`] or [`Kind::Loan`], under the buffer at
    /// `address`.
    ///
    /// # Safety
    ///
    /// The pages at `address` that `size` bytes need are the whole memory of a buffer that the host knows to
    /// be shared with others.
    pub unsafe fn create(
        &self,
        kind: Kind,
        size: u64,
        address: usize,
    ) -> Result<(Block, ViewTicket)> {
        let mut table = self.table();
        let pages = self.make_room(&mut table, size, address)?;
        let above = table.mappings.get(&(address + pages as usize));
        let below = above.and_then(|above| above.block).map(|it| it.offset);
        let made = self.member.create_view(kind, size, below).or_else(|error| {
            // Maybe there is memory that nobody has noticed to be free.
            self.look_at_all(&mut table, Effort::Thorough);
            self.member.create_view(kind, size, None).map_err(|_| error)
        });
        let block = made?;
        // SAFETY: as the caller has promised.
        unsafe { self.map(&mut table, block, pages, address) }
    }

    /// A block of that kind that this process holds under the buffer at `address`, which has the block's
    /// size.
    ///
    /// # Safety
    ///
    /// As of [`create`](Self::create).
    pub unsafe fn open(
        &self,
        kind: Kind,
        id: BlockId,
        address: usize,
    ) -> Result<(Block, ViewTicket)> {
        let block = self.member.block(id, kind)?;
        self.member.begin_use(id)?;
        let mut table = self.table();
        match self.make_room(&mut table, block.size, address) {
            // SAFETY: as the caller has promised.
            Ok(pages) => unsafe { self.map(&mut table, block, pages, address) },
            Err(error) => {
                self.member.end_use(id)?;
                Err(error)
            }
        }
    }

    /// Forgets what was at the address before, and fails where there are too many buffers; bytes of the
    /// pages.
    fn make_room(&self, table: &mut Table, size: u64, address: usize) -> Result<u64> {
        if page_size() as u64 != PAGE || !address.is_multiple_of(PAGE as usize) {
            return Err(Error::Unsupported(format!(
                "Cannot share an array: pages of {PAGE} bytes are wanted, this system has {}",
                page_size()
            )));
        }
        let pages = size.max(1).next_multiple_of(PAGE);
        let range = address..address + pages as usize;
        let gone: Vec<usize> = table.mappings.range(range).map(|(at, _)| *at).collect();
        gone.iter().for_each(|&at| self.forget(table, at));
        for _ in 0..LOOKS.min(table.lingering.len()) {
            if let Some((at, serial)) = table.lingering.pop_front() {
                self.look(table, at, serial);
            }
        }
        if table.mappings.len() >= table.look_at.max(FEW) {
            self.look_at_all(table, Effort::Quick);
            table.look_at = 2 * table.mappings.len();
        }
        if self.is_full(table) {
            self.look_at_all(table, Effort::Thorough);
        }
        if self.is_full(table) {
            let count = table.mappings.len();
            return Err(Error::Exhausted {
                action: "share an array",
                limit: format!(
                    "this process has {count} of them, for which the system's limit of mappings is too \
                     low; close some, share fewer and longer ones, or raise vm.max_map_count"
                ),
            });
        }
        Ok(pages)
    }

    fn is_full(&self, table: &Table) -> bool {
        (table.mappings.len() + table.groups) / 2 + 1 > self.most
    }

    /// # Safety
    ///
    /// As of [`create`](Self::create).
    unsafe fn map(
        &self,
        table: &mut Table,
        block: Block,
        size: u64,
        address: usize,
    ) -> Result<(Block, ViewTicket)> {
        let arena = self.member.arena();
        // SAFETY: as the caller has promised.
        if let Err(error) = unsafe { arena.map_again(block.offset, size, address) } {
            self.member.end_use(block.id)?;
            return Err(error);
        }
        Ok((block, table.note(Some(block), size, address)))
    }

    /// The file of a named block, `size` bytes of it, under the buffer at `address`, which has that size.
    ///
    /// # Safety
    ///
    /// As of [`create`](Self::create).
    pub unsafe fn show_file(
        &self,
        file: BorrowedFd,
        size: u64,
        address: usize,
    ) -> Result<ViewTicket> {
        let mut table = self.table();
        let pages = self.make_room(&mut table, size, address)?;
        // SAFETY: as the caller has promised.
        unsafe { map_file(file, pages, address) }?;
        Ok(table.note(None, pages, address))
    }

    /// The block under the buffer at `address`, which has come from another thread of the process. Its
    /// object stands for it, too. A [`Kind::Loan`] is not told: it is not for others to keep.
    pub fn find(&self, address: usize) -> Option<(Block, ViewTicket)> {
        let mut table = self.table();
        let mapping = table.mappings.get_mut(&address)?;
        let block = mapping.block.filter(|it| it.kind == Kind::View)?;
        // The buffer may be another one, which has nothing to do with this table.
        if !is_shared(address) {
            return None;
        }
        mapping.objects += 1;
        let serial = mapping.serial;
        Some((block, ViewTicket { address, serial }))
    }

    /// An object that stood for it was collected.
    pub fn finalize(&self, ViewTicket { address, serial }: ViewTicket) {
        let mut table = self.table();
        let Some(mapping) = table.mappings.get_mut(&address) else {
            return;
        };
        if mapping.serial != serial {
            return;
        }
        mapping.objects = mapping.objects.saturating_sub(1);
        if mapping.objects == 0 {
            self.look(&mut table, address, serial);
        }
    }

    /// Lets the block under the buffer at `address` go at once; the buffer has private zeroes from then
    /// on.
    ///
    /// # Safety
    ///
    /// The caller has the only object that stands for it, and knows that no thread is using it.
    pub unsafe fn close(&self, address: usize) -> Result<()> {
        let mut table = self.table();
        let Some(mapping) = table.remove(address) else {
            return Ok(());
        };
        let is_empty = mapping.block.is_none() && !mapping.is_file;
        if is_empty || !is_shared(address) {
            table.insert(address, mapping);
            return Ok(()); // somebody else's by now; noticed when all are looked at
        }
        // SAFETY: a mapping of this table's, so it was a buffer's; it is still there, as just seen.
        let covered = unsafe { cover(address, mapping.size) };
        let left = match covered {
            Ok(()) => Mapping {
                block: None,
                is_file: false,
                ..mapping
            },
            Err(_) => mapping,
        };
        table.insert(address, left);
        covered?;
        mapping
            .block
            .map_or(Ok(()), |it| self.member.end_use(it.id))
    }

    /// Forgets a mapping whose memory is gone; otherwise it lingers.
    fn look(&self, table: &mut Table, address: usize, serial: u64) {
        let known = table.mappings.get(&address);
        if known.is_none_or(|mapping| mapping.serial != serial) {
            return;
        }
        if is_mapped(address) {
            table.lingering.push_back((address, serial));
        } else {
            self.forget(table, address);
        }
    }

    /// Lets go of everything whose memory is gone, noticed or not.
    pub fn look_again(&self) {
        self.look_at_all(&mut self.table(), Effort::Thorough);
    }

    fn look_at_all(&self, table: &mut Table, effort: Effort) {
        // Where that cannot be read, somebody else's shared memory is taken for the buffer's.
        let of_arena = match effort {
            Effort::Thorough if !table.mappings.is_empty() => procfs::mappings_of(arena::NAME),
            _ => None,
        };
        let is_of_arena = |address: usize| match &of_arena {
            Some(ranges) => {
                let behind = ranges.partition_point(|range| range.start <= address);
                behind > 0 && ranges[behind - 1].contains(&address)
            }
            None => is_mapped(address) && (effort == Effort::Quick || is_shared(address)),
        };
        let is_gone = |(&address, mapping): (&usize, &Mapping)| {
            let is_there = match mapping.block {
                Some(_) => is_of_arena(address),
                None => is_mapped(address),
            };
            (!is_there).then_some(address)
        };
        let gone: Vec<usize> = table.mappings.iter().filter_map(is_gone).collect();
        gone.iter().for_each(|&at| self.forget(table, at));
        let Table {
            lingering,
            mappings,
            ..
        } = table;
        lingering.retain(|(at, serial)| mappings.get(at).is_some_and(|it| it.serial == *serial));
    }

    fn forget(&self, table: &mut Table, address: usize) {
        if let Some(block) = table.remove(address).and_then(|mapping| mapping.block) {
            let _ = self.member.end_use(block.id);
        }
    }
}

impl Table {
    /// Notes what was mapped just now; `None` is a file.
    fn note(&mut self, block: Option<Block>, size: u64, address: usize) -> ViewTicket {
        self.serial += 1;
        let serial = self.serial;
        let mapping = Mapping {
            block,
            is_file: block.is_none(),
            size,
            objects: 1,
            serial,
        };
        self.insert(address, mapping);
        ViewTicket { address, serial }
    }

    fn insert(&mut self, address: usize, mapping: Mapping) {
        self.groups = (self.groups + 1).saturating_sub(self.joints(address, &mapping));
        self.mappings.insert(address, mapping);
    }

    fn remove(&mut self, address: usize) -> Option<Mapping> {
        let mapping = self.mappings.remove(&address)?;
        self.groups = (self.groups + self.joints(address, &mapping)).saturating_sub(1);
        Some(mapping)
    }

    /// With how many neighbours the kernel joins a mapping.
    fn joints(&self, address: usize, mapping: &Mapping) -> usize {
        let before = self.mappings.range(..address).next_back();
        let behind = self.mappings.range(address + 1..).next();
        usize::from(before.is_some_and(|(&at, it)| it.joins(at, address, mapping)))
            + usize::from(behind.is_some_and(|(&at, it)| mapping.joins(address, at, it)))
    }
}

#[cfg(test)]
impl Views {
    /// How many buffers there are, in how many mappings.
    fn counts(&self) -> (usize, usize) {
        let table = self.table();
        (table.mappings.len(), table.groups)
    }
}

#[cfg(test)]
mod tests;
