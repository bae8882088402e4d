//! The primitives as blocks of the arena: where their words are, waiting, and waking.
//!
//! The state machines are in [`crate::sync`], the locks in [`crate::mutex`], and the waits of
//! promises in [`crate::reactor::operations`].

pub mod barrier;
pub mod condition;
pub mod event;
pub mod semaphore;

pub use barrier::Barrier;
pub use condition::Condition;
pub use event::Event;
pub use semaphore::Semaphore;
