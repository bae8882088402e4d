//! Process parallelism on shared memory: every mechanism of the library, and no JavaScript.
//!
//! | layer | modules |
//! | ----- | ------- |
//! | system | [`sys`]: one wrapper per system call |
//! | memory | [`arena`]: one memfd per process tree; [`heap`]: its blocks; [`table`]: its members |
//! | waiting | [`sync`]: state machines; [`wait`]: threads that sleep; `reactor`: promises |
//! | exchange | `ring`: queues; `process`: children |

pub mod arena;
pub mod error;
pub mod failpoint;
pub mod heap;
pub mod member;
pub mod mutex;
pub mod ring;
pub mod sync;
pub mod sys;
pub mod table;
pub mod wait;

pub use error::{Error, Result};
