use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};

use super::*;
use crate::sys::caller;
use crate::sys::unix::{receive_descriptor, send_descriptor};

const ALL: u64 = u64::MAX;

/// A connection, and the bare descriptor at its other end.
fn end_and_peer() -> (Connection, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (Connection::new(OwnedFd::from(ours)).unwrap(), theirs)
}

fn message_of(connection: &Connection, received: Received, target: &[u8]) -> Vec<u8> {
    match received {
        Received::Here(length) => target[..length].to_vec(),
        Received::Long(length) => long(connection, length),
        other => panic!("no message: {other:?}"),
    }
}

fn long(connection: &Connection, length: u64) -> Vec<u8> {
    let mut bytes = vec![0; length as usize];
    let received = connection.receive_into(&mut bytes, Mode::Wait);
    assert_eq!(received, Ok(Received::Here(bytes.len())));
    bytes
}

fn receive(connection: &Connection, mode: Mode) -> Result<Received, Failure> {
    connection.receive(&mut [0; 8], ALL, mode)
}

#[test]
fn messages_of_all_boundary_sizes_arrive_through_sockets_and_pipes() {
    for duplex in [true, false] {
        for size in [0, 1, 7, 8, 9, 16_384, 16_385, 65_536, 3 * 1024 * 1024] {
            let [receiver, sender] = Connection::pair(duplex).unwrap();
            let payload: Vec<u8> = (0..size).map(|k| k as u8).collect();
            std::thread::scope(|scope| {
                scope.spawn(|| assert_eq!(sender.send(&payload, Mode::Wait), Ok(Sent::Done)));
                let mut target = [0; 8];
                let received = receiver.receive(&mut target, ALL, Mode::Wait).unwrap();
                assert!(
                    message_of(&receiver, received, &target) == payload,
                    "{size} bytes"
                );
            });
        }
    }
}

#[test]
fn bytes_that_dribble_in_are_kept_until_the_message_is_whole() {
    let (connection, mut peer) = end_and_peer();
    let bytes = b"\0\0\0\x05hello\0\0\0\x0cfar too long";
    for (place, byte) in bytes.iter().enumerate() {
        let whole = place == 9 || place == bytes.len();
        assert_eq!(connection.advance_receiving(ALL), whole);
        if whole {
            assert_eq!(
                message_of(
                    &connection,
                    receive(&connection, Mode::Try).unwrap(),
                    b"hello\0\0\0"
                ),
                b"hello"
            );
        }
        assert_eq!(receive(&connection, Mode::Try), Ok(Received::NotYet));
        peer.write_all(&[*byte]).unwrap();
    }
    assert_eq!(receive(&connection, Mode::Try), Ok(Received::Long(12)));
    assert_eq!(long(&connection, 12), b"far too long");
}

#[test]
fn a_peer_that_cuts_at_any_byte_is_an_end_or_an_error_never_a_message() {
    let bytes = b"\xff\xff\xff\xff\0\0\0\0\0\0\0\x03abc";
    for cut in 0..bytes.len() {
        for reactor_first in [false, true] {
            let (connection, mut peer) = end_and_peer();
            peer.write_all(&bytes[..cut]).unwrap();
            drop(peer);
            if reactor_first {
                assert!(connection.advance_receiving(ALL));
            }
            let wanted = if cut == 0 {
                Ok(Received::End)
            } else {
                Err(Failure::CutOff)
            };
            assert_eq!(receive(&connection, Mode::Wait), wanted);
            assert_eq!(receive(&connection, Mode::Wait), Ok(Received::End));
        }
    }
}

#[test]
fn hostile_lengths_are_refused_and_allocate_nothing_on_their_word() {
    for (header, failure) in [
        (&b"\xff\xff\xff\xfe"[..], Failure::InvalidLength),
        (b"\x80\0\0\0", Failure::InvalidLength),
    ] {
        let (connection, mut peer) = end_and_peer();
        peer.write_all(header).unwrap();
        assert_eq!(receive(&connection, Mode::Wait), Err(failure));
        assert_eq!(receive(&connection, Mode::Wait), Err(failure));
    }
    let (connection, mut peer) = end_and_peer();
    peer.write_all(&[0xff; 12]).unwrap();
    peer.write_all(b"some").unwrap();
    assert_eq!(receive(&connection, Mode::Try), Ok(Received::NotYet));
    assert!(lock(&connection.incoming).memory() <= 2 * 1024 * 1024);
    assert_eq!(
        connection.receive(&mut [], 256, Mode::Try),
        Err(Failure::TooLong(u64::MAX))
    );
}

