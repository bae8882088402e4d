//! Files of named shared memory: `open(2)` in `/dev/shm`, as `shm_open(3)` does it; and how the kernel is asked who has
//! them: locks of open files and leases (`fcntl(2)`).
#![expect(
    unsafe_code,
    reason = "locks of open files and leases have no safe wrappers"
)]

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, CWD, FallocateFlags, FileType, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};

/// Where the files are.
pub const FOLDER: &str = "/dev/shm";

/// Which file it is, whatever its name: no other one has both numbers at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    pub device: u64,
    pub inode: u64,
}

/// What `fstat(2)` says of an open file.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    pub identity: Identity,
    pub size: u64,
    pub is_regular: bool,
    /// Whether the file's mode has the bit that [`create`] sets if it is told to.
    pub is_marked: bool,
    /// Whether it belongs to the user of this process.
    pub is_own: bool,
}

/// What is mode 01000: nothing of Linux looks at it for a file.
const MARK: Mode = Mode::SVTX;

fn path_of(name: &str) -> Result<CString, Errno> {
    CString::new(format!("{FOLDER}/{name}")).map_err(|_| Errno::INVAL)
}

/// A new file for its user alone; fails with `EXIST` if there is one of this name.
pub fn create(name: &str, marked: bool) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut mode = Mode::RUSR | Mode::WUSR;
    mode.set(MARK, marked);
    retry_on_intr(|| rustix::fs::open(path_of(name)?, flags, mode))
}

/// The file of this name, to be read and written.
pub fn open(name: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    retry_on_intr(|| rustix::fs::open(path_of(name)?, flags, Mode::empty()))
}

pub fn facts(file: impl AsFd) -> Result<Facts, Errno> {
    rustix::fs::fstat(file).map(|stat| facts_in(&stat))
}

/// Of the file that has this name now; `None` if there is none.
pub fn facts_of(name: &str) -> Option<Facts> {
    let stat = rustix::fs::statat(CWD, path_of(name).ok()?, AtFlags::SYMLINK_NOFOLLOW);
    stat.ok().map(|stat| facts_in(&stat))
}

fn facts_in(stat: &rustix::fs::Stat) -> Facts {
    Facts {
        identity: Identity {
            device: stat.st_dev,
            inode: stat.st_ino,
        },
        size: u64::try_from(stat.st_size).unwrap_or(0),
        is_regular: FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile,
        is_marked: Mode::from_raw_mode(stat.st_mode).contains(MARK),
        is_own: stat.st_uid == rustix::process::geteuid().as_raw(),
    }
}

/// Takes the bit from its mode that [`create`] has set.
pub fn unmark(file: impl AsFd) -> Result<(), Errno> {
    rustix::fs::fchmod(file, Mode::RUSR | Mode::WUSR)
}

/// Gives a new file its size, and the memory for it: a page that cannot be had when it is touched would be a deadly
/// signal (SIGBUS). Where a file system cannot do that, it is left.
pub fn size_to(file: impl AsFd, size: u64) -> Result<(), Errno> {
    rustix::fs::ftruncate(&file, size)?;
    let flags = FallocateFlags::empty();
    match retry_on_intr(|| rustix::fs::fallocate(&file, flags, 0, size)) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        done => done,
    }
}

/// Removes the name; who has mapped the file keeps it.
pub fn remove(name: &str) -> Result<(), Errno> {
    rustix::fs::unlink(path_of(name)?)
}

/// How many bytes there is room for.
pub fn free_bytes() -> Option<u64> {
    let stat = rustix::fs::statvfs(FOLDER).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// The folder, opened to lock single bytes of it: byte n stands for the file with inode number n. The locks are those of
/// this opening, and go when it is closed, however its process ends.
pub struct Claims(OwnedFd);

impl Claims {
    pub fn open() -> Result<Self, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        retry_on_intr(|| rustix::fs::open(FOLDER, flags, Mode::empty())).map(Self)
    }

    /// Locks the byte, as others may, too.
    pub fn claim(&self, inode: u64) -> Result<(), Errno> {
        self.lock(libc::F_OFD_SETLK, libc::F_RDLCK, inode).map(drop)
    }

    pub fn unclaim(&self, inode: u64) -> Result<(), Errno> {
        self.lock(libc::F_OFD_SETLK, libc::F_UNLCK, inode).map(drop)
    }

    /// Whether anybody has locked the byte by another opening.
    pub fn is_claimed(&self, inode: u64) -> Result<bool, Errno> {
        let found = self.lock(libc::F_OFD_GETLK, libc::F_WRLCK, inode)?;
        Ok(found != libc::F_UNLCK)
    }

    /// The kind of lock that the kernel says there is then.
    fn lock(&self, command: i32, kind: i32, inode: u64) -> Result<i32, Errno> {
        let mut lock = libc::flock {
            l_type: kind as libc::c_short,
            l_whence: libc::SEEK_SET as libc::c_short,
            l_start: (inode & i64::MAX.cast_unsigned()).cast_signed(),
            l_len: 1,
            l_pid: 0,
        };
        // SAFETY: the descriptor is open, and the kernel reads and writes `lock` alone.
        let done = unsafe { libc::fcntl(self.0.as_raw_fd(), command, &raw mut lock) };
        check(done)?;
        Ok(i32::from(lock.l_type))
    }
}

