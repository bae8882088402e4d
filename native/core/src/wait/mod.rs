//! Waiting for words of the arena: threads that sleep ([`block_on`](mod@block_on)), promises
//! ([`reactor`]), and whose turn it is ([`fairness`]).

pub mod block_on;
pub mod fairness;
pub mod reactor;
mod spin;

pub use block_on::{SLICE, acquire, anywhere, block_on, block_to_the_end, bucket, bucket_of, wake};
pub use spin::spinning_helps;
