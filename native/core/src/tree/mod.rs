//! The processes and threads of the tree, and what each process holds.

pub mod graves;
pub mod member;
pub mod processes;
pub mod threads;
