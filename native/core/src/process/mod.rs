//! Processes of the tree: [`child`] is the parent's half of a start, [`join`](mod@join) the child's, and
//! [`greeting`] what they say to each other. [`output`] and [`forward`] are where a child writes.

pub mod child;
pub mod forward;
pub mod greeting;
pub mod join;
pub mod output;

pub use crate::sys::child::{Exit, Signal};
pub use child::{Child, Start, Work};
pub use greeting::{ARENA, Greeting, PARENT_SOCKET};
pub use join::{has_hung_up, has_mail, join, send_failure, take_over, wait_for_hang_up};
