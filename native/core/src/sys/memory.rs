//! Anonymous shared memory: `memfd_create(2)`, `mmap(2)`, and giving pages back.
#![expect(
    unsafe_code,
    reason = "mapping memory, and handing out references into the mapping"
)]

use std::ffi::c_void;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64};

use rustix::fs::{MemfdFlags, Mode, OFlags, SealFlags};
use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, MremapFlags, MsyncFlags, ProtFlags};

use super::bytes::{Bytes, BytesMut};
use crate::error::{Error, Result};

/// A memfd mapped whole, shared with every process that holds its descriptor.
///
/// The descriptor only names it (`O_PATH`): it can be passed on and mapped again, by
/// [`open`](SharedMapping::open), but neither read nor written. The host can use descriptors by
/// their numbers, without a permission, and must not reach the memory so.
pub struct SharedMapping {
    base: NonNull<u8>,
    len: u64,
    name: OwnedFd,
}

/// Bytes of a page.
pub fn page_size() -> usize {
    rustix::param::page_size()
}

/// Opens again, in another way, what a descriptor is of.
pub fn reopen(descriptor: BorrowedFd, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let path = format!("/proc/self/fd/{}", descriptor.as_raw_fd());
    rustix::fs::open(path, flags | OFlags::CLOEXEC, Mode::empty())
}

// SAFETY: the mapping is never moved or unmapped while the value lives, and every access to its
// bytes goes through atomics or through raw pointers whose users say why they may.
unsafe impl Send for SharedMapping {}
// SAFETY: as above.
unsafe impl Sync for SharedMapping {}

