//! Runs of pages: taken from the end of a free run, merged with their free neighbours when they are
//! given back. Runs tile the region without a gap, so freed space serves every size.
//!
//! Each page has an entry in a table; those of a run's first and last page say what the run is,
//! the others say nothing.
//!
//! | entry word | bits                                                                     |
//! | ---------- | ------------------------------------------------------------------------ |
//! | 0          | length of the run in pages (32) or the free parts (32), part (8), state (8) |
//! | 8          | in a list: next (32) and previous page (32) plus 1; 0 is none            |
//!
//! | state  | what                                                       | bytes        |
//! | ------ | ---------------------------------------------------------- | ------------ |
//! | FREE   | in the list of its length class; its neighbours are not    | zeroes       |
//! | USED   | one block's                                                | the block's  |
//! | KEPT   | in the list of its length; ready for the next who wants it | anything     |
//! | PARTED | one page of several small blocks (heap/small.rs)           | the blocks'  |
//!
//! USED → KEPT → USED is the short way of short runs: without it every small block would cost two
//! system calls and a page fault for each page. There are few of them, and they become FREE when
//! nothing else is left.

use super::journal::Transaction;
use super::{FREE_RUNS, Heap, KEPT_RUNS};
use crate::memory::arena::{Arena, Offset, PAGE, PAGE_ENTRY_SIZE, PAGE_TABLE};

/// Index of a page of the region for blocks.
pub(super) type Page = u32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Free,
    Used,
    Kept,
    Parted,
}

/// What the entry of a run's first or last page says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tag {
    pub state: State,
    /// Pages of the run; of a parted page, a bit for each part that is free.
    pub length: u32,
    /// Of a parted page: what its parts are (heap/small.rs).
    pub part: u8,
}

impl Tag {
    fn of_run(state: State, length: u32) -> Self {
        Self {
            state,
            length,
            part: 0,
        }
    }

    fn to_word(self) -> u64 {
        let state = match self.state {
            State::Free => 1,
            State::Used => 2,
            State::Kept => 3,
            State::Parted => 4,
        };
        u64::from(self.length) | u64::from(self.part) << 32 | state << 56
    }

    fn from_word(word: u64) -> Option<Self> {
        let state = match word >> 56 {
            1 => State::Free,
            2 => State::Used,
            3 => State::Kept,
            4 => State::Parted,
            _ => return None,
        };
        Some(Self {
            state,
            length: word as u32,
            part: (word >> 32) as u8,
        })
    }

    /// Pages from the first to the last of the run.
    fn pages(self) -> u32 {
        match self.state {
            State::Parted => 1,
            _ => self.length,
        }
    }
}

/// Runs of fewer pages may be kept.
const KEPT_BELOW: u32 = 16;
/// The most pages that are kept of one length.
const KEPT_PAGES: u32 = 256;
/// How many runs of the class of the wanted length are looked at before one of a larger class is
/// split.
const LOOKS: usize = 16;
const CLASSES: u64 = 96;
const _: () = assert!(FREE_RUNS + 8 * CLASSES <= KEPT_RUNS);

/// The class of free runs of that length: four for each doubling, by their shortest.
fn class_of(length: u32) -> u64 {
    if length < 4 {
        return u64::from(length);
    }
    let log = length.ilog2();
    u64::from((log - 1) * 4 + (length >> (log - 2) & 3))
}

fn free_list(length: u32) -> Offset {
    FREE_RUNS + 8 * class_of(length)
}

fn kept_list(length: u32) -> Offset {
    KEPT_RUNS + 8 * u64::from(length)
}

fn tag_word(page: Page) -> Offset {
    PAGE_TABLE + u64::from(page) * PAGE_ENTRY_SIZE
}

fn link_word(page: Page) -> Offset {
    tag_word(page) + 8
}

/// Pages that `size` bytes need.
pub(super) fn pages_for(size: u64) -> u32 {
    size.div_ceil(PAGE) as u32
}

/// All pages are one free run.
pub(super) fn initialize(arena: &Arena) {
    let mut transaction = Transaction::new(arena);
    let count = arena.page_count() as u32;
    set_run(&mut transaction, 0, count, State::Free);
    push(&mut transaction, free_list(count), 0);
    transaction.commit();
}

fn set_run(transaction: &mut Transaction, first: Page, length: u32, state: State) {
    let word = Tag::of_run(state, length).to_word();
    transaction.set(tag_word(first), word);
    transaction.set(tag_word(first + length - 1), word);
}

pub(super) fn set_tag(transaction: &mut Transaction, page: Page, tag: Tag) {
    transaction.set(tag_word(page), tag.to_word());
}

