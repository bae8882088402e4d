use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use super::tray::SMALLEST;
use super::*;
use crate::connection::incoming::Received;
use crate::connection::outgoing::Sent;
use crate::connection::{Connection, Failure, frame};
use crate::tree::processes::TreePlace;

const ALL: u64 = u64::MAX;

fn member() -> Arc<Member> {
    Arc::new(Member::root("test").unwrap())
}

/// A pipe's block with one handle, and its trays.
fn pipe_of(member: &Arc<Member>) -> (BlockId, Trays) {
    let id = member.create(Kind::Pipe, SIZE).unwrap().id;
    (id, Trays::of(member, id).unwrap().unwrap())
}

/// Two ends of a pipe whose processes have each received a long message.
fn acquainted(trays: &Trays, duplex: bool) -> [Connection; 2] {
    trays.note_received();
    Connection::pair(duplex).unwrap().map(|end| {
        end.relate(trays.clone());
        end
    })
}

fn message(seed: usize, length: usize) -> Vec<u8> {
    (0..length).map(|k| (k / 7 + seed) as u8).collect()
}

type Outcome = std::result::Result<Option<Vec<u8>>, Failure>;

fn receive(end: &Connection, mode: Mode) -> Outcome {
    let mut target = [0; 8];
    match end.receive(&mut target, ALL, mode)? {
        Received::Here(length) => Ok(Some(target[..length].to_vec())),
        Received::Long(length) => {
            let mut bytes = vec![0; length as usize];
            let received = end.receive_into(&mut bytes, Mode::Wait)?;
            assert_eq!(received, Received::Here(bytes.len()));
            Ok(Some(bytes))
        }
        _ => Ok(None),
    }
}

/// How often the trays were filled.
fn fillings(trays: &Trays) -> u32 {
    trays.0.trays().map(|tray| tray.state().fillings).sum()
}

/// How many trays can be filled now; they are empty again afterwards.
fn empty(trays: &Trays) -> usize {
    let message = message(0, LEAST);
    let loads: Vec<_> = std::iter::from_fn(|| trays.load((&message).into(), Mode::Try)).collect();
    let count = loads.len();
    loads.into_iter().for_each(Load::withdraw);
    count
}

fn blocks(member: &Member) -> u64 {
    member.usage().unwrap().blocks
}

#[test]
fn states_are_told_by_their_words() {
    for step in [Step::Empty, Step::Filling, Step::Full, Step::Emptying] {
        for (slot, generation, fillings) in [(0, 0, 0), (1023, (1 << 30) - 1, (1 << 22) - 1)] {
            let whose = TreePlace { slot, generation };
            let state = State {
                step,
                whose,
                fillings,
            };
            assert_eq!(State::unpack(state.pack()), state);
        }
    }
    assert_eq!(State::unpack(0).then(Step::Empty).pack(), 0);
}

#[test]
fn messages_of_all_boundary_sizes_arrive_and_those_of_the_right_size_in_trays() {
    let member = member();
    for duplex in [true, false] {
        let (id, trays) = pipe_of(&member);
        let [receiver, sender] = acquainted(&trays, duplex);
        let mut in_trays = 0;
        for size in [
            0,
            LEAST - 1,
            LEAST,
            LEAST + 1,
            SMALLEST,
            SMALLEST + 1,
            LONGEST,
            LONGEST + 1,
            LEAST,
        ] {
            let payload = message(size, size);
            in_trays += u32::from((LEAST..=LONGEST).contains(&size));
            std::thread::scope(|scope| {
                scope.spawn(|| assert_eq!(sender.send(&payload, Mode::Wait), Ok(Sent::Done)));
                assert!(receive(&receiver, Mode::Wait) == Ok(Some(payload.clone())));
            });
            assert_eq!(fillings(&trays), in_trays, "{size} bytes");
        }
        drop((receiver, sender, trays));
        member.release(id).unwrap();
        assert_eq!(blocks(&member), 0);
    }
}

