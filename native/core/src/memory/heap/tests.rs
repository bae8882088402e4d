use super::*;
use crate::memory::arena::{Arena, CELL_SIZE};
use crate::tree::{processes, threads};

pub(super) fn arena() -> (Arena, Token) {
    let arena = Arena::create_sized(1 << 30).unwrap();
    initialize(&arena);
    let entry = processes::ProcessEntry::at(&arena, 0);
    let generation = entry.reserve(processes::NO_SLOT, "test", processes::Cage::Free);
    assert!(entry.enter(generation));
    let token = threads::register(&arena, 0).unwrap();
    (arena, token)
}

pub(super) const ME: Holder = Holder::Process(0);

#[test]
fn every_size_fits_without_waste_beyond_a_half() {
    for size in 1..200_000 {
        let capacity = blocks::capacity(Kind::Bytes, size);
        assert!(capacity >= size, "{size} in {capacity}");
        assert!(
            capacity <= (2 * size).max(CELL_SIZE),
            "{size} in {capacity}"
        );
        assert!(size <= 2048 || capacity.is_multiple_of(4096));
    }
    assert_eq!(blocks::capacity(Kind::View, 1), 4096);
}

#[test]
fn a_returned_block_is_given_out_again_zeroed_with_a_new_generation() {
    let (arena, token) = arena();
    let heap = Heap::lock(&arena, token).unwrap();
    for size in [1, 64, 65, 4096, 60_000, 1 << 20] {
        let (block, hold) = heap.allocate(Kind::Bytes, size, ME).unwrap();
        arena.write(block.offset, &[7]);
        heap.let_go(hold);
        assert!(Block::open(&arena, block.id).is_err());
        let (again, hold) = heap.allocate(Kind::Bytes, size, ME).unwrap();
        assert_eq!((again.id, again.offset), (block.id, block.offset));
        assert_ne!(again.generation, block.generation);
        assert_eq!(arena.read_vec(again.offset, 1), [0]);
        assert!(heap.hold(block.id, block.generation, ME).is_err());
        heap.let_go(hold);
    }
}

#[test]
fn a_block_stays_until_its_last_holder_lets_go() {
    let (arena, token) = arena();
    let heap = Heap::lock(&arena, token).unwrap();
    let (block, first) = heap.allocate(Kind::Lock, 64, ME).unwrap();
    let (_, second) = heap
        .hold(block.id, block.generation, Holder::Process(1))
        .unwrap();
    heap.let_go(first);
    assert!(Block::open(&arena, block.id).is_ok());
    heap.let_go(second);
    assert_eq!(heap.usage(), blocks::Usage::default());
}

#[test]
fn what_a_dead_process_held_is_let_go_and_nothing_else() {
    let (arena, token) = arena();
    let heap = Heap::lock(&arena, token).unwrap();
    let (shared, _) = heap.allocate(Kind::Lock, 64, ME).unwrap();
    for _ in 0..100 {
        heap.allocate(Kind::Bytes, 300, Holder::Process(5)).unwrap();
        heap.hold(shared.id, shared.generation, Holder::Process(5))
            .unwrap();
    }
    heap.let_go_all(Holder::Process(5));
    assert_eq!(heap.usage().blocks, 1);
    heap.let_go_all(ME);
    assert_eq!(heap.usage().blocks, 0);
}

#[test]
fn a_chain_of_blocks_that_hold_each_other_goes_as_one() {
    let (arena, token) = arena();
    let heap = Heap::lock(&arena, token).unwrap();
    let (mut last, first_hold) = heap.allocate(Kind::Queue, 64, ME).unwrap();
    for _ in 0..100_000 {
        last = heap
            .allocate(Kind::Queue, 64, Holder::Block(last.id))
            .unwrap()
            .0;
    }
    heap.let_go(first_hold);
    assert_eq!(heap.usage().blocks, 0);
}

