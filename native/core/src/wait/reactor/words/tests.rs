use std::sync::mpsc;

use super::*;
use crate::memory::heap::Kind;
use crate::primitives::Lock as SharedLock;
use crate::primitives::lock::AcquireLock;
use crate::sys::clock::deadline_after;

fn reactor() -> (Arc<Member>, Arc<Words>) {
    let member = Arc::new(Member::root("test").unwrap());
    (Arc::clone(&member), Words::new(member))
}

/// A lock that another thread holds, which then waits to be told to let go.
fn held_lock(member: &Arc<Member>) -> (u32, impl FnOnce() + use<>) {
    let id = member.create(Kind::Lock, 64).unwrap().id;
    let (go, wait) = mpsc::channel::<()>();
    let (ready, is_ready) = mpsc::channel();
    let owner = Arc::clone(member);
    let thread = std::thread::spawn(move || {
        let lock = SharedLock::open(&owner, id).unwrap();
        lock.acquire(None).unwrap().unwrap();
        ready.send(()).unwrap();
        wait.recv().unwrap();
        assert!(lock.release().unwrap());
    });
    is_ready.recv().unwrap();
    (id, move || {
        go.send(()).unwrap();
        thread.join().unwrap();
    })
}

#[test]
fn a_waiting_acquisition_is_told_when_the_lock_is_released() {
    let (member, words) = reactor();
    let (id, let_go) = held_lock(&member);
    let (told, hear) = mpsc::channel();
    let operation = Box::new(AcquireLock::new(&member, id).unwrap());
    words
        .submit(
            operation,
            None,
            Box::new(move |outcome| told.send(outcome).unwrap()),
        )
        .unwrap();
    assert!(hear.try_recv().is_err());
    let_go();
    assert_eq!(hear.recv(), Ok(WaitOutcome::Ready(READY)));
    assert!(words.is_empty());
    let owner = SharedLock::open(&member, id).unwrap().owner();
    assert_eq!(owner, Some(member.token().unwrap()));
}

#[test]
fn a_cancelled_acquisition_acquires_nothing() {
    let (member, words) = reactor();
    let (id, let_go) = held_lock(&member);
    let operation = Box::new(AcquireLock::new(&member, id).unwrap());
    let wait = words
        .submit(operation, None, Box::new(|_| panic!("cancelled")))
        .unwrap();
    assert!(words.cancel(wait));
    assert!(!words.cancel(wait));
    let_go();
    assert_eq!(SharedLock::open(&member, id).unwrap().owner(), None);
}

#[test]
fn two_thousand_acquisitions_time_out_together() {
    let (member, words) = reactor();
    let (told, hear) = mpsc::channel();
    let mut owners = Vec::new();
    let (id, let_go) = held_lock(&member);
    owners.push(let_go);
    for _ in 0..2000 {
        let told = told.clone();
        let operation = Box::new(AcquireLock::new(&member, id).unwrap());
        let sink: Sink = Box::new(move |outcome| told.send(outcome).unwrap());
        words.submit(operation, deadline_after(20.0), sink).unwrap();
    }
    for _ in 0..2000 {
        assert_eq!(hear.recv(), Ok(WaitOutcome::TimedOut));
    }
    assert!(words.is_empty());
    owners.into_iter().for_each(|let_go| let_go());
}

#[test]
fn the_lock_of_a_thread_that_ended_is_inherited() {
    let (member, words) = reactor();
    let id = member.create(Kind::Lock, 64).unwrap().id;
    let owner = Arc::clone(&member);
    let token = std::thread::spawn(move || {
        SharedLock::open(&owner, id)
            .unwrap()
            .acquire(None)
            .unwrap()
            .unwrap();
        owner.token().unwrap()
    })
    .join()
    .unwrap();
    let (told, hear) = mpsc::channel();
    let operation = Box::new(AcquireLock::new(&member, id).unwrap());
    words
        .submit(
            operation,
            None,
            Box::new(move |outcome| told.send(outcome).unwrap()),
        )
        .unwrap();
    assert_eq!(
        hear.recv(),
        Ok(WaitOutcome::Ready(token.get().cast_signed()))
    );
}
