//! Connections to processes that are no relatives: [`Listener`] waits for them, [`dial`] makes
//! them. Over TCP, UNIX sockets with a path, and UNIX sockets with an abstract name.
//!
//! Both take what [`find`] has [`Found`], which the caller has seen: a host of several names, or a
//! path through a link, may lead to where its first name does not say.

mod dial;
mod errand;
mod listener;
mod real_path;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

pub use crate::sys::socket::Address;
pub use dial::{Dial, Dialled, dial};
pub use errand::Errand;
pub use listener::Listener;

use crate::cage;
use crate::error::{Error, Result};
use crate::sys::Errno;

/// An address as users write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A path, or an abstract name behind a NUL.
    Unix(Vec<u8>),
    Inet {
        /// A name, a number, or nothing for every interface of this machine.
        host: String,
        port: u16,
        version: Version,
    },
}

/// Which addresses of a host are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// Those of version 4 first.
    Any,
    V4,
    V6,
}

impl Version {
    fn admits(self, address: &SocketAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }
}

/// The addresses of a place, best first: in a process with limited permissions, all are granted.
pub struct Found {
    addresses: Vec<Address>,
    /// Where the path of a UNIX socket leads to (`real_path.rs`).
    path: Option<PathBuf>,
}

impl Found {
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Where the path of a UNIX socket leads to, absolute and without links; ends in `/proc` at the
    /// latest.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }
}

/// The outcome of [`find`].
pub enum Search {
    Found(Found),
    UnderWay(Errand<Found>),
}

/// Finds the addresses of a place, or begins to: `getaddrinfo(3)` has no descriptor to wait for.
pub fn find(place: &Endpoint) -> Result<Search> {
    place.require_granted()?;
    match place.known() {
        Some(addresses) => place.found(addresses?).map(Search::Found),
        None => {
            let place = place.clone();
            Errand::start(move |_| Some(place.resolve().and_then(|found| place.found(found))))
                .map(Search::UnderWay)
        }
    }
}

impl Endpoint {
    /// Fails unless this process may use each of the addresses that the place turned out to be.
    fn found(&self, addresses: Vec<Address>) -> Result<Found> {
        let path = match self {
            Self::Unix(name) if name.first() != Some(&0) => {
                let path = real_path::of(Path::new(std::ffi::OsStr::from_bytes(name)));
                let path = path.map_err(|_| Error::os("find", Errno::LOOP))?;
                cage::require_real(&path)?;
                Some(path)
            }
            _ => None,
        };
        for address in &addresses {
            if let Address::Inet(address) = address {
                cage::require_not_denied(&address.ip().to_string(), address.port())?;
            }
        }
        Ok(Found { addresses, path })
    }

    /// Fails in a process with limited permissions unless they cover the place.
    fn require_granted(&self) -> Result<()> {
        match self {
            Self::Unix(name) => cage::require_local(name),
            Self::Inet {
                host,
                port,
                version,
            } => {
                let any = match version {
                    Version::V6 => "::",
                    _ => "0.0.0.0",
                };
                cage::require_net(if host.is_empty() { any } else { host }, *port)
            }
        }
    }

    /// The addresses that this is, if that can be told without asking anybody.
    fn known(&self) -> Option<Result<Vec<Address>>> {
        let (host, port, version) = match self {
            Self::Unix(name) => return Some(Ok(vec![Address::Unix(name.clone())])),
            Self::Inet {
                host,
                port,
                version,
            } => (host, *port, *version),
        };
        let host: IpAddr = match (host.as_str(), version) {
            ("", Version::V6) => std::net::Ipv6Addr::UNSPECIFIED.into(),
            ("", _) => Ipv4Addr::UNSPECIFIED.into(),
            (host, _) => host.parse().ok()?,
        };
        let address = SocketAddr::new(host, port);
        Some(match version.admits(&address) {
            true => Ok(vec![Address::Inet(address)]),
            false => Err(self.unknown("it has no address of the family")),
        })
    }

    /// The addresses that a host has, best first. This may ask a name server, and take its time.
    fn resolve(&self) -> Result<Vec<Address>> {
        let Self::Inet {
            host,
            port,
            version,
        } = self
        else {
            return Ok(Vec::new());
        };
        let found = (host.as_str(), *port).to_socket_addrs();
        let found = found.map_err(|error| self.unknown(&error.to_string()))?;
        let mut addresses: Vec<_> = found.filter(|address| version.admits(address)).collect();
        addresses.sort_by_key(SocketAddr::is_ipv6);
        match addresses.is_empty() {
            true => Err(self.unknown("it has no address of the family")),
            false => Ok(addresses.into_iter().map(Address::Inet).collect()),
        }
    }

    fn unknown(&self, reason: &str) -> Error {
        let host = match self {
            Self::Inet { host, .. } => host.clone(),
            Self::Unix(_) => String::new(),
        };
        let reason = reason.trim_start_matches("failed to lookup address information: ");
        Error::NoSuchHost {
            host,
            reason: reason.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
