//! Listeners and connections that are being made. As with connections, each belongs to the thread
//! that made it, which names it by a number.

use std::cell::RefCell;
use std::collections::HashMap;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::rc::Rc;

use multiprocessing_core::connection::Connection;
use multiprocessing_core::sockets::{
    self, Address, Dial, Dialled, Endpoint, Found, Listener, Search, Version,
};
use multiprocessing_core::sys::clock::deadline_after;
use napi_derive::napi;

use crate::abi::errors::{Result, state, to_js};
use crate::connections;

/// The objects of one kind that a thread has.
struct Table<T> {
    entries: HashMap<u32, Rc<T>>,
    last_id: u32,
}

impl<T> Table<T> {
    fn new() -> Self {
        Self {
            entries: HashMap::new(),
            last_id: 0,
        }
    }

    fn insert(&mut self, entry: T) -> u32 {
        self.last_id += 1;
        self.entries.insert(self.last_id, Rc::new(entry));
        self.last_id
    }

    fn get(&self, id: u32, closed: &str) -> Result<Rc<T>> {
        self.entries.get(&id).cloned().ok_or_else(|| state(closed))
    }
}

thread_local! {
    static LISTENERS: RefCell<Table<Listener>> = RefCell::new(Table::new());
    static SEARCHES: RefCell<Table<RefCell<Search>>> = RefCell::new(Table::new());
    static DIALS: RefCell<Table<Dial>> = RefCell::new(Table::new());
}

/// Closes and gives up all that this thread has.
pub fn close_all() {
    LISTENERS.with_borrow_mut(|table| table.entries.clear());
    SEARCHES.with_borrow_mut(|table| table.entries.clear());
    DIALS.with_borrow_mut(|table| table.entries.clear());
}

fn listener(id: u32) -> Result<Rc<Listener>> {
    LISTENERS.with_borrow(|table| table.get(id, "Cannot use a listener: it is closed"))
}

fn search(id: u32) -> Result<Rc<RefCell<Search>>> {
    SEARCHES.with_borrow(|table| table.get(id, "Cannot use a search: it was given up"))
}

fn dial_of(id: u32) -> Result<Rc<Dial>> {
    DIALS.with_borrow(|table| table.get(id, "Cannot use a connection: it was given up"))
}

/// The name of a socket: a host and its port; or a path, or an abstract name behind a NUL, without
/// port.
#[napi(object)]
pub struct SocketName {
    pub name: String,
    pub port: Option<u32>,
}

impl SocketName {
    fn of(address: &Address) -> Self {
        match address {
            Address::Inet(address) => Self {
                name: address.ip().to_string(),
                port: Some(address.port().into()),
            },
            Address::Unix(name) => Self {
                name: String::from_utf8_lossy(name).into_owned(),
                port: None,
            },
        }
    }
}

/// `version`: 4, 6, or 0 for both.
fn inet(host: String, port: u32, version: u32) -> Result<Endpoint> {
    let port = u16::try_from(port);
    Ok(Endpoint::Inet {
        host,
        port: port.map_err(|_| state("Cannot use a port: it is above 65535"))?,
        version: match version {
            4 => Version::V4,
            6 => Version::V6,
            _ => Version::Any,
        },
    })
}

/// A search, and whether it is done.
#[napi(object)]
pub struct Sought {
    pub search: u32,
    /// Whether there is something to wait for.
    pub is_under_way: bool,
}

fn seek(place: &Endpoint) -> Result<Sought> {
    let search = sockets::find(place).map_err(to_js)?;
    let is_under_way = matches!(search, Search::UnderWay(_));
    let search = SEARCHES.with_borrow_mut(|table| table.insert(RefCell::new(search)));
    Ok(Sought {
        search,
        is_under_way,
    })
}

/// Looks up a host, or begins to.
#[napi]
pub fn seek_inet(host: String, port: u32, version: u32) -> Result<Sought> {
    seek(&inet(host, port, version)?)
}

/// Looks where a path or abstract name leads to.
#[napi]
pub fn seek_unix(name: String) -> Result<Sought> {
    seek(&Endpoint::Unix(name.into_bytes()))
}

/// The number of a descriptor that is readable when a search that is under way is done.
#[napi]
pub fn search_fileno(id: u32) -> Result<i32> {
    match &*search(id)?.borrow() {
        Search::UnderWay(errand) => Ok(errand.as_fd().as_raw_fd()),
        Search::Found(_) => Err(state("Cannot wait for a search: it is done")),
    }
}

