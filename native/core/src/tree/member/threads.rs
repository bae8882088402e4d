//! The names of this process's threads in lock words, and whether those of others still live.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Member;
use crate::error::{Error, Result};
use crate::memory::arena::{Arena, Offset};
use crate::sync::Token;
use crate::sys::fork;
use crate::tree::threads::{self, Owner};
use crate::wait::Spot;
use crate::wait::notes::{Goal, Noted};

impl Member {
    /// The calling thread's name in lock words, made at the thread's first call and given up when
    /// it ends.
    #[inline]
    pub fn token(&self) -> Result<Token> {
        match LAST_TOKEN.get() {
            Some((member, token)) if member == self.serial => Ok(token),
            _ => self.token_of_thread(),
        }
    }

    #[cold]
    fn token_of_thread(&self) -> Result<Token> {
        let token = self.registered_token()?;
        LAST_TOKEN.set(Some((self.serial, token)));
        Ok(token)
    }

    fn registered_token(&self) -> Result<Token> {
        TOKENS.with_borrow_mut(|tokens| {
            if let Some(known) = tokens.iter().find(|known| known.member == self.serial) {
                return Ok(known.token);
            }
            let token = threads::register(&self.arena, self.slot).ok_or_else(|| {
                let limit = format!("{} threads use it", crate::memory::arena::THREAD_COUNT);
                Error::Exhausted {
                    action: "use shared memory from another thread",
                    limit,
                }
            })?;
            let arena = Arc::clone(&self.arena);
            tokens.push(ThreadToken {
                member: self.serial,
                arena,
                token,
            });
            Ok(token)
        })
    }

    /// The calling thread's work as a member is over, though the thread may live on: its name becomes
    /// that of a dead one, and the next call makes another.
    pub fn end_thread(&self) {
        LAST_TOKEN.set(None);
        let ended = TOKENS.with_borrow_mut(|tokens| {
            let mine = tokens.iter().position(|known| known.member == self.serial);
            mine.map(|index| tokens.swap_remove(index))
        });
        drop(ended);
    }

    /// Whether the thread behind `token` has ended. An owner that was just seen alive is not
    /// looked for again at once: a thread that tries a held lock in a loop must not spend its time
    /// here.
    pub fn has_died(&self, token: Token) -> bool {
        let known = SEEN_ALIVE.get();
        if known.is_some_and(|(seen, at)| seen == token && at.elapsed() < TRUSTED_FOR) {
            return false;
        }
        let died = threads::has_died(&self.arena, token);
        SEEN_ALIVE.set((!died).then(|| (token, Instant::now())));
        died
    }

    /// The word at `offset`, for the calling thread to sleep on.
    pub fn spot(&self, offset: Offset) -> Spot<'_> {
        // A thread for which the table has no room sleeps unseen.
        let note = self.token().ok();
        let note = note.map(|token| threads::note_of(&self.arena, token));
        Spot::new(&self.arena, offset, note)
    }

    /// Notes, until the answer is dropped, what the calling thread blocks for outside the arena.
    pub fn note_sleep(&self, goal: Goal) -> Option<Noted<'_>> {
        let token = self.token().ok()?;
        Some(threads::note_of(&self.arena, token).sleep(goal))
    }

    /// The thread behind `token`, which may have ended.
    pub fn owner(&self, token: Token) -> Option<Owner> {
        threads::owner(&self.arena, token)
    }
}

/// How long a thread that was seen alive is taken to be alive.
const TRUSTED_FOR: Duration = Duration::from_millis(20);

thread_local! {
    static SEEN_ALIVE: Cell<Option<(Token, Instant)>> = const { Cell::new(None) };
    /// The member that the thread was last asked for, and its token there.
    static LAST_TOKEN: Cell<Option<(u64, Token)>> = const { Cell::new(None) };
    static TOKENS: RefCell<Vec<ThreadToken>> = const { RefCell::new(Vec::new()) };
}

struct ThreadToken {
    member: u64,
    arena: Arc<Arena>,
    token: Token,
}

impl Drop for ThreadToken {
    fn drop(&mut self) {
        LAST_TOKEN.set(None);
        // The thread of a fork's parent goes on.
        if fork::is_forked() {
            return;
        }
        threads::unregister(&self.arena, self.token);
    }
}
