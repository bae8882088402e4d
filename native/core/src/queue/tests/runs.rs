//! Runs: many messages under one taking of a lock.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::queue::run::{HEAD, TAG};
use crate::sys::futex;

/// The run of these messages.
fn run_of(messages: &[Vec<u8>]) -> Vec<u8> {
    let mut run = Vec::new();
    for message in messages {
        run.extend((message.len() as u32).to_ne_bytes());
        run.extend(0u32.to_ne_bytes());
        run.extend(message);
        run.resize(run.len().next_multiple_of(8), 0);
    }
    run
}

/// The messages of a run of so many, each with its tag.
fn messages_of(mut run: &[u8], count: u32) -> Vec<(u32, Vec<u8>)> {
    let word = |bytes: &[u8]| u32::from_ne_bytes(bytes[..4].try_into().unwrap());
    let mut messages = Vec::new();
    for _ in 0..count {
        let (head, rest) = run.split_at(HEAD);
        let length = word(head) as usize;
        messages.push((word(&head[4..]), rest[..length].to_vec()));
        run = &rest[length.next_multiple_of(8).min(rest.len())..];
    }
    messages
}

fn take_run(queue: Queue, room: usize, most: u32) -> Vec<Vec<u8>> {
    let mut target = vec![0; room];
    let (count, holds) = queue.try_take_run(&mut target, most).unwrap();
    assert!(holds.is_empty());
    let messages = messages_of(&target, count).into_iter();
    messages.map(|(_, bytes)| bytes).collect()
}

fn numbers(range: std::ops::Range<u32>) -> Vec<Vec<u8>> {
    range.map(|k| k.to_ne_bytes().to_vec()).collect()
}

#[test]
fn runs_come_out_as_they_went_in_at_every_fill_level() {
    let member = member();
    let (queue, _) = Queue::create(&member, 0, false).unwrap();
    let message = |k: u64| vec![k as u8; (k * 31 % 997) as usize];
    let (mut put, mut taken) = (0u64, 0u64);
    for round in 0..100 {
        let messages: Vec<_> = (put..put + round * 13).map(message).collect();
        put += round * 13;
        let done = queue.try_put_run(&run_of(&messages)).unwrap();
        assert_eq!(done, ((round * 13) as u32, Put::Done));
        while taken < put && (round % 7 == 0 || put - taken > 1000) {
            for bytes in take_run(queue, 8000, 1000) {
                assert!(bytes == message(taken), "message {taken}");
                taken += 1;
            }
        }
    }
    assert!(put > 60_000 && u64::from(queue.len()) == put - taken);
}

#[test]
fn a_run_ends_with_the_room_in_the_queue_and_in_the_target() {
    let member = member();
    let (queue, _) = Queue::create(&member, 3, false).unwrap();
    assert_eq!(queue.try_put_run(&[]).unwrap(), (0, Put::Done));
    let run = run_of(&numbers(0..5));
    assert_eq!(queue.try_put_run(&run).unwrap(), (3, Put::Full));
    assert_eq!(queue.try_put_run(&run).unwrap(), (0, Put::Full));
    let soon = deadline_after(10.0);
    assert_eq!(queue.put_run(&run, soon).unwrap(), (0, Put::Full));
    // A head alone, a head with too little behind it, and exactly enough.
    for room in [0, 8, 11] {
        assert_eq!(take_run(queue, room, 9), numbers(0..0));
    }
    assert_eq!(take_run(queue, 12, 9), numbers(0..1));
    assert_eq!(take_run(queue, 100, 1), numbers(1..2));
    assert_eq!(queue.try_put_run(&run).unwrap(), (2, Put::Full));
    queue.shut_down(false).unwrap();
    assert_eq!(queue.try_put_run(&run).unwrap(), (0, Put::ShutDown));
    assert_eq!(take_run(queue, 100, 0), numbers(0..0));
    assert_eq!(take_run(queue, 100, 9)[1..], numbers(0..2));
    assert_eq!(take_run(queue, 100, 9), numbers(0..0));
}

