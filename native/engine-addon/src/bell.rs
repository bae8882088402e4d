//! Bells: descriptors that become readable when a wait has its outcome. So a thread can wait for objects of an engine and for
//! other descriptors at once, also while none of its JavaScript runs.
//!
//! A bell rings once, and is never read: what it has rung for is looked at by a step.

use std::cell::RefCell;
use std::collections::HashMap;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use napi_derive::napi;
use rustix::event::{EventfdFlags, eventfd};

use crate::args::{Error, Result};

/// A descriptor, which the thread that waits and those that tell it share.
pub struct Bell {
    descriptor: OwnedFd,
    has_rung: AtomicBool,
}

thread_local! {
    /// By the tickets of their waits.
    static BELLS: RefCell<HashMap<u32, Arc<Bell>>> = RefCell::default();
}

impl Bell {
    pub fn new() -> Result<Arc<Self>> {
        let descriptor = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(|error| Error::new("REFUSED".into(), format!("Cannot wait: {error}")))?;
        Ok(Arc::new(Self {
            descriptor,
            has_rung: AtomicBool::new(false),
        }))
    }

    pub fn ring(&self) {
        self.has_rung.store(true, SeqCst);
        // It fails only where it has rung 2^64 times.
        let _ = rustix::io::write(&self.descriptor, &1u64.to_ne_bytes());
    }

    /// Keeps it for this thread until [`close_bell`]; the number of its descriptor.
    pub fn keep(self: Arc<Self>, ticket: u32) -> i32 {
        let number = self.descriptor.as_raw_fd();
        BELLS.with_borrow_mut(|bells| bells.insert(ticket, self));
        number
    }
}

/// The isolate of this thread ends.
pub fn end_thread() {
    BELLS.take();
}

/// Whether the bell of that ticket has rung. One that was closed has.
#[napi]
pub fn has_rung(ticket: u32) -> bool {
    BELLS.with_borrow(|bells| bells.get(&ticket).is_none_or(|it| it.has_rung.load(SeqCst)))
}

/// Closes the descriptor of that ticket's bell.
#[napi]
pub fn close_bell(ticket: u32) {
    BELLS.with_borrow_mut(|bells| bells.remove(&ticket));
}