#[test]
fn trays_are_used_once_a_long_message_was_received_and_until_a_descriptor_is_told() {
    let member = member();
    let (_id, trays) = pipe_of(&member);
    let [receiver, sender] = Connection::pair(true).unwrap();
    for end in [&receiver, &sender] {
        end.relate(trays.clone());
    }
    let payload = message(1, LEAST);
    let pass = || {
        assert_eq!(sender.send(&payload, Mode::Try), Ok(Sent::Done));
        assert!(receive(&receiver, Mode::Wait) == Ok(Some(payload.clone())));
        fillings(&trays)
    };
    assert_eq!([pass(), pass(), pass()], [0, 1, 2]);
    receiver.expose();
    assert_eq!([pass(), pass()], [2, 2]);
}

#[test]
fn what_finds_no_tray_goes_through_the_kernel_in_its_turn() {
    let member = member();
    let (_id, trays) = pipe_of(&member);
    let [receiver, sender] = acquainted(&trays, true);
    let payloads: Vec<_> = (0..6).map(|k| message(k, LEAST)).collect();
    for payload in &payloads {
        assert_eq!(sender.send(payload, Mode::Try), Ok(Sent::Done));
    }
    assert_eq!(fillings(&trays), COUNT);
    for payload in &payloads {
        assert!(receive(&receiver, Mode::Try) == Ok(Some(payload.clone())));
    }
    assert_eq!(receive(&receiver, Mode::Try), Ok(None));
    assert_eq!(empty(&trays), COUNT as usize);
}

/// All trays together have a limit: two of the longest messages, and then no third.
#[test]
fn trays_have_no_more_memory_than_they_may() {
    let member = member();
    let (_id, trays) = pipe_of(&member);
    trays.note_received();
    let long = message(1, LONGEST);
    let load = || trays.load((&long).into(), Mode::Try);
    let loads = [load(), load()].map(Option::unwrap);
    assert!(load().is_none() && load().is_none());
    let [first, second] = loads;
    first.withdraw();
    let again = load().unwrap();
    [again, second].into_iter().for_each(Load::withdraw);
    assert_eq!(empty(&trays), 2);
}

/// Whoever has an end of a pipe can write anything into it.
#[test]
fn a_frame_that_names_no_full_tray_of_the_pipe_is_refused() {
    let member = member();
    let (_id, trays) = pipe_of(&member);
    let (_other_id, other) = pipe_of(&member);
    let payload = message(3, LEAST);
    let read = |frames: &[frame::Header], trays: Option<&Trays>| {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let end = Connection::new(OwnedFd::from(ours)).unwrap();
        trays.into_iter().for_each(|it| end.relate(it.clone()));
        for frame in frames {
            theirs.write_all(frame.as_bytes()).unwrap();
        }
        let received = frames.iter().map(|_| receive(&end, Mode::Wait));
        received.collect::<Vec<_>>()
    };
    [&trays, &other].into_iter().for_each(Trays::note_received);
    let refused: Outcome = Err(Failure::InvalidLength);
    let frame_of = |ticket| frame::Header::of_tray(ticket, LEAST);
    // Nothing was ever in it.
    assert!(read(&[frame_of(0)], Some(&trays)) == [refused.clone()]);
    let ticket = |of: &Trays| {
        let load = of.load((&payload).into(), Mode::Try).unwrap();
        load.ticket()
    };
    // Another length, another filling, another tray.
    for (of, length) in [(ticket(&trays), LEAST + 1), (ticket(&trays), 0)] {
        let lie = frame::Header::of_tray(of, length);
        assert!(read(&[lie], Some(&trays)) == [refused.clone()]);
    }
    let full = ticket(&trays);
    for wrong in [full ^ COUNT, full ^ 1, u32::MAX] {
        assert!(read(&[frame_of(wrong)], Some(&trays)) == [refused.clone()]);
    }
    // Of another pipe, and of none.
    assert!(read(&[frame_of(full)], Some(&other)) == [refused.clone()]);
    assert!(read(&[frame_of(full)], None) == [refused.clone()]);
    // It is still there, and good for once.
    let twice = [frame_of(full), frame_of(full)];
    assert!(read(&twice, Some(&trays)) == [Ok(Some(payload)), refused]);
    assert_eq!(empty(&trays), COUNT as usize);
}

