//! The header of a message, CPython's to the byte.
//!
//! | length           | header                                              |
//! | ---------------- | --------------------------------------------------- |
//! | 0 to 0x7fffffff  | 4 bytes, big-endian                                 |
//! | more             | `ff ff ff ff`, then 8 bytes, big-endian             |
//!
//! The first four bytes are a signed number. CPython takes those below −1 for an empty message;
//! here they are an error: an end that sends one is not at a message's start. But −2 begins a frame
//! between relatives whose message lies in a [tray](super::trays):
//!
//! | bytes | what                                         |
//! | ----- | -------------------------------------------- |
//! | 4     | `ff ff ff fe`                                |
//! | 4     | which tray, and which filling of it          |
//! | 8     | the length of the message                    |

/// The longest header.
pub const LONGEST: usize = 16;
/// The longest header of CPython's.
const LONG: usize = 12;
/// Bytes that tell how long the header is.
const SHORT: usize = 4;
/// With what the frame of a message in a tray begins.
const IN_TRAY: i32 = -2;
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
        bytes[LONGEST - LONG + SHORT..].copy_from_slice(&length.to_be_bytes());
        Self {
            bytes,
            start: LONGEST - LONG,
        }
    }

    /// The frame for a message of that length in a tray.
    pub fn of_tray(ticket: u32, length: usize) -> Self {
        let mut bytes = [0; LONGEST];
        let (mark, rest) = bytes.split_at_mut(SHORT);
        let (which, long) = rest.split_at_mut(SHORT);
        mark.copy_from_slice(&IN_TRAY.to_be_bytes());
        which.copy_from_slice(&ticket.to_be_bytes());
        long.copy_from_slice(&(length as u64).to_be_bytes());
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
    /// The message is in that tray, and so long.
    InTray(u32, u64),
    /// No message begins like this.
    Invalid,
}

/// Reads as much of a header as there is. A stranger's names no tray.
pub fn parse(header: &[u8], is_relatives: bool) -> Parsed {
    let Some((short, long)) = header.split_first_chunk::<SHORT>() else {
        return Parsed::Needs(SHORT - header.len());
    };
    match i32::from_be_bytes(*short) {
        length @ 0.. => Parsed::Length(u64::from(length.unsigned_abs())),
        -1 => match long.first_chunk() {
            Some(&long) => Parsed::Length(u64::from_be_bytes(long)),
            None => Parsed::Needs(LONG - header.len()),
        },
        IN_TRAY if is_relatives => match long.split_first_chunk() {
            Some((&ticket, length)) if length.len() == 8 => Parsed::InTray(
                u32::from_be_bytes(ticket),
                length
                    .iter()
                    .fold(0, |sum, &byte| sum << 8 | u64::from(byte)),
            ),
            _ => Parsed::Needs(LONGEST - header.len()),
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
                let needs = if cut < SHORT { SHORT } else { LONG };
                let needs = Parsed::Needs(needs - cut);
                assert_eq!([true, false].map(|it| parse(&bytes[..cut], it)), [needs; 2]);
            }
            let length = Parsed::Length(length as u64);
            assert_eq!([true, false].map(|it| parse(bytes, it)), [length; 2]);
        }
    }

    #[test]
    fn other_negative_lengths_are_refused() {
        for negative in [-3, i32::MIN, i32::MIN + 1] {
            assert_eq!(parse(&negative.to_be_bytes(), true), Parsed::Invalid);
        }
    }

    #[test]
    fn the_frame_of_a_tray_is_read_as_it_was_written_and_never_before_it_is_whole() {
        let frame = Header::of_tray(0x0102_0304, 0x0050_6070);
        let bytes = frame.as_bytes();
        assert_eq!(bytes.len(), 16);
        assert_eq!(bytes[..8], [0xff, 0xff, 0xff, 0xfe, 1, 2, 3, 4]);
        for cut in SHORT..bytes.len() {
            assert_eq!(parse(&bytes[..cut], true), Parsed::Needs(16 - cut));
            assert_eq!(parse(&bytes[..cut], false), Parsed::Invalid);
        }
        let in_tray = Parsed::InTray(0x0102_0304, 0x0050_6070);
        assert_eq!(parse(bytes, true), in_tray);
        assert_eq!(parse(bytes, false), Parsed::Invalid);
    }
}
