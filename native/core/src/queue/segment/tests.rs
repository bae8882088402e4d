use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;

use super::block_size;
use crate::queue::Queue;
use crate::tree::member::Member;

const ROUNDS: usize = 200;
const UNITS: u64 = 8;
const NEXT: u32 = 7;
const END: u32 = UNITS as u32;

#[test]
fn nobody_leaves_a_segment_before_its_end_while_the_next_is_chained() {
    let member = Member::root("test").unwrap();
    let (queue, _) = Queue::create(&member, 0, false).unwrap();
    let new = |_| queue.new_segment(block_size(UNITS), 0, 0).unwrap();
    let segments: Vec<_> = (0..ROUNDS).map(new).collect();
    let reading = AtomicUsize::new(0);
    let mut early = 0;
    thread::scope(|scope| {
        scope.spawn(|| {
            for (round, segment) in segments.iter().enumerate() {
                while reading.load(SeqCst) <= round {
                    thread::yield_now();
                }
                segment.chain(NEXT, END);
            }
        });
        for (round, segment) in segments.iter().enumerate() {
            reading.store(round + 1, SeqCst);
            while segment.next().is_none() {
                early += usize::from(segment.next_at(0).is_some());
            }
            assert_eq!(segment.next_at(END - 1), Some(NEXT));
        }
    });
    assert_eq!(early, 0);
}
