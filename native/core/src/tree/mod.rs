//! Who belongs to the tree, and what each holds.

pub mod graves;
pub mod member;
pub mod processes;
pub mod threads;