#[test]
fn letting_go_twice_does_no_harm() {
    let (arena, token) = arena();
    let heap = Heap::lock(&arena, token).unwrap();
    let (block, hold) = heap.allocate(Kind::Lock, 64, ME).unwrap();
    heap.hold(block.id, block.generation, ME).unwrap();
    heap.let_go(hold);
    heap.let_go(hold);
    assert!(Block::open(&arena, block.id).is_ok());
}

#[test]
fn more_than_there_is_is_refused_with_the_numbers() {
    let (arena, token) = arena();
    let heap = Heap::lock(&arena, token).unwrap();
    let error = heap
        .allocate(Kind::Bytes, 1 << 40, ME)
        .unwrap_err()
        .to_string();
    assert!(error.contains("1099511627776 bytes were wanted"), "{error}");
    assert!(heap.allocate(Kind::Bytes, 600 << 20, ME).is_err());
    assert_eq!(heap.usage().blocks, 0);
}

/// `TestHeap.test_heap`: random blocks tile the regions without gap or overlap, and after the
/// last is let go nothing remains in use.
#[test]
fn random_blocks_tile_the_arena() {
    let (arena, token) = arena();
    let heap = Heap::lock(&arena, token).unwrap();
    let mut random = 1u64;
    let mut held = Vec::new();
    for _ in 0..5000 {
        random = random
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        let size = 1 + (random >> 33) % (1 << (random >> 20 & 15));
        held.push(heap.allocate(Kind::Bytes, size, ME).unwrap());
        if random >> 10 & 1 == 1 {
            let victim = (random >> 40) as usize % held.len();
            heap.let_go(held.swap_remove(victim).1);
        }
    }
    let capacity = |block: &Block| blocks::capacity(block.kind, block.size);
    let mut spans: Vec<_> = held
        .iter()
        .map(|(block, _)| (block.offset, block.offset + capacity(block)))
        .collect();
    spans.sort_unstable();
    assert!(
        spans.windows(2).all(|pair| pair[0].1 <= pair[1].0),
        "blocks overlap"
    );
    heap.runs();
    for (_, hold) in held {
        heap.let_go(hold);
    }
    assert_eq!(heap.usage(), blocks::Usage::default());
}

/// The heap is as it was made: one free run.
fn assert_whole(heap: &Heap) {
    heap.free_kept();
    let count = heap.arena.page_count() as u32;
    assert_eq!(heap.runs(), [(0, count, pages::State::Free)]);
    assert_eq!(heap.usage(), blocks::Usage::default());
}

#[test]
fn freed_space_serves_every_size() {
    let (arena, token) = arena();
    let heap = Heap::lock(&arena, token).unwrap();
    let most = arena.page_count() * crate::memory::arena::PAGE;
    for size in [65, 2048, 5000, 65536, 1 << 20, 100 << 20, most] {
        let mut held = Vec::new();
        while held.len() < 100_000
            && let Ok((_, hold)) = heap.allocate(Kind::Bytes, size, ME)
        {
            held.push(hold);
        }
        assert!(held.len() as u64 >= (most / size / 2).clamp(1, 100_000));
        // In an order of its own, so that neighbours are free before and behind.
        let (even, odd): (Vec<_>, Vec<_>) = held.iter().partition(|hold| hold.0 % 2 == 0);
        even.into_iter()
            .chain(odd)
            .for_each(|hold| heap.let_go(hold));
        assert_whole(&heap);
    }
}

#[test]
fn little_that_lives_for_long_leaves_room() {
    let (arena, token) = arena();
    let heap = Heap::lock(&arena, token).unwrap();
    let (mut random, mut held) = (1u64, Vec::new());
    for _ in 0..50_000 {
        random = random
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        if held.len() == 20 {
            let (_, hold): (Block, Hold) = held.swap_remove((random >> 40) as usize % 20);
            heap.let_go(hold);
        }
        let size = 1 + (random >> 33) % (20 << 20);
        held.push(heap.allocate(Kind::View, size, ME).unwrap());
    }
    held.iter().for_each(|(_, hold)| heap.let_go(*hold));
    assert_whole(&heap);
}