/// The first of a list; the head's upper half is its number of pages, where somebody counts them.
pub(super) fn first_of(transaction: &Transaction, list: Offset) -> Option<Page> {
    (transaction.get(list) as u32).checked_sub(1)
}

fn next_of(transaction: &Transaction, page: Page) -> Option<Page> {
    (transaction.get(link_word(page)) as u32).checked_sub(1)
}

pub(super) fn push(transaction: &mut Transaction, list: Offset, page: Page) {
    let head = transaction.get(list);
    let first = head as u32;
    transaction.set(link_word(page), u64::from(first));
    if let Some(first) = first.checked_sub(1) {
        let links = transaction.get(link_word(first)) as u32;
        transaction.set(link_word(first), pack(links, page + 1));
    }
    transaction.set(list, head >> 32 << 32 | u64::from(page + 1));
}

pub(super) fn unlink(transaction: &mut Transaction, list: Offset, page: Page) {
    let links = transaction.get(link_word(page));
    let (next, previous) = (links as u32, (links >> 32) as u32);
    if let Some(next) = next.checked_sub(1) {
        let after = transaction.get(link_word(next)) as u32;
        transaction.set(link_word(next), pack(after, previous));
    }
    if let Some(previous) = previous.checked_sub(1) {
        let before = (transaction.get(link_word(previous)) >> 32) as u32;
        transaction.set(link_word(previous), pack(next, before));
    } else {
        let head = transaction.get(list);
        transaction.set(list, head >> 32 << 32 | u64::from(next));
    }
}

/// Whether a page of a list is the only one in it.
pub(super) fn is_alone(transaction: &Transaction, page: Page) -> bool {
    transaction.get(link_word(page)) == 0
}