#[test]
fn a_tray_is_empty_again_when_its_frame_will_not_be_received() {
    let member = member();
    let (_id, trays) = pipe_of(&member);
    let payload = message(5, LEAST);
    // Nobody reads any more.
    let [receiver, sender] = acquainted(&trays, true);
    drop(receiver);
    assert!(sender.send(&payload, Mode::Try).is_err());
    assert_eq!(empty(&trays), COUNT as usize);
    // There is no room for the frame: it is kept, and taken back or dropped.
    for takes_back in [true, false] {
        let [_receiver, sender] = acquainted(&trays, false);
        let mut pipe = std::fs::File::from(sender.as_fd().try_clone_to_owned().unwrap());
        while pipe.write(&[0; 4096]).is_ok() {}
        while pipe.write(&[0]).is_ok() {}
        assert_eq!(sender.send(&payload, Mode::Try), Ok(Sent::Kept));
        assert_eq!(empty(&trays), COUNT as usize - 1);
        assert!(!takes_back || sender.withdraw());
        drop(sender);
        assert_eq!(empty(&trays), COUNT as usize);
    }
    // It is longer than its receiver wants, who closes the connection then.
    let [receiver, sender] = acquainted(&trays, true);
    assert_eq!(sender.send(&payload, Mode::Try), Ok(Sent::Done));
    let received = receiver.receive(&mut [0; 8], LEAST as u64 - 1, Mode::Try);
    assert_eq!(received, Err(Failure::TooLong(LEAST as u64)));
    drop(receiver);
    assert_eq!(empty(&trays), COUNT as usize);
}

#[test]
fn all_memory_comes_back_with_the_last_end() {
    let member = member();
    let (id, trays) = pipe_of(&member);
    let ends = acquainted(&trays, true);
    for k in 0..COUNT as usize {
        let payload = message(k, LEAST << k);
        assert_eq!(ends[0].send(&payload, Mode::Try), Ok(Sent::Done));
    }
    assert_eq!(fillings(&trays), COUNT);
    assert_eq!(blocks(&member), u64::from(1 + COUNT));
    // What may be let go of a pipe's by its number is what messages speak of.
    let held = member.pinned_by(id).unwrap();
    let holds: Vec<_> = held.into_iter().map(|(hold, _)| hold).collect();
    member.unpin_from(id, &holds).unwrap();
    assert_eq!(blocks(&member), u64::from(1 + COUNT));
    member.release(id).unwrap();
    drop(ends);
    assert_eq!(blocks(&member), u64::from(1 + COUNT));
    drop(trays);
    assert_eq!(blocks(&member), 0);
}

#[test]
fn messages_of_any_length_come_in_order_while_both_sides_are_at_work() {
    let member = member();
    for duplex in [true, false] {
        let (_id, trays) = pipe_of(&member);
        let [receiver, sender] = acquainted(&trays, duplex);
        let length = |k: usize| k * 7919 % (3 * LEAST);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for k in 0..300 {
                    let sent = sender.send(&message(k, length(k)), Mode::Wait);
                    assert_eq!(sent, Ok(Sent::Done));
                }
            });
            for k in 0..300 {
                let received = receive(&receiver, Mode::Wait).unwrap().unwrap();
                assert!(received == message(k, length(k)), "message {k}");
            }
        });
        assert!(fillings(&trays) > 0);
        assert_eq!(empty(&trays), COUNT as usize);
    }
}

/// A block that is too small to be a pipe's with trays, as one made by hand, has none.
#[test]
fn a_pipe_without_room_for_trays_has_none() {
    let member = member();
    let small = member.create(Kind::Pipe, 8).unwrap();
    assert!(Trays::of(&member, small.id).unwrap().is_none());
    let lock = member.create(Kind::Lock, SIZE).unwrap();
    assert!(Trays::of(&member, lock.id).is_err());
}