#[test]
fn a_message_that_does_not_fit_stays_and_one_with_objects_is_the_last() {
    let member = member();
    let (queue, block) = Queue::create(&member, 0, false).unwrap();
    let lock = member.create(Kind::Lock, 64).unwrap();
    queue.try_put(&plain(b"before")).unwrap();
    let speaking = Message {
        tag: 1,
        attachments: &[lock.id],
        ..plain(b"a lock")
    };
    queue.try_put(&speaking).unwrap();
    for message in [
        b"behind".to_vec(),
        vec![7; 5000],
        vec![8; LONGEST_INLINE + 1],
    ] {
        queue.try_put(&plain(&message)).unwrap();
    }
    member.release(lock.id).unwrap();
    let mut target = [0; 4000];
    let (count, holds) = queue.try_take_run(&mut target, 9).unwrap();
    let taken = messages_of(&target, count);
    let wanted = [(0, b"before".to_vec()), (TAG + 1, b"a lock".to_vec())];
    assert_eq!(taken, wanted);
    member.adopt(lock.id, lock.generation).unwrap();
    member.unpin(&holds).unwrap();
    assert_eq!(take_run(queue, 4000, 9), [b"behind".to_vec()]);
    assert_eq!(take_run(queue, 4000, 9), numbers(0..0));
    assert_eq!(queue.len(), 2);
    assert_eq!(take(queue), Some(vec![7; 5000]));
    let long = take_run(queue, LONGEST_INLINE + 9, 9);
    assert!(long == [vec![8; LONGEST_INLINE + 1]]);
    member.release(lock.id).unwrap();
    member.release(block.id).unwrap();
    assert_eq!(member.usage().unwrap().blocks, 0);
}

#[test]
fn a_run_that_promises_more_than_it_has_is_an_error() {
    let member = member();
    let (queue, _) = Queue::create(&member, 0, false).unwrap();
    let mut run = run_of(&numbers(0..2));
    run[16..20].copy_from_slice(&9u32.to_ne_bytes());
    assert_eq!(queue.try_put_run(&run).unwrap(), (1, Put::Done));
    assert!(queue.try_put_run(&run[16..]).is_err());
    let mut speaking = run_of(&numbers(0..1));
    speaking[4] = 1;
    assert!(queue.try_put_run(&speaking).is_err());
    assert!(
        queue
            .try_put_run(&u32::MAX.to_ne_bytes().repeat(2))
            .is_err()
    );
    assert_eq!(take(queue), Some(vec![0; 4]));
    assert_eq!(take(queue), None);
    assert_eq!(queue.try_put(&plain(b"goes on")).unwrap(), Put::Done);
}

/// Has three threads sleep at a word without any limit, acts, and says how many then wake.
fn woken_by(queue: Queue, asleep: Offset, word: Offset, act: impl FnOnce()) -> usize {
    let seen = queue.arena().word32(word).load(SeqCst);
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let tell = tell.clone();
            scope.spawn(move || {
                tell.send(std::fs::read_link("/proc/thread-self").unwrap())
                    .unwrap();
                futex::wait_maybe(queue.arena().word32(word), seen, None);
                tell.send(Default::default()).unwrap();
            });
        }
        for _ in 0..3 {
            let state = Path::new("/proc").join(told.recv().unwrap()).join("stat");
            while !std::fs::read_to_string(&state).unwrap().contains(") S ") {
                std::thread::yield_now();
            }
        }
        queue.word(asleep).store(3, SeqCst);
        act();
        let wakes = || told.recv_timeout(Duration::from_secs(5)).is_ok();
        let woken = (0..3).take_while(|_| wakes()).count();
        queue.wake_all();
        woken
    })
}

