use super::take::PREVIEW;
use super::*;
use crate::sys::clock::deadline_after;
use crate::tree::member::shares::{Attitude, Standing, this_thread};
use crate::tree::processes::TreePlace;

fn member() -> Member {
    Member::root("test").unwrap()
}

fn plain(bytes: &[u8]) -> Message<'_> {
    Message {
        tag: 0,
        head: &[],
        bytes,
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
            head: &first,
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
        head: &[1; 7],
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

#[test]
fn shutting_down_lets_the_rest_be_taken_or_throws_it_away() {
    let member = member();
    for immediate in [false, true] {
        let (queue, _) = Queue::create(&member, 2, true).unwrap();
        queue.try_put(&plain(b"a")).unwrap();
        queue.try_put(&plain(b"b")).unwrap();
        queue.shut_down(immediate).unwrap();
        assert_eq!(queue.put(&plain(b"c"), None).unwrap(), Put::ShutDown);
        if !immediate {
            assert_eq!(take(queue), Some(b"a".to_vec()));
            assert_eq!(take(queue), Some(b"b".to_vec()));
            assert_eq!(queue.unfinished(), 2);
        }
        assert_eq!(queue.take(&mut [], None, false).unwrap(), Take::ShutDown);
        assert_eq!(queue.unfinished(), if immediate { 0 } else { 2 });
    }
}

#[test]
fn a_shut_down_ends_the_waits_of_others() {
    let member = member();
    let (empty, full) = (
        Queue::create(&member, 0, false).unwrap().0,
        Queue::create(&member, 1, false).unwrap().0,
    );
    full.try_put(&plain(b"")).unwrap();
    std::thread::scope(|scope| {
        let taker = scope.spawn(|| empty.take(&mut [], None, false).unwrap());
        let putter = scope.spawn(|| full.put(&plain(b""), None).unwrap());
        empty.shut_down(false).unwrap();
        full.shut_down(false).unwrap();
        assert_eq!(taker.join().unwrap(), Take::ShutDown);
        assert_eq!(putter.join().unwrap(), Put::ShutDown);
    });
}

#[test]
fn who_waits_for_a_queue_that_nobody_else_has_is_told() {
    let member = member();
    let (queue, block) = Queue::create(&member, 1, true).unwrap();
    // Never shared.
    assert_eq!(queue.take(&mut [], None, true).unwrap(), Take::Orphaned);
    queue.mark_shared().unwrap();
    let place = member.reserve("boots").unwrap();
    member.hold_for(place.slot, block.id).unwrap();
    let soon = || deadline_after(150.0);
    assert_eq!(queue.take(&mut [], soon(), true).unwrap(), Take::Empty);
    assert_eq!(queue.company(this_thread()), Standing::Awake);
    member.retire(place).unwrap();
    assert_eq!(queue.take(&mut [], None, true).unwrap(), Take::Orphaned);
    assert_eq!(queue.put(&plain(b"a"), None).unwrap(), Put::Done);
    assert_eq!(queue.put(&plain(b"b"), None).unwrap(), Put::Orphaned);
    // A wait with a limit ends with that.
    assert_eq!(queue.put(&plain(b"b"), soon()).unwrap(), Put::Full);
    assert_eq!(queue.join(soon()), Joined::TimedOut);
    assert_eq!(queue.join(None), Joined::Orphaned);
}

/// Another process of `root`'s tree that has the queue: really a thread of this one.
fn other_with(root: &Member, block: Block) -> (Member, TreePlace) {
    let place = root.reserve("other").unwrap();
    let descriptor = root.arena().descriptor().try_clone_to_owned().unwrap();
    let other = Member::child(descriptor, place).unwrap();
    roster::adopt(&other, block.id, block.generation).unwrap();
    (other, place)
}

#[test]
fn a_process_has_a_queue_until_it_closes_it_or_ends() {
    let root = member();
    let (queue, block) = Queue::create(&root, 0, false).unwrap();
    queue.mark_shared().unwrap();
    let company = || queue.company(this_thread());
    let (other, _) = other_with(&root, block);
    assert_eq!(company(), Standing::Awake);
    // Collected: it lives, and may get another handle.
    other.release(block.id).unwrap();
    assert_eq!((root.holders(block.id), company()), (1, Standing::Awake));
    roster::adopt(&other, block.id, block.generation).unwrap();
    roster::release(&other, block.id).unwrap();
    assert_eq!(company(), Standing::Asleep);
    roster::adopt(&other, block.id, block.generation).unwrap();
    assert_eq!(company(), Standing::Awake);
    // Ended; what it has left in the roster is not the next one's.
    let (third, place) = other_with(&root, block);
    roster::release(&other, block.id).unwrap();
    drop(third);
    root.retire(place).unwrap();
    assert_eq!(company(), Standing::Asleep);
    let next = root.reserve("next").unwrap();
    assert_eq!((next.slot, company()), (place.slot, Standing::Asleep));
}

#[test]
fn a_message_that_somebody_can_take_has_what_it_speaks_of() {
    let root = member();
    let (queue, block) = Queue::create(&root, 0, false).unwrap();
    let (post, post_block) = Queue::create(&root, 0, false).unwrap();
    queue.mark_shared().unwrap();
    let message = Message {
        attachments: &[block.id],
        ..plain(b"the queue")
    };
    post.try_put(&message).unwrap();
    // Nobody else can take it: this thread alone has the post.
    assert_eq!(queue.company(this_thread()), Standing::Asleep);
    let (_other, place) = other_with(&root, post_block);
    assert_eq!(queue.company(this_thread()), Standing::Awake);
    root.retire(place).unwrap();
    assert_eq!(queue.company(this_thread()), Standing::Asleep);
    // A message within itself is nobody's.
    queue.try_put(&message).unwrap();
    assert_eq!(queue.company(this_thread()), Standing::Asleep);
}

#[test]
fn who_sleeps_until_another_acts_is_nobody_who_will() {
    let root = member();
    let (queue, block) = Queue::create(&root, 1, true).unwrap();
    queue.mark_shared().unwrap();
    let (other, _) = other_with(&root, block);
    let theirs = Queue::open(&other, block.id).unwrap();
    let waits = |goals, standing| Attitude { standing, goals };
    let sees = |expected| assert_eq!(queue.company(this_thread()), expected);
    for (goals, begin, end) in [
        (roster::FOR_MESSAGE, 0, 1),
        (roster::FOR_ROOM, 1, 0),
        (roster::FOR_DONE, 1, 0),
    ] {
        let fill = |wanted: u32| match wanted {
            0 => assert!(take(queue).is_some()),
            _ => assert_eq!(queue.try_put(&plain(b"x")).unwrap(), Put::Done),
        };
        let is_done = goals == roster::FOR_DONE;
        if queue.len() != begin {
            fill(begin);
        }
        for standing in [Standing::Waiting, Standing::Asleep] {
            theirs.note_wait(this_thread(), waits(goals, standing), true);
            sees(standing);
            // What it waits for has come: it is about to wake.
            fill(end);
            if is_done {
                while queue.task_done() {}
            }
            sees(Standing::Awake);
            fill(begin);
            sees(standing);
            theirs.note_wait(this_thread(), waits(goals, standing), false);
            sees(Standing::Awake);
        }
    }
}

#[test]
fn a_joiner_is_told_who_took_and_did_not_acknowledge() {
    let root = member();
    let (queue, block) = Queue::create(&root, 0, true).unwrap();
    for _ in 0..3 {
        queue.try_put(&plain(b"x")).unwrap();
    }
    let place = root.reserve("worker").unwrap();
    let descriptor = root.arena().descriptor().try_clone_to_owned().unwrap();
    let worker = Member::child(descriptor, place).unwrap();
    let theirs = Queue::open(&worker, block.id).unwrap();
    take(theirs);
    take(theirs);
    assert!(theirs.task_done());
    assert_eq!(queue.join(deadline_after(150.0)), Joined::TimedOut);
    let taker = Some(worker.token().unwrap());
    root.retire(place).unwrap();
    assert_eq!(queue.join(None), Joined::Abandoned { taker, messages: 1 });
    // Somebody acknowledges for it.
    assert!(queue.task_done());
    assert_eq!(queue.abandoned(), None);
    take(queue);
    assert!(queue.task_done());
    assert_eq!(queue.join(None), Joined::Done);
}

/// A process that dies in the middle of a put or a get leaves no block behind, with a lock or
/// without.
#[test]
fn the_dead_leave_nothing_in_a_queue() {
    let root = member();
    let (queue, block) = Queue::create(&root, 0, false).unwrap();
    let lock = root.create(Kind::Lock, 64).unwrap();
    let speaking = Message {
        attachments: &[lock.id],
        ..plain(b"a lock")
    };
    for _ in 0..4 {
        queue.try_put(&speaking).unwrap();
    }
    let long = vec![1; LONGEST_INLINE + 1];
    queue.try_put(&plain(&long)).unwrap();
    let before = root.usage().unwrap().blocks;
    for side in [None, Some(PRODUCERS_LOCK), Some(CONSUMERS_LOCK)] {
        let place = root.reserve("victim").unwrap();
        let descriptor = root.arena().descriptor().try_clone_to_owned().unwrap();
        let victim = Member::child(descriptor, place).unwrap();
        // In a thread of its own, with which its token ends.
        let die = move || {
            let theirs = Queue::open(&victim, block.id).unwrap();
            if let Some(side) = side {
                theirs.acquire(side).unwrap();
                // As between pinning and publishing, and between taking and holding.
                victim.create_within(Kind::Message, 5000, block.id).unwrap();
                victim.create_within(Kind::Segment, 5000, block.id).unwrap();
            } else {
                let (taken, _) = theirs.try_take_vec().unwrap().unwrap();
                assert_eq!(taken.attachments.len(), 1);
                victim.create_pinned(Kind::Message, 5000).unwrap();
            }
        };
        std::thread::spawn(die).join().unwrap();
        root.retire(place).unwrap();
        queue.try_put(&plain(b"after")).unwrap();
        let (taken, _) = queue.try_take_vec().unwrap().unwrap();
        root.unpin(&taken.attachments).unwrap();
        let blocks = root.usage().unwrap().blocks;
        assert_eq!(blocks, before, "{side:?}");
    }
    assert!(take(queue) == Some(long), "what messages speak of stays");
    while take(queue).is_some() {}
    root.release(lock.id).unwrap();
    root.release(block.id).unwrap();
    assert_eq!(root.usage().unwrap().blocks, 0);
}

#[test]
fn nothing_is_put_once_a_shutdown_has_returned() {
    let member = member();
    for round in 0..20 {
        let (queue, block) = Queue::create(&member, 100, true).unwrap();
        let message = vec![1; LONGEST_INLINE];
        std::thread::scope(|scope| {
            let puts =
                scope.spawn(|| while queue.try_put(&plain(&message)).unwrap() == Put::Done {});
            while queue.len() < round % 3 {
                std::thread::yield_now();
            }
            queue.shut_down(true).unwrap();
            assert_eq!(queue.len(), 0);
            assert_eq!(queue.unfinished(), 0);
            puts.join().unwrap();
            assert_eq!(queue.len(), 0, "{round}");
        });
        member.release(block.id).unwrap();
    }
}

#[test]
fn an_acknowledgement_by_another_counts_for_the_one_who_took() {
    let root = member();
    let (queue, block) = Queue::create(&root, 0, true).unwrap();
    for _ in 0..3 {
        queue.try_put(&plain(b"x")).unwrap();
    }
    let place = root.reserve("dispatcher").unwrap();
    let descriptor = root.arena().descriptor().try_clone_to_owned().unwrap();
    let dispatcher = Member::child(descriptor, place).unwrap();
    let theirs = Queue::open(&dispatcher, block.id).unwrap();
    take(theirs);
    take(theirs);
    assert!(queue.task_done());
    assert!(queue.task_done());
    root.retire(place).unwrap();
    assert_eq!(queue.abandoned(), None);
    assert_eq!(queue.join(deadline_after(150.0)), Joined::TimedOut);
    take(queue);
    assert_eq!(queue.abandoned(), None);
    assert!(queue.task_done());
    assert_eq!(queue.join(None), Joined::Done);
}

#[test]
fn a_claim_on_what_was_not_taken_is_settled() {
    let root = member();
    let (queue, block) = Queue::create(&root, 0, true).unwrap();
    queue.try_put(&plain(b"x")).unwrap();
    let place = root.reserve("worker").unwrap();
    let descriptor = root.arena().descriptor().try_clone_to_owned().unwrap();
    let worker = Member::child(descriptor, place).unwrap();
    Queue::open(&worker, block.id).unwrap().claim(1).unwrap();
    queue.settle_claim(worker.token().unwrap());
    root.retire(place).unwrap();
    assert_eq!(queue.abandoned(), None);
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
