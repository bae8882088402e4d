//! UNIX sockets between processes of this system that know each other: connected pairs, sockets with
//! abstract names, messages that do not sleep, descriptors that travel (`SCM_RIGHTS`), and who the
//! other end is (`SO_PEERCRED`).

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType, sockopt,
};

use super::own;

/// Two connected stream sockets that sleep.
pub fn pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    let (kind, flags) = (SocketType::STREAM, SocketFlags::CLOEXEC);
    rustix::net::socketpair(AddressFamily::UNIX, kind, flags, None)
}

/// Asks for room for so many bytes in a socket. The kernel grants what `wmem_max` allows.
pub fn ask_for_room(socket: impl AsFd, bytes: usize) {
    let _ = sockopt::set_socket_send_buffer_size(socket, bytes); // the default will do, too
}

/// The process that has made the socket at the other end, or connected it.
pub fn peer(socket: impl AsFd) -> Result<u32, Errno> {
    sockopt::socket_peercred(socket).map(|peer| own::number(peer.pid))
}

/// Whether the other end is of this process's user.
pub fn is_same_user(socket: impl AsFd) -> bool {
    let user = rustix::process::geteuid();
    sockopt::socket_peercred(socket).is_ok_and(|peer| peer.uid == user)
}

/// Sends as many of the bytes as there is room for; `EAGAIN` if there is none, `EPIPE` or `ECONNRESET`
/// if the other end is closed.
pub fn send(socket: impl AsFd, bytes: &[u8]) -> Result<usize, Errno> {
    rustix::net::send(socket, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)
}

/// Receives what there is and has room; how many bytes. `EAGAIN` if there are none yet, 0 is the end.
pub fn receive(socket: impl AsFd, target: &mut [u8]) -> Result<usize, Errno> {
    rustix::net::recv(socket, target, RecvFlags::DONTWAIT).map(|(_, received)| received)
}

/// As [`receive`], sleeping until something is there.
pub fn receive_sleeping(socket: impl AsFd, target: &mut [u8]) -> Result<usize, Errno> {
    rustix::io::retry_on_intr(|| rustix::io::read(&socket, &mut *target))
}

/// Lets the other end see the socket closed, which has still what it was sent before.
pub fn shut_down(socket: impl AsFd) -> Result<(), Errno> {
    rustix::net::shutdown(socket, rustix::net::Shutdown::Both)
}

/// Whether something has arrived that was not yet received.
pub fn has_mail(socket: impl AsFd) -> bool {
    let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
    rustix::net::recv(socket, &mut [0u8][..], flags).is_ok_and(|(received, _)| received > 0)
}

/// A socket for whole messages, which does not sleep.
fn message_socket() -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)
}

/// A socket that visitors come in at, for whole messages, under an abstract name.
pub fn listen_for_messages(name: &[u8], backlog: i32) -> Result<OwnedFd, Errno> {
    let socket = message_socket()?;
    rustix::net::bind(&socket, &SocketAddrUnix::new_abstract_name(name)?)?;
    rustix::net::listen(&socket, backlog)?;
    Ok(socket)
}

/// A connection to such a socket. `EAGAIN` if too many are before it, `ECONNREFUSED` if it is closed.
pub fn visit(name: &[u8]) -> Result<OwnedFd, Errno> {
    let socket = message_socket()?;
    let address = SocketAddrUnix::new_abstract_name(name)?;
    rustix::io::retry_on_intr(|| rustix::net::connect(&socket, &address))?;
    Ok(socket)
}

/// The next visitor, by a socket that does not sleep. `EAGAIN` if there is none.
pub fn accept_visitor(socket: impl AsFd) -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    rustix::net::accept_with(socket, flags)
}

/// Sends one byte with a descriptor beside it, without waiting.
pub fn send_descriptor(socket: BorrowedFd, byte: u8, descriptor: BorrowedFd) -> Result<(), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    let descriptors = [descriptor];
    beside.push(SendAncillaryMessage::ScmRights(&descriptors));
    let how = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    loop {
        match rustix::net::sendmsg(socket, &[IoSlice::new(&[byte])], &mut beside, how) {
            Err(Errno::INTR) => {}
            result => return result.map(drop),
        }
    }
}

/// Receives one byte and the descriptor beside it, if there is one. `None` is the end.
pub fn receive_descriptor(socket: BorrowedFd) -> Result<Option<(u8, Option<OwnedFd>)>, Errno> {
    let mut byte = [0];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        let mut into = [IoSliceMut::new(&mut byte)];
        match rustix::net::recvmsg(socket, &mut into, &mut beside, RecvFlags::CMSG_CLOEXEC) {
            Err(Errno::INTR) => {}
            result => break result?,
        }
    };
    if received.bytes == 0 {
        return Ok(None);
    }
    let descriptor = beside.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    Ok(Some((byte[0], descriptor)))
}
