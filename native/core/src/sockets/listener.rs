//! Waiting for connections at an address.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use super::{Address, Found};
use crate::error::{Error, Result};
use crate::sys::clock::Deadline;
use crate::sys::{Errno, poll, socket};

/// A socket that connections come in at.
pub struct Listener {
    descriptor: OwnedFd,
    address: Address,
    _file: Option<SocketFile>,
}

impl Listener {
    /// Listens at the first of the addresses that can be had. The folder of a path goes with the
    /// listener if it `owns_folder`.
    pub fn open(found: &Found, backlog: i32, owns_folder: bool) -> Result<Self> {
        let mut failure = None;
        for address in found.addresses() {
            match Self::at(address, backlog, owns_folder) {
                Ok(listener) => return Ok(listener),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        Err(failure.unwrap_or_else(|| Error::os("listen", Errno::ADDRNOTAVAIL)))
    }

    fn at(address: &Address, backlog: i32, owns_folder: bool) -> Result<Self> {
        let fail = |errno| Error::os("listen", errno);
        let descriptor = socket::open(address).map_err(fail)?;
        socket::listen(&descriptor, address, backlog).map_err(fail)?;
        let file = match address {
            Address::Unix(name) if name.first() != Some(&0) => SocketFile::at(name, owns_folder),
            _ => None,
        };
        let address = match address {
            // The kernel chooses the port, but no name; as it tells names, some cannot be told.
            Address::Inet(_) => socket::local_address(&descriptor).map_err(fail)?,
            Address::Unix(_) => address.clone(),
        };
        Ok(Self {
            descriptor,
            address,
            _file: file,
        })
    }

    /// Where it listens: the port is never 0.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// A connection and where it comes from; `None` when `deadline` passes first.
    pub fn accept(&self, deadline: Deadline) -> Result<Option<(OwnedFd, Address)>> {
        let fail = |errno| Error::os("accept a connection", errno);
        loop {
            if let Some(accepted) = socket::accept(&self.descriptor).map_err(fail)? {
                return Ok(Some(accepted));
            }
            if !poll::await_readable(self.as_fd(), deadline).map_err(fail)? {
                return Ok(None);
            }
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// The file of a UNIX socket, removed with the listener.
struct SocketFile {
    /// Absolute, as the working directory may be another one by then.
    path: PathBuf,
    /// Tells it from a file of the same name that another process has made meanwhile.
    identity: (u64, u64),
    owns_folder: bool,
}

impl SocketFile {
    fn at(name: &[u8], owns_folder: bool) -> Option<Self> {
        let path = std::path::absolute(std::ffi::OsStr::from_bytes(name)).ok()?;
        let identity = identity(&path)?;
        Some(Self {
            path,
            identity,
            owns_folder,
        })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path) == Some(self.identity) {
            let _ = std::fs::remove_file(&self.path);
        }
        if let Some(folder) = self.path.parent().filter(|_| self.owns_folder) {
            let _ = std::fs::remove_dir(folder);
        }
    }
}

fn identity(path: &std::path::Path) -> Option<(u64, u64)> {
    let found = std::fs::symlink_metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}
