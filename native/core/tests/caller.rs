//! A thread whose caller has gone while it slept takes nothing: what it is given is the next one's.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc;
use std::time::Duration;

use multiprocessing_core::memory::heap::Kind;
use multiprocessing_core::primitives::{Condition, Event, Lock, Semaphore};
use multiprocessing_core::queue::{Message, Put, Queue, Take};
use multiprocessing_core::sync::semaphore::MAX_VALUE;
use multiprocessing_core::sys::caller::watch;
use multiprocessing_core::sys::clock::deadline_after;
use multiprocessing_core::tree::member::Member;
use rustix::process::Pid;
use rustix::thread::gettid;

/// Set by one test only.
static HAS_GONE: AtomicBool = AtomicBool::new(false);

fn ask() -> bool {
    !HAS_GONE.load(SeqCst)
}

/// Returns when the thread of this process sleeps.
fn until_asleep(thread: Pid) {
    let path = format!("/proc/self/task/{}/stat", thread.as_raw_nonzero());
    let is_asleep = |stat: String| stat[stat.rfind(')').unwrap()..].starts_with(") S");
    while !is_asleep(std::fs::read_to_string(&path).unwrap()) {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Lets a thread wait until it sleeps, ends its caller, does `give`, and joins it.
fn give_to_the_gone(wait: impl FnOnce() + Send, give: impl FnOnce()) {
    HAS_GONE.store(false, SeqCst);
    std::thread::scope(|scope| {
        let (tell, hear) = mpsc::channel();
        let waiting = scope.spawn(move || {
            watch(Some(ask));
            tell.send(gettid()).unwrap();
            wait();
        });
        until_asleep(hear.recv().unwrap());
        HAS_GONE.store(true, SeqCst);
        give();
        waiting.join().unwrap();
    });
}

#[test]
fn who_is_gone_takes_nothing() {
    let member = Member::root("test").unwrap();

    let (semaphore, _) = Semaphore::create(&member, 0, MAX_VALUE).unwrap();
    give_to_the_gone(
        || assert!(!semaphore.acquire(None)),
        || assert!(semaphore.release(1)),
    );
    assert_eq!(semaphore.value(), 1);

    let id = member.create(Kind::Lock, 64).unwrap().id;
    let lock = Lock::open(&member, id).unwrap();
    lock.acquire(None).unwrap().unwrap();
    give_to_the_gone(
        || assert_eq!(lock.acquire(None).unwrap(), None),
        || assert!(lock.release().unwrap()),
    );
    assert_eq!(lock.owner(), None);

    let (queue, _) = Queue::create(&member, 0, false).unwrap();
    let message = Message {
        tag: 0,
        head: (&[]).into(),
        bytes: b"precious".into(),
        attachments: &[],
    };
    give_to_the_gone(
        || {
            let mut target = [0; 16];
            let take = queue.take(&mut target, None, false).unwrap();
            assert_eq!(take, Take::Empty);
        },
        || assert_eq!(queue.try_put(&message).unwrap(), Put::Done),
    );
    let mut target = [0; 16];
    assert_ne!(queue.try_take(&mut target).unwrap(), Take::Empty);

    let (condition, _) = Condition::create(&member, id).unwrap();
    give_to_the_gone(
        || {
            lock.acquire(None).unwrap().unwrap();
            assert!(condition.wait(None).is_err());
        },
        || {
            // Its notification is for another that waited as well.
            lock.acquire(deadline_after(10_000.0)).unwrap().unwrap();
            let wait = condition.begin().unwrap().unwrap();
            lock.acquire(deadline_after(10_000.0)).unwrap().unwrap();
            assert_eq!(condition.notify(1).unwrap(), Some(1));
            lock.release().unwrap();
            let waited = condition.block_on(wait, deadline_after(10_000.0)).unwrap();
            assert!(waited.notified);
            lock.release().unwrap();
        },
    );
    assert_eq!(lock.owner(), None);

    let (event, _) = Event::create(&member).unwrap();
    give_to_the_gone(|| assert!(!event.wait(None)), || event.set());
}
