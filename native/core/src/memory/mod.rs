//! The memory that all processes of a tree share: one arena, and what is allocated in it; and blocks that have names,
//! which programs outside of the tree share as well.

pub mod arena;
pub mod heap;
pub mod named;
pub mod views;
