//! A process's place in its tree: the arena, its slot, the tokens of its threads, and the blocks
//! it holds.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::io::Errno;

use crate::arena::{Arena, Offset};
use crate::cage;
use crate::error::{Error, Result};
use crate::heap::blocks::{BlockId, Usage};
use crate::heap::{self, Block, Heap, Hold, Holder, Kind};
use crate::sync::Token;
use crate::table::{self, Cage, NO_SLOT, Owner, Place, ProcessEntry, Slot, State};

/// The root's slot: it is the first.
const ROOT: Slot = 0;

pub struct Member {
    /// Distinguishes the members of one process in tests; a program has one.
    serial: u64,
    arena: Arc<Arena>,
    slot: Slot,
    /// One hold for each block, however many handles this process has of it.
    held: Mutex<HashMap<BlockId, Held>>,
    /// What this process may use if it is in a cage; `None` if it is free.
    gifts: Option<Mutex<Vec<Gift>>>,
}

struct Held {
    hold: Hold,
    /// What JavaScript may give up.
    handles: u32,
    /// What the addon itself needs the block for: buffers over it, waits on it.
    uses: u32,
    /// Of a [`Kind::Offer`]: whether it has been put into a message.
    was_pinned: bool,
}

/// A block that a message has brought, or the preparation: until the message's holds are let go, a
/// caged process may adopt it.
struct Gift {
    id: BlockId,
    /// The message's hold on it.
    hold: Hold,
    /// The preparation that brought it; 0 for a message.
    preparation: BlockId,
}

impl Held {
    fn once(hold: Hold) -> Self {
        Self {
            hold,
            handles: 1,
            uses: 0,
            was_pinned: false,
        }
    }
}

impl Member {
    /// The first process of a new tree.
    pub fn root(name: &str) -> Result<Self> {
        crate::sys::require_supported()?;
        let arena = Arena::create()?;
        heap::initialize(&arena);
        let generation = ProcessEntry::at(&arena, ROOT).reserve(NO_SLOT, name, Cage::Free);
        Self::enter(
            arena,
            Place {
                slot: ROOT,
                generation,
            },
        )
    }

    /// The process for which the parent has reserved `place`.
    pub fn child(arena: OwnedFd, place: Place) -> Result<Self> {
        Self::enter(Arena::open(arena)?, place)
    }

    /// Takes the place that the parent has reserved in `arena`, or that was just reserved there.
    pub(crate) fn enter(arena: Arena, place: Place) -> Result<Self> {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        let entry = ProcessEntry::at(&arena, place.slot);
        if !entry.enter(place.generation) {
            return Err(Error::Corrupted(
                "this process's place in the tree is no longer its own",
            ));
        }
        let is_caged = entry.cage() != Cage::Free || cage::current().is_some();
        Ok(Self {
            serial: SERIAL.fetch_add(1, Relaxed),
            arena: Arc::new(arena),
            slot: place.slot,
            held: Mutex::default(),
            gifts: is_caged.then(Mutex::default),
        })
    }

    pub fn arena(&self) -> &Arena {
        &self.arena
    }

    pub fn slot(&self) -> Slot {
        self.slot
    }

    /// The calling thread's name in lock words, made at the thread's first call and given up when
    /// it ends.
    #[inline]
    pub fn token(&self) -> Result<Token> {
        match LAST_TOKEN.get() {
            Some((member, token)) if member == self.serial => Ok(token),
            _ => self.token_of_thread(),
        }
    }

    #[cold]
    fn token_of_thread(&self) -> Result<Token> {
        let token = self.registered_token()?;
        LAST_TOKEN.set(Some((self.serial, token)));
        Ok(token)
    }

    fn registered_token(&self) -> Result<Token> {
        TOKENS.with_borrow_mut(|tokens| {
            if let Some(known) = tokens.iter().find(|known| known.member == self.serial) {
                return Ok(known.token);
            }
            let token = table::register_thread(&self.arena, self.slot).ok_or_else(|| {
                let limit = format!("{} threads use it", crate::arena::THREAD_COUNT);
                Error::Exhausted {
                    action: "use shared memory from another thread",
                    limit,
                }
            })?;
            let arena = Arc::clone(&self.arena);
            tokens.push(ThreadToken {
                member: self.serial,
                arena,
                token,
            });
            Ok(token)
        })
    }

