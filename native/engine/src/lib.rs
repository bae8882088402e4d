//! A process's membership in a tree on an engine: a Redis or Valkey server that carries out steps.
//!
//! A step is one call of one function of the library in `src/engine/library/`; see its frame for what it is given and
//! answers. This crate knows no JavaScript.
//!
//! | part         | what it owns                                                               |
//! | ------------ | -------------------------------------------------------------------------- |
//! | [`target`]   | the URL: where the engine is, and as whom to speak to it                   |
//! | [`several`]  | URLs that name several servers                                             |
//! | [`asking`]   | servers that are asked where the engine is                                 |
//! | [`group`]    | which server of those that sentinels watch is the engine                   |
//! | [`cluster`]  | which server of a cluster is the engine                                    |
//! | [`wire`]     | steps as bytes, and bytes as answers                                       |
//! | [`server`]   | what kind of server it is, and the library of functions in it              |
//! | [`library`]  | the text of that library                                                   |
//! | [`ready`]    | the way to an engine, before a session begins there                        |
//! | [`link`]     | one connection, which is made anew when it breaks                          |
//! | [`witness`]  | what this process knows that the engine has done                           |
//! | [`durability`] | what an answer has outlived before it counts                             |
//! | [`promises`] | lane 0: steps of promises, in their order, by a thread of its own          |
//! | [`mailbox`]  | the reader of what is answered later                                       |
//! | [`blocking`] | the lane of a thread that blocks                                           |
//! | [`beat`]     | the lease of this process and its children, and what happens when it is out |
//! | [`farewell`] | what leaves a tree for a process that is no more                           |
//! | [`session`]  | all of it                                                                  |

pub mod asking;
pub mod beat;
pub mod blocking;
pub mod cluster;
pub mod durability;
pub mod error;
pub mod farewell;
pub mod group;
pub mod library;
pub mod link;
pub mod mailbox;
pub mod promises;
mod ready;
pub mod server;
pub mod session;
pub mod several;
pub mod target;
pub mod wire;
pub mod witness;

pub use error::{Error, Kind, Result};
