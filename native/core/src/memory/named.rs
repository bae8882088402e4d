//! Blocks of shared memory that have names. Programs outside of the tree use them as well, in whatever language:
//! Python's `multiprocessing.shared_memory` makes the same files.
//!
//! A block is a file in `/dev/shm` of the block's size. What is in it is as hostile as the arena. Its size is, too: nobody
//! can seal such a file, so whoever may write it may shorten it, and the kernel ends whoever then touches what is gone.
//! Only the size at the time of mapping is known.
//!
//! # Whose it is
//!
//! Whoever creates a block owns it, unless told otherwise, and removes its name at the end ([`leave`]). A process that is
//! killed cannot, and others must be able to tell what it has left ([`reclaim`]) from what is used, and from what is
//! another program's:
//!
//! | sign | what it says |
//! | ---- | ------------ |
//! | the mark, a bit of the file's mode that means nothing else | somebody was to remove it; files of other programs have none |
//! | a claim, the lock of a byte of the folder that has the file's number | somebody who is to remove it lives. The kernel drops it with the process |
//! | a lease, which the kernel gives of a file that nobody has open | nobody has mapped it, in whichever namespace |
//!
//! - W1. A new file is claimed before its creator has closed it. Until then nobody gets a lease.
//! - W2. Who hands a block on gives its own claim up once the other has one ([`own`], then [`disown`]).
//! - W3. A name is removed only while the same file has it: another program may have used the name again.

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, Once, OnceLock, PoisonError};

use crate::cage;
use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::sys::Errno;
use crate::sys::at_exit::at_exit;
use crate::sys::named::{self, Claims, FOLDER, Facts, Identity, Use};
use crate::sys::own;

/// A block that is open, to be mapped.
pub struct Named {
    file: OwnedFd,
    pub size: u64,
    pub identity: Identity,
}

impl Named {
    pub fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// A block that this process is to remove.
struct Owned {
    name: String,
    identity: Identity,
    /// How many of its parts own it: a manager's server may run in the process that has created the block.
    owners: u32,
    /// Whether to leave it to this would be the fault of a program that has forgotten it.
    is_told: bool,
}

struct Ownership {
    owned: Vec<Owned>,
    /// All are looked at when there are so many.
    look_at: usize,
}

/// How many there are at least before all are looked at.
const FEW: usize = 64;

static OWNERSHIP: Mutex<Ownership> = Mutex::new(Ownership {
    owned: Vec::new(),
    look_at: 0,
});

fn ownership() -> MutexGuard<'static, Ownership> {
    // The list is whole even after a panic elsewhere: nothing panics while it is locked.
    OWNERSHIP.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The folder, to claim blocks by; `None` where the system has none, or no descriptor left.
fn claims() -> Option<&'static Claims> {
    static CLAIMS: OnceLock<Claims> = OnceLock::new();
    if CLAIMS.get().is_none() {
        let _ = CLAIMS.set(Claims::open().ok()?);
    }
    CLAIMS.get()
}

fn unclaim(identity: Identity) {
    if let Some(claims) = claims() {
        let _ = claims.unclaim(identity.inode);
    }
}

impl Ownership {
    /// One owner more of a block that is claimed.
    fn add(&mut self, name: &str, identity: Identity, is_told: bool) {
        static SEEN_TO: Once = Once::new();
        SEEN_TO.call_once(|| {
            at_exit(leave);
        });
        if let Some(known) = self.owned.iter_mut().find(|it| it.identity == identity) {
            known.owners += 1;
            known.is_told &= is_told;
            return;
        }
        // Others remove names, too, and nobody tells.
        if self.owned.len() >= self.look_at.max(FEW) {
            let all = std::mem::take(&mut self.owned);
            let (kept, gone): (Vec<_>, Vec<_>) = all.into_iter().partition(Owned::is_there);
            gone.iter().for_each(|it| unclaim(it.identity));
            self.look_at = 2 * kept.len();
            self.owned = kept;
        }
        self.owned.push(Owned {
            name: name.to_owned(),
            identity,
            owners: 1,
            is_told,
        });
    }

