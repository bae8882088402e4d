//! Process parallelism on shared memory: every mechanism of the library, and no JavaScript.
//!
//! | layer | modules |
//! | ----- | ------- |
//! | system | [`sys`]: one wrapper per system call |
//! | memory | [`arena`]: one memfd per process tree; [`heap`]: its blocks; [`views`]: arrays that JavaScript has |
//! | members | [`table`]: who is in the tree; [`graves`]: who was |
//! | waiting | [`sync`]: state machines; [`wait`]: threads that sleep; [`reactor`]: promises; [`standing`]: for whom |
//! | primitives | [`mutex`]: locks; [`primitives`]: semaphores, events, conditions, barriers |
//! | exchange | `ring`: queues; [`connection`]: pipes and sockets; `process`: children |
//! | strangers | [`sockets`]: connections to processes outside the tree |
//!
//! Under `--cfg loom` only the state machines are compiled, on loom's atomics: tests/loom.rs
//! checks their interleavings.

#[cfg(not(loom))]
pub mod arena;
#[cfg(not(loom))]
pub mod cage;
#[cfg(not(loom))]
pub mod connection;
#[cfg(not(loom))]
pub mod error;
pub mod failpoint;
#[cfg(not(loom))]
pub mod fairness;
#[cfg(not(loom))]
pub mod forward;
#[cfg(not(loom))]
pub mod graves;
#[cfg(not(loom))]
pub mod heap;
#[cfg(not(loom))]
pub mod member;
#[cfg(not(loom))]
pub mod mutex;
#[cfg(not(loom))]
pub mod output;
#[cfg(not(loom))]
pub mod primitives;
#[cfg(not(loom))]
pub mod process;
#[cfg(not(loom))]
pub mod reactor;
#[cfg(not(loom))]
pub mod ring;
#[cfg(not(loom))]
pub mod sockets;
#[cfg(not(loom))]
pub mod standing;
pub mod sync;
#[cfg(not(loom))]
pub mod sys;
#[cfg(loom)]
pub mod sys {
    pub mod atomic;
}
#[cfg(not(loom))]
pub mod table;
#[cfg(not(loom))]
pub mod views;
#[cfg(not(loom))]
pub mod wait;

#[cfg(not(loom))]
pub use error::{Error, Result};
