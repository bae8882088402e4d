//! Process parallelism on shared memory: every mechanism of the library.
//!
//! The *host* is the program in whose processes this runs, with the runtime that runs it. The host calls
//! these functions, names blocks by their numbers, sees the cells of the arena, and does the quick steps
//! of locks, semaphores and events by itself. Nothing here depends on what language the host is written
//! in or by what interface it calls: only [`cage`] reads the runtime's own flags.
//!
//! | layer | modules |
//! | ----- | ------- |
//! | system | [`sys`]: one wrapper per system call |
//! | memory | [`memory`]: one memfd per process tree, its blocks, and arrays that are mapped onto them |
//! | tree | [`tree`]: who belongs to it, who did, and what each holds |
//! | waiting | [`sync`]: state machines; [`wait`]: threads that sleep, promises |
//! | primitives | [`primitives`]: locks, semaphores, events, conditions, barriers |
//! | exchange | [`queue`]: queues; [`connection`]: pipes and sockets; [`process`]: children |
//! | strangers | [`sockets`]: connections to processes outside the tree |
//! | sight | [`live`]: trees as an outside process sees them |
//! | permissions | [`cage`]: what a process with limited permissions may do |
//!
//! Under `--cfg loom` only the state machines are compiled, on loom's atomics: tests/loom.rs
//! checks their interleavings.

#[cfg(not(loom))]
pub mod cage;
#[cfg(not(loom))]
pub mod connection;
#[cfg(not(loom))]
pub mod error;
pub mod failpoint;
#[cfg(not(loom))]
pub mod live;
#[cfg(not(loom))]
pub mod memory;
#[cfg(not(loom))]
pub mod primitives;
#[cfg(not(loom))]
pub mod process;
#[cfg(not(loom))]
pub mod queue;
#[cfg(not(loom))]
pub mod sockets;
pub mod sync;
#[cfg(not(loom))]
pub mod sys;
#[cfg(loom)]
pub mod sys {
    pub mod atomic;
}
#[cfg(not(loom))]
pub mod tree;
#[cfg(not(loom))]
pub mod wait;

#[cfg(not(loom))]
pub use error::{Error, Result};
