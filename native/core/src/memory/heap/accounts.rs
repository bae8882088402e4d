//! Accounts: what a process in a cage may use of the arena, together with all its descendants.
//!
//! A free process has no account, and no limit but the arena's own. A free process that starts one
//! in a cage opens an account for it; whatever that one starts has the same. A block is charged to
//! the account of the process that made it until it is returned, whoever holds it by then; a hold
//! to that of the process that made it. So an account may outlive its processes; it is given to
//! others when nothing is charged to it any more. Blocks that its processes have left behind in
//! rings are looked for when the last of them has ended (`sweep.rs`).
//!
//! | account word | meaning                              |
//! | ------------ | ------------------------------------ |
//! | 0, 8, 16     | bytes, blocks and holds that it uses |
//! | 24, 32, 40   | how many it may use                  |

use std::sync::atomic::Ordering::Relaxed;

use super::Heap;
use super::journal::Transaction;
use crate::error::{Error, Result};
use crate::memory::arena::{
    ACCOUNT_COUNT, ACCOUNT_OF, ACCOUNT_SIZE, ACCOUNTS, Arena, DESCRIPTOR_COUNT, HOLD_COUNT, Offset,
    PROCESS_COUNT,
};
use crate::tree::processes::{self, ProcessEntry, Slot, State};

const _: () = assert!(ACCOUNT_COUNT == 1 << 16);

/// Number of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account(pub u16);

/// The limits of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub bytes: u64,
    pub blocks: u64,
    pub holds: u64,
}

/// The share of a table that one account may use.
const SHARE: u64 = 16;
const DEFAULT_BYTES: u64 = 1 << 30;
/// How many processes an account may have at a time.
const PROCESSES: usize = PROCESS_COUNT as usize / 4;

impl Limits {
    /// `bytes`, or 1 GiB, and no more than a sixteenth of all if the arena is small; a sixteenth of
    /// all blocks and holds.
    pub fn new(arena: &Arena, bytes: Option<u64>) -> Self {
        Self {
            bytes: bytes.unwrap_or(DEFAULT_BYTES.min(arena.size() / SHARE)),
            blocks: DESCRIPTOR_COUNT / SHARE,
            holds: HOLD_COUNT / SHARE,
        }
    }
}

fn word(account: Account, at: u64) -> Offset {
    ACCOUNTS + u64::from(account.0) * ACCOUNT_SIZE + at
}

const BYTES: u64 = 0;
const BLOCKS: u64 = 8;
const HOLDS: u64 = 16;
const LIMITS: u64 = 24;

impl Account {
    /// Nobody counts.
    pub const NONE: Self = Self(0);

    /// The account of the process in `slot`.
    pub fn of(arena: &Arena, slot: Slot) -> Self {
        Self(arena.word64(of_word(slot)).load(Relaxed) as u16)
    }

    /// Charges one block of that many bytes.
    pub(super) fn charge_block(self, transaction: &mut Transaction, bytes: u64) -> Result<()> {
        let (action, what) = ("allocate shared memory", "bytes of shared memory");
        self.charge(transaction, BYTES, bytes, action, what)?;
        self.charge(transaction, BLOCKS, 1, action, "shared objects")
    }

    pub(super) fn charge_hold(self, transaction: &mut Transaction) -> Result<()> {
        let what = "references to shared objects";
        self.charge(transaction, HOLDS, 1, "hold a shared object", what)
    }

    fn charge(
        self,
        transaction: &mut Transaction,
        at: u64,
        count: u64,
        action: &'static str,
        what: &str,
    ) -> Result<()> {
        if self == Self::NONE {
            return Ok(());
        }
        let used = transaction.get(word(self, at));
        let limit = transaction.get(word(self, at + LIMITS));
        if used.checked_add(count).is_none_or(|sum| sum > limit) {
            let advice = match at {
                BYTES => {
                    "; raise \"maxSharedMemory\" of the Process that was given \"permissions\""
                }
                _ => "; close those that are no longer needed",
            };
            return Err(Error::Exhausted {
                action,
                limit: format!(
                    "{count} more {what} are wanted, this process with limited permissions and its \
                     descendants may have {limit} and have {used}{advice}"
                ),
            });
        }
        transaction.set(word(self, at), used + count);
        Ok(())
    }

