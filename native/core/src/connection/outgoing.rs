//! Messages on their way out. Bytes that could not be written at once are kept and written later,
//! in order: once a byte of a message is on its way, the rest of it follows.

use super::Failure;
use crate::sys::Errno;
use crate::sys::bytes::Bytes;
use crate::sys::stream::{Mode, Stream};

#[derive(Default)]
pub struct Outgoing {
    /// What is still to be written: `kept[written..]`.
    kept: Vec<u8>,
    written: usize,
    /// Whether the other end may have seen a part of what is kept.
    has_begun: bool,
    /// An error that nobody could be told yet.
    failure: Option<Failure>,
}

/// The outcome of an attempt to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    Done,
    /// The rest of it, or all, is kept to be written later.
    Kept,
}

impl Outgoing {
    /// Whether nothing is kept.
    pub fn is_idle(&self) -> bool {
        self.kept.is_empty()
    }

    /// Sends a message in two parts, behind what is kept. If the wait is given up (`ECANCELED`), nothing of it
    /// is sent or kept.
    pub fn send(
        &mut self,
        target: &Stream,
        [first, second]: [Bytes; 2],
        mode: Mode,
    ) -> Result<Sent, Failure> {
        if self.flush(target, mode, usize::MAX)? == Sent::Kept {
            self.keep([first, second], false);
            return Ok(Sent::Kept);
        }
        let mut sent = 0;
        while sent < first.len() + second.len() {
            let rest = [
                first.split_at(sent).1,
                second.split_at(sent.saturating_sub(first.len())).1,
            ];
            match target.write(rest, mode) {
                Ok(Some(count)) => sent += count,
                Err(Errno::CANCELED) if sent == 0 => return Err(Errno::CANCELED.into()),
                // The other end has seen its beginning, so that the wait for its end may be given up, but not
                // the message.
                Ok(None) | Err(Errno::CANCELED) => {
                    self.keep(rest, sent > 0);
                    return Ok(Sent::Kept);
                }
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(Sent::Done)
    }

    fn keep(&mut self, parts: [Bytes; 2], has_begun: bool) {
        if self.kept.is_empty() {
            self.kept = Vec::with_capacity(parts[0].len() + parts[1].len());
            self.has_begun = has_begun;
        }
        parts.iter().for_each(|part| part.append_to(&mut self.kept));
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
            let rest = Bytes::from(&self.kept[self.written..end]);
            match target.write([rest, Bytes::from(&[])], mode) {
                Ok(Some(count)) => {
                    self.written += count;
                    self.has_begun = true;
                }
                Ok(None) => return Ok(Sent::Kept),
                Err(Errno::CANCELED) => return Err(Errno::CANCELED.into()),
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
    /// told to the next send or flush.
    pub fn advance(&mut self, target: &Stream, budget: usize) -> bool {
        match self.flush(target, Mode::Try, budget) {
            Ok(sent) => sent == Sent::Done,
            Err(failure) => {
                self.failure = Some(failure);
                true
            }
        }
    }

    /// Forgets the bytes that are kept, if the other end has seen none of their message; whether
    /// that was so. A message that has been written as a whole meanwhile is not kept any more.
    pub fn withdraw(&mut self) -> bool {
        if self.has_begun || self.is_idle() {
            return false;
        }
        self.forget();
        true
    }

    fn forget(&mut self) {
        self.written = 0;
        self.has_begun = false;
        self.kept = Vec::new();
    }
}