fn pack(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

/// Pages that were taken.
pub(super) struct TakenRun {
    pub first: Page,
    /// Whether the bytes are not known to be zero.
    pub is_dirty: bool,
}

impl Heap<'_> {
    pub(super) fn offset_of(&self, page: Page) -> Offset {
        self.arena.pages() + u64::from(page) * PAGE
    }

    pub(super) fn page_of(&self, offset: Offset) -> Page {
        (offset.saturating_sub(self.arena.pages()) / PAGE) as Page
    }

    pub(super) fn tag(&self, transaction: &Transaction, page: Page) -> Option<Tag> {
        if u64::from(page) >= self.arena.page_count() {
            return None;
        }
        Tag::from_word(transaction.get(tag_word(page)))
    }

    /// Takes `length` pages: those before the page `below`, if they are free; otherwise where they
    /// fit best. `None` if there is no such run.
    pub(super) fn take_pages(
        &self,
        transaction: &mut Transaction,
        length: u32,
        below: Option<Page>,
    ) -> Option<TakenRun> {
        if let Some(taken) = below.and_then(|page| self.take_below(transaction, length, page)) {
            return Some(taken);
        }
        if length < KEPT_BELOW
            && let Some(first) = first_of(transaction, kept_list(length))
        {
            return Some(self.take_kept(transaction, first, length));
        }
        let first = self.find(transaction, length)?;
        Some(self.split(transaction, first, length))
    }

    fn take_below(
        &self,
        transaction: &mut Transaction,
        length: u32,
        below: Page,
    ) -> Option<TakenRun> {
        let last = below.checked_sub(1)?;
        let tag = self.tag(transaction, last)?;
        match tag.state {
            State::Free if tag.length >= length => {
                let first = below.checked_sub(tag.length)?;
                Some(self.split(transaction, first, length))
            }
            State::Kept if tag.length == length => {
                Some(self.take_kept(transaction, below.checked_sub(length)?, length))
            }
            _ => None,
        }
    }

    fn take_kept(&self, transaction: &mut Transaction, first: Page, length: u32) -> TakenRun {
        self.unlink_kept(transaction, first, length);
        set_run(transaction, first, length, State::Used);
        TakenRun {
            first,
            is_dirty: true,
        }
    }

    fn unlink_kept(&self, transaction: &mut Transaction, first: Page, length: u32) {
        let list = kept_list(length);
        unlink(transaction, list, first);
        let head = transaction.get(list);
        transaction.set(list, head.saturating_sub(u64::from(length) << 32));
    }

    /// A free run of at least `length` pages.
    fn find(&self, transaction: &Transaction, length: u32) -> Option<Page> {
        let own = free_list(length);
        self.find_in(transaction, own, length, LOOKS)
            .or_else(|| {
                (class_of(length) + 1..CLASSES)
                    .find_map(|class| first_of(transaction, FREE_RUNS + 8 * class))
            })
            .or_else(|| self.find_in(transaction, own, length, usize::MAX))
    }

    fn find_in(
        &self,
        transaction: &Transaction,
        list: Offset,
        length: u32,
        looks: usize,
    ) -> Option<Page> {
        let mut next = first_of(transaction, list);
        for _ in 0..(looks as u64).min(self.arena.page_count()) {
            let page = next?;
            let tag = self.tag(transaction, page)?;
            if tag.state == State::Free && tag.length >= length {
                return Some(page);
            }
            next = next_of(transaction, page);
        }
        None
    }

    /// Takes the last pages of a free run.
    fn split(&self, transaction: &mut Transaction, first: Page, length: u32) -> TakenRun {
        let whole = self.tag(transaction, first).map_or(0, |tag| tag.length);
        let rest = whole.saturating_sub(length);
        if rest == 0 || class_of(rest) != class_of(whole) {
            unlink(transaction, free_list(whole), first);
            if rest > 0 {
                push(transaction, free_list(rest), first);
            }
        }
        if rest > 0 {
            set_run(transaction, first, rest, State::Free);
        }
        set_run(transaction, first + rest, length, State::Used);
        TakenRun {
            first: first + rest,
            is_dirty: false,
        }
    }

    /// Gives back a used run. Its memory goes back to the system, unless it is kept: before the
    /// commit, as who takes it next relies on finding zeroes.
    pub(super) fn give_pages(&self, transaction: &mut Transaction, first: Page, length: u32) {
        let is_used = self
            .tag(transaction, first)
            .is_some_and(|tag| tag.state == State::Used && tag.length == length);
        if !is_used || length == 0 {
            return; // corrupted: what nobody gave is not taken back
        }
        let kept = transaction.get(kept_list(length.min(KEPT_BELOW))) >> 32;
        if length < KEPT_BELOW && kept < u64::from(KEPT_PAGES) {
            set_run(transaction, first, length, State::Kept);
            push(transaction, kept_list(length), first);
            let head = transaction.get(kept_list(length));
            transaction.set(kept_list(length), head + (u64::from(length) << 32));
            return;
        }
        self.clear(first, length);
        self.merge(transaction, first, length);
    }

    fn clear(&self, first: Page, length: u32) {
        let (offset, size) = (self.offset_of(first), u64::from(length) * PAGE);
        if self.arena.give_back(offset, size).is_err() {
            self.arena.zero(offset, size);
        }
    }

    /// Makes a run a free one, together with its free neighbours.
    fn merge(&self, transaction: &mut Transaction, mut first: Page, mut length: u32) {
        if let Some(last_before) = first.checked_sub(1)
            && let Some(tag) = self.tag(transaction, last_before)
            && tag.state == State::Free
            && tag.length <= first
        {
            first -= tag.length;
            unlink(transaction, free_list(tag.length), first);
            length += tag.length;
        }
        let behind = first + length;
        if let Some(tag) = self.tag(transaction, behind)
            && tag.state == State::Free
        {
            unlink(transaction, free_list(tag.length), behind);
            length += tag.length;
        }
        set_run(transaction, first, length, State::Free);
        push(transaction, free_list(length), first);
    }

    /// Makes all that is kept free; whether there was any.
    pub(super) fn free_kept(&self) -> bool {
        let mut any = self.free_parted();
        for length in 1..KEPT_BELOW {
            loop {
                let mut transaction = Transaction::new(self.arena);
                let Some(first) = first_of(&transaction, kept_list(length)) else {
                    break;
                };
                self.unlink_kept(&mut transaction, first, length);
                self.clear(first, length);
                self.merge(&mut transaction, first, length);
                transaction.commit();
                any = true;
            }
        }
        any
    }

    /// How many bytes of pages are free, and how many of them in one piece at most.
    pub(super) fn free_bytes(&self) -> (u64, u64) {
        let view = Transaction::new(self.arena);
        let (mut all, mut most, mut page) = (0, 0, 0);
        while let Some(tag) = self.tag(&view, page) {
            let length = tag.pages().max(1);
            if tag.state == State::Free {
                all += u64::from(length);
                most = most.max(u64::from(length));
            }
            page = page.saturating_add(length);
        }
        (all * PAGE, most * PAGE)
    }

    /// What the runs are, in their order; panics where they do not tile the region.
    #[cfg(test)]
    pub(super) fn runs(&self) -> Vec<(Page, u32, State)> {
        let view = Transaction::new(self.arena);
        let (mut runs, mut page) = (Vec::new(), 0);
        while u64::from(page) < self.arena.page_count() {
            let tag = self.tag(&view, page).expect("a run begins here");
            let last = self
                .tag(&view, page + tag.pages() - 1)
                .expect("a run ends here");
            assert_eq!((last.state, last.pages()), (tag.state, tag.pages()));
            runs.push((page, tag.pages(), tag.state));
            page += tag.pages();
        }
        runs
    }
}
