//! The core as plain C functions, for processes of the tree that run another language: Python by `ctypes`
//! (python/deno_multiprocessing). include/multiprocessing.h is the manual, with a section for each file here.
//!
//! - [`border`]: how every function is entered and left.
//! - [`error`]: why the last call failed.
//! - [`member`]: this process's place in the tree.
//! - [`objects`]: handles of blocks, and where their bytes are.
//! - [`queues`], [`connections`]: messages, and what they speak of.
//! - [`synchronize`]: locks, semaphores, events, conditions and barriers.
//! - [`waiting`]: waits that end for signals.
//! - [`words`]: words of shared memory that several write to.

mod border;
mod connections;
mod error;
mod member;
mod objects;
mod queues;
mod synchronize;
mod waiting;
mod words;
