//! Bytes that others may read and write at any time: buffers of the host, which other processes and
//! threads may share. There is never a reference to them, since a reference promises that nobody
//! writes meanwhile; they are copied by address. What arrives of bytes that are just being written is
//! any mixture of old and new, and every reader treats it so.
#![expect(
    unsafe_code,
    reason = "copies from and to memory that no reference may be made to"
)]

use std::marker::PhantomData;

/// Bytes to be copied from.
#[derive(Clone, Copy)]
pub struct Bytes<'a> {
    start: *const u8,
    len: usize,
    life: PhantomData<&'a ()>,
}

/// Bytes to be copied to.
#[derive(Clone, Copy)]
pub struct BytesMut<'a> {
    start: *mut u8,
    len: usize,
    life: PhantomData<&'a ()>,
}

impl<'a> Bytes<'a> {
    /// # Safety
    ///
    /// The `len` bytes at `start` can be read for as long as `'a`.
    pub unsafe fn from_raw(start: *const u8, len: usize) -> Self {
        let life = PhantomData;
        Self { start, len, life }
    }

    pub fn len(self) -> usize {
        self.len
    }

    pub fn is_empty(self) -> bool {
        self.len == 0
    }

    pub fn as_ptr(self) -> *const u8 {
        self.start
    }

    /// The first `at` bytes, and the others; at most as many as there are.
    pub fn split_at(self, at: usize) -> (Self, Self) {
        let at = at.min(self.len);
        let (start, len) = (self.start.wrapping_add(at), self.len - at);
        (Self { len: at, ..self }, Self { start, len, ..self })
    }

    /// Copies them behind the end of `target`.
    pub fn append_to(self, target: &mut Vec<u8>) {
        target.reserve(self.len);
        let end = target.len();
        let spare = target.spare_capacity_mut().as_mut_ptr().cast();
        // SAFETY: they can be read, and `target` has room for so many more.
        unsafe { self.start.copy_to_nonoverlapping(spare, self.len) };
        // SAFETY: the copy has initialised them.
        unsafe { target.set_len(end + self.len) };
    }

    /// A copy of them.
    pub fn to_vec(self) -> Vec<u8> {
        let mut copy = Vec::new();
        self.append_to(&mut copy);
        copy
    }
}

impl<'a> BytesMut<'a> {
    /// # Safety
    ///
    /// The `len` bytes at `start` can be read and written for as long as `'a`, and there is no reference
    /// to any of them meanwhile.
    pub unsafe fn from_raw(start: *mut u8, len: usize) -> Self {
        let life = PhantomData;
        Self { start, len, life }
    }

    pub fn len(self) -> usize {
        self.len
    }

    pub fn is_empty(self) -> bool {
        self.len == 0
    }

    pub fn as_mut_ptr(self) -> *mut u8 {
        self.start
    }

    /// The same bytes, to be copied from.
    pub fn source(self) -> Bytes<'a> {
        // SAFETY: what can be written here can be read.
        unsafe { Bytes::from_raw(self.start, self.len) }
    }

    /// The first `at` bytes, and the others; at most as many as there are.
    pub fn split_at(self, at: usize) -> (Self, Self) {
        let at = at.min(self.len);
        let (start, len) = (self.start.wrapping_add(at), self.len - at);
        (Self { len: at, ..self }, Self { start, len, ..self })
    }

    /// Whether some bytes are among both.
    pub fn overlaps(self, other: Self) -> bool {
        let (begin, other_begin) = (self.start as usize, other.start as usize);
        begin < other_begin + other.len && other_begin < begin + self.len
    }

    /// Copies as many bytes of `source` as there is room for; what comes behind them.
    pub fn fill(self, source: &[u8]) -> Self {
        let (first, rest) = self.split_at(source.len());
        // SAFETY: `first` can be written and has no more bytes than `source`, a reference to which
        // cannot be to any of them.
        unsafe {
            first
                .start
                .copy_from_nonoverlapping(source.as_ptr(), first.len)
        };
        rest
    }
}

impl<'a, T: AsRef<[u8]> + ?Sized> From<&'a T> for Bytes<'a> {
    fn from(bytes: &'a T) -> Self {
        let bytes = bytes.as_ref();
        let (start, len) = (bytes.as_ptr(), bytes.len());
        // SAFETY: the bytes are borrowed for as long.
        unsafe { Self::from_raw(start, len) }
    }
}

impl<'a, T: AsMut<[u8]> + ?Sized> From<&'a mut T> for BytesMut<'a> {
    fn from(bytes: &'a mut T) -> Self {
        let bytes = bytes.as_mut();
        let (start, len) = (bytes.as_mut_ptr(), bytes.len());
        // SAFETY: the bytes are borrowed for as long, and by nobody else.
        unsafe { Self::from_raw(start, len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_copied_in_order_and_no_further_than_they_go() {
        let mut memory = [0; 6];
        let whole = BytesMut::from(&mut memory[..]);
        let (first, second) = whole.split_at(2);
        assert!(!first.overlaps(second) && whole.overlaps(second));
        let rest = second.fill(&[3, 4]);
        assert_eq!(rest.len(), 2);
        assert!(rest.fill(&[5, 6, 7]).is_empty());
        first.fill(&[1, 2, 9]);
        assert_eq!(whole.source().to_vec(), [1, 2, 3, 4, 5, 6]);
        let (left, right) = whole.source().split_at(9);
        assert!(right.is_empty());
        assert_eq!(left.len(), 6);
    }
}