#[test]
fn memory_for_a_whole_message_is_asked_for_when_its_length_may_be_believed() {
    const MIB: usize = 1024 * 1024;
    let (connection, mut peer) = end_and_peer();
    peer.write_all(frame::Header::new(16 * MIB).as_bytes())
        .unwrap();
    let told = Ok(Received::Long(16 * MIB as u64));
    assert_eq!(receive(&connection, Mode::Try), Ok(Received::NotYet));
    assert_eq!(receive(&connection, Mode::Wait), told);
    assert_eq!(
        connection.receive_into(&mut [0; 8], Mode::Wait),
        told,
        "not of this length"
    );
    drop(peer);
    let mut target = vec![0; 16 * MIB];
    let received = connection.receive_into(&mut target, Mode::Wait);
    assert_eq!(received, Err(Failure::CutOff));

    for come in [0, 8 * MIB - 1, 8 * MIB, 64 * MIB] {
        let (connection, mut peer) = end_and_peer();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let header = frame::Header::new(64 * MIB);
                peer.write_all(header.as_bytes()).unwrap();
                let _ = peer.write_all(&vec![7; come]);
            });
            let received = receive(&connection, Mode::Wait);
            if come < 8 * MIB {
                return assert_eq!(received, Err(Failure::CutOff));
            }
            assert_eq!(received, Ok(Received::Long(64 * MIB as u64)));
            assert!(lock(&connection.incoming).memory() <= 32 * MIB);
            let mut target = vec![0; 64 * MIB];
            let received = connection.receive_into(&mut target, Mode::Wait);
            if come < target.len() {
                return assert_eq!(received, Err(Failure::CutOff));
            }
            assert_eq!(received, Ok(Received::Here(target.len())));
            assert!(target.iter().all(|&byte| byte == 7));
        });
    }
}

#[test]
fn what_a_full_socket_does_not_take_is_kept_and_follows_in_order() {
    let [receiver, sender] = Connection::pair(true).unwrap();
    let large = vec![7; 8 * 1024 * 1024];
    assert_eq!(sender.send(&large, Mode::Try), Ok(Sent::Kept));
    assert!(!sender.withdraw(), "the other end has seen a part of it");
    assert_eq!(sender.send(b"next", Mode::Try), Ok(Sent::Kept));
    let mut target = [0; 8];
    let first = loop {
        sender.advance_sending();
        if receiver.advance_receiving(ALL) {
            break message_of(&receiver, receive(&receiver, Mode::Try).unwrap(), &target);
        }
    };
    assert!(first == large);
    while sender.flush() != Ok(Sent::Done) {}
    let second = receiver.receive(&mut target, ALL, Mode::Try).unwrap();
    assert_eq!(message_of(&receiver, second, &target), b"next");
}

#[test]
fn what_the_other_end_has_not_seen_can_be_withdrawn() {
    let [receiver, sender] = Connection::pair(false).unwrap();
    while sender.send(&[1; 4092], Mode::Try) == Ok(Sent::Done) {}
    assert!(sender.withdraw());
    drop(sender);
    let mut target = [0; 4092];
    loop {
        match receiver.receive(&mut target, ALL, Mode::Wait) {
            Ok(Received::Here(4092)) => {}
            end => break assert_eq!(end, Ok(Received::End)),
        }
    }
}

#[test]
fn a_dead_receiver_is_told_to_who_sends_next() {
    let [receiver, sender] = Connection::pair(true).unwrap();
    assert_eq!(
        sender.send(&vec![0; 8 * 1024 * 1024], Mode::Try),
        Ok(Sent::Kept)
    );
    drop(receiver);
    assert!(sender.advance_sending());
    let broken = Failure::Os(Errno::PIPE);
    let told = sender.flush();
    assert!(
        told == Err(broken) || told == Err(Failure::Os(Errno::CONNRESET)),
        "{told:?}"
    );
    assert_eq!(sender.send(b"x", Mode::Try), Err(broken));
}

