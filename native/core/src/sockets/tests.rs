use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::*;

/// How long anything may take before it counts as hanging.
fn patience() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(20))
}

/// A folder of its own, removed with what is in it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("mp-sockets-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn place(&self) -> Endpoint {
        unix(self.0.join("socket").to_str().unwrap())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn unix(name: impl Into<Vec<u8>>) -> Endpoint {
    Endpoint::Unix(name.into())
}

fn inet(host: &str, port: u16, version: Version) -> Endpoint {
    Endpoint::Inet {
        host: host.into(),
        port,
        version,
    }
}

/// The place to dial to reach a listener.
fn place_of(listener: &Listener) -> Endpoint {
    match listener.address() {
        Address::Inet(address) => inet(&address.ip().to_string(), address.port(), Version::Any),
        Address::Unix(name) => unix(name.clone()),
    }
}

fn found(place: &Endpoint) -> Result<Found> {
    match find(place)? {
        Search::Found(found) => Ok(found),
        Search::UnderWay(errand) => {
            assert!(errand.wait(patience())?, "it hangs");
            errand.take().unwrap()
        }
    }
}

fn listen(place: &Endpoint, backlog: i32) -> Result<Listener> {
    Listener::open(&found(place)?, backlog, false)
}

fn connect(place: &Endpoint) -> Result<OwnedFd> {
    match dial(&found(place)?)? {
        Dialled::Connected(descriptor) => Ok(descriptor),
        Dialled::UnderWay(dial) => {
            assert!(dial.wait(patience())?, "it hangs");
            dial.take().unwrap()
        }
    }
}

fn errno(result: Result<impl Sized>) -> Errno {
    match result.err().expect("it fails") {
        Error::Os { errno, .. } => errno,
        error => panic!("{error}"),
    }
}

/// Asserts that bytes pass through a connection made to `place`.
fn assert_connects(place: &Endpoint) {
    let listener = listen(place, 1).unwrap();
    let client = connect(&place_of(&listener)).unwrap();
    let (server, _) = listener.accept(patience()).unwrap().expect("in time");
    let mut bytes = [0; 2];
    UnixStream::from(client).write_all(b"hi").unwrap();
    UnixStream::from(server).read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"hi");
}

#[test]
fn every_kind_of_place_connects() {
    let folder = Folder::new("kinds");
    assert_connects(&folder.place());
    assert_connects(&unix(format!("\0mp-test-{}", std::process::id())));
    assert_connects(&inet("127.0.0.1", 0, Version::Any));
    assert_connects(&inet("localhost", 0, Version::V4));
    if std::net::TcpListener::bind("[::1]:0").is_ok() {
        assert_connects(&inet("::1", 0, Version::V6));
    }
}

#[test]
fn a_place_is_taken_once() {
    let folder = Folder::new("twice");
    let abstract_name = format!("\0mp-twice-{}", std::process::id());
    for place in [
        folder.place(),
        unix(abstract_name),
        inet("127.0.0.1", 0, Version::Any),
    ] {
        let first = listen(&place, 1).unwrap();
        let again = listen(&place_of(&first), 1);
        assert_eq!(errno(again), Errno::ADDRINUSE);
    }
}

#[test]
fn the_file_of_a_listener_goes_with_it_but_not_another_of_its_name() {
    let folder = Folder::new("file");
    let path = folder.0.join("socket");
    let listener = listen(&folder.place(), 1).unwrap();
    assert!(path.exists());
    drop(listener);
    assert!(!path.exists());

    let listener = listen(&folder.place(), 1).unwrap();
    std::fs::rename(&path, folder.0.join("moved")).unwrap();
    std::fs::write(&path, "another's").unwrap();
    drop(listener);
    assert!(path.exists());
}

#[test]
fn a_folder_that_is_the_listeners_own_goes_with_it() {
    let folder = Folder::new("own");
    let own = folder.0.join("own");
    std::fs::create_dir(&own).unwrap();
    let place = unix(own.join("socket").to_str().unwrap());
    drop(Listener::open(&found(&place).unwrap(), 1, true).unwrap());
    assert!(!own.exists());
}

#[test]
fn nobody_there_is_told_as_the_system_tells_it() {
    let folder = Folder::new("nobody");
    assert_eq!(errno(connect(&folder.place())), Errno::NOENT);
    let port = listen(&inet("127.0.0.1", 0, Version::Any), 1)
        .map(|listener| place_of(&listener))
        .unwrap();
    assert_eq!(errno(connect(&port)), Errno::CONNREFUSED);
    let unknown = connect(&inet("no-such-host.invalid", 1, Version::Any));
    assert!(matches!(unknown, Err(Error::NoSuchHost { .. })));
    let wrong = listen(&inet("127.0.0.1", 0, Version::V6), 1);
    assert!(matches!(wrong, Err(Error::NoSuchHost { .. })));
    let long = unix(vec![b'a'; 200]);
    assert_eq!(errno(listen(&long, 1)), Errno::NAMETOOLONG);
}

