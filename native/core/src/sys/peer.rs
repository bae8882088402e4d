//! Which process has the other end of a stream socket: `SO_PEERCRED` (`unix(7)`); of TCP within this
//! machine, by the number that the kernel tells of the socket (`sock_diag(7)`, or else `/proc/net/tcp`), and
//! the descriptors of processes.
#![expect(unsafe_code, reason = "getsockopt(2) of a number that may be 0")]

use std::ffi::OsStr;
use std::fs;
use std::mem::MaybeUninit;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::{Mutex, PoisonError};

use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink};

use super::procfs;

/// How many processes are remembered that were found last: most connections come from one of them.
const RECENT: usize = 16;

static FOUND: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// The number of the process that has the other end, or that connected; `None` if that is on another
/// machine, in another PID namespace, or of another user.
pub fn process_of(socket: impl AsFd) -> Option<u32> {
    let own = SocketAddr::try_from(rustix::net::getsockname(&socket).ok()?);
    let Ok(own) = own else {
        return process_of_unix(&socket);
    };
    let peer = SocketAddr::try_from(rustix::net::getpeername(&socket).ok()??).ok()?;
    if !is_here(&own, &peer) || !procfs::is_own() {
        return None;
    }
    // Seen from the other end.
    let inode = inode_of(&peer, &own)?;
    let link = format!("socket:[{inode}]");
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    let known = found.iter().position(|&pid| has(pid, &link));
    let pid = match known {
        Some(place) => found.remove(place),
        None => processes().find(|&pid| has(pid, &link))?,
    };
    let pid = who_has_opened(pid, &link);
    found.retain(|&other| other != pid);
    found.insert(0, pid);
    found.truncate(RECENT);
    Some(pid)
}

/// Of a process that has the socket, and its parents that do, the eldest: a child that was forked
/// meanwhile has it, too.
fn who_has_opened(pid: u32, link: &str) -> u32 {
    let mut eldest = pid;
    while let Some(parent) = procfs::parent_of(eldest).filter(|&parent| has(parent, link)) {
        eldest = parent;
    }
    eldest
}

fn process_of_unix(socket: impl AsFd) -> Option<u32> {
    let mut credentials = MaybeUninit::<libc::ucred>::zeroed();
    let mut size = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: the descriptor is open as long as `socket` is; the kernel writes at most `size` bytes.
    let outcome = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            credentials.as_mut_ptr().cast(),
            &mut size,
        )
    };
    if outcome != 0 {
        return None;
    }
    // SAFETY: all of it was zero, of which any part may have been written; numbers may be anything.
    let credentials = unsafe { credentials.assume_init() };
    u32::try_from(credentials.pid).ok().filter(|&pid| pid > 0)
}

/// Whether both ends are on this machine.
fn is_here(own: &SocketAddr, peer: &SocketAddr) -> bool {
    own.ip() == peer.ip() || peer.ip().to_canonical().is_loopback()
}

/// The inode of the socket that is bound to `own` and connected with `peer`.
fn inode_of(own: &SocketAddr, peer: &SocketAddr) -> Option<u64> {
    match diagnosed(own, peer) {
        Ok(inode) => inode,
        Err(_) => listed(own, peer), // the kernel has no such module
    }
}

/// What the kernel answers when it is asked for that one socket.
fn diagnosed(own: &SocketAddr, peer: &SocketAddr) -> Result<Option<u64>, Errno> {
    const TYPE: u16 = 20; // SOCK_DIAG_BY_FAMILY
    const HEADER: usize = 16;
    const INODE: usize = HEADER + 68;
    let (family, kind, flags) = (
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
    );
    let socket = rustix::net::socket_with(family, kind, flags, Some(netlink::SOCK_DIAG))?;
    let (own, peer) = (canonical(own), canonical(peer));
    let family = if own.0.is_ipv4() {
        AddressFamily::INET
    } else {
        AddressFamily::INET6
    };
    // `struct nlmsghdr` and `struct inet_diag_req_v2` of linux/netlink.h and linux/inet_diag.h.
    let mut request = Vec::with_capacity(HEADER + 56);
    request.extend(72_u32.to_ne_bytes());
    request.extend(TYPE.to_ne_bytes());
    request.extend(1_u16.to_ne_bytes()); // NLM_F_REQUEST
    request.extend([0; 8]);
    request.extend([family.as_raw() as u8, 6, 0, 0]); // IPPROTO_TCP
    request.extend(u32::MAX.to_ne_bytes()); // in any state
    request.extend(own.1.to_be_bytes());
    request.extend(peer.1.to_be_bytes());
    request.extend(octets(own.0));
    request.extend(octets(peer.0));
    request.extend([0; 4]); // by any interface
    request.extend([0xff; 8]); // no cookie
    rustix::net::send(&socket, &request, SendFlags::empty())?;
    let mut answer = [0; 512];
    let (size, _) = rustix::net::recv(&socket, &mut answer, RecvFlags::DONTWAIT)?;
    let is_found = size >= INODE + 4 && answer[4..6] == TYPE.to_ne_bytes();
    if is_found {
        let inode = [0, 1, 2, 3].map(|place| answer[INODE + place]);
        return Ok(Some(u64::from(u32::from_ne_bytes(inode))));
    }
    let error = [0, 1, 2, 3].map(|place| answer[HEADER + place]);
    match Errno::from_raw_os_error(-i32::from_ne_bytes(error)) {
        Errno::NOENT if size >= HEADER + 4 => Ok(None),
        _ => Err(Errno::OPNOTSUPP),
    }
}

