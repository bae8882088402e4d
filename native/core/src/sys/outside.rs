//! Other processes of the same user, seen from outside: which of them have a memory file of some name
//! open, and copies of what is in it. Nothing is mapped, so that no process can do this one harm by what
//! it does with the file; nothing is written, and nothing waited for.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::process::geteuid;

use super::memory::reopen;

/// Descriptors of a process beyond this many are not looked at.
const MOST_DESCRIPTORS: usize = 1 << 16;

/// A memory file of another process, open for reading.
pub struct MemoryFile {
    file: OwnedFd,
    /// Which file it is, as long as anybody has it.
    pub id: FileId,
    pub size: u64,
    /// Bytes of it that are in memory.
    pub resident: u64,
}

/// Device and inode.
pub type FileId = (u64, u64);

impl MemoryFile {
    /// Copies the bytes from `offset` on; `false` if there are not so many.
    pub fn read(&self, mut offset: u64, mut target: &mut [u8]) -> bool {
        while !target.is_empty() {
            match rustix::io::pread(&self.file, &mut *target, offset) {
                Ok(0) => return false,
                Ok(count) => {
                    offset += count as u64;
                    target = &mut target[count..];
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return false,
            }
        }
        true
    }
}

/// A memory file, and who has it.
pub struct Found {
    pub file: MemoryFile,
    pub pids: Vec<u32>,
}

/// What a search has found.
#[derive(Default)]
pub struct Search {
    pub found: Vec<Found>,
    /// There were more than were wanted.
    pub has_more: bool,
    /// Of these processes of the user it cannot be told what they have.
    pub closed: Vec<u32>,
}

/// The memory files that `memfd_create(2)` has made under this name for this user, and that other
/// processes of the user have: `most` at most.
pub fn search(name: &str, most: usize) -> std::io::Result<Search> {
    let mut search = Search::default();
    for process in fs::read_dir("/proc")? {
        let Ok(process) = process else { continue };
        let Some(pid) = number(&process.path()) else {
            continue;
        };
        let is_own = rustix::fs::stat(process.path()).is_ok_and(|it| is_mine(&it));
        if pid == std::process::id() || !is_own {
            continue;
        }
        match descriptor_of(pid, name) {
            Ok(Some((path, id))) => search.add(pid, &path, id, most),
            Ok(None) => {}
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                search.closed.push(pid);
            }
            Err(_) => {} // it has ended
        }
    }
    Ok(search)
}

impl Search {
    fn add(&mut self, pid: u32, path: &Path, id: FileId, most: usize) {
        if let Some(known) = self.found.iter_mut().find(|it| it.file.id == id) {
            return known.pids.push(pid);
        }
        let Some(file) = open(path, id) else { return };
        if self.found.len() >= most {
            self.has_more = true;
            return;
        }
        self.found.push(Found {
            file,
            pids: vec![pid],
        });
    }
}

/// Whether a process has the memory file.
pub fn has_open(pid: u32, name: &str, id: FileId) -> bool {
    descriptor_of(pid, name).is_ok_and(|it| it.is_some_and(|(_, found)| found == id))
}

fn number(path: &Path) -> Option<u32> {
    path.file_name()?.to_str()?.parse().ok()
}

fn is_mine(stat: &Stat) -> bool {
    stat.st_uid == geteuid().as_raw()
}

/// A descriptor of the process that is such a file, and which file; a process is in one tree at most.
fn descriptor_of(pid: u32, name: &str) -> std::io::Result<Option<(PathBuf, FileId)>> {
    let link = format!("/memfd:{name} (deleted)");
    let entries = fs::read_dir(format!("/proc/{pid}/fd"))?;
    for entry in entries.flatten().take(MOST_DESCRIPTORS) {
        let path = entry.path();
        if fs::read_link(&path).is_ok_and(|to| to.as_os_str() == link.as_str())
            && let Ok(stat) = rustix::fs::stat(&path)
        {
            return Ok(Some((path, (stat.st_dev, stat.st_ino))));
        }
    }
    Ok(None)
}

/// Opens it for reading, if it is what it is called: another file may have that name, and to open or read
/// it might wait for ever.
fn open(path: &Path, id: FileId) -> Option<MemoryFile> {
    const TMPFS: u64 = 0x0102_1994;
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let named = rustix::fs::open(path, flags, Mode::empty()).ok()?;
    let stat = rustix::fs::fstat(&named).ok()?;
    let is_memory = rustix::fs::fstatfs(&named).is_ok_and(|it| it.f_type as u64 == TMPFS)
        && FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
        && stat.st_nlink == 0;
    if !is_memory || !is_mine(&stat) || (stat.st_dev, stat.st_ino) != id {
        return None;
    }
    let file = reopen(
        std::os::fd::AsFd::as_fd(&named),
        OFlags::RDONLY | OFlags::NONBLOCK,
    )
    .ok()?;
    Some(MemoryFile {
        file,
        id,
        size: u64::try_from(stat.st_size).unwrap_or(0),
        resident: u64::try_from(stat.st_blocks).unwrap_or(0) * 512,
    })
}

#[cfg(test)]
mod tests {
    use std::os::fd::{AsRawFd, BorrowedFd};

    use super::*;
    use crate::sys::memory::SharedMapping;

    fn file_of(descriptor: BorrowedFd) -> Option<MemoryFile> {
        let path = PathBuf::from(format!("/proc/self/fd/{}", descriptor.as_raw_fd()));
        let stat = rustix::fs::stat(&path).unwrap();
        open(&path, (stat.st_dev, stat.st_ino))
    }

    #[test]
    fn what_is_in_memory_is_copied_and_not_beyond_its_end() {
        let memory = SharedMapping::create("outside", 8192).unwrap();
        memory.write(8190, &[1, 2]);
        let file = file_of(memory.descriptor()).unwrap();
        let mut bytes = [0; 3];
        assert!(!file.read(8190, &mut bytes));
        assert!(file.read(8189, &mut bytes));
        assert_eq!((bytes, file.size), ([0, 1, 2], 8192));
        assert!(!file.read(u64::MAX - 1, &mut bytes));
        // To look at what nobody has touched gives it no memory.
        assert!(file.read(0, &mut bytes));
        assert_eq!(file_of(memory.descriptor()).unwrap().resident, 4096);
    }

    #[test]
    fn what_only_has_the_name_is_not_opened() {
        let plain = std::fs::File::open("/proc/self/status").unwrap();
        let pipe = std::io::pipe().unwrap().0;
        assert!(file_of(std::os::fd::AsFd::as_fd(&plain)).is_none());
        assert!(file_of(std::os::fd::AsFd::as_fd(&pipe)).is_none());
        assert!(!has_open(0, "outside", (0, 0)));
    }
}
