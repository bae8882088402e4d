//! How the threads of a session reach the JavaScript of a thread: a list of outcomes, and one call that says that the list
//! is no longer empty.

use std::cell::RefCell;
use std::mem::take;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use addon_common::ring::Ring;
use engine::promises::Outcome;
use engine::wire::Answer;
use napi::Env;
use napi::bindgen_prelude::{Either3, Function, Null, Uint8Array};
use napi_derive::napi;

use crate::args::{Error, Result, code_of, from_napi, packed};

/// What is fetched: an answer or event; a failure as code and message; `null`, if the time was up.
pub type Fetched = Either3<Uint8Array, String, Null>;

enum Item {
    Answer(Answer),
    Failure(String),
    TimedOut,
}

/// What the threads of sessions see of a JavaScript thread.
pub struct Port {
    items: Mutex<Vec<(u32, Item)>>,
    ring: Ring,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Port {
    fn put(self: &Arc<Self>, ticket: u32, item: Item) {
        let mut items = lock(&self.items);
        let was_empty = items.is_empty();
        items.push((ticket, item));
        drop(items);
        if was_empty {
            self.ring.call();
            remind(self);
        }
    }

    /// The outcome of a ticket.
    pub fn deliver(self: &Arc<Self>, ticket: u32, outcome: Outcome) {
        let item = match outcome {
            Outcome::Answer(answer) => Item::Answer(answer),
            Outcome::TimedOut => Item::TimedOut,
            Outcome::Failed(error) => {
                Item::Failure(format!("{}:{}", code_of(error.kind), error.message))
            }
        };
        self.put(ticket, item);
    }

    /// What a session tells without having been asked: under ticket 0, with the number of the session in front.
    pub fn tell(self: &Arc<Self>, session: u32, mut event: Answer) {
        event.insert(0, session.to_string().into_bytes());
        self.put(0, Item::Answer(event));
    }
}

/// Deno now and then does not wake its event loop for a call that arrives just when the loop goes to sleep. So a thread
/// looks again after a while, and calls again where nobody came.
struct Reminder {
    ports: Mutex<Vec<Weak<Port>>>,
    bell: Condvar,
}

const FIRST_REMINDER: Duration = Duration::from_millis(20);
const LAST_REMINDER: Duration = Duration::from_secs(1);

fn remind(port: &Arc<Port>) {
    static REMINDER: OnceLock<&'static Reminder> = OnceLock::new();
    let reminder = REMINDER.get_or_init(|| {
        let reminder: &'static Reminder = Box::leak(Box::new(Reminder {
            ports: Mutex::default(),
            bell: Condvar::new(),
        }));
        let thread = std::thread::Builder::new()
            .name("mp-engine-bell".into())
            .stack_size(64 * 1024);
        // Without the thread there is nobody who reminds, and the rest goes on.
        let _ = thread.spawn(|| reminder.run());
        reminder
    });
    let mut ports = lock(&reminder.ports);
    if !ports
        .iter()
        .any(|it| std::ptr::eq(it.as_ptr(), Arc::as_ptr(port)))
    {
        ports.push(Arc::downgrade(port));
        reminder.bell.notify_one();
    }
}

impl Reminder {
    fn run(&self) {
        let mut pause = FIRST_REMINDER;
        loop {
            let ports = lock(&self.ports);
            if ports.is_empty() {
                pause = FIRST_REMINDER;
                drop(self.bell.wait_while(ports, |ports| ports.is_empty()));
            } else {
                drop(ports);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(LAST_REMINDER);
            let ports = take(&mut *lock(&self.ports));
            let mut unheard = Vec::new();
            for port in ports {
                if let Some(it) = port.upgrade()
                    && !lock(&it.items).is_empty()
                {
                    it.ring.call();
                    unheard.push(port);
                }
            }
            let mut ports = lock(&self.ports);
            unheard.retain(|it| !ports.iter().any(|other| other.ptr_eq(it)));
            ports.extend(unheard);
        }
    }
}

thread_local! {
    static PORT: RefCell<Option<Arc<Port>>> = const { RefCell::new(None) };
}

/// The port of this thread.
pub fn port() -> Result<Arc<Port>> {
    PORT.with_borrow(Clone::clone).ok_or_else(|| {
        Error::new(
            "REFUSED".into(),
            "openPort() has not been called in this thread",
        )
    })
}

/// Has `deliver` called in this thread when [`take_outcomes`] has something.
#[napi]
pub fn open_port(env: Env, deliver: Function<(), ()>) -> Result<()> {
    let ring = Ring::of(&deliver).map_err(from_napi)?;
    let port = Arc::new(Port {
        items: Mutex::default(),
        ring,
    });
    PORT.set(Some(port));
    let close = |()| {
        if let Some(port) = PORT.take() {
            port.ring.close();
        }
        crate::sessions::end_thread();
    };
    env.add_env_cleanup_hook((), close).map_err(from_napi)?;
    Ok(())
}

/// Whether this thread's event loop goes on while only waits are left.
#[napi]
pub fn keep_alive(env: &Env, on: bool) -> Result<()> {
    let Some(port) = PORT.with_borrow(Clone::clone) else {
        return Ok(()); // it has ended
    };
    port.ring
        .keep_alive(env, on)
        .map_err(|_| Error::new("REFUSED".into(), "this thread's event loop is closing"))
}

/// What has come since the last call: the tickets, and what came to each. Ticket 0: an event.
#[napi]
pub fn take_outcomes() -> (Vec<u32>, Vec<Fetched>) {
    let Some(port) = PORT.with_borrow(Clone::clone) else {
        return (Vec::new(), Vec::new());
    };
    let items = take(&mut *lock(&port.items));
    items
        .into_iter()
        .map(|(ticket, item)| {
            let fetched = match item {
                Item::Answer(answer) => Either3::A(Uint8Array::from(packed(&answer))),
                Item::Failure(text) => Either3::B(text),
                Item::TimedOut => Either3::C(Null),
            };
            (ticket, fetched)
        })
        .unzip()
}
