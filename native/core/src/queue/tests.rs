use super::take::PREVIEW;
use super::*;
use crate::sys::clock::deadline_after;

mod others;
mod runs;

fn member() -> Member {
    Member::root("test").unwrap()
}

fn plain(bytes: &[u8]) -> Message<'_> {
    Message {
        tag: 0,
        head: (&[]).into(),
        bytes: bytes.into(),
        attachments: &[],
    }
}

fn take(queue: Queue) -> Option<Vec<u8>> {
    let (taken, bytes) = queue.try_take_vec().unwrap()?;
    assert_eq!(taken.length, bytes.len());
    Some(bytes)
}

#[test]
fn messages_come_out_as_they_went_in() {
    let member = member();
    let (queue, _) = Queue::create(&member, 0, false).unwrap();
    let sizes = [
        0,
        1,
        7,
        8,
        9,
        16384,
        65000,
        65536,
        100_000,
        LONGEST_INLINE,
        LONGEST_INLINE + 1,
    ];
    for size in sizes {
        let message: Vec<u8> = (0..size).map(|k| (k * 7 + size) as u8).collect();
        assert_eq!(queue.try_put(&plain(&message)).unwrap(), Put::Done);
    }
    assert_eq!(queue.len() as usize, sizes.len());
    for size in sizes {
        let message: Vec<u8> = (0..size).map(|k| (k * 7 + size) as u8).collect();
        assert!(take(queue) == Some(message), "{size}");
    }
    assert_eq!(take(queue), None);
}

#[test]
fn a_message_that_is_not_wanted_stays_whatever_its_form() {
    let member = member();
    let (queue, other) = Queue::create(&member, 0, false).unwrap();
    let seen = |wanted: Only| queue.only(wanted).try_take(&mut [0; 8]).unwrap();
    for length in [0, 1, 100, LONGEST_INLINE + 1] {
        for attachments in [&[][..], &[other.id]] {
            let bytes = vec![7; length];
            let message = Message {
                tag: 5,
                attachments,
                ..plain(&bytes)
            };
            queue.try_put(&message).unwrap();
            assert_eq!(seen(|it| it.tag != 5), Take::Refused);
            assert_eq!(seen(|it| it.first == 9), Take::Refused);
            if !attachments.is_empty() {
                assert_eq!(seen(|it| !it.is_attached), Take::Refused);
            }
            assert_eq!(queue.len(), 1);
            let mut target = vec![0; length];
            let wanted = queue.only(|it| it.tag == 5 && it.first % 7 == 0);
            let Take::Message(taken) = wanted.try_take(&mut target[..]).unwrap() else {
                panic!("{length} bytes are not taken");
            };
            assert_eq!(
                (taken.length, taken.attachments.len()),
                (length, attachments.len())
            );
            assert!(target == bytes);
            member.unpin(&taken.attachments).unwrap();
        }
    }
    assert_eq!(seen(|_| false), Take::Empty);
    assert!(queue.is_empty());
}

#[test]
fn who_leaves_a_message_looks_for_another_to_wake() {
    let member = member();
    let (queue, _) = Queue::create(&member, 0, false).unwrap();
    queue.try_put(&plain(b"left")).unwrap();
    // One has announced itself, and is gone: who looks for it notices.
    let asleep = queue.word(CONSUMERS_ASLEEP);
    asleep.store(1, SeqCst);
    let take = queue.only(|_| false).try_take(&mut [0; 8]).unwrap();
    assert_eq!((take, asleep.load(SeqCst)), (Take::Refused, 0));
}

#[test]
fn the_ring_wraps_and_grows_at_every_fill_level() {
    let member = member();
    let (queue, _) = Queue::create(&member, 0, false).unwrap();
    let (mut put, mut taken) = (0u64, 0u64);
    for round in 0..200 {
        for _ in 0..round * 13 {
            let message = vec![put as u8; (put * 31 % 997) as usize];
            assert_eq!(queue.try_put(&plain(&message)).unwrap(), Put::Done);
            put += 1;
        }
        while taken < put && (round % 7 == 0 || put - taken > 1000) {
            let expected = vec![taken as u8; (taken * 31 % 997) as usize];
            assert!(take(queue) == Some(expected), "message {taken}");
            taken += 1;
        }
    }
    assert!(put > 100_000 && u64::from(queue.len()) == put - taken);
}

