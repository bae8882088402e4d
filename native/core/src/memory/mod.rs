//! The memory that all processes of a tree share: one arena, and what is allocated in it.

pub mod arena;
pub mod heap;
pub mod views;
