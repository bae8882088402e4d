//! Listeners and connections that are being made. As with connections, each belongs to the thread
//! that made it, which names it by a number.

use std::cell::RefCell;
use std::collections::HashMap;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::rc::Rc;

use multiprocessing_core::connection::Connection;
use multiprocessing_core::sockets::{self, Address, Dial, Dialled, Listener, Place, Version};
use multiprocessing_core::sys::clock::deadline_after;
use napi_derive::napi;

use crate::connections;
use crate::errors::{Result, state, to_js};

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
    static DIALS: RefCell<Table<Dial>> = RefCell::new(Table::new());
}

fn listener(id: u32) -> Result<Rc<Listener>> {
    LISTENERS.with_borrow(|table| table.get(id, "Cannot use a listener: it is closed"))
}

fn dial(id: u32) -> Result<Rc<Dial>> {
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
fn inet(host: String, port: u32, version: u32) -> Result<Place> {
    let port = u16::try_from(port);
    Ok(Place::Inet {
        host,
        port: port.map_err(|_| state("Cannot use a port: it is above 65535"))?,
        version: match version {
            4 => Version::V4,
            6 => Version::V6,
            _ => Version::Any,
        },
    })
}

fn listen(place: &Place, backlog: i32) -> Result<u32> {
    let listener = Listener::open(place, backlog).map_err(to_js)?;
    Ok(LISTENERS.with_borrow_mut(|table| table.insert(listener)))
}

/// Listens at a host's address; the listener's number.
#[napi]
pub fn listen_inet(host: String, port: u32, version: u32, backlog: i32) -> Result<u32> {
    listen(&inet(host, port, version)?, backlog)
}

/// Listens at a path or abstract name; the listener's number. Its file goes with it, and so does
/// the file's folder if it `owns_folder`.
#[napi]
pub fn listen_unix(name: String, backlog: i32, owns_folder: bool) -> Result<u32> {
    listen(
        &Place::Unix {
            name: name.into_bytes(),
            owns_folder,
        },
        backlog,
    )
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

fn begin(place: &Place) -> Result<Begun> {
    Ok(match sockets::dial(place).map_err(to_js)? {
        Dialled::Connected(descriptor) => Begun {
            connection: Some(connection(descriptor)?),
            dial: None,
        },
        Dialled::UnderWay(dial) => Begun {
            connection: None,
            dial: Some(DIALS.with_borrow_mut(|table| table.insert(dial))),
        },
    })
}

/// Connects to a host, or begins to.
#[napi]
pub fn dial_inet(host: String, port: u32, version: u32) -> Result<Begun> {
    begin(&inet(host, port, version)?)
}

/// Connects to a path or abstract name, or begins to.
#[napi]
pub fn dial_unix(name: String) -> Result<Begun> {
    begin(&Place::Unix {
        name: name.into_bytes(),
        owns_folder: false,
    })
}

/// The number of a descriptor that is readable when the dial is done.
#[napi]
pub fn dial_fileno(id: u32) -> Result<i32> {
    Ok(dial(id)?.as_fd().as_raw_fd())
}

/// The connection that was made; `null` if it is not within `timeout` milliseconds.
#[napi]
pub fn dial_finish(id: u32, timeout: f64) -> Result<Option<u32>> {
    let dial = dial(id)?;
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
