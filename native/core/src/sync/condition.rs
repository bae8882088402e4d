//! Who waits for a condition: a *slot* of two words for each, anywhere in shared memory.
//!
//! | `state` of a slot   | meaning                                                      |
//! | ------------------- | ------------------------------------------------------------ |
//! | `FREE` (0)          | nobody's                                                     |
//! | ticket × 4 + WAITING  | the thread of `token` waits since `ticket`, awake          |
//! | ticket × 4 + ASLEEP   | it sleeps on this word, or is about to                     |
//! | time × 4 + NOTIFIED   | it was notified at `time` and does not have the lock again |
//!
//! Tickets number the waits of a condition; *time* is the next ticket to come, so who has a lower
//! ticket was waiting then.
//!
//! | transition  | from → to               | who                                               |
//! | ----------- | ----------------------- | ------------------------------------------------- |
//! | T1 register | FREE → WAITING          | a waiter, with the lock, which it then releases   |
//! | T2 queue    | WAITING → ASLEEP        | the waiter, about to sleep                        |
//! | T3 notify   | either → NOTIFIED       | a notifier, with the lock; wakes it if ASLEEP     |
//! | T4 withdraw | either → FREE           | the waiter whose time is up                       |
//! | T5 finish   | NOTIFIED → FREE         | the waiter, once it has the lock again            |
//! | T6 inherit  | dead token → mine       | a waiter older than `time`; it then does T4 of its |
//! |             |                         | own slot, and undoes T6 if that was notified too  |
//! | T7 discard  | anything → FREE         | who needs the slot and finds its thread dead      |
//!
//! I1: every transition but T6 is one compare-exchange of `state`, so a wait either is withdrawn or
//!     notified, and a notifier knows which: T3 counts exactly the waits it ends.
//! I2: T3 chooses the lowest tickets: nobody is overtaken for ever.
//! I3: a notifier waits for nobody. T3 is one step, and whether it wakes is its own affair.
//! I4: a notification is in a NOTIFIED slot until its waiter has the lock back. If that thread dies
//!     before, another that was waiting at that time takes it over within one bounded sleep (T6).
//!     It is given up (T7) only when nobody waits any more who waited then.
//!
//! So a waiter that is killed costs nobody anything: asleep, it is passed over (T7); notified, its
//! notification is inherited. A notifier killed between two T3 has notified some; killed between T3
//! and the wake, its sleeper looks by itself after a bounded sleep. A thread killed inside T6 is a
//! dead NOTIFIED one, and its old slot a dead ASLEEP one. Waiting with a lock that a stranger has
//! released is an error of the program; then T1 of two threads may write the same `token`, and only
//! the judgement who is dead suffers.

use std::cmp::Reverse;

use super::{Attempt, Step, Token};
use crate::failpoint::failpoint;
use crate::sys::atomic::{AtomicU32, Ordering::Relaxed, Ordering::SeqCst};

pub const FREE: u32 = 0;
const WAITING: u32 = 1;
const ASLEEP: u32 = 2;
const NOTIFIED: u32 = 3;
const STATE: u32 = 3;
const SHIFT: u32 = 2;

/// The number of a wait, modulo 2^30.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket(pub u32);

impl Ticket {
    fn of(state: u32) -> Self {
        Self(state >> SHIFT)
    }

    fn with(self, state: u32) -> u32 {
        self.0 << SHIFT | state
    }

    /// Whether it was given out before `other`, if they are less than 2^29 apart.
    fn is_before(self, other: Self) -> bool {
        (self.0.wrapping_sub(other.0) << SHIFT).cast_signed() < 0
    }
}

/// What T3 did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notified {
    /// The slot's state now, for [`WaiterSlot::discard`].
    pub state: u32,
    /// Whether the notifier must wake the waiter.
    pub asleep: bool,
}

/// The place of one waiter.
#[derive(Clone, Copy)]
pub struct WaiterSlot<'a> {
    pub state: &'a AtomicU32,
    pub token: &'a AtomicU32,
}

