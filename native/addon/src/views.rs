//! Blocks as SharedArrayBuffers.
//!
//! V8 takes the memory of an ordinary ArrayBuffer for its own: `sort()` and `TextDecoder.decode()` of
//! one that others write meanwhile end the process. What users see of the arena is therefore a
//! growable SharedArrayBuffer, `new SharedArrayBuffer(n, { maxByteLength: n })`: V8 gives it whole
//! pages of its own, under which the block's pages are put (`core::views`).
//!
//! The buffers are made here, by the constructors that there were when the addon was loaded, and not
//! given by JavaScript: under another buffer there is memory of V8's own.
#![expect(unsafe_code, reason = "Node-API itself, and memory that V8 owns")]

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;

use multiprocessing_core::memory::heap::Kind;
use multiprocessing_core::memory::views::ViewTicket;
use napi::bindgen_prelude::{FromNapiValue, Unknown};
use napi::{Env, JsValue, sys};
use napi_derive::napi;

use crate::abi::bytes::ByteArray;
use crate::abi::errors::{Error, Result, from_napi, state, to_js};
use crate::tree::tree;

/// Makes a buffer of so many bytes and a view of it. Its constructors are those that there were before
/// the program could change them. One call of it takes less than five of Node-API's.
const MAKER: &str = "((Buffer, View) => (n) => new View(new Buffer(n, { maxByteLength: n })))\
    (SharedArrayBuffer, Uint8Array)";

thread_local! {
    /// What [`MAKER`] gives in this isolate.
    static MAKE: Cell<sys::napi_ref> = const { Cell::new(ptr::null_mut()) };
    /// How a message names the block under the last buffer that was made in this thread.
    static MADE: Cell<(u32, u32)> = const { Cell::new((0, 0)) };
}

/// Remembers the constructors; call it when the addon is loaded into an isolate.
pub fn remember_constructors(env: Env) -> napi::Result<()> {
    let script = env.create_string(MAKER)?;
    let (mut make, mut reference) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: Node-API is called on its own thread with a live `env` and values.
    check(unsafe { sys::napi_run_script(env.raw(), script.raw(), &mut make) })?;
    // SAFETY: as above.
    check(unsafe { sys::napi_create_reference(env.raw(), make, 1, &mut reference) })?;
    MAKE.set(reference);
    Ok(())
}

fn check(status: sys::napi_status) -> napi::Result<()> {
    if status == sys::Status::napi_ok {
        return Ok(());
    }
    Err(napi::Error::from_status(napi::Status::from(status)))
}

/// A buffer and where its memory begins.
pub struct Buffer {
    pub object: sys::napi_value,
    pub address: usize,
}

/// A new buffer of `size` bytes. Fails where V8 has no memory for it.
pub fn new_buffer(env: &Env, size: u64) -> Result<Buffer> {
    let make = MAKE.get();
    if make.is_null() {
        return Err(state(
            "Cannot share an array: the addon was not loaded in this thread",
        ));
    }
    let (mut function, mut this, mut length) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
    let mut view = ptr::null_mut();
    let raw = env.raw();
    // SAFETY: on the isolate's own thread, whose live reference `make` is.
    unsafe { sys::napi_get_reference_value(raw, make, &mut function) };
    // SAFETY: on the isolate's own thread.
    unsafe { sys::napi_get_undefined(raw, &mut this) };
    // SAFETY: as above.
    unsafe { sys::napi_create_double(raw, size as f64, &mut length) };
    // SAFETY: as above, with the values that were made just now.
    let status = unsafe { sys::napi_call_function(raw, this, function, 1, &length, &mut view) };
    if status == sys::Status::napi_ok {
        return look_at(env, view);
    }
    let mut thrown = ptr::null_mut();
    // SAFETY: as above; what was thrown is told below.
    unsafe { sys::napi_get_and_clear_last_exception(env.raw(), &mut thrown) };
    Err(Error::new(
        String::from("EXHAUSTED"),
        "Cannot allocate shared memory: this process has no address space left to see it in",
    ))
}

/// The buffer of a view, and where the view's first byte is.
fn look_at(env: &Env, view: sys::napi_value) -> Result<Buffer> {
    let (mut kind, mut length, mut data) = (0, 0, ptr::null_mut());
    let (mut buffer, mut offset) = (ptr::null_mut(), 0);
    // SAFETY: on the isolate's own thread; Node-API fails for what is no typed array.
    let status = unsafe {
        sys::napi_get_typedarray_info(
            env.raw(),
            view,
            &mut kind,
            &mut length,
            &mut data,
            &mut buffer,
            &mut offset,
        )
    };
    if status == sys::Status::napi_ok && !data.is_null() {
        Ok(Buffer {
            object: buffer,
            address: data as usize,
        })
    } else {
        Err(state(
            "Cannot share an array: what was given is not a typed array",
        ))
    }
}

/// Has `ticket` given back when the object is collected, and V8 know what its memory costs: otherwise
/// it would see no reason to collect.
pub fn watch(env: &Env, object: sys::napi_value, ticket: ViewTicket, size: u64) -> Result<()> {
    let data = Box::into_raw(Box::new((ticket, size))).cast();
    let (finalizer, hint) = (Some(finalize as _), ptr::null_mut());
    // SAFETY: on the isolate's own thread; `finalize` takes the box back.
    let added = unsafe {
        sys::napi_add_finalizer(env.raw(), object, data, finalizer, hint, ptr::null_mut())
    };
    if added == sys::Status::napi_ok {
        // SAFETY: on the isolate's own thread.
        unsafe { adjust(env.raw(), size.cast_signed()) };
    } else {
        // SAFETY: nobody else has the box that was made above.
        drop(unsafe { Box::from_raw(data.cast::<(ViewTicket, u64)>()) });
    }
    check(added).map_err(from_napi)
}