/// As the kernel has an address: in 16 bytes.
fn octets(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&ip.octets());
            bytes
        }
        IpAddr::V6(ip) => ip.octets(),
    }
}

/// What is in the table of all.
fn listed(own: &SocketAddr, peer: &SocketAddr) -> Option<u64> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    // Either end may be one of IPv6 that has the address of IPv4 in it.
    let (own, peer) = (canonical(own), canonical(peer));
    tables.iter().find_map(|table| {
        let text = fs::read_to_string(table).ok()?;
        text.lines().skip(1).find_map(|line| {
            let mut fields = line.split_ascii_whitespace().skip(1);
            let is_it = parse(fields.next()?)? == own && parse(fields.next()?)? == peer;
            if is_it {
                fields.nth(6)?.parse().ok()
            } else {
                None
            }
        })
    })
}

fn canonical(address: &SocketAddr) -> (IpAddr, u16) {
    (address.ip().to_canonical(), address.port())
}

/// `0100007F:1F90`: words of 32 bits in this machine's order, and the port.
fn parse(text: &str) -> Option<(IpAddr, u16)> {
    let (host, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let mut bytes = Vec::with_capacity(16);
    for word in host.as_bytes().chunks(8) {
        if word.len() < 8 {
            return None;
        }
        let word = u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()?;
        bytes.extend(word.to_ne_bytes());
    }
    let ip = match *bytes.as_slice() {
        [a, b, c, d] => IpAddr::from([a, b, c, d]),
        _ => IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?),
    };
    Some((ip.to_canonical(), port))
}

/// Whether a process has what a link of its descriptors leads to; not if it is another user's.
fn has(pid: u32, link: &str) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    descriptors.flatten().any(|descriptor| {
        fs::read_link(descriptor.path())
            .is_ok_and(|target| target.as_os_str() == OsStr::from_bytes(link.as_bytes()))
    })
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;
    use std::process::Command;

    use super::*;

    #[test]
    fn addresses_are_read_as_the_kernel_writes_them() {
        let loopback = (IpAddr::from([127, 0, 0, 1]), 8080);
        let word = u32::from_ne_bytes([127, 0, 0, 1]);
        assert_eq!(parse(&format!("{word:08X}:1F90")), Some(loopback));
        let mapped = u32::from_ne_bytes([0, 0, 255, 255]);
        let text = format!("{:08X}{:08X}{mapped:08X}{word:08X}:1F90", 0, 0);
        assert_eq!(parse(&text), Some(loopback));
        assert_eq!(parse("0100:1F90"), None);
        assert_eq!(parse("0100007F"), None);
    }

    #[test]
    fn the_other_end_is_found_over_both_kinds_of_sockets() {
        let (one, _other) = UnixStream::pair().unwrap();
        assert_eq!(process_of(&one), Some(std::process::id()));
        for host in ["127.0.0.1", "[::1]"] {
            let Ok(listener) = TcpListener::bind(format!("{host}:0")) else {
                continue; // no IPv6 here
            };
            let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (accepted, _) = listener.accept().unwrap();
            assert_eq!(process_of(&accepted), Some(std::process::id()));
            let (own, peer) = (
                accepted.local_addr().unwrap(),
                accepted.peer_addr().unwrap(),
            );
            if let Ok(inode) = diagnosed(&peer, &own) {
                assert_eq!(inode, listed(&peer, &own));
            }
        }
    }

    #[test]
    fn a_forked_child_has_not_opened_what_it_inherits() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let inherited = OwnedFd::from(client.try_clone().unwrap());
        let mut child = Command::new("sleep")
            .arg("60")
            .stdin(inherited)
            .spawn()
            .unwrap();
        *FOUND.lock().unwrap() = vec![child.id()];
        let found = process_of(&accepted);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(found, Some(std::process::id()));
    }

    #[test]
    fn a_pipe_has_no_process_at_its_other_end() {
        let (reader, _writer) = std::io::pipe().unwrap();
        assert_eq!(process_of(&reader), None);
    }
}
