//! Stream sockets and their addresses: `socket(2)`, `bind(2)`, `listen(2)`, `accept4(2)`,
//! `connect(2)`, and the options that are set on every one of them.

use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{AddressFamily, SocketAddrAny, SocketAddrUnix, SocketFlags, SocketType};

/// Where a socket is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    Inet(SocketAddr),
    /// A path; an abstract name behind a NUL; or nothing, for a socket that has no name.
    Unix(Vec<u8>),
}

impl Address {
    fn any(&self) -> Result<SocketAddrAny, Errno> {
        match self {
            Self::Inet(address) => Ok((*address).into()),
            Self::Unix(name) => match name.split_first() {
                Some((0, name)) => SocketAddrUnix::new_abstract_name(name),
                _ => SocketAddrUnix::new(name.as_slice()),
            }
            .map(SocketAddrAny::from),
        }
    }

    /// The address that the kernel tells; of families that are not ours, none is told.
    fn of(any: SocketAddrAny) -> Self {
        if let Ok(address) = SocketAddr::try_from(any.clone()) {
            return Self::Inet(address);
        }
        let Ok(unix) = SocketAddrUnix::try_from(any) else {
            return Self::Unix(Vec::new());
        };
        // What has no name, the kernel tells in several ways.
        match (unix.abstract_name(), unix.path_bytes()) {
            (Some(name), _) if !name.is_empty() => Self::Unix([&[0], name].concat()),
            // The NUL that ends it is told with the longest ones.
            (_, Some(path)) if path.first() != Some(&0) => {
                Self::Unix(path.strip_suffix(b"\0").unwrap_or(path).to_vec())
            }
            _ => Self::Unix(Vec::new()),
        }
    }
}

/// A socket for `address`, close-on-exec, that does not sleep.
pub fn open(address: &Address) -> Result<OwnedFd, Errno> {
    let family = match address {
        Address::Inet(SocketAddr::V4(_)) => AddressFamily::INET,
        Address::Inet(SocketAddr::V6(_)) => AddressFamily::INET6,
        Address::Unix(_) => AddressFamily::UNIX,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    rustix::net::socket_with(family, SocketType::STREAM, flags, None)
}

/// Lets connections to `address` come in, `backlog` of them before they are accepted. The address
/// may be one that closed connections still use.
pub fn listen(socket: impl AsFd, address: &Address, backlog: i32) -> Result<(), Errno> {
    sockopt::set_socket_reuseaddr(&socket, true)?;
    rustix::net::bind(&socket, &address.any()?)?;
    rustix::net::listen(&socket, backlog)
}

/// The address that a socket is bound to.
pub fn local_address(socket: impl AsFd) -> Result<Address, Errno> {
    rustix::net::getsockname(socket).map(Address::of)
}

/// A connection that has come in and where it comes from; `None` if there is none.
pub fn accept(socket: impl AsFd) -> Result<Option<(OwnedFd, Address)>, Errno> {
    loop {
        match rustix::net::acceptfrom_with(&socket, SocketFlags::CLOEXEC) {
            Ok((accepted, peer)) => {
                let peer = peer.map_or(Address::Unix(Vec::new()), Address::of);
                without_delay(&accepted, &peer);
                return Ok(Some((accepted, peer)));
            }
            // A client that gave up before it was accepted is no failure of this process.
            Err(Errno::INTR | Errno::CONNABORTED | Errno::PROTO) => {}
            Err(Errno::AGAIN) => return Ok(None),
            Err(errno) => return Err(errno),
        }
    }
}

/// Connects, or goes on doing so; `false` if that takes longer than the socket may sleep.
pub fn connect(socket: impl AsFd, address: &Address) -> Result<bool, Errno> {
    match rustix::net::connect(&socket, &address.any()?) {
        Ok(()) | Err(Errno::ISCONN) => {
            without_delay(&socket, address);
            Ok(true)
        }
        Err(Errno::AGAIN | Errno::INPROGRESS | Errno::ALREADY | Errno::INTR) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Lets `connect` sleep for `longest` at a time; `None`: as long as it takes.
pub fn may_sleep(socket: impl AsFd, longest: Option<Duration>) -> Result<(), Errno> {
    sockopt::set_socket_timeout(&socket, Timeout::Send, longest)?;
    let flags = rustix::fs::fcntl_getfl(&socket)?;
    rustix::fs::fcntl_setfl(&socket, flags - OFlags::NONBLOCK)
}

/// Confirms at once what has come, instead of with the next answer (`TCP_QUICKACK` of `tcp(7)`). The other
/// end may hold back its next message until then. Nothing happens where that is not TCP.
pub fn confirm(socket: impl AsFd) {
    let _ = sockopt::set_tcp_quickack(socket, true); // without it, it only takes longer
}

/// A message's header and body may be two writes, and the body must not wait until the other end
/// has confirmed the header.
fn without_delay(socket: impl AsFd, address: &Address) {
    if let Address::Inet(_) = address {
        // Without it the connection is slower, and works.
        let _ = sockopt::set_tcp_nodelay(socket, true);
    }
}
