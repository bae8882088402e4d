use super::*;
use crate::arena::{Arena, CELL_SIZE};
use crate::table;

fn arena() -> (Arena, Token) {
    let arena = Arena::create_sized(1 << 30).unwrap();
    initialize(&arena);
    let entry = table::ProcessEntry::at(&arena, 0);
    let generation = entry.reserve(table::NO_SLOT, "test", table::Cage::Free);
    assert!(entry.enter(generation));
    let token = table::register_thread(&arena, 0).unwrap();
    (arena, token)
}

const ME: Holder = Holder::Process(0);

#[test]
fn classes_cover_every_size_without_waste_beyond_a_half() {
    let mut previous = (0, 0);
    for size in 1..200_000 {
        let (class, capacity) = blocks::size_class(size);
        assert!(capacity >= size, "{size} in {capacity}");
        assert!(
            capacity <= (2 * size).max(CELL_SIZE),
            "{size} in {capacity}"
        );
        assert!(size <= 16384 || capacity.is_multiple_of(4096));
        assert!(
            class == previous.0 || class == previous.0 + 1,
            "{size}: class {class}"
        );
        assert!(class != previous.0 || size == 1 || capacity == previous.1);
        previous = (class, capacity);
    }
}

#[test]
fn a_returned_block_is_given_out_again_zeroed_with_a_new_generation() {
    let (arena, token) = arena();
    let heap = Heap::lock(&arena, token).unwrap();
    for size in [1, 64, 65, 4096, 1 << 20] {
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
    let mut spans: Vec<_> = held
        .iter()
        .map(|(block, _)| {
            (
                block.offset,
                block.offset + blocks::size_class(block.size).1,
            )
        })
        .collect();
    spans.sort_unstable();
    assert!(
        spans.windows(2).all(|pair| pair[0].1 <= pair[1].0),
        "blocks overlap"
    );
    for (_, hold) in held {
        heap.let_go(hold);
    }
    assert_eq!(heap.usage(), blocks::Usage::default());
}
