//! The library of functions: its text, put together from its parts, and the hash that tells which text a server has.
//!
//! It is embedded. Whoever changes it names its folder by the variable `MULTIPROCESSING_ENGINE_LIBRARY`, and need not
//! build anew; the tests do so.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::{env, fs};

include!("library_text.rs");

const EMBEDDED: &str = include_str!(concat!(env!("OUT_DIR"), "/library.lua"));
const HASH: &str = env!("LIBRARY_HASH");

/// The name of the library.
pub const NAME: &str = library_name!();
/// What the names of all its functions begin with.
pub const PREFIX: &str = concat!(library_name!(), "_");

/// The text and its hash.
pub fn library() -> (&'static str, &'static str) {
    static NAMED: OnceLock<Option<(String, String)>> = OnceLock::new();
    let named = NAMED.get_or_init(|| {
        let folder = PathBuf::from(env::var_os("MULTIPROCESSING_ENGINE_LIBRARY")?);
        text_of(&folder, |path: &Path| fs::read_to_string(path)).ok()
    });
    match named {
        Some((text, hash)) => (text, hash),
        None => (EMBEDDED, HASH),
    }
}
