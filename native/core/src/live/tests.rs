use std::sync::Arc;
use std::sync::Mutex;

use super::*;
use crate::memory::arena::{
    BOARDS, CELLS, DESCRIPTORS, GRAVES, HEAP, Offset, PAGE_TABLE, PROCESSES, THREADS,
};
use crate::memory::heap::Kind;
use crate::primitives::{Barrier, Condition, Event, Lock, Semaphore};
use crate::queue::{Message, Queue};
use crate::sys::clock::deadline_after;
use crate::tree::member::Member;

/// A tree of this process, seen as if from outside.
struct Own<'a>(&'a Member);

impl Source for Own<'_> {
    fn size(&self) -> u64 {
        self.0.arena().size()
    }

    fn copy(&self, offset: Offset, target: &mut [u8]) -> bool {
        let inside = offset.checked_add(target.len() as u64);
        let is_inside = inside.is_some_and(|end| end <= self.size());
        if is_inside {
            self.0.arena().read(offset, target);
        }
        is_inside
    }
}

fn seen(member: &Member) -> Tree {
    Tree::read(&Own(member), &|_| true).unwrap()
}

/// Looks until it is as wanted.
fn seen_when(member: &Member, wanted: impl Fn(&Tree) -> bool) -> Tree {
    loop {
        let tree = seen(member);
        if wanted(&tree) {
            return tree;
        }
        std::thread::yield_now();
    }
}

fn waits(tree: &Tree) -> Vec<(&'static str, Option<String>)> {
    let threads = tree.processes.iter().flat_map(|it| &it.threads);
    let waits = threads.filter_map(|it| it.waits_for.as_ref());
    waits.map(|it| (it.kind, it.object.clone())).collect()
}

#[test]
fn objects_tell_of_themselves() {
    let member = Member::root("root").unwrap();
    let lock = member.create(Kind::RLock, 64).unwrap();
    member.name_block(lock.id, "ledger").unwrap();
    let held = Lock::open(&member, lock.id).unwrap();
    held.acquire(None).unwrap();
    held.acquire(None).unwrap();
    Semaphore::create(&member, 2, 5).unwrap();
    let (event, _) = Event::create(&member).unwrap();
    event.set();
    Condition::create(&member, lock.id).unwrap();
    Barrier::create(&member, 3).unwrap();
    let (queue, block) = Queue::create(&member, 4, true).unwrap();
    member.name_block(block.id, &"q".repeat(300)).unwrap();
    let message = Message {
        tag: 0,
        head: (&[][..]).into(),
        bytes: (&b"hello"[..]).into(),
        attachments: &[],
    };
    queue.put(&message, None).unwrap();
    let tree = seen(&member);
    let [process] = &tree.processes[..] else {
        panic!("{tree:?}");
    };
    assert_eq!((process.name.as_str(), process.state), ("root", "running"));
    assert_eq!(
        (process.pid, process.parent_pid),
        (std::process::id(), None)
    );
    let lock = &tree.locks[0];
    let holder = lock.holder.as_ref().unwrap();
    assert_eq!((lock.kind, lock.depth, lock.held_for), ("rlock", 1, None));
    assert_eq!(
        (lock.name.as_str(), holder.pid),
        ("ledger", std::process::id())
    );
    assert_eq!(
        (holder.process_name.as_str(), holder.lives_on),
        ("root", true)
    );
    assert_eq!(
        (tree.semaphores[0].value, tree.semaphores[0].bound),
        (2, Some(5))
    );
    assert!(tree.events[0].is_set);
    assert_eq!(tree.conditions[0].lock.as_ref(), Some(&lock.id));
    assert_eq!((tree.barriers[0].parties, tree.barriers[0].arrived), (3, 0));
    let queue = &tree.queues[0];
    assert_eq!((queue.length, queue.capacity, queue.put), (1, 4, 1));
    assert_eq!((queue.unfinished, queue.bytes), (Some(1), 16));
    assert_eq!(queue.name, "q".repeat(255));
    assert_eq!(tree.troubles, Vec::<String>::new());
}

#[test]
fn who_blocks_is_seen_until_it_goes_on() {
    let member = Arc::new(Member::root("root").unwrap());
    let block = member.create(Kind::Lock, 64).unwrap();
    let lock = Lock::open(&member, block.id).unwrap();
    lock.acquire(None).unwrap();
    let waiter = {
        let member = Arc::clone(&member);
        std::thread::spawn(move || {
            let lock = Lock::open(&member, block.id).unwrap();
            lock.acquire(None).unwrap();
            lock.release().unwrap();
        })
    };
    let id = blocks::id_of(&block);
    let tree = seen_when(&member, |tree| !waits(tree).is_empty());
    assert_eq!(waits(&tree), [("lock", Some(id))]);
    assert_eq!(tree.locks[0].waiters, 1);
    seen_when(&member, |tree| tree.locks[0].held_for.is_some());
    lock.release().unwrap();
    waiter.join().unwrap();
    let tree = seen(&member);
    assert_eq!(waits(&tree), []);
    assert_eq!((tree.locks[0].waiters, tree.locks[0].held_for), (0, None));
}

