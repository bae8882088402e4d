use std::time::{Duration, Instant};

use super::*;

/// A name that no other test has; what has it is removed in the end.
struct Name(String);

impl Name {
    fn new(of: &str) -> Self {
        Self(format!("psm_named_{of}_{}", std::process::id()))
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let _ = named::remove(&self.0);
    }
}

fn fate(name: &str) -> Fate {
    reclaim(name, true).unwrap()
}

/// Nobody has the block, or is about to notice: a process that another test starts at the moment has copies of all
/// descriptors until it runs its program.
fn is_left(name: &str, remove: bool) -> bool {
    let end = Instant::now() + Duration::from_secs(20);
    while Instant::now() < end {
        match reclaim(name, remove).unwrap() {
            Fate::Mapped | Fate::Owned => std::thread::yield_now(),
            fate => return fate == Fate::Left,
        }
    }
    false
}

#[test]
fn what_has_an_owner_or_is_open_or_is_another_programs_stays() {
    let Name(name) = &Name::new("stays");
    let block = create(name, 100, true).unwrap();
    assert_eq!(fate(name), Fate::Owned);
    disown(block.identity);
    assert_eq!(fate(name), Fate::Mapped);
    named::unmark(block.file()).unwrap();
    drop(block);
    assert_eq!(fate(name), Fate::NotOurs);
    assert!(named::facts_of(name).is_some());
}

#[test]
fn what_nobody_owns_or_has_open_goes_when_it_is_to() {
    let Name(name) = &Name::new("goes");
    let block = create(name, 100, true).unwrap();
    disown(block.identity);
    drop(block);
    assert!(is_left(name, false));
    assert!(named::facts_of(name).is_some());
    assert!(is_left(name, true));
    assert!(named::facts_of(name).is_none());
    assert_eq!(fate(name), Fate::NotOurs);
}

#[test]
fn a_block_that_is_handed_on_is_never_without_an_owner() {
    let Name(name) = &Name::new("handed");
    let Named { identity, .. } = create(name, 100, true).unwrap();
    let other = Claims::open().unwrap(); // as in another process
    other.claim(identity.inode).unwrap();
    disown(identity);
    assert_eq!(fate(name), Fate::Owned);
    drop(other);
    assert!(is_left(name, true));
}

#[test]
fn a_block_with_two_owners_in_one_process_keeps_its_claim_until_both_are_gone() {
    let Name(name) = &Name::new("both");
    let Named { identity, .. } = create(name, 100, true).unwrap();
    assert!(own(name, identity).unwrap());
    disown(identity);
    assert_eq!(fate(name), Fate::Owned);
    disown(identity);
    assert!(is_left(name, true));
}

#[test]
fn a_name_that_another_file_has_by_now_is_not_removed() {
    let Name(name) = &Name::new("again");
    let first = create(name, 100, true).unwrap();
    named::remove(name).unwrap();
    let second = create(name, 100, false).unwrap();
    assert!(!unlink(name, first.identity).unwrap());
    assert!(!own(name, first.identity).unwrap());
    assert!(is_there(name, second.identity));
    assert!(unlink(name, second.identity).unwrap());
    assert!(!unlink(name, second.identity).unwrap());
}

#[test]
fn what_others_have_unlinked_is_forgotten_when_there_is_more() {
    let Name(name) = &Name::new("unlinked");
    let mut identities = Vec::new();
    for _ in 0..3 * FEW {
        let block = create(name, 1, true).unwrap();
        named::remove(name).unwrap();
        identities.push(block.identity);
    }
    let ownership = ownership();
    let known = |it: &&Identity| ownership.owned.iter().any(|owned| owned.identity == **it);
    // Other tests have theirs in the same list meanwhile.
    assert!(identities.iter().filter(known).count() <= 2 * FEW);
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for name in ["", ".", "..", "a/b", "/a", "../tmp/a", "a\0b"] {
        assert!(create(name, 1, false).is_err(), "{name:?}");
        assert!(open(name).is_err(), "{name:?}");
        assert!(reclaim(name, true).is_err(), "{name:?}");
    }
    assert!(open(&"x".repeat(300)).is_err());
}

#[test]
fn what_there_is_no_room_for_is_refused_and_leaves_nothing() {
    let Name(name) = &Name::new("room");
    let refused = create(name, 1 << 60, true);
    assert!(matches!(refused, Err(Error::Exhausted { .. })));
    assert!(named::facts_of(name).is_none());
}