impl SharedMapping {
    /// A new memfd of `len` bytes, all zero and none of them in memory yet. Its size is sealed:
    /// nobody who gets the descriptor can truncate it and so kill the others with SIGBUS.
    pub fn create(name: &str, len: u64) -> Result<Self> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let descriptor = rustix::fs::memfd_create(name, flags).map_err(|errno| match errno {
            Errno::PERM | Errno::NOSYS => super::lacking("memfd_create", errno),
            errno => Error::os("create shared memory", errno),
        })?;
        rustix::fs::ftruncate(&descriptor, len)
            .map_err(|errno| Error::os("size shared memory", errno))?;
        let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
        rustix::fs::fcntl_add_seals(&descriptor, seals)
            .map_err(|errno| Error::os("seal shared memory", errno))?;
        Self::map(descriptor, len)
    }

    /// The mapping of a memfd that this process was given the name of.
    pub fn open(name: OwnedFd) -> Result<Self> {
        let descriptor = reopen(name.as_fd(), OFlags::RDWR)
            .map_err(|errno| Error::os("open shared memory", errno))?;
        let len = rustix::fs::fstat(&descriptor)
            .map_err(|errno| Error::os("inspect shared memory", errno))?
            .st_size;
        let seals = rustix::fs::fcntl_get_seals(&descriptor)
            .map_err(|errno| Error::os("inspect shared memory", errno))?;
        if !seals.contains(SealFlags::SHRINK) {
            return Err(Error::Corrupted("the shared memory could shrink"));
        }
        Self::map(descriptor, u64::try_from(len).unwrap_or(0))
    }

    fn map(descriptor: OwnedFd, len: u64) -> Result<Self> {
        let length = usize::try_from(len).map_err(|_| Error::Corrupted("mapping too long"))?;
        // SAFETY: a new mapping at an address of the kernel's choice overlaps nothing.
        let base = unsafe {
            rustix::mm::mmap(
                std::ptr::null_mut(),
                length,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED | MapFlags::NORESERVE,
                &descriptor,
                0,
            )
        }
        .map_err(|errno| Error::os("map shared memory", errno))?;
        let base = NonNull::new(base.cast()).ok_or(Error::Corrupted("mapped at address 0"))?;
        let name = reopen(descriptor.as_fd(), OFlags::PATH)
            .map_err(|errno| Error::os("name shared memory", errno))?;
        Ok(Self { base, len, name })
    }

    pub fn size(&self) -> u64 {
        self.len
    }

    /// What another process opens it by; nothing else can be done with it.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.name.as_fd()
    }

    /// The 32-bit word at `offset`. Panics if it is not inside the mapping and aligned: callers
    /// check offsets that come from shared memory before they get here.
    #[inline]
    pub fn word32(&self, offset: u64) -> &AtomicU32 {
        // SAFETY: `address` checked range and alignment; the memory is only ever accessed as
        // atomics or through raw pointers, and lives as long as `self`.
        unsafe { &*self.address(offset, 4).cast::<AtomicU32>() }
    }

    /// The 64-bit word at `offset`; as [`word32`](Self::word32).
    #[inline]
    pub fn word64(&self, offset: u64) -> &AtomicU64 {
        // SAFETY: as in `word32`.
        unsafe { &*self.address(offset, 8).cast::<AtomicU64>() }
    }

    /// The `N` 32-bit words from `offset` on, checked once for all; as [`word32`](Self::word32).
    #[inline]
    pub fn words32<const N: usize>(&self, offset: u64) -> &[AtomicU32; N] {
        assert!(offset.is_multiple_of(4));
        let words = self.bytes(offset, 4 * N as u64);
        // SAFETY: as in `word32`, for each of them.
        unsafe { &*words.cast::<[AtomicU32; N]>() }
    }

    /// The `N` 64-bit words from `offset` on; as [`words32`](Self::words32).
    #[inline]
    pub fn words64<const N: usize>(&self, offset: u64) -> &[AtomicU64; N] {
        assert!(offset.is_multiple_of(8));
        let words = self.bytes(offset, 8 * N as u64);
        // SAFETY: as in `word32`, for each of them.
        unsafe { &*words.cast::<[AtomicU64; N]>() }
    }

    #[inline]
    fn address(&self, offset: u64, size: u64) -> *mut u8 {
        assert!(offset.is_multiple_of(size));
        self.bytes(offset, size)
    }

    /// Where the `size` bytes at `offset` are mapped. Panics if they are not inside the mapping.
    #[inline]
    pub fn bytes(&self, offset: u64, size: u64) -> *mut u8 {
        assert!(offset.checked_add(size).is_some_and(|end| end <= self.len));
        // SAFETY: inside the mapping, as just checked.
        unsafe { self.base.as_ptr().add(offset as usize) }
    }

    /// Copies `source` to `offset`. Others may write there at the same time: then the bytes that
    /// land are unspecified, and every reader treats them so.
    #[inline]
    pub fn write<'a>(&self, offset: u64, source: impl Into<Bytes<'a>>) {
        let source = source.into();
        let target = self.bytes(offset, source.len() as u64);
        // SAFETY: `bytes` checked the range, and `source` can be read. It may be in this mapping.
        unsafe { target.copy_from(source.as_ptr(), source.len()) }
    }

    /// Copies the bytes at `offset` out; as [`write`](Self::write).
    #[inline]
    pub fn read<'a>(&self, offset: u64, target: impl Into<BytesMut<'a>>) {
        let target = target.into();
        let source = self.bytes(offset, target.len() as u64);
        // SAFETY: as in `write`.
        unsafe { source.copy_to(target.as_mut_ptr(), target.len()) }
    }

    /// The `len` bytes at `offset` as a new vector.
    pub fn read_vec(&self, offset: u64, len: usize) -> Vec<u8> {
        let mut target = Vec::new();
        self.append_to(&mut target, offset, len);
        target
    }

    /// Copies the `len` bytes at `offset` behind those of `target`.
    pub fn append_to(&self, target: &mut Vec<u8>, offset: u64, len: usize) {
        let source = self.bytes(offset, len as u64);
        target.reserve(len);
        let end = target.len();
        let spare = target.spare_capacity_mut().as_mut_ptr().cast();
        // SAFETY: `bytes` checked the range, and `target` has room for `len` more bytes.
        unsafe { source.copy_to_nonoverlapping(spare, len) };
        // SAFETY: the copy has initialised them.
        unsafe { target.set_len(end + len) };
    }

    /// Sets `size` bytes at `offset` to zero.
    pub fn zero(&self, offset: u64, size: u64) {
        let target = self.bytes(offset, size);
        // SAFETY: `bytes` checked the range.
        unsafe { target.write_bytes(0, size as usize) }
    }

    /// Gives the whole pages from `offset` on back to the system; they read as zero afterwards
    /// (`MADV_REMOVE`). Fails if the range is not one of whole pages.
    pub fn give_back(&self, offset: u64, size: u64) -> Result<()> {
        let page = page_size() as u64;
        if !offset.is_multiple_of(page) || !size.is_multiple_of(page) {
            return Err(Error::Corrupted("a range to give back is not one of pages"));
        }
        let pages = self.bytes(offset, size).cast();
        // SAFETY: `bytes` checked the range, which the kernel does not round up, as just checked; all
        // accesses are by atomics or raw pointers, which find zeroes from now on.
        unsafe { rustix::mm::madvise(pages, size as usize, Advice::LinuxRemove) }
            .map_err(|errno| Error::os("give memory back", errno))
    }

    /// Maps the pages at `offset` a second time, in the place of what is mapped at `address`. The memory
    /// is not this mapping's then: it goes when somebody unmaps it. Fails without a change of it, but
    /// that its bytes are zero.
    ///
    /// # Safety
    ///
    /// The `size` bytes at `address` are whole pages of a mapping of somebody who expects that others
    /// write there.
    pub unsafe fn map_again(&self, offset: u64, size: u64, address: usize) -> Result<()> {
        let pages = self.bytes(offset, size).cast();
        // SAFETY: of a shared mapping, 0 bytes to move are a copy of the mapping (mremap(2)); what was
        // at `address` the caller has given up.
        let mapped = unsafe {
            let flags = MremapFlags::MAYMOVE;
            rustix::mm::mremap_fixed(pages, 0, size as usize, flags, address as *mut c_void)
        };
        mapped.map(drop).map_err(|errno| {
            // SAFETY: as above.
            let _ = unsafe { cover(address, size) };
            Error::os("map shared memory", errno)
        })
    }

    /// How many bytes of the mapping are in memory, in all processes together.
    pub fn resident(&self) -> Result<u64> {
        rustix::fs::fstat(&self.name)
            .map(|stat| u64::try_from(stat.st_blocks).unwrap_or(0) * 512)
            .map_err(|errno| Error::os("inspect shared memory", errno))
    }
}

