//! The standard output and error of children, for JavaScript to read. Each belongs to the thread that
//! took it, which names it by a number.

use std::cell::RefCell;
use std::collections::HashMap;

use multiprocessing_core::process::output::{Chunk, Output};
use multiprocessing_core::wait::notes::Goal;
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;

use crate::abi::errors::{Result, to_js};
use crate::port;
use crate::tree::tree;

#[derive(Default)]
struct Outputs {
    open: HashMap<u32, Output>,
    last_id: u32,
}

thread_local! {
    static OUTPUTS: RefCell<Outputs> = RefCell::default();
}

/// Makes an output this thread's, which reads it alone; its number.
pub fn insert(output: Output) -> u32 {
    OUTPUTS.with_borrow_mut(|outputs| {
        outputs.last_id += 1;
        outputs.open.insert(outputs.last_id, output);
        outputs.last_id
    })
}

/// Closes all that this thread has.
pub fn close_all() {
    OUTPUTS.take();
}

/// What is done with an output; `None` if it is closed.
fn with<T>(id: u32, work: impl FnOnce(&Output) -> Result<T>) -> Result<Option<T>> {
    OUTPUTS.with_borrow(|outputs| outputs.open.get(&id).map(work).transpose())
}

/// The next bytes; none at the end, or once it is closed; `null` if there are none yet.
#[napi]
pub fn output_read(id: u32) -> Result<Option<Uint8Array>> {
    let chunk = with(id, |output| output.read().map_err(to_js))?;
    Ok(match chunk.unwrap_or(Chunk::End) {
        Chunk::Bytes(bytes) => Some(bytes.into()),
        Chunk::Nothing => None,
        Chunk::End => Some(Vec::new().into()),
    })
}

/// Lets the reactor wait until there is something to read; the ticket, or 0 if it is closed.
pub fn output_wait(id: u32) -> Result<u32> {
    let ticket = with(id, |output| {
        port::watch(Goal::Connection, |sink| {
            let told = Box::new(move || sink(0));
            tree()?
                .descriptors()?
                .watch(output.descriptor(), told)
                .map_err(to_js)
        })
    })?;
    Ok(ticket.unwrap_or(0))
}

/// Whether who writes may have to wait for a reader.
pub fn output_is_full(id: u32) -> Result<bool> {
    let is_full = with(id, |output| Ok(output.is_full()))?;
    Ok(is_full.unwrap_or(false))
}

/// Closes this end: who writes is told so. Again: nothing happens.
pub fn output_close(id: u32) {
    let closed = OUTPUTS.with_borrow_mut(|outputs| outputs.open.remove(&id));
    drop(closed);
}