#[test]
fn of_many_descriptors_all_ready_ones_are_told() {
    let pairs: Vec<_> = (0..100).map(|_| Connection::pair(true).unwrap()).collect();
    let ends: Vec<_> = pairs.iter().map(|[end, _]| end.as_fd()).collect();
    assert_eq!(poll::ready(&ends, Some(Instant::now())).unwrap(), []);
    for place in [3, 50, 97] {
        pairs[place][1].send(b"", Mode::Wait).unwrap();
    }
    assert_eq!(poll::ready(&ends, None).unwrap(), [3, 50, 97]);
}

/// Any bytes, in any pieces, each followed by a receive of the reactor or of a thread.
fn hostile_pieces() -> impl Strategy<Value = Vec<(Vec<u8>, bool)>> {
    let short = || prop::collection::vec(any::<u8>(), 0..20);
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        short().prop_map(framed),
        short().prop_map(framed_long),
    ];
    prop::collection::vec((piece, any::<bool>()), 0..12)
}

/// The messages are those that a plain reading of the bytes gives, and memory is bounded by what
/// has come.
fn read_as_plainly(pieces: Vec<(Vec<u8>, bool)>) -> Result<(), TestCaseError> {
    let (connection, mut peer) = end_and_peer();
    let sent: Vec<u8> = pieces.iter().flat_map(|(piece, _)| piece.clone()).collect();
    let mut got = Vec::new();
    let mut failure = None;
    for (piece, by_reactor) in &pieces {
        peer.write_all(piece).unwrap();
        drain(&connection, *by_reactor, &mut got, &mut failure);
    }
    drop(peer);
    while failure.is_none() {
        drain(&connection, false, &mut got, &mut failure);
    }
    prop_assert_eq!((got, failure.unwrap()), plain_reading(&sent));
    Ok(())
}

proptest! {
    #[test]
    fn hostile_bytes_in_any_pieces_are_read_as_a_plain_reading_does(pieces in hostile_pieces()) {
        read_as_plainly(pieces)?;
    }
}

/// `FUZZ_SECONDS=600 cargo test -p multiprocessing-core --lib fuzz -- --nocapture`
#[test]
fn fuzz_for_as_long_as_asked() {
    let seconds = std::env::var("FUZZ_SECONDS").ok();
    let seconds = seconds.and_then(|text| text.parse().ok()).unwrap_or(1);
    let end = Instant::now() + Duration::from_secs(seconds);
    // A failure prints its case; a file to repeat it from would need a source file's name.
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let mut cases = 0;
    while Instant::now() < end {
        // A runner counts all that it has run: one that is used again does nothing.
        let mut runner = TestRunner::new(config.clone());
        runner.run(&hostile_pieces(), read_as_plainly).unwrap();
        cases += u64::from(runner.config().cases);
    }
    println!("{cases} cases in {seconds} s");
}

#[test]
fn a_descriptor_that_does_not_come_beside_its_byte_is_none() {
    // TestConnection.test_missing_fd_transfer
    let [a, b] = Connection::pair(true).unwrap();
    rustix::io::write(&a.stream, b"A").unwrap();
    let received = receive_descriptor(b.as_fd()).unwrap();
    assert!(matches!(received, Some((b'A', None))));
    // TestConnection.test_fd_transfer
    let (mut reader, writer) = std::io::pipe().unwrap();
    send_descriptor(a.as_fd(), b'A', writer.as_fd()).unwrap();
    drop(writer);
    let Ok(Some((_, Some(descriptor)))) = receive_descriptor(b.as_fd()) else {
        panic!("the descriptor is missing");
    };
    rustix::io::write(&descriptor, b"written by the receiver").unwrap();
    drop(descriptor);
    assert_eq!(
        std::io::read_to_string(&mut reader).unwrap(),
        "written by the receiver"
    );
    drop(a);
    assert!(receive_descriptor(b.as_fd()).unwrap().is_none());
}

fn framed(payload: Vec<u8>) -> Vec<u8> {
    [frame::Header::new(payload.len()).as_bytes(), &payload].concat()
}

fn framed_long(payload: Vec<u8>) -> Vec<u8> {
    [
        &[0xff; 4][..],
        &(payload.len() as u64).to_be_bytes(),
        &payload,
    ]
    .concat()
}