/// Maps the first `size` bytes of a file, which others may write, in the place of what is mapped at `address`. Fails
/// without a change of that, but that its bytes are zero.
///
/// # Safety
///
/// As of [`SharedMapping::map_again`].
pub unsafe fn map_file(file: BorrowedFd, size: u64, address: usize) -> Result<()> {
    // SAFETY: what was there the caller has given up.
    let mapped = unsafe {
        rustix::mm::mmap(
            address as *mut c_void,
            size as usize,
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::SHARED | MapFlags::FIXED,
            file,
            0,
        )
    };
    mapped.map(drop).map_err(|errno| {
        // SAFETY: as above.
        let _ = unsafe { cover(address, size) };
        Error::os("map shared memory", errno)
    })
}

/// Puts private zeroes in the place of what is mapped at `address`.
///
/// # Safety
///
/// As of [`SharedMapping::map_again`].
pub unsafe fn cover(address: usize, size: u64) -> Result<()> {
    // SAFETY: what was there the caller has given up.
    let mapped = unsafe {
        rustix::mm::mmap_anonymous(
            address as *mut c_void,
            size as usize,
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::PRIVATE | MapFlags::NORESERVE | MapFlags::FIXED,
        )
    };
    mapped
        .map(drop)
        .map_err(|errno| Error::os("map memory", errno))
}

/// Whether something is mapped at the page `address` (`msync(2)` says it, and does nothing).
pub fn is_mapped(address: usize) -> bool {
    // SAFETY: nothing is read, written or unmapped.
    let asked = unsafe { rustix::mm::msync(address as *mut c_void, 1, MsyncFlags::ASYNC) };
    asked != Err(Errno::NOMEM)
}

/// Whether a shared mapping is at the page `address`: only of one can a copy be made.
pub fn is_shared(address: usize) -> bool {
    let page = page_size();
    // SAFETY: the copy is put where nothing is, and what is at `address` stays.
    let copy = unsafe { rustix::mm::mremap(address as *mut c_void, 0, page, MremapFlags::MAYMOVE) };
    // SAFETY: the copy was made just above, and nobody else knows it.
    copy.is_ok_and(|copy| unsafe { rustix::mm::munmap(copy, page) }.is_ok())
}

impl Drop for SharedMapping {
    fn drop(&mut self) {
        // SAFETY: `base` and `len` are what mmap returned, and no reference outlives `self`.
        let unmapped = unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), self.len as usize) };
        debug_assert!(unmapped.is_ok());
    }
}