#[test]
fn what_is_waited_for_is_told_apart() {
    let member = Arc::new(Member::root("root").unwrap());
    let lock = member.create(Kind::Lock, 64).unwrap().id;
    let (_, semaphore) = Semaphore::create(&member, 0, 1).unwrap();
    let (_, event) = Event::create(&member).unwrap();
    let (_, condition) = Condition::create(&member, lock).unwrap();
    let (_, barrier) = Barrier::create(&member, 2).unwrap();
    let (_, queue) = Queue::create(&member, 1, true).unwrap();
    let until = deadline_after(20_000.0);
    let over = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        let wait = |work: Box<dyn Fn(&Member) + Send>| {
            let (member, over) = (Arc::clone(&member), &over);
            scope.spawn(move || {
                work(&member);
                over.lock().unwrap().push(());
            });
        };
        wait(Box::new(move |it| {
            assert!(Semaphore::open(it, semaphore.id).unwrap().acquire(until));
        }));
        wait(Box::new(move |it| {
            assert!(Event::open(it, event.id).unwrap().wait(until));
        }));
        wait(Box::new(move |it| {
            Lock::open(it, lock).unwrap().acquire(None).unwrap();
            let waited = Condition::open(it, condition.id).unwrap().wait(until);
            assert!(waited.unwrap().unwrap().notified);
            Lock::open(it, lock).unwrap().release().unwrap();
        }));
        wait(Box::new(move |it| {
            let barrier = Barrier::open(it, barrier.id).unwrap();
            barrier.wait(false, until).unwrap();
        }));
        wait(Box::new(move |it| {
            let queue = Queue::open(it, queue.id).unwrap();
            queue.take(&mut [0; 8], until, false).unwrap();
        }));
        let tree = seen_when(&member, |tree| waits(tree).len() == 5);
        let mut kinds: Vec<_> = waits(&tree).iter().map(|it| it.0).collect();
        kinds.sort_unstable();
        let all = ["barrier", "condition", "event", "queue-get", "semaphore"];
        assert_eq!(kinds, all);
        assert_eq!(
            (tree.queues[0].takers.len(), tree.barriers[0].arrived),
            (1, 1)
        );
        assert_eq!((tree.events[0].waiters, tree.conditions[0].waiters), (1, 1));
        Semaphore::open(&member, semaphore.id).unwrap().release(1);
        Event::open(&member, event.id).unwrap().set();
        Lock::open(&member, lock).unwrap().acquire(None).unwrap();
        let condition = Condition::open(&member, condition.id).unwrap();
        condition.notify(1).unwrap();
        Lock::open(&member, lock).unwrap().release().unwrap();
        let party = Barrier::open(&member, barrier.id).unwrap();
        party.wait(false, until).unwrap();
        let message = Message {
            tag: 0,
            head: (&[][..]).into(),
            bytes: (&[][..]).into(),
            attachments: &[],
        };
        Queue::open(&member, queue.id)
            .unwrap()
            .put(&message, None)
            .unwrap();
    });
    assert_eq!(over.lock().unwrap().len(), 5);
    assert_eq!(waits(&seen(&member)), []);
}

/// Numbers that are the same in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        // xorshift64
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// What may stand in a damaged word.
fn damage(random: &mut Random) -> u64 {
    match random.next() % 4 {
        0 => random.next(),
        1 => u64::MAX,
        2 => random.next() % 64,
        _ => (random.next() << 40) | (random.next() % 4096),
    }
}

#[test]
fn no_damage_of_the_memory_does_harm_to_who_looks() {
    let regions = [
        HEAP,
        PROCESSES,
        THREADS,
        GRAVES,
        BOARDS,
        DESCRIPTORS,
        CELLS,
        PAGE_TABLE,
    ];
    for seed in 1..=40 {
        let mut random = Random(seed);
        let member = Member::root("root").unwrap();
        for k in 0..8 {
            let block = member.create(Kind::Lock, 64).unwrap();
            member.name_block(block.id, &format!("lock {k}")).unwrap();
            Condition::create(&member, block.id).unwrap();
            Queue::create(&member, 4, k % 2 == 0)
                .unwrap()
                .0
                .mark_shared()
                .unwrap();
        }
        for _ in 0..400 {
            let region = regions[random.next() as usize % regions.len()];
            let at = region + random.next() % 1024 * 8;
            let word = member.arena().word64(at);
            word.store(damage(&mut random), std::sync::atomic::Ordering::Relaxed);
        }
        let mut json = String::new();
        seen(&member).write(&mut json);
        assert!(json.len() < 16 << 20 && !json.contains(char::is_control));
        // It is given up with its memory: what it held cannot be found any more.
        std::mem::forget(member);
    }
}

#[test]
fn what_is_no_arena_is_not_read() {
    struct Bytes(Vec<u8>);
    impl Source for Bytes {
        fn size(&self) -> u64 {
            self.0.len() as u64
        }
        fn copy(&self, offset: Offset, target: &mut [u8]) -> bool {
            let from = self.0.get(offset as usize..).unwrap_or_default();
            let Some(from) = from.get(..target.len()) else {
                return false;
            };
            target.copy_from_slice(from);
            true
        }
    }
    let mut random = Random(7);
    for length in [0, 1, 8, 4096, 1 << 20] {
        let bytes = (0..length).map(|_| random.next() as u8).collect();
        assert!(Tree::read(&Bytes(bytes), &|_| true).is_err());
    }
}
