//! Descriptors that arrive in a process which has few left. The limit is the process's, so this is one test.

use std::collections::BTreeMap;
use std::io::{PipeReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use multiprocessing_core::Error;
use multiprocessing_core::connection::passing::{Fetch, Offers, Progress};
use multiprocessing_core::memory::heap::{BlockId, Kind};
use multiprocessing_core::sys::Errno;
use multiprocessing_core::tree::member::Member;
use multiprocessing_core::wait::reactor::descriptors::Descriptors;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Takes all descriptors that this process may have.
fn take_all() -> Vec<OwnedFd> {
    std::iter::from_fn(|| rustix::io::fcntl_dupfd_cloexec(std::io::stdin(), 0).ok()).collect()
}

/// Long enough for whatever does not wait for ever.
fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(20))
}

fn word(descriptor: OwnedFd) -> String {
    let mut word = String::new();
    PipeReader::from(descriptor)
        .read_to_string(&mut word)
        .unwrap();
    word
}

#[test]
fn what_arrives_needs_a_descriptor_unless_this_process_has_it_and_nothing_is_lost() {
    let member = Arc::new(Member::root("passing").unwrap());
    let offers = Offers::new(Arc::clone(&member), Descriptors::start().unwrap());
    let offer = |word: &str| -> BlockId {
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(word.as_bytes()).unwrap();
        let id = offers.offer(reader.as_fd()).unwrap();
        let block = member.block(id, Kind::Offer).unwrap();
        member.adopt(id, block.generation).unwrap();
        id
    };
    let (own, by_socket, _kept) = (offer("own"), offer("by the socket"), offer("kept"));
    let mut own = Fetch::new(&member, Some(Arc::clone(&offers)), own).unwrap();
    let mut asking = Fetch::new(&member, None, by_socket).unwrap();
    let limits = getrlimit(Resource::Nofile);
    let few = Rlimit {
        current: Some(64),
        ..limits
    };
    setrlimit(Resource::Nofile, few).unwrap();

    let mut taken = take_all();
    assert!(!taken.is_empty());
    let is_lack = |progress: &Result<Progress, Error>| {
        let Err(Error::Os { errno, .. }) = progress else {
            return false;
        };
        *errno == Errno::MFILE
    };
    // None for the question.
    assert!(is_lack(&asking.step_until(soon())));
    // This process has it, and needs none.
    let Ok(Progress::Descriptor(got)) = own.step() else {
        panic!("what this process has does not arrive");
    };
    assert!(is_lack(&asking.step_until(soon())));
    // One for the question, and none for what arrives; the sender, which is this process, has its spare.
    taken.pop();
    assert!(is_lack(&asking.step_until(soon())));
    // One for the visitor, too: that the sender has none for another does not send it away.
    taken.pop();
    assert!(is_lack(&asking.step_until(soon())));
    // And one for what arrives, once the sender has seen that its visitor is gone.
    taken.pop();
    let arrived = loop {
        match asking.step_until(soon()) {
            Ok(Progress::Descriptor(descriptor)) => break descriptor,
            progress => assert!(is_lack(&progress), "{progress:?}"),
        }
    };
    drop(taken);
    setrlimit(Resource::Nofile, limits).unwrap();
    assert_eq!([word(got), word(arrived)], ["own", "by the socket"]);
    a_spare_that_is_lost_to_another_is_followed_by_the_next(&member);
}

/// The descriptors of the socket of which this process has most: a desk's, before its spares.
fn descriptors_of_desk() -> Vec<u64> {
    let mut sockets = BTreeMap::<PathBuf, Vec<u64>>::new();
    for entry in std::fs::read_dir("/proc/self/fd").unwrap().flatten() {
        if let Ok(target) = std::fs::read_link(entry.path()) {
            let descriptor = entry.file_name().to_string_lossy().parse().unwrap();
            sockets.entry(target).or_default().push(descriptor);
        }
    }
    sockets.retain(|target, _| target.to_string_lossy().starts_with("socket:"));
    let mut most = sockets.into_values().max_by_key(Vec::len).unwrap();
    most.sort_unstable();
    most
}

/// Above the limit stand the two spares that are given up first: once closed they are of no use, as if another thread had
/// opened something in their place.
fn a_spare_that_is_lost_to_another_is_followed_by_the_next(member: &Arc<Member>) {
    let room = rustix::io::fcntl_dupfd_cloexec(std::io::stdin(), 0).unwrap();
    let offers = Offers::new(Arc::clone(member), Descriptors::start().unwrap());
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(b"late").unwrap();
    drop(writer);
    let id = offers.offer(reader.as_fd()).unwrap();
    let block = member.block(id, Kind::Offer).unwrap();
    member.adopt(id, block.generation).unwrap();
    let mut asking = Fetch::new(member, None, id).unwrap();
    let desk = descriptors_of_desk();
    assert_eq!(desk.len(), 5, "a socket and its spares");
    let limits = getrlimit(Resource::Nofile);
    let few = Rlimit {
        current: Some(desk[3]),
        ..limits
    };
    setrlimit(Resource::Nofile, few).unwrap();
    let taken = take_all();
    drop(room); // for the question: who is let in is given what there is no room for
    let given = asking.step_until(soon());
    setrlimit(Resource::Nofile, limits).unwrap();
    drop(taken);
    assert!(
        matches!(
            given,
            Err(Error::Os {
                errno: Errno::MFILE,
                ..
            })
        ),
        "{given:?}"
    );
    let Ok(Progress::Descriptor(arrived)) = asking.step_until(soon()) else {
        panic!("what is offered does not arrive");
    };
    assert_eq!(word(arrived), "late");
}