/// Where the place is: the addresses of a host, or where a path leads to; `null` if it is not found
/// within `timeout` milliseconds.
#[napi]
pub fn search_finish(id: u32, timeout: f64) -> Result<Option<Vec<SocketName>>> {
    let search = search(id)?;
    let outcome = match &*search.borrow() {
        Search::Found(_) => None,
        Search::UnderWay(errand) => {
            if !errand.wait(deadline_after(timeout)).map_err(to_js)? {
                return Ok(None);
            }
            let gone = || state("Cannot find an address: the search has failed already");
            Some(errand.take().ok_or_else(gone)?.map_err(to_js)?)
        }
    };
    if let Some(found) = outcome {
        *search.borrow_mut() = Search::Found(found);
    }
    with_found(id, |found| {
        let path = found.path().map(|path| SocketName {
            name: path.to_string_lossy().into_owned(),
            port: None,
        });
        Ok(Some(match path {
            Some(path) => vec![path],
            None => found.addresses().iter().map(SocketName::of).collect(),
        }))
    })
}

/// Gives up a search, and forgets what was found. Again: nothing happens.
#[napi]
pub fn search_close(id: u32) {
    SEARCHES.with_borrow_mut(|table| table.entries.remove(&id));
}

fn with_found<T>(id: u32, run: impl FnOnce(&Found) -> Result<T>) -> Result<T> {
    match &*search(id)?.borrow() {
        Search::Found(found) => run(found),
        Search::UnderWay(_) => Err(state("Cannot use an address: it is still looked for")),
    }
}

/// Listens at what a search has found; the listener's number. The file of a path goes with it, and
/// so does the file's folder if it `owns_folder`.
#[napi]
pub fn listen(search: u32, backlog: i32, owns_folder: bool) -> Result<u32> {
    let open = |found: &Found| Listener::open(found, backlog, owns_folder).map_err(to_js);
    let listener = with_found(search, open)?;
    Ok(LISTENERS.with_borrow_mut(|table| table.insert(listener)))
}

/// Where it listens.
#[napi]
pub fn listener_address(id: u32) -> Result<SocketName> {
    Ok(SocketName::of(listener(id)?.address()))
}

/// The number of its descriptor, which is readable when a connection has come in.
#[napi]
pub fn listener_fileno(id: u32) -> Result<i32> {
    Ok(listener(id)?.as_fd().as_raw_fd())
}

/// A connection that has come in.
#[napi(object)]
pub struct Accepted {
    pub connection: u32,
    pub peer: SocketName,
}

/// Accepts a connection; `null` if none comes in within `timeout` milliseconds.
#[napi]
pub fn listener_accept(id: u32, timeout: f64) -> Result<Option<Accepted>> {
    let accepted = listener(id)?.accept(deadline_after(timeout));
    let Some((descriptor, peer)) = accepted.map_err(to_js)? else {
        return Ok(None);
    };
    Ok(Some(Accepted {
        connection: connection(descriptor)?,
        peer: SocketName::of(&peer),
    }))
}

/// Stops listening. Again: nothing happens.
#[napi]
pub fn listener_close(id: u32) {
    LISTENERS.with_borrow_mut(|table| table.entries.remove(&id));
}

fn connection(descriptor: OwnedFd) -> Result<u32> {
    let connection = Connection::new(descriptor).map_err(to_js)?;
    Ok(connections::insert(connection))
}

/// What became of a dial: a connection, or else the number of what is under way.
#[napi(object)]
pub struct Begun {
    pub connection: Option<u32>,
    pub dial: Option<u32>,
}

/// Connects to what a search has found, or begins to.
#[napi]
pub fn dial(search: u32) -> Result<Begun> {
    Ok(
        match with_found(search, |found| sockets::dial(found).map_err(to_js))? {
            Dialled::Connected(descriptor) => Begun {
                connection: Some(connection(descriptor)?),
                dial: None,
            },
            Dialled::UnderWay(dial) => Begun {
                connection: None,
                dial: Some(DIALS.with_borrow_mut(|table| table.insert(dial))),
            },
        },
    )
}

/// The number of a descriptor that is readable when the dial is done.
#[napi]
pub fn dial_fileno(id: u32) -> Result<i32> {
    Ok(dial_of(id)?.as_fd().as_raw_fd())
}

/// The connection that was made; `null` if it is not within `timeout` milliseconds.
#[napi]
pub fn dial_finish(id: u32, timeout: f64) -> Result<Option<u32>> {
    let dial = dial_of(id)?;
    if !dial.wait(deadline_after(timeout)).map_err(to_js)? {
        return Ok(None);
    }
    match dial.take() {
        Some(outcome) => connection(outcome.map_err(to_js)?).map(Some),
        None => Err(state("Cannot connect: the connection was taken already")),
    }
}

/// Gives up a dial, unless it is done. Again: nothing happens.
#[napi]
pub fn dial_close(id: u32) {
    DIALS.with_borrow_mut(|table| table.entries.remove(&id));
}