    pub(super) fn credit_block(self, transaction: &mut Transaction, bytes: u64) {
        self.credit(transaction, BYTES, bytes);
        self.credit(transaction, BLOCKS, 1);
    }

    pub(super) fn credit_hold(self, transaction: &mut Transaction) {
        self.credit(transaction, HOLDS, 1);
    }

    fn credit(self, transaction: &mut Transaction, at: u64, count: u64) {
        if self != Self::NONE {
            let used = transaction.get(word(self, at));
            transaction.set(word(self, at), used.saturating_sub(count));
        }
    }
}

fn of_word(slot: Slot) -> Offset {
    ACCOUNT_OF + u64::from(slot) % PROCESS_COUNT * 8
}

impl Heap<'_> {
    /// Gives the process that is about to be reserved in `slot` its account: this process's, or, if
    /// this process has none, a new one with `limits`, or none.
    pub fn assign_account(&self, slot: Slot, limits: Option<Limits>) -> Result<()> {
        let account = match limits {
            _ if self.account != Account::NONE => self.require_few_processes()?,
            Some(limits) => self.open_account(limits)?,
            None => Account::NONE,
        };
        let place = self.arena.word64(of_word(slot));
        place.store(u64::from(account.0), Relaxed);
        Ok(())
    }

    fn require_few_processes(&self) -> Result<Account> {
        let have = processes::slots().filter(|&slot| self.has_account(slot, self.account));
        if have.count() >= PROCESSES {
            return Err(Error::Exhausted {
                action: "start a process",
                limit: format!(
                    "a process with limited permissions and its descendants may be {PROCESSES}"
                ),
            });
        }
        Ok(self.account)
    }

    fn has_account(&self, slot: Slot, account: Account) -> bool {
        ProcessEntry::at(self.arena, slot).state() != State::Free
            && Account::of(self.arena, slot) == account
    }

    fn open_account(&self, limits: Limits) -> Result<Account> {
        let is_unused = |&account: &Account| !self.is_used(account) && !self.has_processes(account);
        let account =
            (1..=u16::MAX)
                .map(Account)
                .find(is_unused)
                .ok_or_else(|| Error::Exhausted {
                    action: "start a process",
                    limit: format!(
                        "there is memory of {} processes with limited permissions",
                        ACCOUNT_COUNT - 1
                    ),
                })?;
        let mut transaction = Transaction::new(self.arena);
        let limits = [limits.bytes, limits.blocks, limits.holds];
        for (at, limit) in [BYTES, BLOCKS, HOLDS].into_iter().zip(limits) {
            transaction.set(word(account, at + LIMITS), limit);
        }
        transaction.commit();
        Ok(account)
    }

    /// Returns what the processes of an account have left behind and nobody reaches, once they have all
    /// ended.
    pub fn close_account(&self, account: Account) {
        if account != Account::NONE && self.is_used(account) && !self.has_processes(account) {
            self.sweep();
        }
    }

    fn has_processes(&self, account: Account) -> bool {
        processes::slots().any(|slot| self.has_account(slot, account))
    }

    fn is_used(&self, account: Account) -> bool {
        let used = |at| self.arena.word64(word(account, at)).load(Relaxed);
        [BYTES, BLOCKS, HOLDS].into_iter().any(|at| used(at) != 0)
    }

    /// The use of an account, for tests.
    #[cfg(test)]
    pub(super) fn used(&self, account: Account) -> [u64; 3] {
        [BYTES, BLOCKS, HOLDS].map(|at| self.arena.word64(word(account, at)).load(Relaxed))
    }
}
