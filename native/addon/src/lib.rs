//! What TypeScript sees of the core: flat functions of numbers, strings and buffers.
//!
//! Nothing is decided here. Blocks are named by their numbers, times are milliseconds, expected
//! outcomes are numbers (documented at each function), everything else is thrown with a `code`
//! that `src/addon/translate.ts` turns into an error class.

#![cfg_attr(
    test,
    allow(
        dead_code,
        unused_imports,
        reason = "Node-API is only there inside a runtime: the addon is tested from JavaScript"
    )
)]

mod children;
mod connections;
mod errors;
mod isolate;
mod locks;
mod memory;
mod notes;
mod numeric;
mod outputs;
mod port;
mod primitives;
mod queues;
mod quick;
mod sockets;
mod tree;
mod views;
mod warm;

use napi_derive::napi;

/// Grows with every change of these functions' meaning; `src/addon/load.ts` wants exactly this one.
pub const ABI: u32 = 1;

/// The number that `src/addon/load.ts` compares before it calls anything else.
#[napi]
pub fn abi() -> u32 {
    ABI
}