/// Receives what is there; notes an end or failure.
fn drain(
    connection: &Connection,
    by_reactor: bool,
    got: &mut Vec<Vec<u8>>,
    failure: &mut Option<Option<Failure>>,
) {
    while failure.is_none() {
        if by_reactor && !connection.advance_receiving(ALL) {
            return;
        }
        let mut target = [0; 8];
        match connection.receive(&mut target, ALL, Mode::Try) {
            Ok(Received::NotYet) => {
                assert!(lock(&connection.incoming).memory() <= 2 * 1024 * 1024);
                return;
            }
            Ok(Received::End) => *failure = Some(None),
            Ok(message) => got.push(message_of(connection, message, &target)),
            Err(error) => *failure = Some(Some(error)),
        }
    }
}

/// The messages in `bytes`, and how they end.
fn plain_reading(mut bytes: &[u8]) -> (Vec<Vec<u8>>, Option<Failure>) {
    let mut messages = Vec::new();
    loop {
        let Some(short) = bytes.first_chunk() else {
            return (messages, (!bytes.is_empty()).then_some(Failure::CutOff));
        };
        let (length, header) = match i32::from_be_bytes(*short) {
            -1 => match bytes[4..].first_chunk() {
                Some(long) => (u64::from_be_bytes(*long), 12),
                None => return (messages, Some(Failure::CutOff)),
            },
            length if length < 0 => return (messages, Some(Failure::InvalidLength)),
            length => (length as u64, 4),
        };
        let rest = &bytes[header..];
        if (rest.len() as u64) < length {
            return (messages, Some(Failure::CutOff));
        }
        messages.push(rest[..length as usize].to_vec());
        bytes = &rest[length as usize..];
    }
}

#[test]
fn a_wait_that_is_given_up_loses_nothing_of_what_is_received() {
    let given_up = Err(Failure::Os(Errno::CANCELED));
    for length in [6, 50_000] {
        let (connection, mut peer) = end_and_peer();
        let payload: Vec<u8> = (0..length).map(|k| k as u8).collect();
        let message = [&(length as u32).to_be_bytes()[..], &payload].concat();
        let mut target = [0; 8];
        let mut bytes = vec![0; length];
        let mut come = 0;
        for end in [2, 5, 7, message.len() - 1] {
            peer.write_all(&message[come..end]).unwrap();
            come = end;
            caller::watch(Some(|| false));
            let received = match connection.receive(&mut target, ALL, Mode::Wait) {
                Ok(Received::Long(_)) => connection.receive_into(&mut bytes, Mode::Wait),
                received => received,
            };
            caller::watch(None);
            assert_eq!(received, given_up);
        }
        peer.write_all(&message[come..]).unwrap();
        let received = receive_all(&connection, &mut target);
        assert!(received == payload);
        peer.write_all(&[0, 0, 0, 1, 7]).unwrap();
        assert_eq!(receive_all(&connection, &mut target), [7]);
    }
}

fn receive_all(connection: &Connection, target: &mut [u8]) -> Vec<u8> {
    let received = connection.receive(&mut *target, ALL, Mode::Wait).unwrap();
    message_of(connection, received, target)
}

#[test]
fn a_wait_that_is_given_up_sends_a_message_as_a_whole_or_not_at_all() {
    let [receiver, sender] = Connection::pair(true).unwrap();
    let large: Vec<u8> = (0..8 * 1024 * 1024).map(|k| k as u8).collect();
    caller::watch(Some(|| false));
    assert_eq!(sender.send(&large, Mode::Wait), Ok(Sent::Kept));
    let given_up = Err(Failure::Os(Errno::CANCELED));
    assert_eq!(sender.send(b"not at all", Mode::Wait), given_up);
    assert_eq!(sender.flush_all(), given_up);
    caller::watch(None);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            assert_eq!(sender.flush_all(), Ok(Sent::Done));
            assert_eq!(sender.send(b"next", Mode::Wait), Ok(Sent::Done));
        });
        let mut target = [0; 8];
        assert!(receive_all(&receiver, &mut target) == large);
        assert_eq!(receive_all(&receiver, &mut target), b"next");
    });
}
