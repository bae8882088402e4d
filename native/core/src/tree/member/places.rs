//! Places in the tree: claimed for children, and cleared when their processes are gone.

use super::Member;
use crate::error::{Error, Result};
use crate::memory::heap::{Account, Holder, Kind, Limits};
use crate::sync::Token;
use crate::sys::Errno;
use crate::sys::child::Exit;
use crate::tree::processes::{self, Cage, ProcessEntry, State, TreePlace};
use crate::tree::{graves, threads};

impl Member {
    /// Claims a place for a child that is about to be started.
    pub fn reserve(&self, name: &str) -> Result<TreePlace> {
        self.reserve_as(name, Cage::Free, None)
    }

    /// Claims a place for a child that is about to be started in a cage, with that command line,
    /// executable first. It and its descendants may use `max_bytes` of the arena, or as much as is
    /// usual; the children of a process in a cage share what that one may use.
    pub fn reserve_caged(
        &self,
        name: &str,
        command_line: &[&str],
        max_bytes: Option<u64>,
    ) -> Result<TreePlace> {
        if command_line.iter().any(|word| word.contains('\0')) {
            return Err(Error::os("start a process", Errno::INVAL)); // it would read as two
        }
        let bytes = command_line.join("\0");
        // A process that enters the slot before the block is there finds the cage closed.
        let limits = Limits::new(&self.arena, max_bytes);
        let place = self.reserve_as(name, Cage::Closed, Some(limits))?;
        let holder = Holder::Process(place.slot);
        let told = self.heap().and_then(|heap| {
            let (block, _) = heap.allocate(Kind::CommandLine, bytes.len() as u64, holder)?;
            Ok(block)
        });
        match told {
            Ok(block) => {
                self.arena.write(block.offset, bytes.as_bytes());
                ProcessEntry::at(&self.arena, place.slot).set_cage(Cage::Told(block.id));
                Ok(place)
            }
            Err(error) => {
                self.retire(place)?;
                Err(error)
            }
        }
    }

    pub(super) fn reserve_as(
        &self,
        name: &str,
        cage: Cage,
        limits: Option<Limits>,
    ) -> Result<TreePlace> {
        let heap = self.heap()?;
        let slot = processes::slots()
            .find(|&slot| ProcessEntry::at(&self.arena, slot).state() == State::Free)
            .ok_or_else(|| Error::Exhausted {
                action: "start a process",
                limit: format!(
                    "{} processes run in this tree",
                    crate::memory::arena::PROCESS_COUNT
                ),
            })?;
        heap.assign_account(slot, limits)?;
        let generation = ProcessEntry::at(&self.arena, slot).reserve(self.slot, name, cage);
        Ok(TreePlace { slot, generation })
    }

    /// The command line of this process, as its parent has told, if that has put it into a cage.
    pub fn told_cage(&self) -> Option<Vec<String>> {
        let block = match self.entry().cage() {
            Cage::Free => return None,
            Cage::Closed => return Some(Vec::new()),
            Cage::Told(id) => self.part(id, Kind::CommandLine),
        };
        let bytes = block.map(|it| self.arena.read_vec(it.offset, it.size as usize));
        let text = String::from_utf8(bytes.unwrap_or_default()).unwrap_or_default();
        Some(text.split('\0').map(str::to_owned).collect())
    }

    /// As [`retire_as`](Self::retire_as), where it is not known how the process ended.
    pub fn retire(&self, place: TreePlace) -> Result<()> {
        self.retire_as(place, None)
    }

    /// Ends the membership of a process that has ended: what it held is let go, its slot is free, and
    /// its name and end are remembered. Nothing else happens if somebody else was quicker, and maybe
    /// another process has the slot now.
    pub fn retire_as(&self, place: TreePlace, exit: Option<Exit>) -> Result<()> {
        let heap = self.heap()?;
        let entry = ProcessEntry::at(&self.arena, place.slot);
        if entry.state() != State::Free && entry.generation() == place.generation {
            if entry.state() == State::Live {
                graves::bury(&self.arena, place, exit);
            }
            let account = Account::of(&self.arena, place.slot);
            heap.let_go_all(Holder::Process(place.slot));
            entry.leave();
            heap.close_account(account);
        } else if let Some(exit) = exit {
            graves::note_end(&self.arena, place, exit);
        }
        Ok(())
    }

    /// The token of somebody who has ended and was no process of the tree, such as a client of another one. Who inherits
    /// a lock from it is told the name, as long as the graves and the entries of threads remember it.
    pub fn token_of_ended(&self, name: &str) -> Result<Token> {
        let place = self.reserve_as(name, Cage::Free, None)?;
        {
            let _heap = self.heap()?;
            graves::bury(&self.arena, place, None);
        }
        let token = threads::register_ended(&self.arena, place);
        self.retire(place)?;
        token.ok_or_else(|| Error::Exhausted {
            action: "leave a lock",
            limit: "every thread that the tree has room for is in use".into(),
        })
    }

    /// Retires every process that is gone without anybody having noticed: descendants whose own
    /// parent died first, and slots reserved by a parent that is gone.
    pub fn retire_orphans(&self) -> Result<()> {
        for slot in processes::slots().filter(|&slot| slot != self.slot) {
            let entry = ProcessEntry::at(&self.arena, slot);
            // The generation first: if the slot is given anew meanwhile, nothing is retired.
            let generation = entry.generation();
            let gone = match entry.state() {
                State::Live if !entry.is_running() => Some(generation),
                State::Reserved => {
                    let parent = ProcessEntry::at(&self.arena, entry.parent());
                    let is_there = parent.state() == State::Live && parent.is_running();
                    // The child may be entering just now: it does, or what it was to have is let go.
                    if is_there {
                        None
                    } else {
                        entry.revoke(generation)
                    }
                }
                _ => None,
            };
            if let Some(generation) = gone {
                self.retire(TreePlace { slot, generation })?;
            }
        }
        Ok(())
    }
}
