use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::*;
use crate::sys::clock::deadline_after;
use crate::wait::reactor::words::{WaitOutcome, Words};

const KINDS: [Kind; 3] = [Kind::Lock, Kind::RLock, Kind::Value];

fn member() -> Arc<Member> {
    Arc::new(Member::root("test").unwrap())
}

fn condition(member: &Member, kind: Kind) -> (Condition<'_>, Lock<'_>) {
    let lock = member.create(kind, 64).unwrap().id;
    let (condition, _) = Condition::create(member, lock).unwrap();
    (condition, condition.lock().unwrap())
}

/// Waits until as many wait: a rendezvous, for waiters are counted under the lock.
fn until_waiting(condition: Condition, count: usize) {
    while condition.waiters().unwrap() != count {
        std::thread::yield_now();
    }
}

fn notify(condition: Condition, n: u32) -> u32 {
    let mutex = condition.lock().unwrap();
    mutex.acquire(None).unwrap().unwrap();
    let count = condition.notify(n).unwrap().unwrap();
    assert!(mutex.release().unwrap());
    count
}

/// A thread that registers and ends.
fn die_waiting(condition: Condition) {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            condition.lock().unwrap().acquire(None).unwrap().unwrap();
            condition.begin().unwrap().unwrap();
        });
        // Its token ends with the thread, which the scope alone does not wait for.
        thread.join().unwrap();
    });
}

#[test]
fn a_wait_that_is_taken_up_again_hears_of_its_notification() {
    let member = member();
    for kind in KINDS {
        let (condition, lock) = condition(&member, kind);
        lock.acquire(None).unwrap().unwrap();
        let mut wait = condition.begin().unwrap().unwrap();
        for _ in 0..3 {
            let soon = deadline_after(1.0);
            assert!(!condition.await_notification(&mut wait, soon).unwrap());
        }
        assert_eq!(notify(condition, 1), 1);
        assert!(condition.await_notification(&mut wait, None).unwrap());
        lock.acquire(None).unwrap().unwrap();
        wait.finish(condition, true).unwrap();
        assert_eq!((condition.waiters().unwrap(), lock.depth()), (0, 0));
        assert!(lock.release().unwrap());
    }
}

#[test]
fn only_the_owner_of_the_lock_waits_and_notifies() {
    let member = member();
    for kind in KINDS {
        let (condition, mutex) = condition(&member, kind);
        assert_eq!(condition.wait(None).unwrap(), None);
        assert_eq!(condition.notify(1).unwrap(), None);
        mutex.acquire(None).unwrap().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| assert_eq!(condition.notify(1).unwrap(), None));
        });
        assert_eq!(condition.notify(1).unwrap(), Some(0));
    }
}

#[test]
fn a_wait_times_out_with_the_lock_at_its_old_depth() {
    let member = member();
    for (kind, depth) in [(Kind::Lock, 1), (Kind::RLock, 1), (Kind::RLock, 4)] {
        let (condition, mutex) = condition(&member, kind);
        for _ in 0..depth {
            mutex.acquire(None).unwrap().unwrap();
        }
        for milliseconds in [0.0, 10.0, 150.0] {
            let waited = condition
                .wait(deadline_after(milliseconds))
                .unwrap()
                .unwrap();
            assert_eq!(
                waited,
                Waited {
                    notified: false,
                    acquired: Acquired::Regularly
                }
            );
        }
        assert_eq!(condition.waiters().unwrap(), 0);
        for _ in 0..depth {
            assert!(mutex.release().unwrap());
        }
        assert_eq!(mutex.owner(), None);
    }
}

#[test]
fn notify_wakes_exactly_as_many_as_it_says_the_oldest_first() {
    let member = member();
    let (condition, mutex) = condition(&member, Kind::RLock);
    let (told, hear) = mpsc::channel();
    std::thread::scope(|scope| {
        for k in 0..40 {
            let told = told.clone();
            scope.spawn(move || {
                mutex.acquire(None).unwrap().unwrap();
                assert!(condition.wait(None).unwrap().unwrap().notified);
                told.send(k).unwrap();
                mutex.release().unwrap();
            });
            until_waiting(condition, k + 1);
        }
        let mut first = 0;
        for n in [1, 2, 4, 0, 13] {
            assert_eq!(notify(condition, n), n);
            let mut woken: Vec<_> = (0..n).map(|_| hear.recv().unwrap()).collect();
            woken.sort_unstable();
            assert_eq!(woken, (first..first + n as usize).collect::<Vec<_>>());
            first += n as usize;
            assert_eq!(condition.waiters().unwrap(), 40 - first);
            assert!(hear.try_recv().is_err());
        }
        assert_eq!(notify(condition, u32::MAX), 20);
        assert_eq!(notify(condition, u32::MAX), 0);
    });
}

#[test]
fn the_slots_of_threads_that_died_are_used_again() {
    let member = member();
    let (condition, mutex) = condition(&member, Kind::Lock);
    for _ in 0..100 {
        die_waiting(condition);
        assert_eq!(condition.waiters().unwrap(), 0);
    }
    assert_eq!(condition.chunks().unwrap().len(), 0);
    // They sleep nowhere, so the notifier takes them for awake: the notification is inherited.
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            mutex.acquire(None).unwrap().unwrap();
            let waited = condition.wait(None).unwrap().unwrap();
            mutex.release().unwrap();
            waited.notified
        });
        until_waiting(condition, 1);
        assert_eq!(notify(condition, 1), 1);
        assert!(waiter.join().unwrap());
    });
}

