use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

use super::*;

const PAGES: usize = PAGE as usize;

/// Memory such as the host has under a buffer.
struct Buffer {
    address: usize,
    size: usize,
}

impl Buffer {
    fn at(hint: usize, size: usize) -> Self {
        let fixed = if hint == 0 {
            MapFlags::empty()
        } else {
            MapFlags::FIXED
        };
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: where the kernel likes, or in the place of what the test has given up.
        let at = unsafe { mmap_anonymous(hint as *mut _, size, access, MapFlags::PRIVATE | fixed) };
        Self {
            address: at.unwrap() as usize,
            size,
        }
    }

    fn new() -> Self {
        Self::at(0, PAGES)
    }

    fn create(&self, views: &Views) -> (Block, ViewTicket) {
        // SAFETY: the whole memory of this buffer, which only `read` and `write` touch.
        unsafe { views.create(Kind::View, self.size as u64, self.address) }.unwrap()
    }

    fn write(&self, byte: u8) {
        // SAFETY: mapped, and nobody else has a reference.
        unsafe { (self.address as *mut u8).write_volatile(byte) }
    }

    fn read(&self) -> u8 {
        // SAFETY: as above.
        unsafe { (self.address as *const u8).read_volatile() }
    }

    fn unmap(&self) {
        // SAFETY: nobody touches it any more.
        unsafe { munmap(self.address as *mut _, self.size) }.unwrap();
    }
}

fn views() -> Views {
    let member = Member::root("views").unwrap();
    Views::new(Arc::new(member))
}

fn blocks(views: &Views) -> u64 {
    views.member.usage().unwrap().blocks
}

#[test]
fn a_buffer_shows_the_block_until_its_memory_is_gone() {
    let views = views();
    let buffer = Buffer::new();
    let (block, ticket) = buffer.create(&views);
    buffer.write(7);
    assert_eq!(views.member.arena().read_vec(block.offset, 1), [7]);
    // Another thread still has it.
    views.finalize(ticket);
    assert_eq!(blocks(&views), 1);
    buffer.unmap();
    let other = Buffer::new();
    other.create(&views);
    views.look_again();
    assert_eq!((blocks(&views), views.counts()), (1, (1, 1)));
    other.unmap();
    views.look_again();
    assert_eq!((blocks(&views), views.counts()), (0, (0, 0)));
}

#[test]
fn the_finalizer_of_one_that_is_gone_lets_go_at_once_and_never_of_its_successor() {
    let views = views();
    let buffer = Buffer::new();
    let (_, first) = buffer.create(&views);
    buffer.unmap();
    let again = Buffer::at(buffer.address, PAGES);
    let (_, second) = again.create(&views);
    assert_ne!(first, second);
    assert_eq!(blocks(&views), 1, "the address is the proof");
    views.finalize(first);
    again.unmap();
    assert_eq!(blocks(&views), 1);
    views.finalize(second);
    assert_eq!(blocks(&views), 0);
}

#[test]
fn whoever_has_the_address_now_is_not_taken_for_the_buffer() {
    let views = views();
    let buffer = Buffer::new();
    let (block, ticket) = buffer.create(&views);
    let (found, second) = views.find(buffer.address).unwrap();
    assert_eq!((found, second), (block, ticket));
    assert!(views.find(buffer.address + PAGES).is_none());
    views.finalize(ticket);
    let foreign = Buffer::at(buffer.address, PAGES);
    foreign.write(3);
    assert!(views.find(buffer.address).is_none());
    views.finalize(second);
    assert_eq!(blocks(&views), 1, "it may be there still");
    views.look_again();
    assert_eq!(blocks(&views), 0);
    assert_eq!(foreign.read(), 3);
    foreign.unmap();
}

#[test]
fn a_closed_buffer_has_private_zeroes() {
    let views = views();
    let buffer = Buffer::new();
    let (_, ticket) = buffer.create(&views);
    buffer.write(7);
    // SAFETY: this is the only thread.
    unsafe { views.close(buffer.address) }.unwrap();
    assert_eq!((blocks(&views), buffer.read()), (0, 0));
    // SAFETY: as above.
    unsafe { views.close(buffer.address) }.unwrap();
    assert!(views.find(buffer.address).is_none());
    buffer.write(1);
    assert_eq!(buffer.read(), 1);
    buffer.unmap();
    views.finalize(ticket);
    assert_eq!(views.counts(), (0, 0));
}

#[test]
fn neighbours_are_one_mapping_also_after_one_was_replaced() {
    let views = views();
    let region = Buffer::at(0, 1000 * PAGES);
    let place = |k: usize| Buffer {
        address: region.address + k * PAGES,
        size: PAGES,
    };
    let tickets: Vec<_> = (0..1000).rev().map(|k| place(k).create(&views).1).collect();
    assert_eq!(views.counts(), (1000, 1));
    for k in (1..999).step_by(2) {
        place(k).unmap();
    }
    tickets.iter().for_each(|&ticket| views.finalize(ticket));
    assert_eq!(views.counts(), (501, 500));
    for k in (1..999).step_by(2).rev() {
        Buffer::at(place(k).address, PAGES).create(&views);
    }
    assert_eq!(
        views.counts(),
        (1000, 1),
        "the holes are filled with what was there"
    );
    region.unmap();
    views.look_again();
    assert_eq!((blocks(&views), views.counts()), (0, (0, 0)));
}

#[test]
fn too_many_are_refused_before_the_system_does() {
    let mut views = views();
    views.most = 100;
    let far_apart: Vec<_> = (0..101).map(|_| Buffer::at(0, 3 * PAGES)).collect();
    let create = |buffer: &Buffer| {
        // SAFETY: a part of the buffer, which nobody touches.
        unsafe { views.create(Kind::View, PAGE, buffer.address) }
    };
    for buffer in &far_apart[..100] {
        create(buffer).unwrap();
    }
    let error = create(&far_apart[100]).unwrap_err().to_string();
    assert!(error.contains("vm.max_map_count"), "{error}");
    assert_eq!(blocks(&views), 100);
    far_apart[0].unmap();
    create(&far_apart[100]).unwrap();
    far_apart[1..].iter().for_each(Buffer::unmap);
}

#[test]
fn what_is_lent_is_not_told_to_those_who_ask_for_a_view() {
    let views = views();
    let buffer = Buffer::new();
    // SAFETY: the whole memory of this buffer, which nobody else touches.
    let (block, ticket) = unsafe { views.create(Kind::Loan, PAGE, buffer.address) }.unwrap();
    assert!(views.find(buffer.address).is_none());
    let other = Buffer::new();
    for (kind, is_right) in [(Kind::View, false), (Kind::Loan, true)] {
        // SAFETY: as above.
        let opened = unsafe { views.open(kind, block.id, other.address) };
        assert_eq!(opened.is_ok(), is_right);
    }
    buffer.write(5);
    assert_eq!(other.read(), 5);
    buffer.unmap();
    views.finalize(ticket);
    assert_eq!(blocks(&views), 1);
    // SAFETY: nothing else uses it.
    unsafe { views.close(other.address) }.unwrap();
    assert_eq!((blocks(&views), other.read()), (0, 0));
    other.unmap();
}