/// One waking for a run must reach as many sleepers as there are messages in it, or as it made room
/// for: the others would find out by themselves, but only when they look after their owners.
#[test]
fn a_run_wakes_everybody_for_whom_there_is_something() {
    let member = member();
    let (queue, _) = Queue::create(&member, 3, true).unwrap();
    let put = || assert_eq!(queue.try_put_run(&run_of(&numbers(0..3))).unwrap().0, 3);
    let take = || assert_eq!(take_run(queue, 100, 3), numbers(0..3));
    assert_eq!(
        woken_by(queue, CONSUMERS_ASLEEP, queue.filled_word(), put),
        3
    );
    assert_eq!(
        woken_by(queue, PRODUCERS_ASLEEP, queue.drained_word(), take),
        3
    );
    (0..3).for_each(|_| assert!(queue.task_done()));
    assert!(!queue.task_done());
}

/// What one message speaks of may be gone; the message must not be, neither for those before it nor
/// for the next who looks.
#[test]
fn a_message_that_cannot_be_taken_ends_a_run_and_stays() {
    let member = member();
    let (queue, block) = Queue::create(&member, 0, false).unwrap();
    let locks = [0; 2].map(|_| member.create(Kind::Lock, 64).unwrap().id);
    let speaking = Message {
        attachments: &locks,
        ..plain(b"two locks")
    };
    for message in [plain(b"before"), speaking, plain(b"behind")] {
        queue.try_put(&message).unwrap();
    }
    let pinned = member.pinned_by(block.id).unwrap();
    let hold_on = |id| pinned.iter().find(|it| it.1 == id).unwrap().0;
    let spare = member.create(Kind::Lock, 64).unwrap();
    member.unpin(&[hold_on(locks[1])]).unwrap();
    member.release(spare.id).unwrap(); // the next hold is not of the number that the message names
    assert_eq!(take_run(queue, 4000, 9), [b"before".to_vec()]);
    for _ in 0..2 {
        assert!(queue.try_take_run(&mut [0; 4000], 9).is_err());
        assert!(queue.try_take_vec().is_err());
        assert_eq!(queue.len(), 2);
    }
    // Nothing was held of the other lock by trying.
    let before = member.usage().unwrap().blocks;
    member.unpin(&[hold_on(locks[0])]).unwrap();
    locks.iter().for_each(|&id| member.release(id).unwrap());
    assert_eq!(member.usage().unwrap().blocks, before - 2);
}

#[test]
fn runs_and_messages_of_many_lose_and_double_nothing() {
    let member = member();
    let (queue, _) = Queue::create(&member, 50, false).unwrap();
    const EACH: u32 = 12_000;
    let produce = |producer: u32| {
        let mut next = producer * EACH;
        while next < (producer + 1) * EACH {
            let run = run_of(&numbers(next..(next + 80).min((producer + 1) * EACH)));
            next += queue.put_run(&run, None).unwrap().0;
        }
    };
    let consume = |taken: &AtomicU32| {
        let mut seen = Vec::new();
        while taken.load(SeqCst) < 3 * EACH {
            let numbers = take_run(queue, 1000, 40);
            taken.fetch_add(numbers.len() as u32, SeqCst);
            let number = |bytes: Vec<u8>| u32::from_ne_bytes(bytes.try_into().unwrap());
            seen.extend(numbers.into_iter().map(number));
        }
        for producer in 0..3 {
            let own = seen.iter().filter(|&&number| number / EACH == producer);
            assert!(own.is_sorted());
        }
        seen
    };
    let taken = AtomicU32::new(0);
    let mut seen: Vec<u32> = std::thread::scope(|scope| {
        for producer in 0..3 {
            scope.spawn(move || produce(producer));
        }
        let consumers = [0; 3].map(|_| scope.spawn(|| consume(&taken)));
        let seen = consumers.into_iter().map(|consumer| consumer.join());
        seen.flat_map(|seen| seen.unwrap()).collect()
    });
    seen.sort_unstable();
    assert!(seen.iter().copied().eq(0..3 * EACH));
}
