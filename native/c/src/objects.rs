//! Blocks: made, adopted, looked at and let go. A handle belongs to this process; it is counted, and the
//! last to be given back lets the block go.
#![expect(unsafe_code, reason = "names that the dynamic linker finds")]

use multiprocessing_core::memory::heap::{Block, Kind};
use multiprocessing_core::primitives::lock::VALUE_BYTES;
use multiprocessing_core::queue::roster;
use multiprocessing_core::sys::fork;

use crate::border;
use crate::error::{Result, state};
use crate::member::Tree;

fn open(tree: &Tree, id: u32) -> Result<Block> {
    tree.member.require_held(id)?;
    Ok(Block::open(tree.member.arena(), id)?)
}

/// What is done at the end of an object, of which a forked process has a copy: nothing there.
fn unless_forked(work: impl FnOnce(&'static Tree) -> Result<i64>) -> i64 {
    if fork::is_forked() {
        return 0;
    }
    border::call(work)
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_adopt(block: u32, generation: u32) -> i64 {
    border::call(|tree| {
        roster::adopt(&tree.member, block, generation)?;
        Ok(0)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_release(block: u32) -> i64 {
    unless_forked(|tree| {
        roster::release(&tree.member, block)?;
        Ok(0)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_collect(block: u32) -> i64 {
    unless_forked(|tree| {
        tree.member.release(block)?;
        Ok(0)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_create(kind: u32, size: u64) -> i64 {
    border::call(|tree| {
        let kind = Kind::from_number(kind).filter(|it| CREATED_HERE.contains(it));
        let kind = kind.ok_or_else(|| {
            state("Cannot allocate shared memory: blocks of this kind are made otherwise")
        })?;
        Ok(tree.member.create(kind, size)?.id.into())
    })
}

/// Kinds of blocks that begin as zeroes.
const CREATED_HERE: [Kind; 6] = [
    Kind::Lock,
    Kind::RLock,
    Kind::Value,
    Kind::Bytes,
    Kind::View,
    Kind::Pipe,
];

#[unsafe(no_mangle)]
pub extern "C" fn mp_generation(block: u32) -> i64 {
    border::call(|tree| Ok(open(tree, block)?.generation.into()))
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_kind(block: u32) -> i64 {
    border::call(|tree| Ok(open(tree, block)?.kind as i64))
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_size(block: u32) -> i64 {
    border::call(|tree| Ok(open(tree, block)?.size as i64))
}

#[unsafe(no_mangle)]
pub extern "C" fn mp_address(block: u32) -> i64 {
    border::call(|tree| {
        let open = open(tree, block)?;
        let begins = match open.kind {
            Kind::Bytes | Kind::View | Kind::Loan => 0,
            Kind::Value => VALUE_BYTES,
            _ => {
                return Err(state(
                    "Cannot show a block: its words are the library's own",
                ));
            }
        };
        Ok(tree
            .member
            .arena()
            .bytes(open.offset + begins, open.size.saturating_sub(begins)) as i64)
    })
}