    /// Whether the thread behind `token` has ended. An owner that was just seen alive is not
    /// looked for again at once: whoever tries a held lock in a loop must not spend its time here.
    pub fn has_died(&self, token: Token) -> bool {
        let known = SEEN_ALIVE.get();
        if known.is_some_and(|(seen, at)| seen == token && at.elapsed() < TRUSTED_FOR) {
            return false;
        }
        let died = table::has_died(&self.arena, token);
        SEEN_ALIVE.set((!died).then(|| (token, Instant::now())));
        died
    }

    /// Who stands, or stood, behind `token`.
    pub fn owner(&self, token: Token) -> Option<Owner> {
        table::owner(&self.arena, token)
    }

    fn heap(&self) -> Result<Heap<'_>> {
        Heap::lock(&self.arena, self.token()?)
    }

    fn held(&self) -> MutexGuard<'_, HashMap<BlockId, Held>> {
        // The map is whole even after a panic elsewhere: nothing panics while it is locked.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new block of `size` zero bytes, with one handle in this process.
    pub fn create(&self, kind: Kind, size: u64) -> Result<Block> {
        let mut held = self.held();
        let (block, hold) = self
            .heap()?
            .allocate(kind, size, Holder::Process(self.slot))?;
        held.insert(block.id, Held::once(hold));
        Ok(block)
    }

    /// One more handle of a block that somebody else told of.
    pub fn adopt(&self, id: BlockId, generation: u32) -> Result<Block> {
        let mut held = self.held();
        if !held.contains_key(&id) {
            self.require_brought(&held, id)?;
        }
        match held.entry(id) {
            Entry::Occupied(mut known) => {
                let block = Block::open(&self.arena, id)?;
                if block.generation != generation {
                    return Err(Error::NoSuchObject {
                        what: "shared object",
                        id,
                    });
                }
                known.get_mut().handles += 1;
                Ok(block)
            }
            Entry::Vacant(place) => {
                let holder = Holder::Process(self.slot);
                let (block, hold) = self.heap()?.hold(id, generation, holder)?;
                place.insert(Held::once(hold));
                Ok(block)
            }
        }
    }

    /// Lets a child that is about to be started hold a block that this process holds.
    pub fn hold_for(&self, slot: Slot, id: BlockId) -> Result<Hold> {
        self.require_held(id)?;
        let generation = Block::open(&self.arena, id)?.generation;
        let (_, hold) = self.heap()?.hold(id, generation, Holder::Process(slot))?;
        Ok(hold)
    }

    /// Makes a hold that the parent has given this process's slot a handle. Both numbers have come
    /// through a socket that a hostile parent can write to, so they are looked up.
    pub fn take_over(&self, id: BlockId, hold: Hold) -> Result<Block> {
        let block = self.part(id, Kind::Preparation)?;
        let heap = self.heap()?;
        let mine = Some(Holder::Process(self.slot));
        if heap.holder(hold) != mine || heap.held(hold) != Some(id) {
            return Err(not_given(id));
        }
        drop(heap);
        self.held().insert(id, Held::once(hold));
        if let Some(gifts) = &self.gifts {
            let brought = self.heap()?.held_by(Holder::Block(id));
            let brought = brought.into_iter().map(|(hold, block)| Gift {
                id: block,
                hold,
                preparation: id,
            });
            lock(gifts).extend(brought);
        }
        Ok(block)
    }

    /// Lets a caged process adopt what a message has brought, until [`withdraw`](Self::withdraw).
    pub fn bring(&self, holds: &[Hold]) -> Result<()> {
        let Some(gifts) = &self.gifts else {
            return Ok(());
        };
        let heap = self.heap()?;
        let brought = holds.iter().map(|&hold| Gift {
            id: heap.held(hold).unwrap_or(0),
            hold,
            preparation: 0,
        });
        lock(gifts).extend(brought);
        Ok(())
    }

    /// Ends what [`bring`](Self::bring) began; `false` if these were not brought to this process.
    pub fn withdraw(&self, holds: &[Hold]) -> bool {
        let Some(gifts) = &self.gifts else {
            return true;
        };
        let mut gifts = lock(gifts);
        let before = gifts.len();
        gifts.retain(|gift| gift.preparation != 0 || !holds.contains(&gift.hold));
        before - gifts.len() == holds.len()
    }

    /// Whether this process may use no blocks but those that it made or was given.
    #[inline]
    pub fn is_caged(&self) -> bool {
        self.gifts.is_some()
    }

    /// Fails in a cage unless the process holds the block.
    pub fn require_held(&self, id: BlockId) -> Result<()> {
        if self.gifts.is_none() || self.held().contains_key(&id) {
            return Ok(());
        }
        Err(not_given(id))
    }

    /// Fails in a cage unless something holds the block that this process may look into: a message
    /// taken from a queue, the preparation, or a pipe that it has. `held` is what it holds.
    fn require_brought(&self, held: &HashMap<BlockId, Held>, id: BlockId) -> Result<()> {
        let Some(gifts) = &self.gifts else {
            return Ok(());
        };
        if lock(gifts).iter().any(|gift| gift.id == id) {
            return Ok(());
        }
        let heap = self.heap()?;
        let is_pipe = |id| Block::open(&self.arena, id).is_ok_and(|it| it.kind == Kind::Pipe);
        let brings = |pipe| {
            let brought = heap.held_by(Holder::Block(pipe));
            brought.iter().any(|(_, block)| *block == id)
        };
        let mut pipes = held.keys().copied().filter(|&id| is_pipe(id));
        if pipes.any(brings) {
            return Ok(());
        }
        Err(not_given(id))
    }

    /// One handle less; at the last, the block is let go.
    pub fn release(&self, id: BlockId) -> Result<()> {
        self.give_up(id, |held| &mut held.handles)
    }

    /// Keeps a block that this process holds for as long as the addon uses it, whatever JavaScript
    /// releases meanwhile.
    pub fn begin_use(&self, id: BlockId) -> Result<()> {
        let generation = Block::open(&self.arena, id)?.generation;
        self.adopt(id, generation)?;
        if let Some(known) = self.held().get_mut(&id) {
            known.handles -= 1;
            known.uses += 1;
        }
        Ok(())
    }

    /// Ends what [`begin_use`](Self::begin_use) began.
    pub fn end_use(&self, id: BlockId) -> Result<()> {
        self.give_up(id, |held| &mut held.uses)
    }

    fn give_up(&self, id: BlockId, count: fn(&mut Held) -> &mut u32) -> Result<()> {
        let mut held = self.held();
        let Entry::Occupied(mut known) = held.entry(id) else {
            return Ok(());
        };
        let count = count(known.get_mut());
        *count = count.saturating_sub(1);
        if known.get().handles == 0 && known.get().uses == 0 {
            let hold = known.remove().hold;
            self.heap()?.let_go(hold);
            if let Some(gifts) = &self.gifts {
                lock(gifts).retain(|gift| gift.preparation != id);
            }
        }
        Ok(())
    }

    /// The block of that number, which this process must hold, if it is of that kind.
    #[inline]
    pub fn block(&self, id: BlockId, kind: Kind) -> Result<Block> {
        if self.is_caged() {
            self.require_held(id)?;
        }
        self.part(id, kind)
    }

    /// A block that another block names and holds, such as a queue's segment.
    #[inline]
    pub fn part(&self, id: BlockId, kind: Kind) -> Result<Block> {
        Block::open_as(&self.arena, id, kind)
    }

    /// How many hold a block: processes, and messages on their way.
    pub fn holders(&self, id: BlockId) -> u32 {
        Block::holds(&self.arena, id).unwrap_or(0)
    }

    /// Lets `holder` keep a block that this process holds, for as long as it is on its way.
    pub fn pin(&self, id: BlockId, holder: BlockId) -> Result<Hold> {
        self.require_held(id)?;
        let block = Block::open(&self.arena, id)?;
        let (_, hold) = self
            .heap()?
            .hold(id, block.generation, Holder::Block(holder))?;
        self.note_pinned(block, true);
        Ok(hold)
    }

    fn note_pinned(&self, block: Block, is_pinned: bool) {
        if block.kind == Kind::Offer
            && let Some(held) = self.held().get_mut(&block.id)
        {
            held.was_pinned = is_pinned;
        }
    }

    /// Whether this process has put the offer into a message, which has not been withdrawn.
    pub fn was_pinned(&self, id: BlockId) -> bool {
        self.held().get(&id).is_some_and(|held| held.was_pinned)
    }

    /// As [`pin`](Self::pin), for several blocks: all or none.
    pub fn pin_all(&self, ids: &[BlockId], holder: BlockId) -> Result<Vec<Hold>> {
        let mut holds = Vec::with_capacity(ids.len());
        for &id in ids {
            match self.pin(id, holder) {
                Ok(hold) => holds.push(hold),
                Err(error) => {
                    self.unpin(&holds)?;
                    return Err(error);
                }
            }
        }
        Ok(holds)
    }

    /// As [`unpin`](Self::unpin), but only of what `holder` does hold: for numbers that somebody
    /// has sent.
    pub fn unpin_from(&self, holder: BlockId, holds: &[Hold]) -> Result<()> {
        let heap = self.heap()?;
        for &hold in holds {
            if heap.holder(hold) == Some(Holder::Block(holder)) {
                heap.let_go(hold);
            }
        }
        Ok(())
    }

    /// Ends what [`pin`](Self::pin) began.
    pub fn unpin(&self, holds: &[Hold]) -> Result<()> {
        if holds.is_empty() {
            return Ok(());
        }
        let heap = self.heap()?;
        let held = |&hold: &Hold| Block::open(&self.arena, heap.held(hold)?).ok();
        let blocks: Vec<Block> = holds.iter().filter_map(held).collect();
        holds.iter().for_each(|&hold| heap.let_go(hold));
        drop(heap);
        // If this process has put them, the message may be put again.
        blocks
            .into_iter()
            .for_each(|block| self.note_pinned(block, false));
        Ok(())
    }

    /// Makes holds of another's this process's own: what it has taken goes with it, should it die.
    pub fn take_pins(&self, holds: &[Hold]) -> Result<Vec<Hold>> {
        let heap = self.heap()?;
        let mine = Holder::Process(self.slot);
        let take = |&hold: &Hold| {
            let id = heap
                .held(hold)
                .ok_or(Error::Corrupted("a message has no hold"))?;
            let generation = Block::open(&self.arena, id)?.generation;
            heap.hold(id, generation, mine).map(|(_, hold)| hold)
        };
        let taken = holds.iter().map(take).collect::<Result<_>>()?;
        holds.iter().for_each(|&hold| heap.let_go(hold));
        Ok(taken)
    }

    /// What the block `holder` holds.
    pub fn pinned_by(&self, holder: BlockId) -> Result<Vec<(Hold, BlockId)>> {
        Ok(self.heap()?.held_by(Holder::Block(holder)))
    }

    /// A new block that this process holds without a handle, for a moment; [`unpin`](Self::unpin)
    /// ends that.
    pub fn create_pinned(&self, kind: Kind, size: u64) -> Result<(Block, Hold)> {
        self.heap()?
            .allocate(kind, size, Holder::Process(self.slot))
    }

    /// A new block that another block holds, and its hold.
    pub fn create_within(&self, kind: Kind, size: u64, holder: BlockId) -> Result<(Block, Hold)> {
        self.heap()?.allocate(kind, size, Holder::Block(holder))
    }

    /// Claims a place for a child that is about to be started in a cage, with that command line,
    /// executable first.
    pub fn reserve_caged(&self, name: &str, command_line: &[&str]) -> Result<Place> {
        if command_line.iter().any(|word| word.contains('\0')) {
            return Err(Error::os("start a process", Errno::INVAL)); // it would read as two
        }
        let bytes = command_line.join("\0");
        // Whoever enters it before the block is there finds it closed.
        let place = self.reserve_as(name, Cage::Closed)?;
        let holder = Holder::Process(place.slot);
        let told = self.heap().and_then(|heap| {
            let (block, _) = heap.allocate(Kind::CommandLine, bytes.len() as u64, holder)?;
            Ok(block)
        });
        match told {
            Ok(block) => {
                self.arena.write(block.offset, bytes.as_bytes());
                ProcessEntry::at(&self.arena, place.slot).set_cage(Cage::Told(block.id));
                Ok(place)
            }
            Err(error) => {
                self.retire(place)?;
                Err(error)
            }
        }
    }

    /// The command line of this process, as its parent has told, if that has put it into a cage.
    pub fn told_cage(&self) -> Option<Vec<String>> {
        let block = match self.entry().cage() {
            Cage::Free => return None,
            Cage::Closed => return Some(Vec::new()),
            Cage::Told(id) => self.part(id, Kind::CommandLine),
        };
        let bytes = block.map(|it| self.arena.read_vec(it.offset, it.size as usize));
        let text = String::from_utf8(bytes.unwrap_or_default()).unwrap_or_default();
        Some(text.split('\0').map(str::to_owned).collect())
    }

    /// Claims a place for a child that is about to be started.
    pub fn reserve(&self, name: &str) -> Result<Place> {
        self.reserve_as(name, Cage::Free)
    }

    fn reserve_as(&self, name: &str, cage: Cage) -> Result<Place> {
        let _heap = self.heap()?;
        let slot = table::slots()
            .find(|&slot| ProcessEntry::at(&self.arena, slot).state() == State::Free)
            .ok_or_else(|| Error::Exhausted {
                action: "start a process",
                limit: format!("{} processes run in this tree", crate::arena::PROCESS_COUNT),
            })?;
        let generation = ProcessEntry::at(&self.arena, slot).reserve(self.slot, name, cage);
        Ok(Place { slot, generation })
    }

    /// Ends the membership of a process that has ended: what it held is let go, its slot is free.
    /// Nothing happens if somebody else was quicker, and maybe another process has the slot now.
    pub fn retire(&self, place: Place) -> Result<()> {
        let heap = self.heap()?;
        let entry = ProcessEntry::at(&self.arena, place.slot);
        if entry.state() != State::Free && entry.generation() == place.generation {
            heap.let_go_all(Holder::Process(place.slot));
            entry.leave();
        }
        Ok(())
    }

    /// Retires every process that is gone without anybody having noticed: descendants whose own
    /// parent died first, and slots reserved by a parent that is gone.
    pub fn retire_orphans(&self) -> Result<()> {
        for slot in table::slots().filter(|&slot| slot != self.slot) {
            let entry = ProcessEntry::at(&self.arena, slot);
            // The generation first: if the slot is given anew meanwhile, nothing is retired.
            let generation = entry.generation();
            let gone = match entry.state() {
                State::Free => false,
                State::Live => !entry.is_running(),
                State::Reserved => {
                    let parent = ProcessEntry::at(&self.arena, entry.parent());
                    parent.state() != State::Live || !parent.is_running()
                }
            };
            if gone {
                self.retire(Place { slot, generation })?;
            }
        }
        Ok(())
    }

    /// The entry of this process.
    pub fn entry(&self) -> ProcessEntry<'_> {
        ProcessEntry::at(&self.arena, self.slot)
    }

    /// How much of the arena is in use, in blocks and their bytes.
    pub fn usage(&self) -> Result<Usage> {
        Ok(self.heap()?.usage())
    }

    /// Wakes up to `count` sleepers of the word at `offset`.
    pub fn wake(&self, offset: Offset, count: u32) -> usize {
        crate::wait::wake(&self.arena, offset, count)
    }
}

fn lock(gifts: &Mutex<Vec<Gift>>) -> MutexGuard<'_, Vec<Gift>> {
    // The list is whole even after a panic elsewhere: nothing panics while it is locked.
    gifts.lock().unwrap_or_else(PoisonError::into_inner)
}

fn not_given(id: BlockId) -> Error {
    Error::NoSuchObject {
        what: "shared object that this process was not given",
        id,
    }
}

/// How long a thread that was seen alive is taken to be alive.
const TRUSTED_FOR: Duration = Duration::from_millis(20);

thread_local! {
    static SEEN_ALIVE: Cell<Option<(Token, Instant)>> = const { Cell::new(None) };
    /// The member that the thread was last asked for, and its token there.
    static LAST_TOKEN: Cell<Option<(u64, Token)>> = const { Cell::new(None) };
    static TOKENS: RefCell<Vec<ThreadToken>> = const { RefCell::new(Vec::new()) };
}

struct ThreadToken {
    member: u64,
    arena: Arc<Arena>,
    token: Token,
}

impl Drop for ThreadToken {
    fn drop(&mut self) {
        LAST_TOKEN.set(None);
        table::unregister_thread(&self.arena, self.token);
    }
}

#[cfg(test)]
mod tests;
