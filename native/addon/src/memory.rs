//! Blocks and the windows through which JavaScript sees them.
#![expect(
    unsafe_code,
    reason = "ArrayBuffers over memory that JavaScript does not own"
)]

use multiprocessing_core::memory::arena::{CELL_COUNT, CELL_SIZE, CELLS, PROCESS_COUNT};
use multiprocessing_core::memory::heap::{Block, Kind};
use multiprocessing_core::primitives::lock::VALUE_BYTES;
use multiprocessing_core::queue::roster;
use napi::Env;
use napi::bindgen_prelude::ArrayBuffer;
use napi_derive::napi;

use crate::abi::errors::{Result, from_napi, state, to_js};
use crate::abi::numbers::cell;
use crate::isolate;
use crate::tree::{Tree, tree};

const WINDOW_SIZE: u64 = cell::WINDOW_SIZE as u64;

/// The cells from `index` × window size on, as memory shared by all processes of the tree.
#[napi]
pub fn window(env: &Env, index: u32) -> Result<ArrayBuffer<'_>> {
    if tree()?.member.is_caged() {
        return Err(state(
            "Cannot open a window: this process sees only cells that it was given",
        ));
    }
    let start = u64::from(index) * WINDOW_SIZE;
    if start >= CELL_COUNT * CELL_SIZE {
        return Err(state(
            "Cannot open a window: there are no cells behind the last",
        ));
    }
    let data = tree()?.member.arena().bytes(CELLS + start, WINDOW_SIZE);
    // SAFETY: the arena stays mapped until the process ends, so the window needs no finalizer.
    unsafe { ArrayBuffer::from_external(env, data, WINDOW_SIZE as usize, (), |_, ()| {}) }
        .map_err(from_napi)
}

/// The bytes of the value in a cell that this process holds, as shared memory: all that a caged
/// process sees of the windows. It sees no words of a state machine: whoever can write a lock's word
/// can leave it held in the name of another. The block stays until the buffer is collected, too.
#[napi]
pub fn value_bytes(env: &Env, id: u32) -> Result<ArrayBuffer<'_>> {
    let member = &tree()?.member;
    let block = open(id)?;
    let begins = value_begins_at(block)
        .ok_or_else(|| state("Cannot show a value: the block has none in a cell"))?;
    member.begin_use(id).map_err(to_js)?;
    let size = CELL_SIZE - begins;
    let data = member.arena().bytes(block.offset + begins, size);
    // SAFETY: the use begun above keeps the block until the finalizer ends it.
    unsafe {
        ArrayBuffer::from_external(env, data, size as usize, id, |_, id| {
            if let Ok(tree) = tree() {
                let _ = tree.member.end_use(id);
            }
        })
    }
    .map_err(from_napi)
}

/// Where in a cell the bytes of its value begin; `None` if the block is no cell with a value.
fn value_begins_at(block: Block) -> Option<u64> {
    match block.kind {
        _ if !is_cell(block) => None,
        Kind::Value => Some(VALUE_BYTES),
        Kind::Bytes => Some(0),
        _ => None,
    }
}

/// As [`value_begins_at`]; -1 if there is none.
pub fn value_begins(id: u32) -> Result<i32> {
    Ok(value_begins_at(open(id)?).map_or(-1, |begins| begins as i32))
}

/// Whether nobody has the block but who asks, with one handle.
pub fn block_is_last(id: u32) -> Result<bool> {
    Ok(tree()?.member.is_last(id))
}

fn is_cell(block: Block) -> bool {
    block.offset < CELLS + CELL_COUNT * CELL_SIZE
}

/// Kinds of blocks that begin as zeroes.
const CREATED_HERE: [Kind; 5] = [
    Kind::Lock,
    Kind::RLock,
    Kind::Value,
    Kind::Bytes,
    Kind::Pipe,
];

/// A new block of zeroes with one handle in this process; its number.
#[napi]
pub fn create_block(kind: u32, size: f64) -> Result<u32> {
    let kind = Kind::from_number(kind)
        .filter(|kind| *kind != Kind::Returned)
        .ok_or_else(|| state("Cannot allocate shared memory: no such kind of block"))?;
    let member = &tree()?.member;
    if member.is_caged() && !CREATED_HERE.contains(&kind) {
        return Err(state(
            "Cannot allocate shared memory: blocks of this kind are made otherwise",
        ));
    }
    Ok(isolate::gain(
        member.create(kind, size as u64).map_err(to_js)?.id,
    ))
}

/// One more handle of a block that another process told of.
#[napi]
pub fn adopt_block(id: u32, generation: u32) -> Result<()> {
    roster::adopt(&tree()?.member, id, generation).map_err(to_js)?;
    isolate::gain(id);
    Ok(())
}

/// One handle less; the last lets the block go, and this process has given it up.
#[napi]
pub fn release_block(id: u32) -> Result<()> {
    isolate::lose(id);
    roster::release(&tree()?.member, id).map_err(to_js)
}

/// One handle less, because it was collected; the last lets the block go. That this process will have
/// no use for it is not said: it may get another handle.
#[napi]
pub fn collect_block(id: u32) -> Result<()> {
    isolate::lose(id);
    tree()?.member.release(id).map_err(to_js)
}

/// What another process needs besides the number to adopt the block.
#[napi]
pub fn generation_of(id: u32) -> Result<u32> {
    Ok(open(id)?.generation)
}

/// Which cell of all windows a block is; -1 if it is not a cell, or cannot be used as `kind`: what a
/// message names may be any block.
pub fn cell_of(id: u32, kind: u32) -> Result<i32> {
    let block = open(id)?;
    let is_of_kind = match Kind::from_number(kind) {
        Some(Kind::RLock) => matches!(block.kind, Kind::RLock | Kind::Value),
        Some(Kind::Value) => matches!(block.kind, Kind::Value | Kind::Bytes),
        kind => kind == Some(block.kind),
    };
    let cell = (block.offset - CELLS) / CELL_SIZE;
    Ok(if is_of_kind && is_cell(block) {
        cell as i32
    } else {
        -1
    })
}

/// Bytes that were asked for when the block was made.
#[napi]
pub fn size_of(id: u32) -> Result<f64> {
    Ok(open(id)?.size as f64)
}

fn open(id: u32) -> Result<Block> {
    let member = &tree()?.member;
    member.require_held(id).map_err(to_js)?;
    Block::open(member.arena(), id).map_err(to_js)
}

/// How many processes a tree can have at a time.
#[napi]
pub fn most_processes() -> u32 {
    PROCESS_COUNT as u32
}

/// What the whole tree uses of its memory.
#[napi(object)]
pub struct Usage {
    /// Blocks in use and their bytes.
    pub blocks: f64,
    pub bytes: f64,
    /// Bytes of the arena that are in memory.
    pub resident: f64,
}

#[napi]
pub fn memory_usage() -> Result<Usage> {
    let Tree { member, views, .. } = tree()?;
    views.look_again();
    let usage = member.usage().map_err(to_js)?;
    let resident = member.arena().resident().map_err(to_js)? as f64;
    Ok(Usage {
        blocks: usage.blocks as f64,
        bytes: usage.bytes as f64,
        resident,
    })
}
