//! Puts the library of functions together from its parts.

use std::path::{Path, PathBuf};
use std::{env, fs};

include!("src/library_text.rs");

fn main() {
    let folder = Path::new("../../src/engine/library");
    println!("cargo:rerun-if-changed=src/library_text.rs");
    let read = |path: &Path| {
        println!("cargo:rerun-if-changed={}", path.display());
        fs::read_to_string(path)
    };
    let (text, hash) = text_of(folder, read).expect("the parts that order.txt names are there");
    let target = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(target.join("library.lua"), text).expect("cargo has made the folder");
    println!("cargo:rustc-env=LIBRARY_HASH={hash}");
}
