//! What both addons have in common at the border to JavaScript.

pub mod arrays;
pub mod ring;