    /// So many owners less of a block, if it is in the list.
    fn forget(&mut self, identity: Identity, owners: u32) {
        let Some(at) = self.owned.iter().position(|it| it.identity == identity) else {
            return;
        };
        let left = self.owned[at].owners.saturating_sub(owners);
        self.owned[at].owners = left;
        if left == 0 {
            self.owned.swap_remove(at);
            unclaim(identity);
        }
    }
}

impl Owned {
    /// Whether the name is still the block's.
    fn is_there(&self) -> bool {
        is_there(&self.name, self.identity)
    }
}

fn is_there(name: &str, identity: Identity) -> bool {
    named::facts_of(name).is_some_and(|facts| facts.identity == identity)
}

/// Fails unless this process may read and write the block of that name, which must be one in the folder itself.
fn require_permitted(name: &str) -> Result<()> {
    if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
        return Err(failed("use", name, Errno::INVAL));
    }
    cage::require_file(&format!("{FOLDER}/{name}"))
}

fn failed(action: &str, name: &str, errno: Errno) -> Error {
    Error::OsAt {
        action: format!("{action} the shared memory {name:?}"),
        errno,
    }
}

/// A new block of `size` zero bytes, which this process owns if it is told to. Fails with `EXIST` if there is one of
/// this name.
pub fn create(name: &str, size: u64, owns: bool) -> Result<Named> {
    require_permitted(name)?;
    // To size a file beyond this limit is a deadly signal (SIGXFSZ), not an error.
    if let Some(limit) = own::max_file_size().filter(|&limit| size > limit) {
        return Err(Error::Exhausted {
            action: "create shared memory",
            limit: format!(
                "{size} bytes are wanted, and the limit of file sizes (RLIMIT_FSIZE, ulimit -f) is {limit}"
            ),
        });
    }
    let claims = if owns { claims() } else { None };
    let file = named::create(name, claims.is_some()).map_err(|errno| match errno {
        Errno::NOENT => Error::Unsupported(format!(
            "Cannot create shared memory: there is no {FOLDER} on this system"
        )),
        errno => failed("create", name, errno),
    })?;
    failpoint("named-created");
    let made = named::facts(&file).and_then(|facts| {
        // Without a claim, others would take it for what is left of a process that was killed.
        if claims.is_some_and(|it| it.claim(facts.identity.inode).is_err()) {
            named::unmark(&file)?;
        }
        failpoint("named-claimed");
        named::size_to(&file, size)?;
        failpoint("named-sized");
        Ok(facts.identity)
    });
    match made {
        Ok(identity) => {
            if owns {
                ownership().add(name, identity, true);
            }
            Ok(Named {
                file,
                size,
                identity,
            })
        }
        Err(errno) => {
            if let Ok(facts) = named::facts(&file) {
                unclaim(facts.identity);
            }
            let _ = named::remove(name);
            Err(no_room(name, size, errno))
        }
    }
}

fn no_room(name: &str, size: u64, errno: Errno) -> Error {
    if !matches!(errno, Errno::NOSPC | Errno::NOMEM | Errno::FBIG) {
        return failed("create", name, errno);
    }
    let free = named::free_bytes().map_or_else(|| "too few".to_owned(), |it| it.to_string());
    Error::Exhausted {
        action: "create shared memory",
        limit: format!("{size} bytes are wanted, and there is room for {free} in {FOLDER}"),
    }
}

/// The block of that name.
pub fn open(name: &str) -> Result<Named> {
    require_permitted(name)?;
    let (file, facts) = named::open(name)
        .and_then(|file| named::facts(&file).map(|facts| (file, facts)))
        .map_err(|errno| failed("attach to", name, errno))?;
    if !facts.is_regular {
        return Err(failed("attach to", name, Errno::NODEV));
    }
    Ok(Named {
        file,
        size: facts.size,
        identity: facts.identity,
    })
}

