//! Named shared memory as SharedArrayBuffers: see `core::memory::named`.
#![expect(unsafe_code, reason = "memory that V8 owns")]

use std::cell::Cell;

use multiprocessing_core::memory::named::{self, Fate, Named};
use multiprocessing_core::sys::named::Identity;
use napi::Env;
use napi::bindgen_prelude::Unknown;
use napi_derive::napi;

use crate::abi::errors::{Result, state, to_js};
use crate::tree::tree;
use crate::views::{new_buffer, shown, watch};

thread_local! {
    /// Which file is under the last buffer that was made in this thread.
    static MADE: Cell<Identity> = const { Cell::new(Identity { device: 0, inode: 0 }) };
}

/// A SharedArrayBuffer over a new block of `size` zero bytes, which this process owns if it is told to.
#[napi(ts_return_type = "SharedArrayBuffer")]
pub fn named_create(env: &Env, name: String, size: f64, owns: bool) -> Result<Unknown<'_>> {
    let block = named::create(&name, size as u64, owns).map_err(to_js)?;
    show(env, &block).inspect_err(|_| {
        let _ = named::unlink(&name, block.identity);
    })
}

/// A SharedArrayBuffer over the block of that name.
#[napi(ts_return_type = "SharedArrayBuffer")]
pub fn named_attach(env: &Env, name: String) -> Result<Unknown<'_>> {
    show(env, &named::open(&name).map_err(to_js)?)
}

fn show<'env>(env: &'env Env, block: &Named) -> Result<Unknown<'env>> {
    if block.size == 0 {
        return Err(state(
            "Cannot attach to shared memory: it is empty; its creator has not given it a size yet",
        ));
    }
    let views = &tree()?.views;
    let buffer = new_buffer(env, block.size)?;
    // SAFETY: the whole memory of the buffer just made, which has that size.
    let ticket = unsafe { views.show_file(block.file(), block.size, buffer.address) };
    watch(env, buffer.object, ticket.map_err(to_js)?, block.size)?;
    MADE.set(block.identity);
    shown(env, &buffer)
}

/// Which file is under the buffer that this thread has made last.
#[napi]
pub fn named_made() -> String {
    let Identity { device, inode } = MADE.get();
    format!("{device:x}:{inode:x}")
}

fn identity_of(text: &str) -> Result<Identity> {
    let number = |text| u64::from_str_radix(text, 16).ok();
    let parts = text.split_once(':');
    parts
        .and_then(|(device, inode)| Some((number(device)?, number(inode)?)))
        .map(|(device, inode)| Identity { device, inode })
        .ok_or_else(|| state("Cannot tell which shared memory is meant: its identity is malformed"))
}

/// Removes the name of a block, if the same file still has it; whether it had.
#[napi]
pub fn named_unlink(name: String, identity: String) -> Result<bool> {
    named::unlink(&name, identity_of(&identity)?).map_err(to_js)
}

/// Has this process own a block that another one has created and still owns; whether it is there.
#[napi]
pub fn named_own(name: String, identity: String) -> Result<bool> {
    named::own(&name, identity_of(&identity)?).map_err(to_js)
}

/// Has this process own a block no more: another one does.
#[napi]
pub fn named_disown(identity: String) -> Result<()> {
    named::disown(identity_of(&identity)?);
    Ok(())
}

/// What is known of a block that an owner may have left; one that was left loses its name, if it is to.
#[napi]
pub fn named_reclaim(name: String, remove: bool) -> Result<String> {
    let fate = named::reclaim(&name, remove).map_err(to_js)?;
    let word = match fate {
        Fate::NotOurs => "foreign",
        Fate::Owned => "owned",
        Fate::Mapped => "mapped",
        Fate::Unknown => "unknown",
        Fate::Left => "left",
    };
    Ok(word.to_owned())
}
