//! Every interleaving of the state machines, within bounds, on loom's memory model:
//! `RUSTFLAGS="--cfg loom" cargo test -p multiprocessing-core --profile loom --test loom`.
//!
//! The sleeps of these models are unbounded, so a lost wake-up is a deadlock, which loom reports.
#![cfg(loom)]

use loom::sync::atomic::AtomicU32;
use loom::sync::atomic::Ordering::Relaxed;
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

use multiprocessing_core::sync::condition::{Ticket, WaiterSlot, Waiters};
use multiprocessing_core::sync::event::Event;
use multiprocessing_core::sync::lock::Lock;
use multiprocessing_core::sync::rlock::RLock;
use multiprocessing_core::sync::semaphore::{MAX_VALUE, PermitsReleased, Semaphore, WAITERS};
use multiprocessing_core::sync::{Acquired, Acquirer, Attempt, Released, Step, Token};

/// Interrupting threads this often where they could go on finds nearly all mistakes.
const PREEMPTIONS: usize = 3;

fn check(model: impl Fn() + Sync + Send + 'static) {
    check_within(PREEMPTIONS, model);
}

fn check_within(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

fn token(number: u32) -> Token {
    Token::from_word(number).unwrap()
}

/// A word with the kernel's queue of sleepers: `wait` compares and joins it in one.
struct Futex {
    word: AtomicU32,
    /// How many sleep, and how many of them may go.
    queue: Mutex<(u32, u32)>,
    woken: Condvar,
}

impl Futex {
    fn new(value: u32) -> Self {
        let word = AtomicU32::new(value);
        Self {
            word,
            queue: Mutex::new((0, 0)),
            woken: Condvar::new(),
        }
    }

    fn wait(&self, expected: u32) {
        let mut queue = self.queue.lock().unwrap();
        if self.word.load(Relaxed) != expected {
            return;
        }
        queue.0 += 1;
        while queue.1 == 0 {
            queue = self.woken.wait(queue).unwrap();
        }
        queue.1 -= 1;
        queue.0 -= 1;
    }

    fn wake(&self, count: u32) -> u32 {
        let mut queue = self.queue.lock().unwrap();
        let woken = count.min(queue.0 - queue.1);
        queue.1 += woken;
        self.woken.notify_all();
        woken
    }

    /// As `wait::block_on`, without the spinning.
    fn block_on<T>(&self, mut step: impl FnMut(Attempt) -> Step<T>) -> T {
        let mut attempt = Attempt {
            announce: true,
            ..Attempt::default()
        };
        loop {
            match step(attempt) {
                Step::Ready(outcome) => return outcome,
                Step::Sleep(expected) => self.wait(expected),
            }
            attempt.slept = true;
        }
    }
}

fn acquire(futex: &Futex, token: Token) -> Acquired {
    let lock = Lock { word: &futex.word };
    futex.block_on(|attempt| {
        lock.acquire_step(&Acquirer {
            token,
            attempt,
            has_died: &|_| false,
        })
    })
}

fn release(futex: &Futex) {
    match (Lock { word: &futex.word }).release() {
        Released::WakeOne => drop(futex.wake(1)),
        Released::Quietly => {}
        Released::WasFree => panic!("it was not held"),
    }
}

/// Runs `work` in as many threads, numbered from 1, the last of them this one.
fn threads(count: u32, work: impl Fn(u32) + Send + Sync + 'static) {
    let work = Arc::new(work);
    let others: Vec<_> = (1..count)
        .map(|number| {
            let work = Arc::clone(&work);
            thread::spawn(move || work(number))
        })
        .collect();
    work(count);
    others.into_iter().for_each(|other| other.join().unwrap());
}

#[test]
fn a_lock_excludes_and_forgets_nobody() {
    check(|| {
        let (futex, count) = (Arc::new((Futex::new(0), AtomicU32::new(0))), 3);
        let after = Arc::clone(&futex);
        threads(count, move |number| {
            let (futex, total) = &*futex;
            assert_eq!(acquire(futex, token(number)), Acquired::Regularly);
            // Two steps, and relaxed: right only if the lock excludes and publishes.
            total.store(total.load(Relaxed) + 1, Relaxed);
            release(futex);
        });
        assert_eq!(after.1.load(Relaxed), count);
    });
}

#[test]
fn a_dead_owner_is_inherited_from_exactly_once() {
    check(|| {
        let futex = Futex::new(0);
        assert!(Lock { word: &futex.word }.try_acquire(token(9)));
        let from_dead = AtomicU32::new(0);
        threads(2, move |number| {
            let lock = Lock { word: &futex.word };
            let has_died = |owner: Token| owner == token(9);
            let acquired = futex.block_on(|attempt| {
                let attempt = Attempt {
                    suspicious: true,
                    ..attempt
                };
                lock.acquire_step(&Acquirer {
                    token: token(number),
                    attempt,
                    has_died: &has_died,
                })
            });
            if acquired == Acquired::FromDead(token(9)) {
                assert_eq!(from_dead.fetch_add(1, Relaxed), 0);
            } else {
                assert_eq!(from_dead.load(Relaxed), 1);
            }
            release(&futex);
        });
    });
}

#[test]
fn a_recursive_lock_is_free_after_as_many_releases() {
    check(|| {
        let (futex, depth) = (Futex::new(0), AtomicU32::new(0));
        threads(2, move |number| {
            let rlock = RLock {
                lock: Lock { word: &futex.word },
                depth: &depth,
            };
            let me = token(number);
            for level in 0..2 {
                futex.block_on(|attempt| {
                    rlock.acquire_step(&Acquirer {
                        token: me,
                        attempt,
                        has_died: &|_| false,
                    })
                });
                assert_eq!(depth.load(Relaxed), level);
            }
            assert_eq!(rlock.release(token(9)), None);
            assert_eq!(rlock.release(me), Some(Released::Quietly));
            if rlock.release(me) == Some(Released::WakeOne) {
                futex.wake(1);
            }
        });
    });
}

/// (threads, initial value)
const SEMAPHORES: [(u32, u32); 2] = [(3, 1), (3, 2)];

#[test]
fn a_semaphore_lets_in_as_many_as_its_value_and_forgets_nobody() {
    for (count, value) in SEMAPHORES {
        check(move || {
            let (futex, inside) = (Futex::new(value), AtomicU32::new(0));
            threads(count, move |_| {
                let semaphore = Semaphore {
                    word: &futex.word,
                    max: value,
                };
                futex.block_on(|attempt| semaphore.acquire_step(attempt));
                assert!(inside.fetch_add(1, Relaxed) < value);
                inside.fetch_sub(1, Relaxed);
                give_back(&futex, semaphore, 1);
            });
        });
    }
}

fn give_back(futex: &Futex, semaphore: Semaphore, n: u32) {
    match semaphore.release(n) {
        PermitsReleased::Quietly => {}
        PermitsReleased::Wake => {
            let snapshot = semaphore.snapshot();
            if futex.wake(n) == 0 {
                semaphore.heal(snapshot);
            }
        }
        PermitsReleased::TooMany => panic!("it was acquired before"),
    }
}

#[test]
fn each_permit_of_a_release_reaches_a_sleeper() {
    check(|| {
        let futex = Futex::new(0);
        threads(3, move |number| {
            let semaphore = Semaphore {
                word: &futex.word,
                max: MAX_VALUE,
            };
            if number == 3 {
                give_back(&futex, semaphore, 1);
                give_back(&futex, semaphore, 1);
            } else {
                futex.block_on(|attempt| semaphore.acquire_step(attempt));
            }
        });
    });
}

#[test]
fn the_waiters_bit_of_a_killed_waiter_misleads_nobody() {
    // Healing at the value 0 would go wrong only after five.
    check_within(5, || {
        let futex = Futex::new(WAITERS);
        threads(3, move |number| {
            let semaphore = Semaphore {
                word: &futex.word,
                max: MAX_VALUE,
            };
            match number {
                3 => give_back(&futex, semaphore, 1),
                2 if semaphore.try_acquire() => give_back(&futex, semaphore, 1),
                2 => {}
                _ => futex.block_on(|attempt| semaphore.acquire_step(attempt)),
            }
        });
    });
}

#[test]
fn a_bound_is_never_exceeded() {
    check(|| {
        let (futex, released) = (Futex::new(0), AtomicU32::new(0));
        threads(3, move |_| {
            let semaphore = Semaphore {
                word: &futex.word,
                max: 2,
            };
            if semaphore.release(1) != PermitsReleased::TooMany {
                assert!(released.fetch_add(1, Relaxed) < 2);
            }
            assert!(semaphore.value() <= 2);
        });
    });
}

#[test]
fn an_event_that_is_set_and_cleared_releases_all_who_wait() {
    check(|| {
        let futex = Futex::new(0);
        let began = Event { word: &futex.word }.now();
        threads(3, move |number| {
            let event = Event { word: &futex.word };
            if number == 3 {
                if event.set() {
                    futex.wake(u32::MAX);
                }
                event.clear();
            } else {
                futex.block_on(|attempt| event.wait_step(began, attempt));
            }
        });
    });
}

/// A condition of two slots, on a lock.
struct Condition {
    lock: Futex,
    next: AtomicU32,
    states: [Futex; 2],
    tokens: [AtomicU32; 2],
}

impl Condition {
    fn new() -> Self {
        Self {
            lock: Futex::new(0),
            next: AtomicU32::new(0),
            states: [Futex::new(0), Futex::new(0)],
            tokens: [AtomicU32::new(0), AtomicU32::new(0)],
        }
    }

    fn slots(&self) -> [WaiterSlot<'_>; 2] {
        [0, 1].map(|k| WaiterSlot {
            state: &self.states[k].word,
            token: &self.tokens[k],
        })
    }

    /// With the lock.
    fn register(&self, me: Token) -> (usize, Ticket) {
        let ticket = Ticket(self.next.fetch_add(1, Relaxed));
        let index = Waiters {
            slots: &self.slots(),
        }
        .register(ticket, me);
        (index.unwrap(), ticket)
    }

    /// With the lock.
    fn notify(&self, n: usize) -> usize {
        let (slots, now) = (self.slots(), Ticket(self.next.load(Relaxed)));
        let waits = Waiters { slots: &slots }.oldest_first(now).into_iter();
        let notified = waits.filter_map(|(index, ticket)| {
            let notified = slots[index].notify(ticket, now)?;
            if notified.asleep {
                self.states[index].wake(1);
            }
            Some(())
        });
        notified.take(n).count()
    }
}

#[test]
fn a_condition_wakes_who_finds_the_predicate_false() {
    check(|| {
        let (condition, stock) = (Condition::new(), AtomicU32::new(0));
        threads(3, move |number| {
            let me = token(number);
            acquire(&condition.lock, me);
            if number == 3 {
                stock.store(2, Relaxed);
                condition.notify(2);
            } else {
                while stock.load(Relaxed) == 0 {
                    let (index, ticket) = condition.register(me);
                    release(&condition.lock);
                    let slot = condition.slots()[index];
                    condition.states[index].block_on(|attempt| slot.wait_step(ticket, attempt));
                    acquire(&condition.lock, me);
                    slot.finish();
                }
                stock.fetch_sub(1, Relaxed);
            }
            release(&condition.lock);
        });
    });
}

#[test]
fn a_wait_is_either_withdrawn_or_notified_and_the_notifier_knows() {
    check(|| {
        let (condition, notified) = (Condition::new(), AtomicU32::new(0));
        let (index, ticket) = condition.register(token(1));
        let counts = Arc::new((AtomicU32::new(0), AtomicU32::new(0)));
        let seen = Arc::clone(&counts);
        threads(2, move |number| {
            if number == 1 {
                let slot = condition.slots()[index];
                let attempt = Attempt {
                    announce: true,
                    ..Attempt::default()
                };
                let ready = slot.wait_step(ticket, attempt) == Step::Ready(());
                if ready || !slot.withdraw(ticket) {
                    notified.fetch_add(1, Relaxed);
                }
                seen.0.store(notified.load(Relaxed), Relaxed);
            } else {
                seen.1.store(condition.notify(1) as u32, Relaxed);
            }
        });
        assert_eq!(counts.0.load(Relaxed), counts.1.load(Relaxed));
    });
}

#[test]
fn the_notification_of_a_dead_waiter_reaches_exactly_one_other() {
    check(|| {
        let condition = Condition::new();
        let dead = token(9);
        condition.register(dead);
        let (own, ticket) = condition.register(token(1));
        assert_eq!(condition.notify(1), 1);
        let got = Arc::new((AtomicU32::new(0), AtomicU32::new(0)));
        let seen = Arc::clone(&got);
        let condition = Arc::new(condition);
        let after = Arc::clone(&condition);
        threads(2, move |number| {
            if number == 1 {
                let has_died = |owner: Token| owner == dead;
                let slots = condition.slots();
                let heir = Waiters { slots: &slots }.inherit(own, ticket, token(1), &has_died);
                seen.0.store(1 + heir.unwrap() as u32, Relaxed);
            } else {
                // Maybe the heir is notified itself at that moment.
                seen.1.store(condition.notify(1) as u32, Relaxed);
            }
        });
        let orphaned = after.tokens[0].load(Relaxed) == dead.get();
        match (got.0.load(Relaxed), got.1.load(Relaxed)) {
            (1, 0) => assert!(!orphaned),
            (2, 1) => assert!(orphaned),
            other => panic!("{other:?}"),
        }
    });
}
