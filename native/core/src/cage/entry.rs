//! The argument that names the entry module of a child, as `entryModule` in `src/launch/entry.ts`
//! writes it: a mark, and the base64 of a text of one fixed form:
//!
//! | part    | what it is                                                      | then                     |
//! | ------- | --------------------------------------------------------------- | ------------------------ |
//! | head    | everything up to and including the first [`LIST`]               | is compared byte by byte |
//! | modules | URL, [`MIDDLE`], the same URL, `)`, separated by commas; a URL is in `"` | each URL is asked about  |
//! | end     | [`END`]                                                         |                          |
//!
//! Nothing of the text is run or understood here, and nothing that has another form is let through: no
//! URL with a backslash or a quotation mark, no space, no byte behind the end.

use std::fs;

/// How the argument begins that names the entry module of a caged process. `src/launch/entry.ts`
/// has the same.
pub(super) const MARK: &str = "--preload=data:text/javascript;x=multiprocessing-caged;base64,";
/// How the entry module's argument begins in any child.
pub(super) const ENTRY: &str = "--preload=data:text/javascript;x=multiprocessing";

/// How the boot module's argument begins, which runs before the modules that the user preloads.
pub(super) const BOOT: &str = "--preload=data:text/javascript;x=multiprocessing-boot;base64,";

/// The head and the URLs of the modules of an entry.
pub(super) fn parse_entry(base64: &str) -> Option<(String, Vec<String>)> {
    let source = String::from_utf8(decode_base64(base64)?).ok()?;
    let at = source.find(LIST)? + LIST.len();
    let (head, mut rest) = source.split_at(at);
    let mut modules = Vec::new();
    while rest != END {
        if !modules.is_empty() {
            rest = rest.strip_prefix(',')?;
        }
        let (url, after) = parse_string(rest)?;
        let (same, after) = parse_string(after.strip_prefix(MIDDLE)?)?;
        rest = after.strip_prefix(')')?;
        if url != same {
            return None;
        }
        modules.push(url.to_owned());
    }
    Some((head.to_owned(), modules))
}

/// What the list of modules begins after, what is between the two URLs of one, and what the text ends with.
const LIST: &str = ";await start({";
const MIDDLE: &str = ":()=>import(";
const END: &str = "})";

/// A string without escapes, and what follows it.
fn parse_string(text: &str) -> Option<(&str, &str)> {
    let (string, rest) = text.strip_prefix('"')?.split_once('"')?;
    (!string.contains('\\')).then_some((string, rest))
}

fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0);
    for digit in text.trim_end_matches('=').bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
}

/// The path of a file URL: percent signs stand for bytes, and there is nothing behind the path.
pub(super) fn path_of_url(path: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                let digits = std::str::from_utf8(&digits).ok()?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
            }
            b'?' | b'#' => return None,
            byte => bytes.push(byte),
        }
    }
    // What links lead elsewhere is found by the kernel only.
    let path = fs::canonicalize(String::from_utf8(bytes).ok()?).ok()?;
    path.to_str().map(str::to_owned)
}
