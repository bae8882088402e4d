//! Runs: many messages put, or taken, under one taking of a side's lock, with one waking at the end.
//!
//! In the memory of the caller, a run is a message behind the other: a head of [`HEAD`] bytes, and the
//! bytes of the message, padded to units.
//!
//! | word of the head | meaning                                                                   |
//! | ---------------- | ------------------------------------------------------------------------- |
//! | 0 (32 bits)      | number of bytes                                                           |
//! | 4 (32 bits)      | tag; [`ATTACHED`] more where the message, once taken, speaks of objects    |
//!
//! In the queue nothing tells a run from messages that were put one by one: each is published, or
//! taken, by a store of its own. So a process that is killed within a run has put, or taken, its
//! beginning, of whole messages; and both sides are at work on a run at the same time.

use super::segment::{UNIT, units_of};
use super::take::Target;
use super::{CONSUMERS_ASLEEP, CONSUMERS_LOCK, Message, PRODUCERS_LOCK};
use super::{Put, Queue, Take, Taken};
use crate::memory::heap::Hold;
use crate::sys::clock::Deadline;
use crate::{Error, Result};

/// Bytes before those of each message: one unit.
pub const HEAD: usize = UNIT as usize;
/// What is added to the tag of a message that speaks of shared objects.
pub const ATTACHED: u32 = 1 << 8;

/// The first message of a run, and what is behind it; `None` at its end.
fn split_first(run: &[u8]) -> Result<Option<(Message<'_>, &[u8])>> {
    let Some((head, rest)) = run.split_first_chunk::<HEAD>() else {
        return Ok(None);
    };
    let [a, b, c, d, e, f, g, h] = *head;
    let length = u32::from_ne_bytes([a, b, c, d]) as usize;
    let tag = u32::from_ne_bytes([e, f, g, h]) as u8;
    let Some(bytes) = rest.get(..length) else {
        return Err(Error::Exhausted {
            action: "put a run of messages",
            limit: format!("one has {length} bytes, and {} are there", rest.len()),
        });
    };
    let message = Message {
        tag,
        head: (&[]).into(),
        bytes: bytes.into(),
        attachments: &[],
    };
    Ok(Some((message, behind(rest, length))))
}

/// What comes behind the first `length` bytes and their padding.
fn behind(bytes: &[u8], length: usize) -> &[u8] {
    bytes.get(padded(length)..).unwrap_or_default()
}

fn padded(length: usize) -> usize {
    (units_of(length) * UNIT) as usize
}

impl Queue<'_> {
    /// Puts messages of a run in their order, as long as there is room: how many, and `Done`, or why
    /// no more. Where it puts some and fails then, it says so when it is called for the others.
    pub fn try_put_run(self, run: &[u8]) -> Result<(u32, Put)> {
        let mut count = 0;
        let put = self.locked(PRODUCERS_LOCK, || {
            let mut rest = run;
            while let Some((message, behind)) = split_first(rest)? {
                match self.append(&message, None) {
                    Ok(Put::Done) => {}
                    Err(_) if count > 0 => break,
                    other => return other,
                }
                count += 1;
                rest = behind;
            }
            Ok(Put::Done)
        });
        if count > 0 {
            self.wake_some(CONSUMERS_ASLEEP, self.filled_word(), count);
        }
        Ok((count, put?))
    }

    /// As [`try_put_run`](Self::try_put_run), waiting until `deadline` for room for the first; as
    /// [`put`](Self::put) waits.
    pub fn put_run(self, run: &[u8], deadline: Deadline) -> Result<(u32, Put)> {
        loop {
            let (count, put) = self.try_put_run(run)?;
            if count > 0 || put != Put::Full {
                return Ok((count, put));
            }
            if let Some(put) = self.without_room(deadline) {
                return Ok((0, put));
            }
        }
    }

    /// Takes messages into `target`, as a run: those that are there, in their order, up to `most`, and
    /// as many as there is room for. How many, and what keeps that alive of which the last one speaks:
    /// none comes behind one that speaks of shared objects.
    pub fn try_take_run(self, target: &mut [u8], most: u32) -> Result<(u32, Vec<Hold>)> {
        if !self.is_own() || self.looks_empty() {
            return Ok((0, Vec::new()));
        }
        let (mut count, mut holds) = (0, Vec::new());
        let taken = self.locked(CONSUMERS_LOCK, || {
            let mut rest = target;
            while count < most && holds.is_empty() {
                let Some((head, room)) = std::mem::take(&mut rest).split_first_chunk_mut::<HEAD>()
                else {
                    break;
                };
                let taken = match self.take_first(Target::Buffer((&mut *room).into())) {
                    Ok(Take::Message(taken)) => taken,
                    Err(error) if count == 0 => return Err(error),
                    // One that cannot be taken stays, and says so when it is the first.
                    _ => break,
                };
                count += 1;
                *head = head_of(&taken);
                rest = room.get_mut(padded(taken.length)..).unwrap_or_default();
                holds = taken.attachments;
            }
            Ok(())
        });
        if count > 0 {
            self.wake_producers(count);
        }
        taken.map(|()| (count, holds))
    }
}

/// The head of a message that was taken.
fn head_of(taken: &Taken) -> [u8; HEAD] {
    let is_plain = taken.attachments.is_empty();
    let attached = if is_plain { 0 } else { ATTACHED };
    let mut head = [0; HEAD];
    let (length, tag) = head.split_at_mut(HEAD / 2);
    length.copy_from_slice(&(taken.length as u32).to_ne_bytes());
    tag.copy_from_slice(&(u32::from(taken.tag) | attached).to_ne_bytes());
    head
}