unsafe extern "C" fn finalize(env: sys::napi_env, data: *mut c_void, _hint: *mut c_void) {
    // SAFETY: what `watch` made, once.
    let (ticket, size) = *unsafe { Box::from_raw(data.cast::<(ViewTicket, u64)>()) };
    if let Ok(tree) = tree() {
        tree.views.finalize(ticket);
    }
    // SAFETY: the environment whose object it was.
    unsafe { adjust(env, -size.cast_signed()) };
}

/// # Safety
///
/// `env` is that of this thread.
unsafe fn adjust(env: sys::napi_env, change: i64) {
    let mut total = 0;
    // SAFETY: as the caller has promised.
    unsafe { sys::napi_adjust_external_memory(env, change, &mut total) };
}

/// A SharedArrayBuffer over a new block of zeroes.
#[napi(ts_return_type = "SharedArrayBuffer")]
pub fn view_create(env: &Env, size: f64) -> Result<Unknown<'_>> {
    create(env, Kind::View, size)
}

/// As [`view_create`], of a [`Kind::Loan`].
#[napi(ts_return_type = "SharedArrayBuffer")]
pub fn loan_create(env: &Env, size: f64) -> Result<Unknown<'_>> {
    create(env, Kind::Loan, size)
}

fn create(env: &Env, kind: Kind, size: f64) -> Result<Unknown<'_>> {
    let tree = tree()?;
    let size = (size as u64).max(1);
    tree.member.require_possible(size).map_err(to_js)?;
    let buffer = new_buffer(env, size)?;
    // SAFETY: the whole memory of the buffer just made.
    let (block, ticket) =
        unsafe { tree.views.create(kind, size, buffer.address) }.map_err(to_js)?;
    watch(env, buffer.object, ticket, size)?;
    MADE.set((block.id, block.generation));
    shown(env, &buffer)
}

/// The number and the generation of the block under the buffer that this thread has made last.
#[napi]
pub fn view_made() -> Vec<u32> {
    let (block, generation) = MADE.get();
    vec![block, generation]
}

/// A SharedArrayBuffer over a block of [`Kind::View`] that this process holds.
#[napi(ts_return_type = "SharedArrayBuffer")]
pub fn view_open(env: &Env, id: u32) -> Result<Unknown<'_>> {
    open(env, Kind::View, id)
}

/// As [`view_open`], of a [`Kind::Loan`].
#[napi(ts_return_type = "SharedArrayBuffer")]
pub fn loan_open(env: &Env, id: u32) -> Result<Unknown<'_>> {
    open(env, Kind::Loan, id)
}

/// Copies the first bytes of a block of [`Kind::Loan`] that this process holds, as many as `target` has.
#[napi]
pub fn loan_read(id: u32, target: ByteArray) -> Result<()> {
    let member = &tree()?.member;
    let block = member.block(id, Kind::Loan).map_err(to_js)?;
    let target = target.target();
    if target.len() as u64 > block.size {
        return Err(state("Cannot read a loan: it is shorter than that"));
    }
    member.arena().read(block.offset, target);
    Ok(())
}

fn open(env: &Env, kind: Kind, id: u32) -> Result<Unknown<'_>> {
    let tree = tree()?;
    let size = tree.member.block(id, kind).map_err(to_js)?.size;
    let buffer = new_buffer(env, size)?;
    // SAFETY: the whole memory of the buffer just made, which has that size.
    let (block, ticket) = unsafe { tree.views.open(kind, id, buffer.address) }.map_err(to_js)?;
    if block.size != size {
        return Err(state("Cannot share an array: its block has changed"));
    }
    watch(env, buffer.object, ticket, size)?;
    shown(env, &buffer)
}

pub fn shown<'env>(env: &'env Env, buffer: &Buffer) -> Result<Unknown<'env>> {
    // SAFETY: a live value of this isolate.
    unsafe { Unknown::from_napi_value(env.raw(), buffer.object) }.map_err(from_napi)
}

/// The block under a SharedArrayBuffer, which another thread of this process may have posted: its
/// number and generation. `null` if it is none of a block. `view` begins where the buffer does.
#[napi]
pub fn view_find(env: &Env, buffer: Unknown, view: Unknown) -> Result<Option<Vec<u32>>> {
    let Some((block, ticket)) = tree()?.views.find(look_at(env, view.raw())?.address) else {
        return Ok(None);
    };
    watch(env, buffer.raw(), ticket, 0)?;
    Ok(Some(vec![block.id, block.generation]))
}

/// Lets the block under a buffer go, which has private zeroes from then on. `view` begins where the
/// buffer does, and nobody else has one of it.
#[napi]
pub fn view_close(env: &Env, view: Unknown) -> Result<()> {
    let address = look_at(env, view.raw())?.address;
    // SAFETY: the table has the address only of buffers made here; code that still uses one sees
    // zeroes.
    unsafe { tree()?.views.close(address) }.map_err(to_js)
}

/// Lets go of all blocks under buffers that are gone, noticed or not.
#[napi]
pub fn view_look_again() -> Result<()> {
    tree()?.views.look_again();
    Ok(())
}

/// Has V8 collect all garbage, as if it had nearly no memory left.
#[napi]
pub fn collect_garbage(env: &Env) {
    const MUCH: i64 = 1 << 42;
    for change in [MUCH, -MUCH] {
        // SAFETY: on the isolate's own thread.
        unsafe { adjust(env.raw(), change) };
    }
}
