//! Blocks that are smaller than a page.
//!
//! - *Cells* have a region of their own, since the host sees all of it. There are as many as
//!   there are descriptors, so they do not run out before those do.
//! - *Parts* are the halves, quarters … of a page, down to 128 bytes. A page is parted for one size,
//!   and is an ordinary page again when the last of its parts is returned. Its entry has a bit for
//!   each part that is free; pages with such a part are in the list of their size.

use super::journal::Transaction;
use super::pages::{self, Page, State, Tag};
use super::{CELLS_END, Heap, PARTED_PAGES, RETURNED_CELLS};
use crate::memory::arena::{CELL_COUNT, CELL_LINKS, CELL_SIZE, CELLS, Offset, PAGE, PAGE_TABLE};

/// The sizes of parts are 128 << 0 up to 128 << 4.
const SMALLEST: u64 = 128;
const SIZES: u8 = 5;

/// Which size of parts a block of `size` bytes is, larger than a cell and at most half a page.
fn part_for(size: u64) -> u8 {
    (size.next_power_of_two() / SMALLEST).max(1).ilog2() as u8
}

/// Bytes of a part.
pub(super) fn part_size(size: u64) -> u64 {
    SMALLEST << part_for(size)
}

fn list(part: u8) -> Offset {
    PARTED_PAGES + 8 * u64::from(part)
}

/// A bit for each part of a page.
fn all_free(part: u8) -> u32 {
    u32::MAX >> (32 - (PAGE / (SMALLEST << part)))
}

fn cell_link(offset: Offset) -> Offset {
    CELL_LINKS + (offset - CELLS) / CELL_SIZE * 8
}

impl Heap<'_> {
    /// A cell; `None` if all are in use.
    pub(super) fn take_cell(&self, transaction: &mut Transaction) -> Option<Offset> {
        let returned = transaction.get(RETURNED_CELLS);
        if (CELLS..PAGE_TABLE).contains(&returned) && returned.is_multiple_of(CELL_SIZE) {
            transaction.set(RETURNED_CELLS, transaction.get(cell_link(returned)));
            return Some(returned);
        }
        let next = transaction.get(CELLS_END);
        if next >= CELLS + CELL_COUNT * CELL_SIZE {
            return None;
        }
        transaction.set(CELLS_END, next + CELL_SIZE);
        Some(next)
    }

    pub(super) fn give_cell(&self, transaction: &mut Transaction, offset: Offset) {
        transaction.set(cell_link(offset), transaction.get(RETURNED_CELLS));
        transaction.set(RETURNED_CELLS, offset);
    }

    /// A part of a page, whose bytes may be anything; `None` if there is neither a part nor a page.
    pub(super) fn take_part(&self, transaction: &mut Transaction, size: u64) -> Option<Offset> {
        let part = part_for(size);
        let (page, free) = match pages::first_of(transaction, list(part)) {
            Some(page) => (page, self.parted(transaction, page, part)?),
            None => {
                let page = self.take_pages(transaction, 1, None)?.first;
                pages::push(transaction, list(part), page);
                (page, all_free(part))
            }
        };
        let index = free.trailing_zeros();
        let left = free & (free - 1);
        if left == 0 {
            pages::unlink(transaction, list(part), page);
        }
        set_parts(transaction, page, part, left);
        Some(self.offset_of(page) + u64::from(index) * (SMALLEST << part))
    }

    /// The free parts of a parted page, which has some.
    fn parted(&self, transaction: &Transaction, page: Page, part: u8) -> Option<u32> {
        let tag = self.tag(transaction, page)?;
        let is_sound = tag.state == State::Parted && tag.part == part && tag.length != 0;
        is_sound.then_some(tag.length)
    }

    pub(super) fn give_part(&self, transaction: &mut Transaction, offset: Offset, size: u64) {
        let (part, page) = (part_for(size), self.page_of(offset));
        let Some(tag) = self.tag(transaction, page) else {
            return;
        };
        if tag.state != State::Parted || tag.part != part {
            return; // corrupted: what nobody gave is not taken back
        }
        let index = (offset % PAGE) / (SMALLEST << part);
        let free = tag.length | 1 << index;
        if tag.length == 0 {
            pages::push(transaction, list(part), page);
        }
        set_parts(transaction, page, part, free);
        // The last page of its size stays as it is: the next block wants it.
        if free == all_free(part) && !pages::is_alone(transaction, page) {
            self.give_parted(transaction, page, part);
        }
    }

    fn give_parted(&self, transaction: &mut Transaction, page: Page, part: u8) {
        pages::unlink(transaction, list(part), page);
        let whole = Tag {
            state: State::Used,
            length: 1,
            part: 0,
        };
        pages::set_tag(transaction, page, whole);
        self.give_pages(transaction, page, 1);
    }

    /// Gives back the pages all of whose parts are free; whether there were any.
    pub(super) fn free_parted(&self) -> bool {
        let mut any = false;
        for part in 0..SIZES {
            let mut transaction = Transaction::new(self.arena);
            let Some(page) = pages::first_of(&transaction, list(part)) else {
                continue;
            };
            if self.parted(&transaction, page, part) == Some(all_free(part)) {
                self.give_parted(&mut transaction, page, part);
                transaction.commit();
                any = true;
            }
        }
        any
    }
}

fn set_parts(transaction: &mut Transaction, page: Page, part: u8, free: u32) {
    let tag = Tag {
        state: State::Parted,
        length: free,
        part,
    };
    pages::set_tag(transaction, page, tag);
}