#[test]
fn a_block_is_put_below_another_where_that_is_free() {
    let (arena, token) = arena();
    let heap = Heap::lock(&arena, token).unwrap();
    let view = |size, below| heap.allocate_below(Kind::View, size, ME, below).unwrap();
    let (first, _) = view(4096, None);
    let (second, hold) = view(10, Some(first.offset));
    assert_eq!(second.offset + 4096, first.offset);
    let (third, _) = view(4097, Some(second.offset));
    assert_eq!(third.offset + 8192, second.offset);
    let (elsewhere, _) = view(1, Some(second.offset));
    assert_eq!(elsewhere.offset + 4096, third.offset);
    heap.let_go(hold);
    let (other, _) = view(1, None);
    assert_eq!(other.offset, second.offset, "what is kept comes first");
    for below in [0, arena.pages(), arena.size(), u64::MAX] {
        heap.allocate_below(Kind::View, 1, ME, Some(below)).unwrap();
    }
    heap.let_go_all(ME);
    assert_whole(&heap);
}

#[test]
fn descriptors_of_one_size_serve_another() {
    let (arena, token) = arena();
    let heap = Heap::lock(&arena, token).unwrap();
    let (cell, hold) = heap.allocate(Kind::Lock, 64, ME).unwrap();
    heap.let_go(hold);
    let (large, _) = heap.allocate(Kind::View, 1 << 20, ME).unwrap();
    assert_eq!(large.id, cell.id);
    assert_ne!(large.generation, cell.generation);
}

#[test]
fn an_account_pays_for_blocks_and_holds_until_they_are_gone() {
    let (arena, token) = arena();
    let limits = Limits {
        bytes: 3 * 4096,
        blocks: 2,
        holds: 3,
    };
    let root = Heap::lock(&arena, token).unwrap();
    root.assign_account(1, Some(limits)).unwrap();
    let account = Account::of(&arena, 1);
    assert_ne!(account, Account::NONE);
    let caged = root.on_account(account);
    let him = Holder::Process(1);
    let (pages, hold) = caged.allocate(Kind::View, 8192, him).unwrap();
    let wanted = |what: &str, result: Result<(Block, Hold)>| {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    };
    let too_large = caged.allocate(Kind::Bytes, 4097, him);
    wanted("may have 12288 and have 8192", too_large);
    let (_, cell) = caged.allocate(Kind::Lock, 64, him).unwrap();
    wanted("shared objects", caged.allocate(Kind::Lock, 64, him));
    caged.hold(pages.id, pages.generation, ME).unwrap();
    let one_more = caged.hold(pages.id, pages.generation, ME);
    wanted("may have 3 and have 3", one_more);
    assert_eq!(caged.used(account), [8192 + 64, 2, 3]);
    // Its child has the same account, whatever it is to have.
    caged.assign_account(2, Some(limits)).unwrap();
    assert_eq!(Account::of(&arena, 2), account);
    caged.let_go(cell);
    caged.let_go(hold);
    assert_eq!(
        caged.used(account),
        [8192, 1, 1],
        "somebody else still has it"
    );
    // Not given to others as long as it is charged, nor while one has it.
    let root = caged.on_account(Account::NONE);
    root.assign_account(3, Some(limits)).unwrap();
    assert_ne!(Account::of(&arena, 3), account);
    root.let_go_all(ME);
    assert_eq!(root.used(account), [0; 3]);
    root.assign_account(4, None).unwrap();
    assert_eq!(Account::of(&arena, 4), Account::NONE);
    root.assign_account(4, Some(limits)).unwrap();
    assert_eq!(Account::of(&arena, 4), account);
}
