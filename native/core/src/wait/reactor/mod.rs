//! Waiting without a blocked thread: one thread sleeps for all promises on words
//! ([`words`]), one for all descriptors ([`descriptors`]). Each starts at the first need. What is waited
//! for is not known here: whoever can be waited for brings an [`Operation`](words::Operation).

pub mod descriptors;
mod telling;
pub mod words;

/// Names a wait, so that it can be cancelled.
pub type WaitId = u64;
