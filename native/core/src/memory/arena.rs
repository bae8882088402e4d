//! The arena: one memfd that every process of a tree maps whole.
//!
//! ```text
//! offset 0          header       magic, layout version, size
//! HEAP              heap words   the heap's lock, journal, bump pointers, free lists
//! BUCKETS           wake-up words of the asynchronous waiters
//! PROCESSES         process table
//! THREADS           thread table
//! GRAVES            names and ends of processes that are gone
//! BOARDS            what the promises of each process wait for (wait/notes.rs)
//! DESCRIPTORS       one entry for each block (heap/blocks.rs)
//! HOLDS             which process or block holds which block (heap/holds.rs)
//! ACCOUNTS          what processes in cages may use, and do (heap/accounts.rs)
//! ACCOUNT_OF        which account each process has
//! CELL_LINKS        the list of the returned cells
//! CELLS             64-byte blocks: locks, semaphores, values; the part the host sees
//! PAGE_TABLE        what each page is used for (heap/pages.rs)
//! pages()           all other blocks: whole pages, or parts of one
//! ```
//!
//! Only touched pages take memory, so each region is as long as it can ever be.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering::Relaxed;

use crate::error::{Error, Result};
use crate::sys::memory::SharedMapping;
use crate::sys::{Errno, own, procfs};

/// A position in the arena, in bytes: the same in every process.
pub type Offset = u64;

/// Number of a block in the descriptor table; never 0.
pub type BlockId = u32;

/// Says that the memory is ours and laid out as below; changed with every change of the layout.
const MAGIC: u64 = u64::from_le_bytes(*b"mparena5");

/// What the arena is called in `/proc`.
pub const NAME: &str = "multiprocessing";

/// Bytes of a page; what is given back to the system is a multiple of it.
pub const PAGE: u64 = 4096;
const GIB: u64 = 1 << 30;

pub const HEAP: Offset = PAGE;
pub const HEAP_SIZE: u64 = 4 * PAGE;
pub const BUCKETS: Offset = HEAP + HEAP_SIZE;
pub const BUCKET_COUNT: u64 = 64;
pub const BUCKET_SIZE: u64 = 64;
pub const PROCESSES: Offset = BUCKETS + BUCKET_COUNT * BUCKET_SIZE;
pub const PROCESS_COUNT: u64 = 1024;
pub const PROCESS_SIZE: u64 = 128;
pub const THREADS: Offset = PROCESSES + PROCESS_COUNT * PROCESS_SIZE;
pub const THREAD_COUNT: u64 = 8192;
pub const THREAD_SIZE: u64 = 64;
pub const GRAVES: Offset = THREADS + THREAD_COUNT * THREAD_SIZE;
pub const GRAVE_COUNT: u64 = 4096;
pub const GRAVE_SIZE: u64 = PROCESS_SIZE;
pub const BOARDS: Offset = GRAVES + GRAVE_COUNT * GRAVE_SIZE;
pub const BOARD_SIZE: u64 = 1024;
pub const DESCRIPTORS: Offset = BOARDS + PROCESS_COUNT * BOARD_SIZE;
pub const DESCRIPTOR_COUNT: u64 = 1 << 22;
pub const DESCRIPTOR_SIZE: u64 = 32;
pub const HOLDS: Offset = DESCRIPTORS + DESCRIPTOR_COUNT * DESCRIPTOR_SIZE;
pub const HOLD_COUNT: u64 = 1 << 23;
pub const HOLD_SIZE: u64 = 16;
pub const ACCOUNTS: Offset = HOLDS + HOLD_COUNT * HOLD_SIZE;
pub const ACCOUNT_COUNT: u64 = 1 << 16;
pub const ACCOUNT_SIZE: u64 = 64;
pub const ACCOUNT_OF: Offset = ACCOUNTS + ACCOUNT_COUNT * ACCOUNT_SIZE;
pub const CELL_LINKS: Offset = ACCOUNT_OF + PROCESS_COUNT * 8;
pub const CELL_COUNT: u64 = 1 << 22;
pub const CELL_SIZE: u64 = 64;
pub const CELLS: Offset = CELL_LINKS + CELL_COUNT * 8;
/// Where the cells end.
pub const PAGE_TABLE: Offset = CELLS + CELL_COUNT * CELL_SIZE;
pub const PAGE_ENTRY_SIZE: u64 = 16;
const _: () = assert!(CELLS.is_multiple_of(PAGE) && PAGE_TABLE.is_multiple_of(PAGE));

