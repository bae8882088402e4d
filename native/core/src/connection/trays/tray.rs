//! One tray of a pipe: its state, its memory.

use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, SeqCst};
use std::sync::atomic::{AtomicU32, AtomicU64, fence};

use crate::error::Result;
use crate::memory::arena::{Offset, PROCESS_COUNT};
use crate::memory::heap::{Block, BlockId, Hold, Kind};
use crate::tree::member::Member;
use crate::tree::processes::{ProcessEntry, Slot, State as Life, TreePlace};

/// How many trays a pipe has.
pub const COUNT: u32 = 4;
const LINE: Offset = 64;
/// Bytes of a pipe's block.
pub const SIZE: u64 = LINE * (1 + COUNT as u64);

pub const HABITS: Offset = 0;
pub const EMPTIED: Offset = 4;
pub const ASLEEP: Offset = 8;

/// Bytes of all trays of a pipe.
const ROOM: u64 = 8 * 1024 * 1024;
/// Memory of a tray has at least so many bytes: messages grow, and each change costs fresh pages.
pub const SMALLEST: usize = 256 * 1024;

/// A pipe that this process has an end of, and uses as long as this is there.
pub struct Pipe {
    pub member: Arc<Member>,
    pub id: BlockId,
    pub at: Offset,
}

impl Drop for Pipe {
    fn drop(&mut self) {
        // Of no use to anybody where it fails: the process is about to leave the tree.
        let _ = self.member.end_use(self.id);
    }
}

/// What is done with a tray.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Empty = 0,
    Filling = 1,
    Full = 2,
    Emptying = 3,
}

/// The state of a tray: as a word, step 2 bits, slot 10, generation 30, fillings 22.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    pub step: Step,
    pub whose: TreePlace,
    pub fillings: u32,
}

const SLOT_BITS: u32 = 10;
const GENERATION_BITS: u32 = 30;
pub const FILLING_BITS: u32 = 22;
const _: () = assert!(PROCESS_COUNT == 1 << SLOT_BITS);
const _: () = assert!(2 + SLOT_BITS + GENERATION_BITS + FILLING_BITS == u64::BITS);
const _: () = assert!((COUNT << FILLING_BITS) / COUNT == 1 << FILLING_BITS);

const NOBODY: TreePlace = TreePlace {
    slot: 0,
    generation: 0,
};

impl State {
    pub fn unpack(word: u64) -> Self {
        let part = |begin: u32, bits: u32| (word >> begin) as u32 & ((1 << bits) - 1);
        Self {
            step: match part(0, 2) {
                0 => Step::Empty,
                1 => Step::Filling,
                2 => Step::Full,
                _ => Step::Emptying,
            },
            whose: TreePlace {
                slot: part(2, SLOT_BITS),
                generation: part(2 + SLOT_BITS, GENERATION_BITS),
            },
            fillings: part(2 + SLOT_BITS + GENERATION_BITS, FILLING_BITS),
        }
    }

    pub fn pack(self) -> u64 {
        self.step as u64
            | u64::from(self.whose.slot) << 2
            | u64::from(self.whose.generation) << (2 + SLOT_BITS)
            | u64::from(self.fillings) << (2 + SLOT_BITS + GENERATION_BITS)
    }

    /// The same filling, of nobody, in another step.
    pub fn then(self, step: Step) -> Self {
        Self {
            step,
            whose: NOBODY,
            ..self
        }
    }
}

/// One tray.
#[derive(Clone)]
pub struct Tray {
    pub pipe: Arc<Pipe>,
    pub index: u32,
}

impl Tray {
    fn at(&self) -> Offset {
        self.pipe.at + LINE * (1 + Offset::from(self.index))
    }

    fn state_word(&self) -> &AtomicU64 {
        self.pipe.member.arena().word64(self.at())
    }

    fn block_word(&self) -> &AtomicU32 {
        self.pipe.member.arena().word32(self.at() + 8)
    }

    fn hold_word(&self) -> &AtomicU32 {
        self.pipe.member.arena().word32(self.at() + 12)
    }

    pub fn length_word(&self) -> &AtomicU64 {
        self.pipe.member.arena().word64(self.at() + 16)
    }

    pub fn state(&self) -> State {
        // Acquire pairs with `change` (tag: TRAY).
        State::unpack(self.state_word().load(Acquire))
    }

    /// Whether it was in that state, and is in another one now.
    pub fn change(&self, from: State, to: State) -> bool {
        // AcqRel: whoever has the tray next finds its words and memory as they were left (tag: TRAY).
        self.state_word()
            .compare_exchange(from.pack(), to.pack(), AcqRel, Relaxed)
            .is_ok()
    }

    /// Its memory, if it has any. Of another's tray: or what was its memory just now.
    pub fn memory(&self) -> Option<Block> {
        let id = self.block_word().load(Relaxed);
        let block = (id != 0).then(|| self.pipe.member.part(id, Kind::Message).ok());
        block.flatten()
    }

    pub fn size(&self) -> u64 {
        self.memory().map_or(0, |block| block.size)
    }

    /// Memory for so many bytes, by I1 nobody else's; `None` where the trays may have no more.
    pub fn memory_for(&self, length: usize) -> Result<Option<Block>> {
        if let Some(block) = self.memory().filter(|block| block.size >= length as u64) {
            return Ok(Some(block));
        }
        let size = length.next_power_of_two().max(SMALLEST) as u64;
        let others = self.pipe.trays().filter(|other| other.index != self.index);
        if others.map(|other| other.size()).sum::<u64>() + size > ROOM {
            return Ok(None);
        }
        let member = &self.pipe.member;
        if self.block_word().swap(0, Relaxed) != 0 {
            // Who is killed here leaves memory behind that goes with the pipe.
            member.unpin(&[Hold(self.hold_word().load(Relaxed))])?;
        }
        let (block, hold) = member.create_within(Kind::Message, size, self.pipe.id)?;
        self.hold_word().store(hold.0, Relaxed);
        self.block_word().store(block.id, Relaxed);
        Ok(Some(block))
    }

    /// Makes it empty, if it is still in that state, and tells a sender that waits.
    pub fn give_up(&self, state: State) {
        if !self.change(state, state.then(Step::Empty)) {
            return;
        }
        let pipe = &self.pipe;
        pipe.word(EMPTIED).fetch_add(1, SeqCst);
        // Changed before the look at who sleeps (tag: ASLEEP).
        fence(SeqCst);
        if pipe.word(ASLEEP).load(SeqCst) != 0 {
            pipe.word(ASLEEP).store(0, SeqCst);
            pipe.member.wake(pipe.at + EMPTIED, u32::MAX);
        }
    }
}

impl Pipe {
    pub fn word(&self, offset: Offset) -> &AtomicU32 {
        self.member.arena().word32(self.at + offset)
    }

    pub fn trays(self: &Arc<Self>) -> impl Iterator<Item = Tray> {
        let pipe = Arc::clone(self);
        (0..COUNT).map(move |index| Tray {
            pipe: Arc::clone(&pipe),
            index,
        })
    }

    /// This process, as tray's states name it.
    pub fn own_place(&self) -> TreePlace {
        let slot = self.member.slot();
        let generation = self.member.entry().generation();
        TreePlace { slot, generation }
    }

    pub fn has_ended(&self, TreePlace { slot, generation }: TreePlace) -> bool {
        let entry = ProcessEntry::at(self.member.arena(), slot as Slot);
        entry.generation() != generation || entry.state() != Life::Live || !entry.is_running()
    }
}