#[test]
fn memory_of_a_backlog_is_returned_once_it_is_drained() {
    let member = member();
    let (queue, block) = Queue::create(&member, 0, false).unwrap();
    let before = member.arena().resident().unwrap();
    for _ in 0..100 {
        assert_eq!(queue.try_put(&plain(&vec![1; 1 << 20])).unwrap(), Put::Done);
    }
    assert!(member.arena().resident().unwrap() > before + (100 << 20));
    while take(queue).is_some() {}
    assert!(member.arena().resident().unwrap() < before + (9 << 20));
    member.release(block.id).unwrap();
    assert_eq!(member.usage().unwrap().blocks, 0);
}

#[test]
fn a_backlog_that_moves_on_uses_the_same_memory_again() {
    let member = member();
    let (queue, block) = Queue::create(&member, 0, false).unwrap();
    let message = |k: u32| vec![k as u8; 1 << 20];
    let mut next = 0..;
    for k in 0..12 {
        queue.try_put(&plain(&message(k))).unwrap();
    }
    let mut kept = 0;
    for k in 12..200 {
        queue.try_put(&plain(&message(k))).unwrap();
        assert!(take(queue) == Some(message(next.next().unwrap())));
        kept += u32::from(queue.word(SPARE_SEGMENT).load(Relaxed) != 0);
        // In tests each message here has a segment of its own.
        assert!(member.usage().unwrap().blocks <= 12 + 3);
    }
    assert!(kept > 100, "{kept}");
    while let Some(bytes) = take(queue) {
        assert!(bytes == message(next.next().unwrap()));
    }
    assert_eq!(next.next(), Some(200));
    assert_eq!(queue.word(SPARE_SEGMENT).load(Relaxed), 0);
    member.release(block.id).unwrap();
    assert_eq!(member.usage().unwrap().blocks, 0);
}

#[test]
fn a_message_in_two_parts_is_one() {
    let member = member();
    let (queue, _) = Queue::create(&member, 0, false).unwrap();
    for (head, length) in [
        (8, 0),
        (0, 9),
        (16, 1),
        (64, 70_001),
        (1024, LONGEST_INLINE),
    ] {
        let (first, second) = (vec![1; head], vec![2; length]);
        let message = Message {
            head: (&first).into(),
            ..plain(&second)
        };
        let whole = [&first[..], &second].concat();
        let whole_length = whole.len();
        for _ in 0..3 {
            queue.try_put(&message).unwrap();
        }
        assert_eq!(take(queue), Some(whole.clone()));
        let (mut first, mut second) = (vec![0; head + 8], vec![0; length]);
        let wrong = queue.try_take_split(&mut first, &mut second).unwrap();
        assert_eq!(wrong, Take::TooLong(whole_length));
        let right = queue
            .try_take_split(&mut first[..head], &mut second)
            .unwrap();
        assert!(matches!(right, Take::Message(taken) if taken.length == whole_length));
        assert_eq!([&first[..head], &second].concat(), whole);
        let mut short = vec![0; whole_length - 1];
        assert_eq!(
            queue.try_take(&mut short).unwrap(),
            Take::TooLong(whole_length)
        );
        let shown = if short.len() >= PREVIEW { PREVIEW } else { 0 };
        assert_eq!(short[..shown], whole[..shown]);
        assert!(queue.discard().unwrap());
    }
    let odd = Message {
        head: (&[1; 7]).into(),
        ..plain(b"rest")
    };
    assert!(queue.try_put(&odd).is_err());
    assert!(queue.try_take_split(&mut [0; 7], &mut [0; 4]).is_err());
}