/// The address space an arena takes; where a limit forbids it (RLIMIT_AS), the next smaller.
const SIZES: [u64; 4] = [64 * GIB, 16 * GIB, 4 * GIB, GIB];

const MAGIC_WORD: Offset = 0;
const SIZE_WORD: Offset = 8;
/// 1 once a process of the tree was started in a cage.
const CAGE_WORD: Offset = 16;
/// The number of the PID namespace that the tree is in; 0 if it is not known.
const NAMESPACE_WORD: Offset = 24;
/// Two words of [`crate::wait`].
pub const ANYWHERE: Offset = 32;
/// Whose turn it is in the thread table ([`crate::tree::threads`]). In a cache line of its own.
pub const NEXT_THREAD: Offset = 64;

/// The shared memory of one process tree.
pub struct Arena {
    memory: SharedMapping,
}

impl std::ops::Deref for Arena {
    type Target = SharedMapping;

    fn deref(&self) -> &SharedMapping {
        &self.memory
    }
}

impl Arena {
    /// The arena of a new tree: as large as the limits of this process allow.
    pub fn create() -> Result<Self> {
        // To size a file beyond this limit is a deadly signal (SIGXFSZ), not an error.
        let limit = own::max_file_size().unwrap_or(u64::MAX);
        let mut last = Err(Error::Unsupported(format!(
            "Cannot create shared memory: the limit of file sizes (RLIMIT_FSIZE, ulimit -f) is {limit} bytes, wanted \
             {GIB} or more; raise it"
        )));
        for size in SIZES.into_iter().filter(|&size| size <= limit) {
            last = Self::create_sized(size);
            if last.is_ok() {
                break;
            }
        }
        match last {
            Err(Error::Os {
                errno: Errno::NOMEM,
                ..
            }) => Err(Error::Unsupported(format!(
                "Cannot map shared memory: there is no room for {GIB} bytes of addresses; raise the limit of address \
                 space (RLIMIT_AS, ulimit -v)"
            ))),
            last => last,
        }
    }

    /// An arena of `size` bytes, for tests that want to see its end.
    pub fn create_sized(size: u64) -> Result<Self> {
        let memory = SharedMapping::create(NAME, size)?;
        memory.word64(SIZE_WORD).store(size, Relaxed);
        let namespace = procfs::pid_namespace();
        memory.word64(NAMESPACE_WORD).store(namespace, Relaxed);
        memory.word64(MAGIC_WORD).store(MAGIC, Relaxed);
        Ok(Self { memory })
    }

    /// The arena that another process of the tree made.
    pub fn open(descriptor: OwnedFd) -> Result<Self> {
        let memory = SharedMapping::open(descriptor)?;
        if memory.size() < PAGE_TABLE + 2 * PAGE
            || memory.word64(MAGIC_WORD).load(Relaxed) != MAGIC
            || memory.word64(SIZE_WORD).load(Relaxed) != memory.size()
        {
            return Err(Error::Corrupted(
                "it was laid out by another version of the library",
            ));
        }
        Ok(Self { memory })
    }