#[test]
fn a_notification_is_inherited_only_by_who_waited_at_that_time() {
    let member = member();
    let (condition, mutex) = condition(&member, Kind::Lock);
    die_waiting(condition);
    assert_eq!(notify(condition, 1), 1);
    mutex.acquire(None).unwrap().unwrap();
    let waited = condition.wait(deadline_after(350.0)).unwrap().unwrap();
    assert!(!waited.notified);
    mutex.release().unwrap();
}

/// (consumers, producers, items of each producer)
const STRESS: [(usize, usize, u32); 3] = [(1, 1, 20_000), (3, 3, 4_000), (8, 2, 4_000)];

#[test]
fn a_stock_guarded_by_a_condition_loses_nothing() {
    for (kind, (consumers, producers, items)) in KINDS.into_iter().zip(STRESS) {
        let member = member();
        let (condition, mutex) = condition(&member, kind);
        let stock = &AtomicU32::new(0);
        let total = items * producers as u32;
        let taken: u32 = std::thread::scope(|scope| {
            let consumers: Vec<_> = (0..consumers)
                .map(|_| {
                    scope.spawn(move || {
                        let mut taken = 0;
                        loop {
                            mutex.acquire(None).unwrap().unwrap();
                            while stock.load(Relaxed) == 0 {
                                assert!(condition.wait(None).unwrap().unwrap().notified);
                            }
                            if stock.load(Relaxed) == u32::MAX {
                                mutex.release().unwrap();
                                return taken;
                            }
                            stock.fetch_sub(1, Relaxed);
                            taken += 1;
                            mutex.release().unwrap();
                        }
                    })
                })
                .collect();
            let producers: Vec<_> = (0..producers)
                .map(|_| {
                    scope.spawn(move || {
                        for _ in 0..items {
                            mutex.acquire(None).unwrap().unwrap();
                            stock.fetch_add(1, Relaxed);
                            condition.notify(1).unwrap().unwrap();
                            mutex.release().unwrap();
                        }
                    })
                })
                .collect();
            producers
                .into_iter()
                .for_each(|producer| producer.join().unwrap());
            loop {
                mutex.acquire(None).unwrap().unwrap();
                if stock.load(Relaxed) == 0 {
                    stock.store(u32::MAX, Relaxed);
                    condition.notify(u32::MAX).unwrap().unwrap();
                    mutex.release().unwrap();
                    break;
                }
                mutex.release().unwrap();
                std::thread::yield_now();
            }
            consumers
                .into_iter()
                .map(|consumer| consumer.join().unwrap())
                .sum()
        });
        assert_eq!(taken, total, "{kind:?}");
    }
}

fn submit(
    member: &Arc<Member>,
    words: &Arc<Words>,
    id: BlockId,
    deadline: Deadline,
) -> (u64, mpsc::Receiver<WaitOutcome>) {
    let (told, hear) = mpsc::channel();
    let operation = Box::new(AwaitCondition::new(member, id).unwrap().unwrap());
    let sink = Box::new(move |outcome| told.send(outcome).unwrap());
    (words.submit(operation, deadline, sink).unwrap(), hear)
}

#[test]
fn promises_wait_are_notified_time_out_and_are_hastened() {
    let member = member();
    let words = Words::new(Arc::clone(&member));
    let (condition, mutex) = condition(&member, Kind::RLock);
    let id = condition.block.id;
    for _ in 0..2 {
        mutex.acquire(None).unwrap().unwrap();
    }
    let (_, hear) = submit(&member, &words, id, None);
    assert_eq!(notify(condition, 1), 1);
    assert_eq!(hear.recv(), Ok(WaitOutcome::Ready(READY)));

    let (_, hear) = submit(&member, &words, id, deadline_after(20.0));
    assert_eq!(hear.recv(), Ok(WaitOutcome::Ready(NOT_NOTIFIED)));

    let (wait, hear) = submit(&member, &words, id, None);
    assert!(words.hasten(wait));
    assert_eq!(hear.recv(), Ok(WaitOutcome::Ready(NOT_NOTIFIED)));
    assert!(!words.hasten(wait));

    // Hastened while another has the lock: it is told only when the lock is its own again.
    let (wait, hear) = submit(&member, &words, id, None);
    let (ready, is_ready) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            mutex.acquire(None).unwrap().unwrap();
            ready.send(()).unwrap();
            may_go.recv().unwrap();
            mutex.release().unwrap();
        });
        is_ready.recv().unwrap();
        assert!(words.hasten(wait));
        assert!(hear.recv_timeout(Duration::from_millis(50)).is_err());
        go.send(()).unwrap();
        assert_eq!(hear.recv(), Ok(WaitOutcome::Ready(NOT_NOTIFIED)));
    });
    assert_eq!(condition.waiters().unwrap(), 0);
    for _ in 0..2 {
        assert!(mutex.is_mine().unwrap() && mutex.release().unwrap());
    }
    assert_eq!(mutex.owner(), None);
}

#[test]
fn two_hundred_promises_are_notified_in_one_call() {
    let member = member();
    let words = Words::new(Arc::clone(&member));
    let (condition, mutex) = condition(&member, Kind::Lock);
    let hear: Vec<_> = (0..200)
        .map(|_| {
            mutex.acquire(None).unwrap().unwrap();
            submit(&member, &words, condition.block.id, None).1
        })
        .collect();
    assert_eq!(notify(condition, u32::MAX), 200);
    for _ in 0..200 {
        // Any of them has the lock; it is released in its name.
        while mutex.owner().is_none() {
            std::thread::yield_now();
        }
        assert!(mutex.release().unwrap());
    }
    assert!(
        hear.into_iter()
            .all(|hear| hear.recv() == Ok(WaitOutcome::Ready(READY)))
    );
}
