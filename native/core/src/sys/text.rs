//! Paths as text and back. A path of Linux is bytes, the host's is text; each byte that is no
//! UTF-8 is written as a character of its own, among the last that Unicode has (private use).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// The character of byte 0; bytes below 0x80 are always UTF-8.
const FIRST: u32 = 0x10_ff00;

/// The byte that a character stands for.
fn byte_of(character: char) -> Option<u8> {
    let byte = u32::from(character).checked_sub(FIRST)?;
    u8::try_from(byte).ok().filter(|byte| *byte >= 0x80)
}

/// A path as text; [`to_path`] gives back the same bytes.
pub fn to_text(path: &OsStr) -> String {
    let escape = |byte: u8| char::from_u32(FIRST + u32::from(byte)).unwrap_or_default();
    let mut text = String::with_capacity(path.len());
    for chunk in path.as_bytes().utf8_chunks() {
        for character in chunk.valid().chars() {
            // What looks like such a character is written as its bytes.
            match byte_of(character) {
                None => text.push(character),
                Some(_) => text.extend(character.encode_utf8(&mut [0; 4]).bytes().map(escape)),
            }
        }
        text.extend(chunk.invalid().iter().copied().map(escape));
    }
    text
}

/// The path that a text means.
pub fn to_path(text: &str) -> OsString {
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        match byte_of(character) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    OsString::from_vec(bytes)
}

/// What others have written, for a message: a terminal that shows it obeys nothing in it. What
/// steers it, or the direction of writing, is shown by its number, as `\uXXXX`.
pub fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        let number = u32::from(character);
        if character.is_control() || is_steering(number) {
            shown.push_str(&format!("\\u{number:04x}"));
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Marks and overrides of direction, and separators of lines and paragraphs.
fn is_steering(character: u32) -> bool {
    matches!(character, 0x61c | 0x200e | 0x200f | 0x2028..=0x202e | 0x2066..=0x2069)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_in_a_message_steers_a_terminal() {
        assert_eq!(
            harmless("a\x1b[31mb\nc\u{9b}2J\u{7f}\u{202e}d\u{2028}"),
            "a\\u001b[31mb\\u000ac\\u009b2J\\u007f\\u202ed\\u2028"
        );
        assert_eq!(harmless("Ж \\x1b 🦕"), "Ж \\x1b 🦕");
    }

    #[test]
    fn what_is_utf_8_is_left_as_it_is() {
        assert_eq!(to_text(OsStr::new("/tmp/café ☃ 🦕")), "/tmp/café ☃ 🦕");
        assert_eq!(to_text(OsStr::from_bytes(b"/caf\xe9")), "/caf\u{10ffe9}");
        assert_eq!(to_path("/caf\u{10ffe9}").as_bytes(), b"/caf\xe9");
    }

    proptest! {
        #[test]
        fn any_bytes_come_back(bytes: Vec<u8>, text: String) {
            let both = [&bytes[..], "\u{10ff80}\u{10ffff}".as_bytes(), text.as_bytes()].concat();
            prop_assert_eq!(to_path(&to_text(OsStr::from_bytes(&both))).into_vec(), both);
        }
    }
}
