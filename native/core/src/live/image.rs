//! The memory of a tree, as copies of parts of it. What cannot be copied reads as zeroes: the tree may be
//! ending.

use crate::memory::arena::Offset;
use crate::sys::outside::MemoryFile;

/// Where copies come from.
pub trait Source {
    fn size(&self) -> u64;
    /// Copies the bytes from `offset` on; `false` if there are not so many.
    fn copy(&self, offset: Offset, target: &mut [u8]) -> bool;
}

impl Source for MemoryFile {
    fn size(&self) -> u64 {
        self.size
    }

    fn copy(&self, offset: Offset, target: &mut [u8]) -> bool {
        self.read(offset, target)
    }
}

/// Bytes of one copy at most, whatever the memory says.
pub const LONGEST_COPY: u64 = 1 << 20;

/// The `length` bytes from `offset` on.
pub fn bytes(source: &dyn Source, offset: Offset, length: u64) -> Vec<u8> {
    let mut bytes = vec![0; length.min(LONGEST_COPY) as usize];
    if !source.copy(offset, &mut bytes) {
        bytes.fill(0);
    }
    bytes
}
