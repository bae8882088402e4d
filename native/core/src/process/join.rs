//! The child's half of a start: it takes the place that its parent has prepared.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Instant;

use super::greeting::{FAILURE_MAX, Greeting};
use crate::cage;
use crate::error::{Error, Result};
use crate::memory::arena::Arena;
use crate::sys::clock::Deadline;
use crate::sys::{Errno, own, poll, unix};
use crate::tree::member::Member;
use crate::tree::processes::{Cage, ProcessEntry};

/// Takes the place that the parent has prepared, in a process that [`Child::start`] started; `socket`
/// and `arena` are the descriptors that it finds. A process in a cage is in it when this returns.
pub fn join(socket: BorrowedFd, arena: OwnedFd) -> Result<(Member, Greeting)> {
    let greeting = Greeting::receive(socket)?;
    let arena = Arena::open(arena)?;
    arena.require_same_namespace()?;
    // A hostile parent can write a greeting of its own into the socket. The kernel says which
    // process made the socket; a slot that a caged process has reserved is for processes in its
    // cage.
    let parent = ProcessEntry::at(
        &arena,
        ProcessEntry::at(&arena, greeting.place.slot).parent(),
    );
    let maker = unix::peer(socket).map_err(|errno| Error::os("ask for the parent", errno))?;
    if parent.pid() != maker {
        return Err(Error::Corrupted(
            "this process's place in the tree was not reserved by its parent",
        ));
    }
    let is_parent_caged = parent.cage() != Cage::Free;
    let member = Member::enter(arena, greeting.place)?;
    if let Some(command_line) = member.told_cage() {
        cage::close(command_line);
        if greeting.daemon || is_parent_caged {
            end_with(maker)?;
        }
    }
    take_over(&member, &greeting)?;
    Ok((member, greeting))
}

/// Has the kernel end this process when the thread that started it does, whatever this process does
/// with its descriptors. That thread is the parent's main thread, or one that lives as long.
fn end_with(parent: u32) -> Result<()> {
    match own::end_with_parent(parent) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::Orphaned),
        Err(errno) => Err(Error::os("tie a process to its parent", errno)),
    }
}

/// Lets this process hold what a greeting of its parent speaks of.
pub fn take_over(member: &Member, greeting: &Greeting) -> Result<()> {
    if let Some((block, hold)) = greeting.preparation {
        member.take_over(block, hold)?;
    }
    Ok(())
}

/// Tells the parent, through the socket that this process was started with, why it could not
/// begin. Cut to what fits into the socket without waiting.
pub fn send_failure(socket: BorrowedFd, message: &str) -> Result<()> {
    let bytes = &message.as_bytes()[..message.len().min(FAILURE_MAX)];
    match unix::send(socket, bytes) {
        Ok(_) | Err(Errno::AGAIN | Errno::PIPE) => Ok(()),
        Err(errno) => Err(Error::os("tell the parent of a failure", errno)),
    }
}

/// Whether the other end of the socket that this process was started with is closed.
pub fn has_hung_up(socket: BorrowedFd) -> bool {
    wait_for_hang_up(socket, Some(Instant::now())).unwrap_or(false)
}

/// Blocks until the other end of the socket is closed, which is the end of its process; `false`
/// when `deadline` passes first.
pub fn wait_for_hang_up(socket: BorrowedFd, deadline: Deadline) -> Result<bool> {
    poll::await_hang_up(socket, deadline).map_err(|errno| Error::os("wait for a process", errno))
}

/// Whether something has arrived in the socket that was not yet read.
pub fn has_mail(socket: BorrowedFd) -> bool {
    unix::has_mail(socket)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;
    use crate::memory::heap::Kind;
    use crate::tree::processes::{self, TreePlace};

    /// A socket pair of this process, with a greeting in it.
    fn greeted(greeting: Greeting) -> (OwnedFd, OwnedFd) {
        let (parent, child) = unix::pair().unwrap();
        greeting.send(parent.as_fd()).unwrap();
        (parent, child)
    }

    #[test]
    fn only_a_place_that_the_maker_of_the_socket_has_reserved_can_be_taken() {
        let root = Member::root("root").unwrap();
        let arena = || root.arena().descriptor().try_clone_to_owned().unwrap();
        let preparation = root.create(Kind::Preparation, 8).unwrap().id;
        let greeting = |place: TreePlace| Greeting {
            place,
            preparation: Some((preparation, root.hold_for(place.slot, preparation).unwrap())),
            daemon: false,
            shielded: false,
        };
        // Somebody else's: a place that a hostile parent found out about.
        let slot = processes::slots().last().unwrap();
        let entry = ProcessEntry::at(root.arena(), slot);
        let generation = entry.reserve(slot - 1, "another's", Cage::Free);
        let (_parent, child) = greeted(greeting(TreePlace { slot, generation }));
        let refused = join(child.as_fd(), arena());
        assert!(matches!(refused, Err(Error::Corrupted(_))));
        assert_eq!(entry.state(), processes::State::Reserved);

        let place = root.reserve("own").unwrap();
        let (_parent, child) = greeted(greeting(place));
        let (member, _) = join(child.as_fd(), arena()).unwrap();
        assert!(!member.is_caged());
        assert!(member.block(preparation, Kind::Preparation).is_ok());
    }
}
