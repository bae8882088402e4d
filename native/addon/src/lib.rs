//! What TypeScript sees of the core: flat functions of numbers, strings and buffers.
//!
//! Blocks are named by their numbers, times are milliseconds, and expected outcomes are numbers of
//! [`abi::numbers`]. Everything else is thrown with a `code` that `src/addon/translate.ts` turns into an
//! error class. What belongs to one isolate of JavaScript is kept here, and given back when it ends
//! ([`isolate`]); so are this process's membership and its children.

#![cfg_attr(
    test,
    allow(
        dead_code,
        unused_imports,
        reason = "Node-API is only there inside a runtime: the addon is tested from JavaScript"
    )
)]

mod abi;
mod cage;
mod children;
mod connections;
mod host;
mod isolate;
mod live;
mod memory;
mod named;
mod output;
mod port;
mod queues;
mod sockets;
mod synchronize;
mod tree;
mod views;
mod warm;
mod workers;