#[test]
fn accept_ends_at_its_deadline() {
    let listener = listen(&inet("127.0.0.1", 0, Version::Any), 1).unwrap();
    let begin = Instant::now();
    let nobody = listener.accept(Some(begin + Duration::from_millis(30)));
    assert!(nobody.unwrap().is_none());
    assert!(begin.elapsed() >= Duration::from_millis(30));
}

/// Dials a UNIX socket whose queue is full.
fn dial_a_full_queue(listener: &Listener) -> (Vec<OwnedFd>, Dial) {
    let mut connected = Vec::new();
    loop {
        match dial(&found(&place_of(listener)).unwrap()).unwrap() {
            Dialled::Connected(descriptor) => connected.push(descriptor),
            Dialled::UnderWay(dial) => return (connected, dial),
        }
    }
}

#[test]
fn a_full_queue_is_waited_for() {
    let folder = Folder::new("queue");
    let listener = listen(&folder.place(), 0).unwrap();
    let (connected, dial) = dial_a_full_queue(&listener);
    assert!(!dial.wait(Some(Instant::now())).unwrap());
    for _ in 0..=connected.len() {
        listener.accept(patience()).unwrap().expect("in time");
    }
    assert!(dial.wait(patience()).unwrap(), "it hangs");
    dial.take().unwrap().unwrap();
}

#[test]
fn a_dial_that_is_given_up_lets_its_socket_go() {
    let folder = Folder::new("given-up");
    let listener = listen(&folder.place(), 0).unwrap();
    let (connected, dial) = dial_a_full_queue(&listener);
    let shared = std::sync::Arc::downgrade(&dial.shared);
    drop(dial);
    let until = patience();
    while shared.strong_count() > 0 {
        assert!(Some(Instant::now()) < until, "its thread goes on");
        std::thread::sleep(Duration::from_millis(5));
    }
    for _ in connected {
        listener.accept(patience()).unwrap().expect("in time");
    }
    let nobody = listener.accept(Some(Instant::now() + Duration::from_millis(30)));
    assert!(nobody.unwrap().is_none());
}

#[test]
fn who_left_at_once_is_accepted_nevertheless() {
    let listener = listen(&inet("127.0.0.1", 0, Version::Any), 1).unwrap();
    let Address::Inet(address) = listener.address() else {
        unreachable!()
    };
    TcpStream::connect(address)
        .unwrap()
        .write_all(b"x")
        .unwrap();
    let (server, from) = listener.accept(patience()).unwrap().expect("in time");
    assert!(matches!(from, Address::Inet(_)));
    let mut bytes = Vec::new();
    UnixStream::from(server).read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, b"x");
}

#[test]
fn a_peer_without_name_has_none() {
    let folder = Folder::new("unnamed");
    let listener = listen(&folder.place(), 1).unwrap();
    let _client = connect(&place_of(&listener)).unwrap();
    let (_, from) = listener.accept(patience()).unwrap().expect("in time");
    assert_eq!(from, Address::Unix(Vec::new()));
}

#[test]
fn a_path_is_followed_to_where_it_leads_but_not_through_proc() {
    let folder = Folder::new("real");
    let folder = folder.0.canonicalize().map(Folder).unwrap();
    std::fs::create_dir(folder.0.join("there")).unwrap();
    std::os::unix::fs::symlink("there", folder.0.join("link")).unwrap();
    std::os::unix::fs::symlink(folder.0.join("round"), folder.0.join("round")).unwrap();
    std::os::unix::fs::symlink("/proc/self/cwd", folder.0.join("away")).unwrap();
    let real = |path: &str| {
        let place = unix(format!("{}/{path}", folder.0.display()));
        found(&place).map(|found| found.path().unwrap().to_owned())
    };
    assert_eq!(real("link/socket").unwrap(), folder.0.join("there/socket"));
    assert_eq!(real("link/../socket").unwrap(), folder.0.join("socket"));
    assert_eq!(real("away/s").unwrap(), PathBuf::from("/proc/self/cwd/s"));
    assert!(real("round/s").is_err());
    assert_eq!(found(&unix("\0name")).unwrap().path(), None);
}