    /// Fails with the reason unless memory of `size` bytes, of which `word` reads words, is an arena that
    /// this version can read, of a tree whose numbers of processes mean the same here.
    pub fn require_readable(
        size: u64,
        word: &dyn Fn(Offset) -> Option<u64>,
    ) -> std::result::Result<(), &'static str> {
        if word(MAGIC_WORD) != Some(MAGIC) || size < PAGE_TABLE + 2 * PAGE {
            return Err("it was laid out by another version of the library");
        }
        if word(SIZE_WORD) != Some(size) {
            return Err("its memory is damaged");
        }
        let (root, own) = (word(NAMESPACE_WORD).unwrap_or(0), procfs::pid_namespace());
        if root != own && root != 0 && own != 0 {
            return Err("it is in another PID namespace, so its processes have other numbers");
        }
        Ok(())
    }

    /// How many pages there are for blocks: each needs its entry in the table, too.
    #[inline]
    pub fn page_count(&self) -> u64 {
        (self.size() - PAGE_TABLE - PAGE) / (PAGE + PAGE_ENTRY_SIZE)
    }

    /// Where the pages for blocks begin.
    #[inline]
    pub fn pages(&self) -> Offset {
        let table = self.page_count() * PAGE_ENTRY_SIZE;
        PAGE_TABLE + table.next_multiple_of(PAGE)
    }

    /// Fails if this process is in another PID namespace than the tree: whether its processes live
    /// can be told only by who has the same numbers for them.
    pub fn require_same_namespace(&self) -> Result<()> {
        let root = self.memory.word64(NAMESPACE_WORD).load(Relaxed);
        let own = procfs::pid_namespace();
        if root == own || root == 0 || own == 0 {
            return Ok(());
        }
        Err(Error::Unsupported(
            "Cannot join the parent's tree: this process is in another PID namespace than the process \
             that began the tree; start both in one"
                .into(),
        ))
    }

    /// Says, for ever, that a process of the tree is about to be started in a cage.
    pub fn note_cage(&self) {
        self.memory.word32(CAGE_WORD).store(1, Relaxed);
    }

    /// Whether a process of the tree was ever started in a cage: then its messages may come from a
    /// hostile one.
    pub fn has_cage(&self) -> bool {
        self.memory.word32(CAGE_WORD).load(Relaxed) != 0
    }

    /// The descriptor that a child inherits: it can be opened, not read or written.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.memory.descriptor()
    }
}

#[cfg(test)]
mod tests {
    use rustix::fs::OFlags;

    use super::*;
    use crate::sys::memory::reopen;

    #[test]
    fn a_tree_member_sees_what_the_root_wrote() {
        let root = Arena::create().unwrap();
        root.word32(PAGE_TABLE).store(7, Relaxed);
        let child = Arena::open(root.descriptor().try_clone_to_owned().unwrap()).unwrap();
        assert_eq!(child.word32(PAGE_TABLE).load(Relaxed), 7);
        assert_eq!(child.size(), root.size());
    }

    #[test]
    fn foreign_memory_is_refused() {
        let memory = SharedMapping::create("foreign", GIB).unwrap();
        let descriptor = memory.descriptor().try_clone_to_owned().unwrap();
        assert!(matches!(Arena::open(descriptor), Err(Error::Corrupted(_))));
    }

    #[test]
    fn the_size_is_sealed() {
        let arena = Arena::create_sized(GIB).unwrap();
        let opened = reopen(arena.descriptor(), OFlags::RDWR).unwrap();
        assert_eq!(rustix::fs::ftruncate(opened, 0), Err(Errno::PERM));
    }

    #[test]
    fn the_descriptor_is_no_way_to_the_memory() {
        let root = Arena::create_sized(GIB).unwrap();
        let child = Arena::open(root.descriptor().try_clone_to_owned().unwrap()).unwrap();
        for descriptor in [root.descriptor(), child.descriptor()] {
            assert_eq!(rustix::io::pwrite(descriptor, b"x", 0), Err(Errno::BADF));
            assert_eq!(
                rustix::io::pread(descriptor, &mut [0u8][..], 0),
                Err(Errno::BADF)
            );
            assert_eq!(rustix::fs::ftruncate(descriptor, 0), Err(Errno::BADF));
            let flags = rustix::fs::fcntl_getfl(descriptor).unwrap();
            assert!(flags.contains(OFlags::PATH));
        }
    }

    #[test]
    fn pages_are_given_back_and_read_as_zero_for_everybody() {
        let root = Arena::create_sized(GIB).unwrap();
        let child = Arena::open(root.descriptor().try_clone_to_owned().unwrap()).unwrap();
        let at = root.pages();
        root.write(at, &[7; 4 * PAGE as usize]);
        let before = root.resident().unwrap();
        child.give_back(at + PAGE, 2 * PAGE).unwrap();
        assert_eq!(root.resident().unwrap(), before - 2 * PAGE);
        assert_eq!(root.read_vec(at + PAGE - 1, 2), [7, 0]);
        assert_eq!(root.read_vec(at + 3 * PAGE - 1, 2), [0, 7]);
        assert!(root.give_back(at + 64, PAGE).is_err());
        assert!(root.give_back(at, PAGE + 64).is_err());
    }
}
