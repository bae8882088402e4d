//! Creators of named shared memory that are killed.

use multiprocessing_core::memory::named::{Fate, create, reclaim};

use super::*;

/// The name of the block that a victim creates.
fn name_of(id: u32) -> String {
    format!("psm_crash_{id}")
}

pub fn create_one(id: u32) {
    create(&name_of(id), 100_000, true).unwrap();
}

/// Nobody but the test itself has ever opened it; a process that another test starts at the moment has copies of
/// all descriptors until it runs its program.
fn fate(name: &str) -> Fate {
    loop {
        match reclaim(name, true).unwrap() {
            Fate::Mapped => std::thread::yield_now(),
            fate => return fate,
        }
    }
}

#[test]
fn creator_of_named_memory() {
    for failpoint in ["named-created", "named-claimed", "named-sized"] {
        case(failpoint, move |board| {
            board.set_id(std::process::id());
            let victim = board.start("creator of named memory", failpoint);
            board.bury(&victim);
            let name = name_of(board.id());
            assert_eq!(fate(&name), Fate::Left, "{failpoint}");
            assert_eq!(fate(&name), Fate::NotOurs, "{failpoint}");
        });
    }
}
