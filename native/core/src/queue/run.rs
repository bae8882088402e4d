//! Runs: many messages put, or taken, under one taking of a side's lock, with one waking at the end.
//!
//! In the memory of the caller, a run is a message behind the other, each as it is in a ring: a header
//! of one unit, which says the same as there, and the bytes, padded to units. So whole *pieces* of a
//! run are copied to and from the ring at once.
//!
//! | half of the header | meaning                                                                  |
//! | ------------------ | ------------------------------------------------------------------------ |
//! | low 32 bits        | number of bytes                                                          |
//! | high 32 bits       | as many [`TAG`] as the tag says; below that, how many shared objects the message speaks of: none, in a run to be put |
//!
//! In the queue nothing tells a run from messages that were put one by one. A piece, of about
//! [`PIECE_LENGTH`] bytes, is published, or taken, by one store: so a process that is killed within a run has
//! put, or taken, its beginning, of whole messages; and both sides are at work on a run at the same
//! time, without the line of a mark going to and fro for each message. A piece ends where a segment
//! does, or the room. What a joinable queue gives out goes one by one, since its ledger counts each.

use std::sync::atomic::Ordering::{Relaxed, Release};

use super::segment::{UNIT, units_of};
use super::take::{Header, Target};
use super::{
    CONSUMERS_ASLEEP, CONSUMERS_LOCK, HEAD as HEAD_MARK, HEAD_SEEN, LEDGER, Mark, PRODUCERS_LOCK,
    TAIL, TAIL_SEEN,
};
use super::{Phase, Put, Queue, Take, Taken};
use crate::failpoint::failpoint;
use crate::memory::heap::Hold;
use crate::sys::clock::Deadline;
use crate::{Error, Result};

/// Bytes before those of each message: one unit.
pub const HEAD: usize = UNIT as usize;
/// What one is in a tag, in the high half of a header.
pub const TAG: u32 = 1 << 24;

/// Bytes after which a piece ends: so much is copied while the other side has a line of marks, and
/// so much is lost of what a killed process had begun to put.
const PIECE_LENGTH: usize = 4096;

/// The header of a message, as it is in memory.
fn word_of([a, b, c, d, e, f, g, h]: [u8; HEAD]) -> (usize, u32) {
    let length = u32::from_ne_bytes([a, b, c, d]) as usize;
    (length, u32::from_ne_bytes([e, f, g, h]))
}

/// The length of the first message of a run that is to be put; `None` at its end.
fn first_length(run: &[u8]) -> Result<Option<usize>> {
    let refuse = |limit| {
        Err(Error::Exhausted {
            action: "put a run of messages",
            limit,
        })
    };
    let Some((head, rest)) = run.split_first_chunk::<HEAD>() else {
        return Ok(None);
    };
    let (length, rest_of_head) = word_of(*head);
    if length > rest.len() {
        let there = rest.len();
        return refuse(format!("one has {length} bytes, and {there} are there"));
    }
    if rest_of_head % TAG != 0 {
        return refuse("one says that it speaks of shared objects".into());
    }
    Ok(Some(length))
}

/// The first piece of a run, of `most` messages at most: how many they are, their bytes, and what is
/// behind. Messages behind one that is none are another piece, which is refused.
fn split_piece(run: &[u8], most: u32) -> Result<(u32, &[u8], &[u8])> {
    let (mut count, mut end) = (0, 0);
    while end < PIECE_LENGTH && count < most {
        let length = match first_length(run.get(end..).unwrap_or_default()) {
            Ok(Some(length)) => length,
            Ok(None) => break,
            Err(_) if count > 0 => break,
            Err(error) => return Err(error),
        };
        end += HEAD + padded(length);
        count += 1;
    }
    // The last one may be without its padding.
    let (piece, rest) = run.split_at(end.min(run.len()));
    Ok((count, piece, rest))
}

/// How many whole messages are at the beginning of what was copied out of a ring, `most` at most, and
/// which run can have; and their bytes, padded.
fn whole_messages(copy: &[u8], most: u32) -> (u32, usize) {
    let (mut count, mut end) = (0, 0);
    while count < most {
        let Some((head, rest)) = copy.get(end..).unwrap_or_default().split_first_chunk() else {
            break;
        };
        let (length, rest_of_head) = word_of(*head);
        if rest_of_head % TAG != 0 || padded(length) > rest.len() {
            break;
        }
        end += HEAD + padded(length);
        count += 1;
    }
    (count, end)
}

