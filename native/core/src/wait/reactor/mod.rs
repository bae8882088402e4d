//! Waiting without a blocked thread: one thread sleeps for all promises on words
//! ([`words`]), one for all descriptors ([`descriptors`]). Each starts at the first need.

pub mod descriptors;
pub mod operations;
pub mod words;

/// Names a wait, so that it can be cancelled.
pub type WaitId = u64;
