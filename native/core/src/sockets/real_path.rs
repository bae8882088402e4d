//! Where a path leads to.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};

/// More links than the kernel follows.
const MOST_LINKS: usize = 40;

/// The path without links and dots, absolute. A part that does not exist is taken as it is written.
/// The walk ends at `/proc`: the links in it lead to where their text does not say, and the rest
/// stays as it is written.
pub(super) fn of(path: &Path) -> io::Result<PathBuf> {
    let mut real = PathBuf::from("/");
    let mut rest: VecDeque<OsString> = parts(&std::path::absolute(path)?);
    let mut links = 0;
    while let Some(part) = rest.pop_front() {
        if part == ".." {
            real.pop();
            continue;
        }
        real.push(part);
        if real == Path::new("/proc") {
            real.extend(rest);
            break;
        }
        let Ok(target) = std::fs::read_link(&real) else {
            continue;
        };
        links += 1;
        if links > MOST_LINKS {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        if target.is_absolute() {
            real = PathBuf::from("/");
        } else {
            real.pop();
        }
        for part in parts(&target).into_iter().rev() {
            rest.push_front(part);
        }
    }
    Ok(real)
}

fn parts(path: &Path) -> VecDeque<OsString> {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(_) | Component::ParentDir => Some(part.as_os_str().to_owned()),
        _ => None,
    });
    parts.collect()
}
