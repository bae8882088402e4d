//! Waiting for words of the arena: threads that sleep ([`block_on`](mod@block_on)), promises
//! ([`reactor`]), whose turn it is ([`fairness`]), and what others see of it ([`notes`]).

pub mod block_on;
pub mod fairness;
pub mod notes;
pub mod reactor;
mod spin;

pub use block_on::{
    SLICE, Spot, acquire, anywhere, block_on, block_to_the_end, bucket, bucket_of, wake,
};
pub use spin::{Habit, LOOK, Spin};
