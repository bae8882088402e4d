use std::io::{PipeReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::thread::sleep;

use super::*;
use crate::memory::heap::{BlockId, Kind};
use crate::sys::{poll, unix};
use crate::tree::member::Member;
use crate::wait::reactor::descriptors::Descriptors;

/// A process with its offers.
struct Desk {
    member: Arc<Member>,
    offers: Arc<Offers>,
}

impl Desk {
    fn new() -> Self {
        let member = Arc::new(Member::root("passing").unwrap());
        let offers = Offers::new(Arc::clone(&member), Descriptors::start().unwrap());
        Self { member, offers }
    }

    /// Offers a pipe with a word in it, and adopts its block as a receiver does.
    fn offer(&self, word: &str) -> BlockId {
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(word.as_bytes()).unwrap();
        let offer = self.offers.offer(reader.as_fd()).unwrap();
        let block = self.member.block(offer, Kind::Offer).unwrap();
        self.member.adopt(offer, block.generation).unwrap();
        offer
    }

    /// A fetch by this process, which knows its own offers.
    fn fetch(&self, offer: BlockId) -> Fetch {
        Fetch::new(&self.member, Some(Arc::clone(&self.offers)), offer).unwrap()
    }

    /// As another process fetches: by the socket.
    fn fetch_as_visitor(&self, offer: BlockId) -> Fetch {
        Fetch::new(&self.member, None, offer).unwrap()
    }

    /// A visitor that was given what is offered, and has confirmed nothing.
    fn visit(&self, offer: BlockId) -> OwnedFd {
        let ticket = self.fetch(offer).ticket;
        let visitor = unix::visit(&socket_name(ticket.name)).unwrap();
        unix::send(&visitor, &ticket.token).unwrap();
        poll::await_readable(visitor.as_fd(), None).unwrap();
        let given = unix::receive_descriptor(visitor.as_fd()).unwrap();
        assert!(matches!(given, Some((GRANTED, Some(_)))));
        visitor
    }
}

fn word(progress: Result<Progress>) -> String {
    let Ok(Progress::Descriptor(descriptor)) = progress else {
        panic!("{progress:?}");
    };
    let mut word = String::new();
    PipeReader::from(descriptor)
        .read_to_string(&mut word)
        .unwrap();
    word
}

#[test]
fn a_process_fetches_what_it_offered_itself_without_asking_and_once() {
    let desk = Desk::new();
    let (first, second) = (desk.offer("first"), desk.offer("second"));
    let (mut fetch, mut late) = (desk.fetch(first), desk.fetch(first));
    // One step is enough, and nobody was asked.
    assert_eq!(word(fetch.step()), "first");
    assert!(fetch.descriptor().is_none());
    assert!(matches!(late.step(), Ok(Progress::Taken)));
    // Nothing else was ended by that, and what comes by the socket learns it, too.
    assert!(matches!(
        desk.fetch_as_visitor(first).step_until(None),
        Ok(Progress::Taken)
    ));
    assert_eq!(word(desk.fetch(second).step()), "second");
    // The desk is cleared by now.
    for mut fetch in [desk.fetch(second), desk.fetch_as_visitor(second)] {
        assert!(matches!(fetch.step_until(None), Ok(Progress::Taken)));
    }
}

#[test]
fn threads_that_fetch_one_offer_get_it_once() {
    let desk = Desk::new();
    let _kept = desk.offer("another");
    for _ in 0..200 {
        let offer = desk.offer("word");
        let attempt = |_| desk.fetch(offer).step_until(None);
        let got = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..3).map(|n| scope.spawn(move || attempt(n))).collect();
            let ended = threads.into_iter().map(|thread| thread.join().unwrap());
            ended
                .filter(|it| matches!(it, Ok(Progress::Descriptor(_))))
                .count()
        });
        assert_eq!(got, 1);
    }
}

#[test]
fn a_visitor_that_was_given_it_comes_first() {
    let desk = Desk::new();
    let (confirmed, left) = (desk.offer("confirmed"), desk.offer("left"));
    let _kept = desk.offer("kept");
    let until_not_busy = |fetch: &mut Fetch| loop {
        match fetch.step() {
            Ok(Progress::Busy) => sleep(BUSY_PAUSE),
            other => break other,
        }
    };

    let (visitor, mut fetch) = (desk.visit(confirmed), desk.fetch(confirmed));
    assert!(matches!(fetch.step(), Ok(Progress::Busy)));
    unix::send(&visitor, &[CONFIRMED]).unwrap();
    assert!(matches!(until_not_busy(&mut fetch), Ok(Progress::Taken)));

    let (visitor, mut fetch) = (desk.visit(left), desk.fetch(left));
    assert!(matches!(fetch.step(), Ok(Progress::Busy)));
    drop(visitor);
    assert_eq!(word(until_not_busy(&mut fetch)), "left");
}

#[test]
fn a_silent_visitor_does_not_keep_it_for_ever() {
    let desk = Desk::new();
    let offer = desk.offer("word");
    let visitor = desk.visit(offer);
    assert_eq!(word(desk.fetch(offer).step_until(None)), "word");
    drop(visitor);
}

#[test]
fn a_ticket_of_this_process_from_another_desk_is_asked_for() {
    let (desk, other) = (Desk::new(), Desk::new());
    let offer = desk.offer("word");
    let _kept = other.offer("kept");
    let own = Some(Arc::clone(&other.offers));
    let mut fetch = Fetch::new(&desk.member, own, offer).unwrap();
    assert_eq!(word(fetch.step_until(None)), "word");
}