/// Removes the name of a block, if it still has it; whether it had.
pub fn unlink(name: &str, identity: Identity) -> Result<bool> {
    require_permitted(name)?;
    let was_there = is_there(name, identity);
    if was_there {
        match named::remove(name) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(failed("unlink", name, errno)),
        }
    }
    ownership().forget(identity, u32::MAX);
    Ok(was_there)
}

/// Has this process own a block that another one has created and still owns; whether it is there.
pub fn own(name: &str, identity: Identity) -> Result<bool> {
    require_permitted(name)?;
    if named::facts_of(name).is_none_or(|facts| facts.identity != identity || !facts.is_own) {
        return Ok(false);
    }
    if let Some(claims) = claims() {
        let claimed = claims.claim(identity.inode);
        claimed.map_err(|errno| failed("own", name, errno))?;
    }
    ownership().add(name, identity, false);
    Ok(true)
}

/// Has this process own a block no more: another one does.
pub fn disown(identity: Identity) {
    ownership().forget(identity, 1);
}

/// Removes what this process owns, when it ends.
extern "C" fn leave() {
    let owned = std::mem::take(&mut ownership().owned);
    let mut forgotten = String::new();
    for it in owned.iter().filter(|it| it.is_there()) {
        if named::remove(&it.name).is_ok() && it.is_told {
            let separator = if forgotten.is_empty() { "" } else { ", " };
            let _ = write!(forgotten, "{separator}{:?}", it.name);
        }
    }
    if !forgotten.is_empty() {
        // There may be nobody to tell.
        let _ = writeln!(
            std::io::stderr(),
            "multiprocessing: shared memory that nobody has unlinked was removed at the end of its creator: {forgotten}"
        );
    }
}

/// What is known of a block that an owner may have left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// There is none of this name, or it is not for us to remove.
    NotOurs,
    /// Its owner lives.
    Owned,
    /// Its owner is gone, and somebody has it mapped.
    Mapped,
    /// As above, but whether somebody has it mapped the system does not tell.
    Unknown,
    /// Its owner is gone, and nobody has it mapped.
    Left,
}

/// Finds out whether the owner of a block is gone, and nobody else has it; then removes its name, if it is to.
pub fn reclaim(name: &str, remove: bool) -> Result<Fate> {
    require_permitted(name)?;
    let is_ours = |facts: &Facts| facts.is_regular && facts.is_marked && facts.is_own;
    let Some(identity) = named::facts_of(name).filter(is_ours).map(|it| it.identity) else {
        return Ok(Fate::NotOurs);
    };
    // An opening of its own: this process's claims are to be seen as well.
    let claims = Claims::open().map_err(|errno| failed("look at", name, errno))?;
    let is_claimed = || claims.is_claimed(identity.inode).unwrap_or(true);
    if is_claimed() {
        return Ok(Fate::Owned);
    }
    let Ok(file) = named::open(name) else {
        return Ok(Fate::NotOurs); // it is gone
    };
    match named::lease(file.as_fd()) {
        Use::Somebody => return Ok(Fate::Mapped),
        Use::Unknown => return Ok(Fate::Unknown),
        Use::Nobody => {}
    }
    // Nobody can open it now. Who has opened it before may have claimed it, and closed it again.
    let is_same =
        named::facts(&file).is_ok_and(|facts| facts.identity == identity && is_ours(&facts));
    if !is_same {
        return Ok(Fate::NotOurs);
    }
    if is_claimed() {
        return Ok(Fate::Owned);
    }
    if !named::is_leased(file.as_fd()) {
        return Ok(Fate::Mapped); // somebody waits to open it
    }
    if remove && is_there(name, identity) {
        match named::remove(name) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(failed("remove", name, errno)),
        }
    }
    Ok(Fate::Left)
}

#[cfg(test)]
mod tests;
