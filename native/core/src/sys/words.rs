//! Words in bytes that were copied out of shared memory.

/// The 32-bit word at `at`; 0 if there are not so many bytes.
pub fn u32_at(bytes: &[u8], at: u64) -> u32 {
    word_at(bytes, at).map_or(0, u32::from_ne_bytes)
}

/// The 64-bit word at `at`; as [`u32_at`].
pub fn u64_at(bytes: &[u8], at: u64) -> u64 {
    word_at(bytes, at).map_or(0, u64::from_ne_bytes)
}

fn word_at<const N: usize>(bytes: &[u8], at: u64) -> Option<[u8; N]> {
    let at = usize::try_from(at).ok()?;
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}
