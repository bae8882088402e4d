//! Descriptors, whatever they are of: `fcntl(2)`, `fstat(2)`.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;

/// Devices of the kernel's own memory have this major number: `/dev/null` and the like.
const MEMORY_DEVICES: u32 = 1;

/// Another descriptor of the same open file, close-on-exec.
pub fn duplicate(descriptor: impl AsFd) -> Result<OwnedFd, Errno> {
    rustix::io::fcntl_dupfd_cloexec(descriptor, 0)
}

/// Whether nothing can be had from the descriptor, and nothing be done with it but to write.
pub fn can_only_be_written(descriptor: BorrowedFd) -> bool {
    let flags = rustix::fs::fcntl_getfl(descriptor);
    if flags.is_ok_and(|flags| flags & OFlags::ACCMODE != OFlags::WRONLY) || flags.is_err() {
        return false;
    }
    rustix::fs::fstat(descriptor).is_ok_and(|stat| match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile | FileType::Fifo => true,
        FileType::CharacterDevice => rustix::fs::major(stat.st_rdev) == MEMORY_DEVICES,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn what_can_be_read_or_controlled_is_more_than_written() {
        let (reader, writer) = std::io::pipe().unwrap();
        assert!(can_only_be_written(writer.as_fd()));
        assert!(!can_only_be_written(reader.as_fd()));
        let (socket, _peer) = UnixStream::pair().unwrap();
        assert!(!can_only_be_written(socket.as_fd()));
        let open = |path: &str, flags| {
            rustix::fs::open(path, flags | OFlags::NOCTTY, rustix::fs::Mode::empty()).unwrap()
        };
        assert!(can_only_be_written(
            open("/dev/null", OFlags::WRONLY).as_fd()
        ));
        assert!(!can_only_be_written(
            open("/dev/null", OFlags::RDWR).as_fd()
        ));
        let terminal = open("/dev/ptmx", OFlags::WRONLY);
        assert!(!can_only_be_written(terminal.as_fd()));
    }
}