/// How many bytes a message of that length has with its padding.
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
            loop {
                match self.append_piece(rest) {
                    Ok(Ok((0, _))) => return Ok(Put::Done),
                    Ok(Ok((added, behind))) => {
                        count += added;
                        rest = behind;
                    }
                    Err(_) if count > 0 => return Ok(Put::Done),
                    Ok(Err(refused)) => return Ok(refused),
                    Err(error) => return Err(error),
                }
            }
        });
        if count > 0 {
            self.wake_some(CONSUMERS_ASLEEP, self.filled_word(), count);
        }
        Ok((count, put?))
    }

    /// Publishes the first messages of a run by one store: how many, none at the end of the run, and
    /// what is behind; or why it did not. Call with the producers' lock.
    fn append_piece(self, run: &[u8]) -> Result<std::result::Result<(u32, &[u8]), Put>> {
        if run.len() < HEAD {
            return Ok(Ok((0, run)));
        }
        let tail = self.mark(TAIL);
        let most = match self.room_behind(tail) {
            Ok(most) => most,
            Err(refused) => return Ok(Err(refused)),
        };
        let (count, piece, behind) = split_piece(run, most)?;
        let (segment, start) = self.room_for(units_of(piece.len()), tail)?;
        let position = segment.write(start, piece);
        failpoint("queue-before-publish");
        let mark = Mark {
            position,
            count: tail.count.wrapping_add(count),
        };
        // Release: publishes the bytes (tag: MARK).
        self.mark_word(TAIL).store(mark.pack(), Release);
        failpoint("queue-published");
        Ok(Ok((count, behind)))
    }

    /// For how many messages there is room behind `tail`, or why for none. Call with the producers'
    /// lock.
    fn room_behind(self, tail: Mark) -> std::result::Result<u32, Put> {
        if self.phase() != Phase::Open {
            return Err(Put::ShutDown);
        }
        let maxsize = self.maxsize();
        if maxsize == 0 {
            return Ok(u32::MAX);
        }
        let room = |head: Mark| maxsize.saturating_sub(tail.ahead_of(head));
        // A piece of the fewest bytes, if so much can be had: a shorter one costs as many stores.
        let enough = maxsize.min((PIECE_LENGTH / HEAD) as u32);
        let head = self.mark_seen(HEAD_SEEN, HEAD_MARK, |head| room(head) >= enough);
        match room(head) {
            0 => Err(Put::Full),
            room => Ok(room),
        }
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
                match self.take_piece(rest, most - count) {
                    Ok((0, _)) => {}
                    Ok((added, end)) => {
                        count += added;
                        rest = std::mem::take(&mut rest).split_at_mut(end).1;
                        continue;
                    }
                    Err(error) if count == 0 => return Err(error),
                    Err(_) => break,
                }
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

    /// Takes the first messages by one store, as far as they can be taken together: how many, and the
    /// bytes that they have in `target`. None where there is nothing, and where the first is for
    /// [`take_first`](Self::take_first). Call with the consumers' lock.
    fn take_piece(self, target: &mut [u8], most: u32) -> Result<(u32, usize)> {
        const NONE: (u32, usize) = (0, 0);
        if self.word(LEDGER).load(Relaxed) != 0 {
            return Ok(NONE);
        }
        let head = self.mark(HEAD_MARK);
        let is_behind = |tail: Mark| tail.ahead_of(head) != 0;
        let tail = self.mark_seen(TAIL_SEEN, TAIL, is_behind);
        if !is_behind(tail) {
            return Ok(NONE);
        }
        let (segment, start, passed) = self.first_segment(head.position)?;
        if !passed.is_empty() {
            return Ok(NONE);
        }
        let filled = tail.position.wrapping_sub(start);
        let (first, _) = Header::read(segment, start, filled)?;
        let wanted = first.units().saturating_mul(most.into());
        let units = u64::from(filled)
            .min(segment.units_before_next(start))
            .min(wanted)
            .min((PIECE_LENGTH.min(target.len()) / HEAD) as u64);
        if !first.is_plain() || first.units() > units {
            return Ok(NONE);
        }
        let copy = target
            .get_mut(..(units * UNIT) as usize)
            .unwrap_or_default();
        segment.read_into(start, &mut *copy);
        // What is counted is the copy: nobody can change it any more.
        let (count, end) = whole_messages(copy, most.min(tail.ahead_of(head)));
        if count == 0 {
            return Ok(NONE);
        }
        let mark = Mark {
            position: start.wrapping_add(units_of(end) as u32),
            count: head.count.wrapping_add(count),
        };
        failpoint("queue-before-take");
        // Release: the bytes are out (tag: MARK).
        self.mark_word(HEAD_MARK).store(mark.pack(), Release);
        failpoint("queue-taken");
        self.leave_behind(&[], segment)?;
        Ok((count, end))
    }
}

/// The header of a message that was taken alone.
fn head_of(taken: &Taken) -> [u8; HEAD] {
    let objects = (taken.attachments.len() as u32).min(u16::MAX.into());
    let mut head = [0; HEAD];
    let (length, rest) = head.split_at_mut(HEAD / 2);
    length.copy_from_slice(&(taken.length as u32).to_ne_bytes());
    rest.copy_from_slice(&(u32::from(taken.tag) * TAG + objects).to_ne_bytes());
    head
}