impl WaiterSlot<'_> {
    /// SeqCst everywhere: T2 and T3 are ordered against the look at the asynchronous sleepers
    /// (see crate::wait), T6 publishes its token before T4; none of them is hot enough to weaken.
    fn state(self) -> u32 {
        self.state.load(SeqCst)
    }

    fn change(self, from: u32, to: u32) -> bool {
        self.state
            .compare_exchange(from, to, SeqCst, Relaxed)
            .is_ok()
    }

    /// T1; `false` if it is taken. Its token is written first: a NOTIFIED slot always has one.
    fn register(self, ticket: Ticket, token: Token) -> bool {
        if self.state() != FREE {
            return false;
        }
        self.token.store(token.get(), SeqCst);
        self.change(FREE, ticket.with(WAITING))
    }

    /// Whether the wait of `ticket` is over; else the value to sleep on, after T2 if the caller
    /// will sleep. A state that this waiter cannot have counts as a notification.
    pub fn wait_step(self, ticket: Ticket, attempt: Attempt) -> Step<()> {
        let (waiting, asleep) = (ticket.with(WAITING), ticket.with(ASLEEP));
        let state = self.state();
        if state == waiting && attempt.announce && self.change(waiting, asleep) {
            return Step::Sleep(asleep);
        }
        match self.state() {
            state if state == waiting || state == asleep => Step::Sleep(state),
            _ => Step::Ready(()),
        }
    }

    /// T3 of the wait of `ticket`, at the time `now`; `None` if it has withdrawn. Call with the
    /// lock.
    pub fn notify(self, ticket: Ticket, now: Ticket) -> Option<Notified> {
        let state = now.with(NOTIFIED);
        // In this order: it may fall asleep between the attempts, but not wake.
        let asleep = if self.change(ticket.with(WAITING), state) {
            false
        } else if self.change(ticket.with(ASLEEP), state) {
            true
        } else {
            return None;
        };
        failpoint("condition-notified");
        Some(Notified { state, asleep })
    }

    /// T4; `false` if the wait has been notified.
    pub fn withdraw(self, ticket: Ticket) -> bool {
        self.change(ticket.with(WAITING), FREE) || self.change(ticket.with(ASLEEP), FREE)
    }

    /// T5.
    pub fn finish(self) {
        self.state.store(FREE, SeqCst);
    }

    /// A notified waiter goes without its notification: as if it were dead (T6 or T7 follows).
    pub fn disown(self, token: Token) {
        let nobody = Token::NOBODY.get();
        let _ = self
            .token
            .compare_exchange(token.get(), nobody, SeqCst, Relaxed);
    }

    /// T7, if it still is as it was when its thread was found dead.
    pub fn discard(self, state: u32) {
        self.change(state, FREE);
    }

    pub fn owner(self) -> Option<Token> {
        Token::from_word(self.token.load(SeqCst))
    }

    /// The ticket of a wait that is neither notified nor over.
    fn waiting(self) -> Option<Ticket> {
        let state = self.state();
        matches!(state & STATE, WAITING | ASLEEP).then_some(Ticket::of(state))
    }

    fn is_dead(self, has_died: &dyn Fn(Token) -> bool) -> bool {
        self.owner().is_none_or(has_died)
    }
}

/// All slots of a condition.
#[derive(Clone, Copy)]
pub struct Waiters<'a> {
    pub slots: &'a [WaiterSlot<'a>],
}

impl Waiters<'_> {
    /// T1 in the first slot that is free; `None` if none is.
    pub fn register(self, ticket: Ticket, token: Token) -> Option<usize> {
        self.slots
            .iter()
            .position(|slot| slot.register(ticket, token))
    }

    /// T7 of every slot whose thread is dead, unless it has a notification that somebody may still
    /// inherit. Call with the lock.
    pub fn discard_dead(self, has_died: &dyn Fn(Token) -> bool) {
        for slot in self.slots {
            let state = slot.state();
            let heir = |waiter: &WaiterSlot| {
                waiter
                    .waiting()
                    .is_some_and(|ticket| ticket.is_before(Ticket::of(state)))
            };
            let kept = state & STATE == NOTIFIED && self.slots.iter().any(heir);
            if state != FREE && !kept && slot.is_dead(has_died) {
                slot.discard(state);
            }
        }
    }

    /// Who waits, the longest first; `now` is the next ticket.
    pub fn oldest_first(self, now: Ticket) -> Vec<(usize, Ticket)> {
        let indices = 0..self.slots.len();
        let mut waits: Vec<_> = indices
            .filter_map(|index| Some((index, self.slots[index].waiting()?)))
            .collect();
        // By the number of waits that have begun since.
        waits.sort_by_key(|&(_, ticket)| Reverse(now.0.wrapping_sub(ticket.0) << SHIFT));
        waits
    }

    /// T6: takes over the notification of a dead waiter for the waiter of `ticket` in slot `own`.
    /// Returns the slot that is the waiter's from now on, if it is notified.
    pub fn inherit(
        self,
        own: usize,
        ticket: Ticket,
        token: Token,
        has_died: &dyn Fn(Token) -> bool,
    ) -> Option<usize> {
        for (index, slot) in self.slots.iter().enumerate() {
            let state = slot.state();
            let is_heir = state & STATE == NOTIFIED && ticket.is_before(Ticket::of(state));
            let dead = slot
                .owner()
                .filter(|&owner| is_heir && index != own && has_died(owner));
            let Some(dead) = dead else {
                continue;
            };
            if slot
                .token
                .compare_exchange(dead.get(), token.get(), SeqCst, Relaxed)
                .is_err()
            {
                continue; // another was quicker
            }
            failpoint("condition-inheriting");
            if slot.state() != state {
                continue; // discarded at that moment: a token of a free slot means nothing
            }
            if self.slots[own].withdraw(ticket) {
                return Some(index);
            }
            // Notified itself: the inheritance is for somebody else.
            slot.token.store(dead.get(), SeqCst);
            return Some(own);
        }
        None
    }
}
