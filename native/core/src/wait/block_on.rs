//! Sleeping on words of the arena, and waking the threads that sleep there.
//!
//! A thread sleeps in `futex(2)` on the word itself. The promises of a process all sleep in one
//! thread (wait/reactor/words.rs), which cannot watch thousands of words: `futex_waitv(2)` takes 128.
//! It watches [`BUCKET_COUNT`] *bucket* words instead; every word of the arena belongs to one.
//!
//! | bucket word | meaning                                                         |
//! | ----------- | --------------------------------------------------------------- |
//! | `armed`     | not 0: some reactor sleeps and wants to hear of wake-ups here   |
//! | `sequence`  | grows with each such wake-up; the reactors sleep on it          |
//!
//! A process that has no `futex_waitv(2)` sleeps on one word for all buckets instead ([`anywhere`]):
//! from its first wait on, every waker that finds a bucket armed wakes that, too.
//!
//! The waker changes the primitive's word, then looks at `armed`; the reactor sets `armed`, then
//! looks at the primitive's word. Both orders are sequentially consistent (tag: ARMED), so at
//! least one of them sees the other.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::fence;
use std::time::{Duration, Instant};

use crate::memory::arena::{ANYWHERE, Arena, BUCKET_COUNT, BUCKET_SIZE, BUCKETS, Offset};
use crate::sync::lock::Lock;
use crate::sync::{Acquired, Acquirer, Attempt, Step, Token};
use crate::sys::caller;
use crate::sys::clock::{Deadline, is_past, remaining};
use crate::sys::futex;
use crate::wait::notes::{Goal, Note};
use crate::wait::spin::{SHORTEST_SLEEP, Spin, habit_of, keep_habit};

/// The longest sleep before a waiter looks again by itself. It bounds what a killed process can
/// cost the others: a lost wake-up, or a lock whose owner is gone.
pub const SLICE: Duration = Duration::from_millis(100);

/// The bucket of the word at `offset`.
pub fn bucket_of(offset: Offset) -> u64 {
    // Words of one cell share a bucket; neighbouring cells do not.
    (offset / BUCKET_SIZE) % BUCKET_COUNT
}

/// The words of a bucket.
pub struct Bucket<'a> {
    pub sequence: &'a AtomicU32,
    pub armed: &'a AtomicU32,
}

pub fn bucket(arena: &Arena, index: u64) -> Bucket<'_> {
    let at = BUCKETS + (index % BUCKET_COUNT) * BUCKET_SIZE;
    Bucket {
        sequence: arena.word32(at),
        armed: arena.word32(at + 4),
    }
}

/// What processes without `futex_waitv(2)` sleep on.
pub struct Anywhere<'a> {
    /// Grows with each wake-up in any bucket, while it is wanted.
    pub sequence: &'a AtomicU32,
    /// Not 0, for ever, from the first such process on.
    pub wanted: &'a AtomicU32,
}

pub fn anywhere(arena: &Arena) -> Anywhere<'_> {
    Anywhere {
        sequence: arena.word32(ANYWHERE),
        wanted: arena.word32(ANYWHERE + 4),
    }
}

/// Wakes up to `count` blocking sleepers of the word at `offset`, and every reactor that waits
/// for it. Returns how many were woken, a reactor counting as one.
pub fn wake(arena: &Arena, offset: Offset, count: u32) -> usize {
    let woken = futex::wake(arena.word32(offset), count);
    // ARMED: the word was changed before this fence.
    fence(SeqCst);
    let bucket = bucket(arena, bucket_of(offset));
    if bucket.armed.load(Relaxed) == 0 {
        return woken;
    }
    // Every reactor that wakes arms the bucket again before it looks at the words.
    bucket.armed.store(0, SeqCst);
    bucket.sequence.fetch_add(1, SeqCst);
    let woken = woken + futex::wake(bucket.sequence, u32::MAX);
    // ARMED: a reactor that sleeps there has wanted it before it armed the bucket.
    let anywhere = anywhere(arena);
    if anywhere.wanted.load(SeqCst) == 0 {
        return woken;
    }
    anywhere.sequence.fetch_add(1, SeqCst);
    woken + futex::wake(anywhere.sequence, u32::MAX)
}

