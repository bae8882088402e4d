//! Whether who waits in a thread may still take something.
//!
//! The JavaScript that a thread waits for can be ended meanwhile: a Worker is terminated. What its
//! thread took then would be lost. So the addon, which can know, is asked after each sleep, before
//! anything is taken. Waits that must come to their end, such as that for the heap's lock, do not ask.

use std::cell::Cell;

/// Whether the JavaScript of the calling thread goes on: what it is given will be used.
pub type Ask = fn() -> bool;

thread_local! {
    static ASK: Cell<Option<Ask>> = const { Cell::new(None) };
}

/// Has the calling thread's waits ask.
pub fn watch(ask: Option<Ask>) {
    ASK.set(ask);
}

/// Whether the calling thread's waits ask.
pub fn is_watched() -> bool {
    ASK.get().is_some()
}

/// Whether the calling thread, which has slept, may go on and take something. `false`: it is to give
/// up, as if its time were up.
pub fn goes_on() -> bool {
    ASK.get().is_none_or(|ask| ask())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
    use std::time::Duration;

    use super::*;
    use crate::memory::heap::Kind;
    use crate::primitives::Lock;
    use crate::primitives::{Condition, Event, Semaphore};
    use crate::queue::{Message, Put, Queue, Take};
    use crate::sync::semaphore::MAX_VALUE;
    use crate::sys::clock::deadline_after;
    use crate::tree::member::Member;

    /// Set by one test only.
    static HAS_GONE: AtomicBool = AtomicBool::new(false);

    fn ask() -> bool {
        !HAS_GONE.load(SeqCst)
    }

    /// Lets a thread wait, ends its JavaScript, does `give`, and joins it.
    fn give_to_the_gone(wait: impl FnOnce() + Send, give: impl FnOnce()) {
        HAS_GONE.store(false, SeqCst);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                watch(Some(ask));
                wait();
            });
            std::thread::sleep(Duration::from_millis(30));
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
            head: &[],
            bytes: b"precious",
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
}
