//! Messages on their way out. What could not be written at once is kept and written later, in
//! order: once a byte of a message is on its way, the rest of it follows.

use std::io::IoSlice;

use super::Failure;
use super::frame::Header;
use crate::buffers;
use crate::sys::stream::{Mode, Stream};

#[derive(Default)]
pub struct Outgoing {
    /// What is still to be written: `kept[written..]`.
    kept: Vec<u8>,
    written: usize,
    /// Whether the other end may have seen a part of what is kept.
    has_begun: bool,
    /// What went wrong where nobody could be told.
    failure: Option<Failure>,
}

/// What came of an attempt to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    Done,
    /// The rest of it, or all, is kept to be written later.
    Kept,
}

impl Outgoing {
    /// Sends a message, behind what is kept.
    pub fn send(&mut self, target: &Stream, payload: &[u8], mode: Mode) -> Result<Sent, Failure> {
        let header = Header::new(payload.len());
        let header = header.as_bytes();
        if self.flush(target, mode, usize::MAX)? == Sent::Kept {
            self.keep(header, payload, false);
            return Ok(Sent::Kept);
        }
        let length = header.len() + payload.len();
        let mut sent = 0;
        while sent < length {
            let from = sent.saturating_sub(header.len());
            let parts = [
                IoSlice::new(&header[sent.min(header.len())..]),
                IoSlice::new(&payload[from..]),
            ];
            match target.write(&parts, mode)? {
                Some(count) => sent += count,
                None => {
                    let rest = &payload[sent.saturating_sub(header.len())..];
                    self.keep(&header[sent.min(header.len())..], rest, sent > 0);
                    return Ok(Sent::Kept);
                }
            }
        }
        Ok(Sent::Done)
    }

    fn keep(&mut self, header: &[u8], payload: &[u8], has_begun: bool) {
        if self.kept.is_empty() {
            self.kept = buffers::take(header.len() + payload.len());
            self.has_begun = has_begun;
        }
        self.kept.extend_from_slice(header);
        self.kept.extend_from_slice(payload);
    }

    /// Writes at most about `budget` bytes of what is kept.
    pub fn flush(&mut self, target: &Stream, mode: Mode, budget: usize) -> Result<Sent, Failure> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let stop = self.written.saturating_add(budget);
        while self.written < self.kept.len() {
            if self.written >= stop {
                return Ok(Sent::Kept);
            }
            let end = self.kept.len().min(stop);
            match target.write(&[IoSlice::new(&self.kept[self.written..end])], mode) {
                Ok(Some(count)) => {
                    self.written += count;
                    self.has_begun = true;
                }
                Ok(None) => return Ok(Sent::Kept),
                Err(errno) => {
                    self.forget();
                    return Err(errno.into());
                }
            }
        }
        self.forget();
        Ok(Sent::Done)
    }

    /// As [`flush`](Self::flush), without waiting; whether nothing is left to do here. A failure is
    /// told to whoever sends or flushes next.
    pub fn advance(&mut self, target: &Stream, budget: usize) -> bool {
        match self.flush(target, Mode::Try, budget) {
            Ok(sent) => sent == Sent::Done,
            Err(failure) => {
                self.failure = Some(failure);
                true
            }
        }
    }

    /// Forgets what is kept if the other end has seen nothing of it; whether that was so.
    pub fn withdraw(&mut self) -> bool {
        if self.has_begun {
            return false;
        }
        self.forget();
        true
    }

    fn forget(&mut self) {
        self.written = 0;
        self.has_begun = false;
        buffers::give(std::mem::take(&mut self.kept));
    }
}
