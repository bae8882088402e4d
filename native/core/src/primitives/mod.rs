//! The primitives as blocks of the arena: where their words are, waiting, and waking.
//!
//! The state machines are in [`crate::sync`]. Each primitive brings what a promise does that waits for it
//! ([`Operation`](crate::wait::reactor::words::Operation)), and says as what number its outcome is told.

pub mod barrier;
pub mod condition;
pub mod event;
pub mod lock;
pub mod semaphore;

pub use barrier::Barrier;
pub use condition::Condition;
pub use event::Event;
pub use lock::Lock;
pub use semaphore::Semaphore;
