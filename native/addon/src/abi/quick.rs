//! The shortest way between JavaScript and the addon: `Deno.dlopen`, for the two functions that are
//! called for every message. V8 compiles a call of them into the caller, for 10 ns; by Node-API it
//! takes 80 to 100 (numeric.rs).
//!
//! Nothing can be thrown here and nothing may wait. If a function cannot do its work at once, it
//! does nothing, and JavaScript calls the function of the same name in `numeric.rs`.
#![expect(unsafe_code, reason = "names that the dynamic linker finds")]

use std::panic::catch_unwind;

use super::numbers::{get_status, put_status};
use crate::queues::{queue_get, queue_put};

/// [`queue_put`] if there is room at once: `DONE` of [`put_status`]. Anything else: nothing has happened.
#[unsafe(no_mangle)]
pub extern "C" fn multiprocessing_queue_put(id: u32, length: u32) -> u32 {
    match catch_unwind(|| queue_put(id, length, 0.0)) {
        Ok(Ok(put_status::DONE)) => put_status::DONE,
        _ => put_status::FULL,
    }
}

/// [`queue_get`] if there is something at once: not negative if it is done. Else nothing has
/// happened.
#[unsafe(no_mangle)]
pub extern "C" fn multiprocessing_queue_get(id: u32) -> f64 {
    match catch_unwind(|| queue_get(id, 0.0, false)) {
        Ok(Ok(number)) => number,
        _ => get_status::EMPTY.into(),
    }
}