#[test]
fn a_message_too_long_for_the_caller_stays_where_it_is() {
    let member = member();
    let (queue, _) = Queue::create(&member, 0, false).unwrap();
    for length in [5, 70_000, LONGEST_INLINE + 1] {
        queue.try_put(&plain(&vec![3; length])).unwrap();
        queue.try_put(&plain(b"next")).unwrap();
        let mut short = [0; 4];
        assert_eq!(queue.try_take(&mut short).unwrap(), Take::TooLong(length));
        assert_eq!(short, [0; 4]);
        assert_eq!(queue.len(), 2);
        assert_eq!(take(queue), Some(vec![3; length]));
        assert!(queue.discard().unwrap());
        assert!(!queue.discard().unwrap());
    }
}

#[test]
fn a_bounded_queue_is_full_exactly_at_its_size() {
    let member = member();
    let (queue, _) = Queue::create(&member, 2, false).unwrap();
    assert_eq!(queue.try_put(&plain(b"a")).unwrap(), Put::Done);
    assert!(!queue.is_full());
    assert_eq!(queue.try_put(&plain(b"b")).unwrap(), Put::Done);
    assert!(queue.is_full());
    assert_eq!(queue.try_put(&plain(b"c")).unwrap(), Put::Full);
    assert_eq!(
        queue.put(&plain(b"c"), deadline_after(10.0)).unwrap(),
        Put::Full
    );
    assert_eq!(take(queue), Some(b"a".to_vec()));
    assert_eq!(queue.try_put(&plain(b"c")).unwrap(), Put::Done);
}

#[test]
fn a_message_keeps_its_attachments_alive_until_the_receiver_has_them() {
    let member = member();
    let (queue, block) = Queue::create(&member, 0, false).unwrap();
    let lock = member.create(Kind::Lock, 64).unwrap();
    queue
        .try_put(&Message {
            attachments: &[lock.id],
            ..plain(b"a lock")
        })
        .unwrap();
    queue
        .try_put(&Message {
            attachments: &[lock.id],
            ..plain(b"the same")
        })
        .unwrap();
    member.release(lock.id).unwrap();
    let (taken, _) = queue.try_take_vec().unwrap().unwrap();
    let again = member.adopt(lock.id, lock.generation).unwrap();
    member.unpin(&taken.attachments).unwrap();
    assert_eq!(again, lock);
    member.release(lock.id).unwrap();
    assert!(
        member.block(lock.id, Kind::Lock).is_ok(),
        "the second message holds it"
    );
    member.release(block.id).unwrap();
    assert_eq!(member.usage().unwrap().blocks, 0);
}

#[test]
fn tasks_are_acknowledged_once_each() {
    let member = member();
    let (queue, _) = Queue::create(&member, 0, true).unwrap();
    assert!(!queue.task_done());
    queue.try_put(&plain(b"")).unwrap();
    assert_eq!(queue.unfinished(), 1);
    assert_eq!(queue.join(deadline_after(5.0)), Joined::TimedOut);
    assert!(queue.task_done());
    assert_eq!(queue.join(None), Joined::Done);
    assert!(!queue.task_done());
}

#[test]
fn a_growth_that_was_cut_short_is_undone() {
    let member = member();
    let (queue, _) = Queue::create(&member, 0, false).unwrap();
    let filler = vec![0; 60_000];
    queue.try_put(&plain(&filler)).unwrap();
    // What a producer leaves that is killed right after moving `tail_segment`.
    let tail = queue.mark(TAIL);
    let before = member.usage().unwrap().blocks;
    queue.room_for(1000, tail).unwrap();
    assert_eq!(member.usage().unwrap().blocks, before + 1);
    queue.try_put(&plain(b"x")).unwrap();
    assert_eq!(member.usage().unwrap().blocks, before);
    queue.try_put(&plain(&filler)).unwrap();
    assert_eq!(take(queue).unwrap().len(), 60_000);
    assert_eq!(take(queue), Some(b"x".to_vec()));
    assert_eq!(take(queue).unwrap().len(), 60_000);
    assert_eq!(take(queue), None);
}