/// Where a thread sleeps.
#[derive(Clone, Copy)]
pub struct Spot<'a> {
    word: &'a AtomicU32,
    offset: Offset,
    note: Option<Note<'a>>,
}

impl<'a> Spot<'a> {
    /// On the word at `offset`; `note` is where the calling thread says so, if it has such a place.
    pub fn new(arena: &'a Arena, offset: Offset, note: Option<Note<'a>>) -> Self {
        Self {
            word: arena.word32(offset),
            offset,
            note,
        }
    }
}

/// Runs `step` on the calling thread until it is ready; `None` when `deadline` passes first, or when
/// nobody is left for whom the thread waits ([`caller`]). `spot` is the word that [`Step::Sleep`] speaks
/// of.
pub fn block_on<T>(
    spot: Spot,
    deadline: Deadline,
    step: impl FnMut(Attempt) -> Step<T>,
) -> Option<T> {
    block(spot, deadline, caller::goes_on, step)
}

/// As [`block_on`], for a wait within an operation that has begun and must come to its end: nobody is
/// asked whether the caller is still there.
pub fn block_to_the_end<T>(
    spot: Spot,
    deadline: Deadline,
    step: impl FnMut(Attempt) -> Step<T>,
) -> Option<T> {
    block(spot, deadline, || true, step)
}

/// Blocks the calling thread until it has a lock that guards words of the arena, in the word of `spot`.
/// Everybody keeps such a lock for microseconds only, or dies.
pub fn acquire(spot: Spot, token: Token, has_died: &dyn Fn(Token) -> bool) -> Acquired {
    let lock = Lock { word: spot.word };
    let acquired = block_to_the_end(spot, None, |attempt| {
        lock.acquire_step(&Acquirer {
            token,
            attempt,
            has_died,
        })
    });
    acquired.unwrap_or(Acquired::Regularly) // without a deadline there is no other end
}

fn block<T>(
    spot: Spot,
    deadline: Deadline,
    goes_on: impl Fn() -> bool,
    step: impl FnMut(Attempt) -> Step<T>,
) -> Option<T> {
    let mut spin = None;
    let outcome = block_with(&mut spin, spot, deadline, goes_on, step);
    if let Some(spin) = spin {
        keep_habit(spot.offset, spin.end());
    }
    outcome
}

/// `spin` is there afterwards if it was needed.
fn block_with<T>(
    spin: &mut Option<Spin>,
    spot: Spot,
    mut deadline: Deadline,
    goes_on: impl Fn() -> bool,
    mut step: impl FnMut(Attempt) -> Step<T>,
) -> Option<T> {
    let mut attempt = Attempt::default();
    let mut noted = None;
    loop {
        let expected = match step(attempt) {
            Step::Ready(outcome) => return Some(outcome),
            Step::Sleep(expected) => expected,
        };
        if is_past(deadline) {
            // A caller that only ever tries must hear of a dead owner, too.
            let last = Attempt {
                announce: false,
                suspicious: true,
                ..attempt
            };
            return match step(last) {
                Step::Ready(outcome) => Some(outcome),
                Step::Sleep(_) => None,
            };
        }
        let spin = spin.get_or_insert_with(|| Spin::new(habit_of(spot.offset)));
        if !attempt.announce {
            // Awake, nobody needs to wake us: so the releaser is spared a system call.
            if !spin.while_unchanged(spot.word, expected) {
                match remaining(deadline, SLICE) < SHORTEST_SLEEP {
                    true => deadline = Some(Instant::now()),
                    false => attempt.announce = true,
                }
            }
            continue;
        }
        if noted.is_none() {
            noted = spot.note.map(|note| note.sleep(Goal::Word(spot.offset)));
        }
        let asleep = Instant::now();
        spin.sleeps(asleep);
        futex::wait(spot.word, expected, remaining(deadline, SLICE));
        let suspicious = asleep.elapsed() >= SLICE;
        if !goes_on() {
            return None;
        }
        attempt = Attempt {
            announce: suspicious,
            slept: true,
            suspicious,
        };
    }
}
