//! Puts the library of functions together from its parts, in the order of `order.txt`, and gives it a hash.

use std::path::{Path, PathBuf};
use std::{env, fs};

const PARTS: &str = "../../src/engine/library";

/// FNV-1a: tells texts apart that are not the same by mistake; nobody is kept out by it.
fn hash_of(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn read(path: &Path) -> String {
    println!("cargo:rerun-if-changed={}", path.display());
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn main() {
    let folder = Path::new(PARTS);
    let order = read(&folder.join("order.txt"));
    let parts = order
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|name| read(&folder.join(format!("{name}.lua"))));
    let text = format!("#!lua name=mp_0_1\n{}", parts.collect::<String>());
    let hash = format!("{:016x}", hash_of(&text));
    // Says which text was loaded under this name.
    let last = format!(
        "look(\"library\", {{ \"no-writes\" }}, function() return {{ \"ok\", \"{hash}\" }} end)\n"
    );
    let target = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(target.join("library.lua"), text + &last).expect("cargo has made the folder");
    println!("cargo:rustc-env=LIBRARY_HASH={hash}");
}
