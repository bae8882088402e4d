//! The header of a message, CPython's to the byte.
//!
//! | length           | header                                              |
//! | ---------------- | --------------------------------------------------- |
//! | 0 to 0x7fffffff  | 4 bytes, big-endian                                 |
//! | more             | `ff ff ff ff`, then 8 bytes, big-endian             |
//!
//! The first four bytes are a signed number. CPython takes those below −1 for an empty message;
//! here they are an error: an end that sends one is not at a message's start.

/// The longest header.
pub const LONGEST: usize = 12;
/// Bytes that tell how long the header is.
const SHORT: usize = 4;
/// The greatest length with a short header.
const SHORT_MAX: u64 = 0x7fff_ffff;

/// A header to be sent.
#[derive(Debug, Clone, Copy)]
pub struct Header {
    bytes: [u8; LONGEST],
    start: usize,
}

impl Header {
    pub fn new(length: usize) -> Self {
        let length = length as u64;
        let mut bytes = [0xff; LONGEST];
        if length <= SHORT_MAX {
            bytes[LONGEST - SHORT..].copy_from_slice(&(length as u32).to_be_bytes());
            return Self {
                bytes,
                start: LONGEST - SHORT,
            };
        }
        bytes[SHORT..].copy_from_slice(&length.to_be_bytes());
        Self { bytes, start: 0 }
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

/// What the first bytes of a message say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parsed {
    /// So many bytes more are needed to tell.
    Needs(usize),
    Length(u64),
    /// No message begins like this.
    Invalid,
}

/// Reads as much of a header as there is.
pub fn parse(header: &[u8]) -> Parsed {
    let Some((short, long)) = header.split_first_chunk::<SHORT>() else {
        return Parsed::Needs(SHORT - header.len());
    };
    match i32::from_be_bytes(*short) {
        length @ 0.. => Parsed::Length(u64::from(length.unsigned_abs())),
        -1 => match long.first_chunk() {
            Some(&long) => Parsed::Length(u64::from_be_bytes(long)),
            None => Parsed::Needs(LONGEST - header.len()),
        },
        _ => Parsed::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_cpythons() {
        assert_eq!(Header::new(0).as_bytes(), [0, 0, 0, 0]);
        assert_eq!(Header::new(2).as_bytes(), [0, 0, 0, 2]);
        assert_eq!(
            Header::new(0x7fff_ffff).as_bytes(),
            [0x7f, 0xff, 0xff, 0xff]
        );
        assert_eq!(
            Header::new(0x8000_0000).as_bytes(),
            [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0x80, 0, 0, 0]
        );
    }

    #[test]
    fn a_header_is_read_as_it_was_written_and_never_before_it_is_whole() {
        for length in [0, 1, 2, 16_384, 0x7fff_ffff, 0x8000_0000, usize::MAX] {
            let header = Header::new(length);
            let bytes = header.as_bytes();
            for cut in 0..bytes.len() {
                let needs = if cut < SHORT { SHORT } else { LONGEST };
                assert_eq!(parse(&bytes[..cut]), Parsed::Needs(needs - cut));
            }
            assert_eq!(parse(bytes), Parsed::Length(length as u64));
        }
    }

    #[test]
    fn other_negative_lengths_are_refused() {
        for negative in [-2, -3, i32::MIN, i32::MIN + 1] {
            assert_eq!(parse(&negative.to_be_bytes()), Parsed::Invalid);
        }
    }
}
