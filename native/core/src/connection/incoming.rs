//! A message on its way in, which may stop at any byte and go on later.
//!
//! | state        | `length` | then                                                        |
//! | ------------ | -------- | ----------------------------------------------------------- |
//! | in header    | `None`   | T1: the header is whole → in body, or invalid               |
//! | in body      | `Some`   | T2: the body is whole → taken, → in header                  |
//! | invalid      | `None`   | for good: nobody knows where the next message begins        |
//!
//! I1: not a byte behind the message is read, so that another owner of the descriptor, in this
//! process or another, finds the next message untouched.
//! I2: memory grows with what has arrived, never with what the header announces. Where a receiver
//! is asked for memory of its own before all is there, that is at most [`AT_ONCE`] or [`LEAP`]
//! times what has arrived, and the pages beyond are not touched.

use std::time::Instant;

use super::Failure;
use super::frame::{self, Parsed};
use crate::sys::Errno;
use crate::sys::bytes::BytesMut;
use crate::sys::stream::{Mode, Stream};
use crate::wait::{Habit, Spin};

/// What is set aside for a body before any of it has come.
const FIRST_PIECE: u64 = 1024 * 1024;

/// The receiver of a message no longer than this is asked for memory as soon as it is announced; of a
/// longer one, once one [`LEAP`]th of it has come.
const AT_ONCE: u64 = 16 * 1024 * 1024;
/// The part of a message longer than [`AT_ONCE`] that must have come before its receiver is asked for
/// memory.
const LEAP: u64 = 8;

#[derive(Default)]
pub struct Incoming {
    header: [u8; frame::LONGEST],
    /// Bytes of the header that have come.
    filled: usize,
    length: Option<u64>,
    /// What has come of the body, unless it went straight to its receiver.
    body: Vec<u8>,
    /// An error that nobody could be told yet.
    failure: Option<Failure>,
    /// Whether a thread that blocks for the next message looks for it first.
    habit: Habit,
}

/// The outcome of an attempt to receive.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    /// So many bytes, in the target.
    Here(usize),
    /// A message of so many bytes, too long for the target: for
    /// [`receive_into`](Incoming::receive_into).
    Long(u64),
    /// Not all of it is there yet.
    NotYet,
    /// The other end was closed, and nothing is left.
    End,
}

/// How far a header has come.
enum Begun {
    Length(u64),
    NotYet,
    End,
}

impl Incoming {
    /// Whether a message is here as a whole, so that receiving it reads nothing.
    pub fn is_whole(&self) -> bool {
        self.length == Some(self.body.len() as u64)
    }

    /// Whether nothing has come of the next message, nor a failure.
    pub fn is_idle(&self) -> bool {
        self.filled == 0 && self.failure.is_none()
    }

    /// Passes on what came of an attempt to receive. After a failure of the descriptor, nothing
    /// follows of the message that had begun; it goes on later if only the wait for it was given up.
    pub fn settled(&mut self, received: Result<Received, Failure>) -> Result<Received, Failure> {
        match received {
            Err(Failure::Os(errno)) if errno != Errno::CANCELED => self.reset(),
            _ => {}
        }
        received
    }

