//! What other processes do with a queue, or do no more: shut it down, close it, wait, die.

use super::*;
use crate::tree::member::shares::{Attitude, Standing, this_thread};
use crate::tree::processes::TreePlace;

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
fn only_the_keeper_takes_and_shuts_down() {
    let member = member();
    let (queue, block) = Queue::create_kept(&member).unwrap();
    let place = member.reserve("keeper").unwrap();
    member.hold_for(place.slot, block.id).unwrap();
    let arena = member.arena().descriptor().try_clone_to_owned().unwrap();
    let keeper = Member::child(arena, place).unwrap();
    keeper.adopt(block.id, block.generation).unwrap();
    let kept = Queue::open(&keeper, block.id).unwrap();
    queue.try_put(&plain(b"a")).unwrap();
    for each in [queue, kept] {
        assert_eq!(each.try_take(&mut [0; 9]).unwrap(), Take::ShutDown);
        each.shut_down(true).unwrap();
        assert!(!each.discard().unwrap());
    }
    assert!(kept.keep() && kept.keep() && !queue.keep());
    assert_eq!(
        queue.take(&mut [0; 9], None, false).unwrap(),
        Take::ShutDown
    );
    queue.shut_down(false).unwrap();
    queue.try_put(&plain(b"b")).unwrap();
    assert_eq!(take(kept), Some(b"a".to_vec()));
    assert_eq!(take(kept), Some(b"b".to_vec()));
    kept.shut_down(false).unwrap();
    assert_eq!(queue.try_put(&plain(b"c")).unwrap(), Put::ShutDown);
    let (ordinary, _) = Queue::create(&member, 0, false).unwrap();
    assert!(!ordinary.keep());
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