#[test]
fn many_producers_and_consumers_lose_and_double_nothing() {
    let member = member();
    let (queue, _) = Queue::create(&member, 50, false).unwrap();
    const EACH: u32 = 20_000;
    let mut seen: Vec<u32> = std::thread::scope(|scope| {
        for producer in 0..3 {
            let member = &member;
            let id = queue.id;
            scope.spawn(move || {
                let queue = Queue::open(member, id).unwrap();
                for k in 0..EACH {
                    let number = (producer * EACH + k).to_le_bytes();
                    assert_eq!(queue.put(&plain(&number), None).unwrap(), Put::Done);
                }
            });
        }
        let consumers: Vec<_> = (0..3)
            .map(|_| {
                let member = &member;
                let id = queue.id;
                scope.spawn(move || {
                    let queue = Queue::open(member, id).unwrap();
                    let mut target = [0; 4];
                    let mut seen = Vec::new();
                    for _ in 0..EACH {
                        assert!(matches!(
                            queue.take(&mut target, None, false).unwrap(),
                            Take::Message(_)
                        ));
                        seen.push(u32::from_le_bytes(target));
                    }
                    seen
                })
            })
            .collect();
        consumers
            .into_iter()
            .flat_map(|consumer| consumer.join().unwrap())
            .collect()
    });
    seen.sort_unstable();
    assert!(seen.iter().copied().eq(0..3 * EACH));
}

#[test]
fn positions_go_round_without_a_seam() {
    let member = member();
    let (queue, _) = Queue::create(&member, 0, false).unwrap();
    // As if almost 2^32 units had passed already.
    let start = u32::MAX - 5000;
    for mark in [TAIL, HEAD, TAIL_SEEN, HEAD_SEEN] {
        queue.mark_word(mark).store(
            Mark {
                position: start,
                count: u32::MAX - 9,
            }
            .pack(),
            Relaxed,
        );
    }
    let segment = queue
        .segment(queue.word(TAIL_SEGMENT).load(Relaxed))
        .unwrap();
    segment.initialize(start, 0, segment.hold());
    for k in 0..100_000u32 {
        queue.try_put(&plain(&k.to_le_bytes())).unwrap();
        queue.try_put(&plain(&[1; 50])).unwrap();
        assert_eq!(take(queue), Some(k.to_le_bytes().to_vec()));
        assert_eq!(take(queue).unwrap().len(), 50);
    }
    assert!(queue.is_empty());
    assert_eq!(
        member.usage().unwrap().blocks,
        2,
        "renewed segments are returned"
    );
}

/// Flips bytes of the control block and of the ring: an error or a wrong message, never a crash,
/// a wild read or an endless loop.
#[test]
fn a_corrupted_queue_is_an_error() {
    let mut random = 7u64;
    let mut next = move || {
        random = random
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        random >> 33
    };
    for _ in 0..300 {
        let member = member();
        let (queue, block) = Queue::create(&member, 0, false).unwrap();
        for size in [5, 3000, 70_000] {
            queue.try_put(&plain(&vec![1; size])).unwrap();
        }
        let segment = queue
            .segment(queue.word(HEAD_SEGMENT).load(Relaxed))
            .unwrap();
        for _ in 0..4 {
            let at = match next() % 2 {
                0 => block.offset + next() % CONTROL_SIZE / 4 * 4,
                _ => segment.offset() + next() % 96,
            };
            // Not the locks: a lock held by a made-up owner is inherited only after a slice.
            if ![CONSUMERS_LOCK, PRODUCERS_LOCK].contains(&(at / 4 * 4).wrapping_sub(block.offset))
            {
                member.arena().write(at, &[next() as u8]);
            }
        }
        for _ in 0..4 {
            let _ = queue.try_take_vec();
            let _ = queue.try_put(&plain(b"after"));
        }
    }
}