    /// Receives a message of at most `limit` bytes into `target`, if it fits. [`Mode::Try`] tells
    /// of a longer one when all of it is here, [`Mode::Wait`] as soon as it may be believed.
    pub fn receive(
        &mut self,
        source: &Stream,
        target: BytesMut,
        limit: u64,
        mode: Mode,
    ) -> Result<Received, Failure> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let length = match self.begin(source, mode)? {
            Begun::Length(length) if length > limit => return Err(Failure::TooLong(length)),
            Begun::Length(length) => length,
            Begun::NotYet => return Ok(Received::NotYet),
            Begun::End => return Ok(Received::End),
        };
        if length <= target.len() as u64 {
            let (target, _) = target.split_at(length as usize);
            return self.receive_into(source, target, mode);
        }
        while !self.is_believable(length, mode) {
            if !self.read_body(source, length, mode)? {
                return Ok(Received::NotYet);
            }
        }
        Ok(Received::Long(length))
    }

    /// Whether enough of a message has come to ask for memory for all of it.
    fn is_believable(&self, length: u64, mode: Mode) -> bool {
        let come = self.body.len() as u64;
        come == length || mode == Mode::Wait && (length <= AT_ONCE || come >= length / LEAP)
    }

    /// Receives a message whose header has come; it has to be as long as `target`.
    pub fn receive_into(
        &mut self,
        source: &Stream,
        target: BytesMut,
        mode: Mode,
    ) -> Result<Received, Failure> {
        match self.length {
            Some(length) if length == target.len() as u64 => {}
            Some(length) => return Ok(Received::Long(length)),
            None => return Ok(Received::NotYet),
        }
        let before = self.body.len();
        target.fill(&self.body);
        let mut filled = before;
        while filled < target.len() {
            let read = source.read(target.split_at(filled).1, mode);
            match read {
                Ok(Some(0)) => return self.cut_off(),
                Ok(Some(count)) => filled += count,
                Ok(None) | Err(Errno::CANCELED) => {
                    let (come, _) = target.split_at(filled);
                    come.split_at(before).1.source().append_to(&mut self.body);
                    return read.map(|_| Received::NotYet).map_err(Failure::Os);
                }
                Err(errno) => return Err(errno.into()),
            }
        }
        self.reset();
        Ok(Received::Here(filled))
    }

    /// As [`receive`](Self::receive) with [`Mode::Try`], looking for a moment if the thread may.
    pub fn receive_soon(
        &mut self,
        source: &Stream,
        target: BytesMut,
        limit: u64,
    ) -> Result<Received, Failure> {
        let mut receive = || self.receive(source, target, limit, Mode::Try);
        let soon = Spin::new(Habit::default()).until(|| match receive() {
            Ok(Received::NotYet) => None,
            told => Some(told),
        });
        soon.unwrap_or_else(receive)
    }

    /// Reads at most about `budget` bytes, without waiting. Whether [`receive`](Self::receive) now
    /// has something to say: a message, an end or a failure.
    pub fn advance(&mut self, source: &Stream, limit: u64, budget: usize) -> bool {
        let step = self.try_advance(source, limit, budget);
        step.unwrap_or_else(|failure| {
            self.failure = Some(failure);
            true
        })
    }

    fn try_advance(&mut self, source: &Stream, limit: u64, budget: usize) -> Result<bool, Failure> {
        let length = match self.begin(source, Mode::Try)? {
            Begun::Length(length) => length,
            Begun::NotYet => return Ok(false),
            Begun::End => return Ok(true),
        };
        let stop = self.body.len().saturating_add(budget);
        while length <= limit && !self.is_whole() {
            if self.body.len() >= stop || !self.read_body(source, length, Mode::Try)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads the header, or what is still missing of it.
    fn begin(&mut self, source: &Stream, mode: Mode) -> Result<Begun, Failure> {
        if let Some(length) = self.length {
            return Ok(Begun::Length(length));
        }
        loop {
            let missing = match frame::parse(&self.header[..self.filled]) {
                Parsed::Needs(missing) => missing,
                Parsed::Length(length) => {
                    self.length = Some(length);
                    return Ok(Begun::Length(length));
                }
                Parsed::Invalid => return Err(Failure::InvalidLength),
            };
            let rest = &mut self.header[self.filled..self.filled + missing];
            let read = match mode {
                Mode::Wait if self.filled == 0 => await_first(source, rest, &mut self.habit),
                _ => source.read(rest, mode),
            };
            match read? {
                Some(0) if self.filled == 0 => return Ok(Begun::End),
                Some(0) => return self.cut_off(),
                Some(count) => self.filled += count,
                None => return Ok(Begun::NotYet),
            }
        }
    }

    /// Reads a piece of the body; `false` if there is none yet.
    fn read_body(&mut self, source: &Stream, length: u64, mode: Mode) -> Result<bool, Failure> {
        let missing = length - self.body.len() as u64;
        if self.body.capacity() == 0 {
            self.body = Vec::with_capacity(length.min(FIRST_PIECE) as usize);
        } else if self.body.capacity() == self.body.len() {
            let growth = missing.min(self.body.len() as u64) as usize;
            let grown = self.body.try_reserve_exact(growth);
            grown.map_err(|_| Failure::TooLong(length))?;
        }
        let most = usize::try_from(missing).unwrap_or(usize::MAX);
        match source.append(&mut self.body, most, mode)? {
            Some(0) => self.cut_off(),
            Some(_) => Ok(true),
            None => Ok(false),
        }
    }

    /// The state before the next message.
    fn reset(&mut self) {
        self.filled = 0;
        self.length = None;
        self.body = Vec::new();
    }

    /// Bytes of memory that the message has so far.
    #[cfg(test)]
    pub fn memory(&self) -> usize {
        self.body.capacity()
    }

    /// The other end was closed inside a message.
    fn cut_off<T>(&mut self) -> Result<T, Failure> {
        self.reset();
        Err(Failure::CutOff)
    }
}

/// Reads the first bytes of a message, which may be long in coming.
fn await_first(
    source: &Stream,
    target: &mut [u8],
    habit: &mut Habit,
) -> Result<Option<usize>, Errno> {
    let mut spin = Spin::new(*habit);
    let soon = spin.until(|| source.read(&mut *target, Mode::Try).transpose());
    let read = match soon {
        Some(read) => read.map(Some),
        None => {
            spin.sleeps(Instant::now());
            source.read(target, Mode::Wait)
        }
    };
    *habit = spin.end();
    read
}
