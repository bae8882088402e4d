use super::*;
use crate::memory::heap::{Block, Hold, Kind};
use crate::queue::{Message, Queue, Take};
use crate::tree::processes::{ProcessEntry, State};

/// A root and a caged member of its tree, which was given `given`.
fn family(given: BlockId, root: &Member) -> (Member, Hold) {
    let place = root
        .reserve_caged("caged", &["program", "run"], None)
        .unwrap();
    let hold = root.hold_for(place.slot, given).unwrap();
    let arena = root.arena().descriptor().try_clone_to_owned().unwrap();
    let member = Member::child(arena, place).unwrap();
    member.take_over(given, hold).unwrap();
    (member, hold)
}

fn generation(member: &Member, id: BlockId) -> u32 {
    Block::open(member.arena(), id).unwrap().generation
}

#[test]
fn a_caged_process_uses_what_it_was_given_and_nothing_else() {
    let root = Member::root("root").unwrap();
    let [preparation, attached, secret] =
        [Kind::Preparation, Kind::Lock, Kind::Value].map(|kind| root.create(kind, 64).unwrap().id);
    root.pin(attached, preparation).unwrap();
    let (caged, _) = family(preparation, &root);

    assert!(caged.block(preparation, Kind::Preparation).is_ok());
    assert!(caged.adopt(attached, generation(&root, attached)).is_ok());
    let of_secret = generation(&root, secret);
    assert!(caged.adopt(secret, of_secret).is_err());
    assert!(caged.block(secret, Kind::Value).is_err());
    assert!(caged.require_held(secret).is_err());
    assert!(caged.pin(secret, attached).is_err());
    assert!(caged.begin_use(secret).is_err());
    assert!(caged.hold_for(0, secret).is_err());
    assert!(crate::primitives::Lock::open(&caged, secret).is_err());
    let own = caged.create(Kind::Lock, 8).unwrap().id;
    assert!(caged.block(own, Kind::Lock).is_ok());
}

#[test]
fn what_the_preparation_brings_is_offered_as_long_as_it_is_held() {
    let root = Member::root("root").unwrap();
    let [preparation, attached] =
        [Kind::Preparation, Kind::Lock].map(|kind| root.create(kind, 64).unwrap().id);
    root.pin(attached, preparation).unwrap();
    let (caged, _) = family(preparation, &root);
    caged.release(preparation).unwrap();
    assert!(caged.adopt(attached, generation(&root, attached)).is_err());
}

#[test]
fn what_a_message_brings_is_offered_until_it_is_withdrawn() {
    let root = Member::root("root").unwrap();
    let preparation = root.create(Kind::Preparation, 64).unwrap().id;
    let (_, queue) = Queue::create(&root, 0, false).unwrap();
    root.pin(queue.id, preparation).unwrap();
    let [first, second] = [Kind::Lock, Kind::Lock].map(|kind| root.create(kind, 8).unwrap().id);
    let (caged, _) = family(preparation, &root);
    caged.adopt(queue.id, queue.generation).unwrap();

    let sender = Queue::open(&root, queue.id).unwrap();
    for attachment in [first, second] {
        let message = Message {
            tag: 0,
            head: (&[]).into(),
            bytes: b"lock".into(),
            attachments: &[attachment],
        };
        sender.try_put(&message).unwrap();
    }
    let receiver = Queue::open(&caged, queue.id).unwrap();
    let take = || match receiver.try_take(&mut [0; 64]).unwrap() {
        Take::Message(taken) => taken.attachments,
        other => panic!("{other:?}"),
    };
    let holds = take();
    assert!(!caged.withdraw(&holds), "not offered yet");
    caged.bring(&holds).unwrap();
    assert!(caged.adopt(second, generation(&root, second)).is_err());
    assert!(caged.adopt(first, generation(&root, first)).is_ok());
    assert!(caged.withdraw(&holds));
    assert!(!caged.withdraw(&holds), "once");
    caged.unpin(&holds).unwrap();

    let holds = take();
    caged.bring(&holds).unwrap();
    assert!(caged.withdraw(&holds));
    assert!(caged.adopt(second, generation(&root, second)).is_err());
}