/// Whether somebody else has a file open, or mapped, which is the same to the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    Nobody,
    Somebody,
    /// The file system has no leases.
    Unknown,
}

/// `F_SETSIG` of `fcntl(2)`, which `libc` does not have for every platform.
const SET_SIGNAL: i32 = 10;

/// Takes a lease on a file, if nobody else has it open, in whichever namespace. It ends when `file` is closed. Who opens
/// the file meanwhile waits for that.
pub fn lease(file: BorrowedFd) -> Use {
    let fd = file.as_raw_fd();
    // The signal that says that somebody waits is SIGIO otherwise, which would end this process.
    // SAFETY: the descriptor is open, and no memory is concerned.
    let told = unsafe { libc::fcntl(fd, SET_SIGNAL, libc::SIGURG) };
    if check(told).is_err() {
        return Use::Unknown;
    }
    // SAFETY: as above.
    let taken = unsafe { libc::fcntl(fd, libc::F_SETLEASE, libc::F_WRLCK) };
    match check(taken) {
        Ok(()) => Use::Nobody,
        Err(Errno::AGAIN | Errno::BUSY) => Use::Somebody,
        Err(_) => Use::Unknown,
    }
}

/// Whether a lease is whole: nobody waits for its end.
pub fn is_leased(file: BorrowedFd) -> bool {
    // SAFETY: as above.
    unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETLEASE) == libc::F_WRLCK }
}

fn check(result: i32) -> Result<(), Errno> {
    if result >= 0 {
        return Ok(());
    }
    let error = std::io::Error::last_os_error().raw_os_error();
    Err(Errno::from_raw_os_error(error.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    /// A file that is removed at the end of its test.
    struct Temporary(String);

    impl Temporary {
        fn new(of: &str) -> Self {
            Self(format!("psm_file_{of}_{}", std::process::id()))
        }
    }

    impl Drop for Temporary {
        fn drop(&mut self) {
            let _ = remove(&self.0);
        }
    }

    /// A process that another test starts at the moment has copies of all descriptors until it runs its program.
    fn comes_true(is_so: impl Fn() -> bool) {
        let end = Instant::now() + Duration::from_secs(20);
        while !is_so() {
            assert!(Instant::now() < end);
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_file_has_its_size_its_mark_and_a_name_of_its_own() {
        let Temporary(name) = &Temporary::new("mark");
        let file = create(name, true).unwrap();
        assert_eq!(create(name, false).err(), Some(Errno::EXIST));
        size_to(&file, 5000).unwrap();
        let found = facts(&file).unwrap();
        assert!(found.is_marked && found.is_own && found.is_regular);
        assert_eq!(
            (found.size, facts_of(name).unwrap().identity),
            (5000, found.identity)
        );
        unmark(&file).unwrap();
        assert!(!facts(open(name).unwrap()).unwrap().is_marked);
        remove(name).unwrap();
        assert_eq!(open(name).err(), Some(Errno::NOENT));
        assert!(facts_of(name).is_none());
    }

    #[test]
    fn a_claim_is_seen_by_others_and_goes_with_its_opening() {
        let (one, two, other) = (Claims::open(), Claims::open(), Claims::open());
        let (one, two, other) = (one.unwrap(), two.unwrap(), other.unwrap());
        const INODE: u64 = u64::MAX - 4711;
        one.claim(INODE).unwrap();
        two.claim(INODE).unwrap();
        assert!(!other.is_claimed(INODE + 1).unwrap());
        one.unclaim(INODE).unwrap();
        assert!(other.is_claimed(INODE).unwrap());
        drop(two);
        comes_true(|| !other.is_claimed(INODE).unwrap());
    }

    #[test]
    fn a_lease_is_had_of_what_nobody_has_open() {
        let Temporary(name) = &Temporary::new("lease");
        let file = create(name, false).unwrap();
        let other = open(name).unwrap();
        assert_eq!(lease(other.as_fd()), Use::Somebody);
        drop(file);
        comes_true(|| lease(other.as_fd()) == Use::Nobody);
        assert!(is_leased(other.as_fd()));
    }
}