#[test]
fn a_block_stays_while_it_is_used_whatever_is_released() {
    let root = Member::root("root").unwrap();
    let block = root.create(Kind::Bytes, 64).unwrap();
    root.begin_use(block.id).unwrap();
    for _ in 0..3 {
        root.release(block.id).unwrap();
    }
    assert!(root.block(block.id, Kind::Bytes).is_ok());
    root.end_use(block.id).unwrap();
    assert!(root.block(block.id, Kind::Bytes).is_err());
}

#[test]
fn a_cage_is_told_before_the_place_can_be_entered() {
    let root = Member::root("root").unwrap();
    let place = root
        .reserve_caged("caged", &["/bin/program", "run", "--allow-read"], None)
        .unwrap();
    let block = match ProcessEntry::at(root.arena(), place.slot).cage() {
        Cage::Told(block) => block,
        other => panic!("{other:?}"),
    };
    let arena = || root.arena().descriptor().try_clone_to_owned().unwrap();
    let caged = Member::child(arena(), place).unwrap();
    assert!(caged.is_caged());
    assert_eq!(
        caged.told_cage().unwrap(),
        ["/bin/program", "run", "--allow-read"]
    );
    // It is nobody's to use, and goes with the process.
    assert!(caged.adopt(block, generation(&root, block)).is_err());
    assert!(caged.block(block, Kind::CommandLine).is_err());
    root.retire(place).unwrap();
    assert!(root.part(block, Kind::CommandLine).is_err());

    // The next that has the place is free, unless that was claimed and not yet told.
    let next = root.reserve("free").unwrap();
    assert_eq!(next.slot, place.slot);
    assert_eq!(Member::child(arena(), next).unwrap().told_cage(), None);
    root.retire(next).unwrap();
    let next = root.reserve_as("claimed", Cage::Closed, None).unwrap();
    let closed = Member::child(arena(), next).unwrap();
    assert!(closed.is_caged());
    assert!(closed.told_cage().unwrap().is_empty());

    let refused = root.reserve_caged("two in one", &["run\0-A"], None);
    assert!(matches!(refused, Err(Error::Os { .. })));
}

#[test]
fn a_child_without_a_parent_enters_or_is_retired_never_both() {
    let root = Member::root("root").unwrap();
    let enter = |place| {
        let arena = root.arena().descriptor().try_clone_to_owned().unwrap();
        Member::child(arena, place)
    };
    let parent = enter(root.reserve("parent").unwrap()).unwrap();
    let [early, late] = ["early", "late"].map(|name| parent.reserve(name).unwrap());
    parent.entry().leave();
    let child = enter(early).unwrap();
    root.retire_orphans().unwrap();
    assert_eq!(child.entry().state(), State::Live);
    assert_eq!(
        ProcessEntry::at(root.arena(), late.slot).state(),
        State::Free
    );
    assert!(enter(late).is_err());
    // Nobody is kept out of a place that is another's by now.
    let [_, next] = ["first", "second"].map(|name| root.reserve(name).unwrap());
    assert_eq!(next.slot, late.slot);
    let entry = ProcessEntry::at(root.arena(), next.slot);
    assert_eq!(entry.revoke(late.generation), None);
    enter(next).unwrap();
}

#[test]
fn a_greeting_of_a_hostile_parent_brings_nothing() {
    let root = Member::root("root").unwrap();
    let [preparation, secret] =
        [Kind::Preparation, Kind::Preparation].map(|kind| root.create(kind, 64).unwrap().id);
    let lock = root.create(Kind::Lock, 8).unwrap().id;
    let (caged, hold) = family(preparation, &root);
    // Its own hold on another block, the root's hold, none, a hold on what is no preparation.
    let of_root = root.pin(secret, lock).unwrap();
    let of_lock = root.hold_for(caged.slot(), lock).unwrap();
    for (id, hold) in [
        (secret, hold),
        (secret, of_root),
        (secret, Hold(0)),
        (secret, Hold(u32::MAX)),
        (lock, of_lock),
        (u32::MAX, hold),
    ] {
        assert!(caged.take_over(id, hold).is_err(), "{id} {hold:?}");
        assert!(caged.require_held(id).is_err());
    }
    assert!(caged.block(secret, Kind::Preparation).is_err());
}
