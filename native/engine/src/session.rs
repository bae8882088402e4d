//! A membership: what all threads of a process share of it, how it begins and how it ends.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::beat::Beat;
use crate::blocking::BlockingLane;
use crate::durability::{self, Durability};
use crate::error::{Error, Kind, Result};
use crate::farewell::Farewell;
use crate::link::{CONNECT_TIMEOUT, Link, Trouble};
use crate::mailbox;
use crate::promises::Promises;
use crate::ready::{Ready, unreachable};
use crate::server;
use crate::target::Target;
use crate::wire::{self, Answer, Reply};
use crate::witness::Witness;

/// How a session is to be.
pub struct Settings {
    pub tree: String,
    pub lease: Duration,
    pub patience: Duration,
    pub durability: Durability,
    /// Whether this process renews a lease.
    pub beats: bool,
}

/// How a membership begins.
pub enum Begin {
    /// It was made by another.
    As(u64),
    /// By this look, which answers its number.
    By(String, Vec<Vec<u8>>),
}

/// What a session tells without having been asked.
pub type Listener = Box<dyn Fn(Answer) + Send + Sync>;

/// What all parts of a session see.
pub struct Shared {
    pub target: Target,
    pub settings: Settings,
    pub prefix: String,
    pub witness: Witness,
    member: AtomicU64,
    ended: Mutex<Option<Error>>,
    bell: Condvar,
    listener: Listener,
    /// Whether this process is about to leave.
    pub is_closing: AtomicBool,
    /// When the last beat was sent that was answered.
    heard: Mutex<Instant>,
    /// Which start of the server this is.
    run: String,
    /// Called when the session ends.
    wakers: Mutex<Vec<Box<dyn Fn() + Send>>>,
}

/// So long the engine is waited for at the end, where something is under way.
const PARTING: Duration = Duration::from_secs(5);
/// So long where nothing is: others find out that this process has ended.
const LEAVING: Duration = Duration::from_secs(2);

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub fn member(&self) -> u64 {
        self.member.load(SeqCst)
    }

    /// Why nothing can be done any more, if that is so.
    pub fn ended(&self) -> Option<Error> {
        lock(&self.ended).clone()
    }

    /// The beat that was sent at that time has been answered.
    pub fn heard(&self, sent: Instant) {
        *lock(&self.heard) = sent;
    }

    /// A tree that is not there any more was lost by the engine; or others have buried this process, which was not heard
    /// of, and have cleared up: that is so where the engine has not been started anew.
    fn as_fenced(&self, error: Error) -> Error {
        let is_late = self.settings.beats && lock(&self.heard).elapsed() >= self.settings.lease;
        if error.kind != Kind::Lost || !is_late {
            return error;
        }
        let info = self.target.dial(PARTING).and_then(|mut connection| {
            connection.set_read_timeout(Some(PARTING))?;
            server::info_of(&mut connection)
        });
        match info.is_ok_and(|it| server::start_in(&it) == self.run) {
            true => wire::fenced("its lease ran out, and the program has ended"),
            false => error,
        }
    }

    /// Ends the session for this reason, unless it has ended; tells the listener, unless it was closed.
    pub fn end(&self, error: Error) {
        if self.ended().is_some() {
            return;
        }
        let error = self.as_fenced(error);
        let mut ended = lock(&self.ended);
        if ended.is_some() {
            return;
        }
        *ended = Some(error.clone());
        self.bell.notify_all();
        drop(ended);
        for wake in &*lock(&self.wakers) {
            wake();
        }
        let what = match error.kind {
            Kind::Closed => return,
            Kind::Fenced => "fenced",
            _ => "gone",
        };
        self.tell(vec![
            b"lost".to_vec(),
            what.into(),
            error.message.into_bytes(),
        ]);
    }

    /// Removes what is left of a tree that has lapsed. What is not come to is left to the others of the tree.
    pub fn clear(&self) {
        let Ok(mut connection) = self.target.dial(PARTING) else {
            return;
        };
        let _ = connection.set_read_timeout(Some(PARTING));
        let mut packed = Vec::new();
        wire::call::<&str>(&mut packed, "clear", &self.prefix, &[], &[]);
        while let Ok(value) = connection
            .send_packed_command(&packed)
            .and_then(|()| connection.recv_response())
            && let Reply::Done(answer) = wire::reply_of(value)
            && answer.get(1).is_some_and(|it| it == b"more")
        {}
    }

    /// Tells an event: its name and its parts.
    pub fn tell(&self, event: Answer) {
        (self.listener)(event);
    }

    /// Sleeps, unless the session ends.
    pub fn rest(&self, time: Duration) {
        let ended = lock(&self.ended);
        let _unused = self
            .bell
            .wait_timeout_while(ended, time, |ended| ended.is_none());
    }
}

/// A session.
pub struct Session {
    pub shared: Arc<Shared>,
    pub promises: Arc<Promises>,
    pub beat: Option<Arc<Beat>>,
    pub warnings: Vec<String>,
    lanes: AtomicU32,
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<()> {
    let thread = std::thread::Builder::new()
        .name(name.into())
        .stack_size(256 * 1024)
        .spawn(run);
    thread.map(drop).map_err(|error| {
        Error::new(
            Kind::Refused,
            format!("Cannot open the session: no thread could be started: {error}"),
        )
    })
}

impl Session {
    /// Connects, looks at the server, loads the library where it is missing, and begins.
    ///
    /// # Errors
    /// All kinds but [`Kind::Closed`].
    pub fn open(url: &str, settings: Settings, begin: Begin, listener: Listener) -> Result<Self> {
        let target = Target::parse(url, settings.lease)?;
        // A process that enters a tree has been waited for by others. Whoever makes one is told soon that the engine is not
        // there; and an agent, which beats, has others to look after.
        let patience = match begin {
            Begin::As(_) if !settings.beats => settings.patience,
            _ => Duration::ZERO,
        };
        let Ready {
            mut connection,
            server,
            way,
        } = Ready::within(&target, &settings, patience)?;
        let unreachable = |error| unreachable(&target, &error);
        let prefix = target.prefix_of(&settings.tree);
        let member = match begin {
            Begin::As(member) => member,
            Begin::By(name, args) => {
                let mut packed = Vec::new();
                wire::call(&mut packed, &name, &prefix, &[], &args);
                connection
                    .send_packed_command(&packed)
                    .map_err(unreachable)?;
                member_in(wire::reply_of(
                    connection.recv_response().map_err(unreachable)?,
                ))?
            }
        };
        let beats = settings.beats;
        let shared = Arc::new(Shared {
            target,
            settings,
            prefix,
            witness: Witness::default(),
            member: AtomicU64::new(member),
            ended: Mutex::default(),
            bell: Condvar::new(),
            listener,
            is_closing: AtomicBool::new(false),
            heard: Mutex::new(Instant::now()),
            run: server.run,
            wakers: Mutex::default(),
        });
        let promises = Arc::new(Promises::new(Arc::clone(&shared)));
        let mut link = promises.link().over(connection, way);
        kept(&mut link, &shared)?;
        let woken = Arc::downgrade(&promises);
        lock(&shared.wakers).push(Box::new(move || {
            if let Some(promises) = woken.upgrade() {
                promises.wake();
            }
        }));
        spawn("mp-engine", {
            let promises = Arc::clone(&promises);
            move || promises.run(link)
        })?;
        spawn("mp-engine-mail", {
            let promises = Arc::clone(&promises);
            move || mailbox::run(&promises)
        })?;
        let beat = match beats {
            true => Some(Arc::new(Beat::new(Arc::clone(&shared)))),
            false => None,
        };
        if let Some(beat) = &beat {
            spawn("mp-engine-beat", {
                let beat = Arc::clone(beat);
                move || beat.run()
            })?;
            spawn("mp-engine-ward", {
                let beat = Arc::clone(beat);
                move || beat.watch()
            })?;
        }
        Ok(Self {
            shared,
            promises,
            beat,
            warnings: server.warnings,
            lanes: AtomicU32::new(0),
        })
    }

    /// The lane of a thread that blocks.
    pub fn blocking_lane(&self) -> BlockingLane {
        let lane = self.lanes.fetch_add(1, SeqCst) + 1;
        BlockingLane::new(Arc::clone(&self.promises), lane)
    }

    /// What leaves the tree once this process is no more, unless the session has ended. The engine is waited for so long.
    pub fn farewell(&self, time: Duration) -> Option<Farewell> {
        let shared = &self.shared;
        if shared.ended().is_some() {
            return None;
        }
        let connection = shared.target.dial(time).ok()?;
        Farewell::new(connection, &shared.prefix, shared.member(), PARTING)
    }

    /// Leaves the tree: an orderly end.
    pub fn close(&self, code: i32) {
        if self.shared.ended().is_none() {
            self.leave(code);
        } else if let Ok(mut connection) = self.shared.target.dial(PARTING) {
            let mut packed = Vec::new();
            let member = self.shared.member().to_string();
            wire::call::<&str>(
                &mut packed,
                "nudge",
                &self.shared.prefix,
                &[&member, "0"],
                &[],
            );
            // Without it the mailbox is let go a little later.
            let _ = connection.set_read_timeout(Some(PARTING));
            let _ = connection
                .send_packed_command(&packed)
                .and_then(|()| connection.recv_response());
            if self.shared.ended().is_some_and(|it| it.kind == Kind::Lost) {
                self.shared.clear();
            }
        }
        self.shared.end(Error::new(
            Kind::Closed,
            "Cannot take a step: the session is closed",
        ));
        self.promises.wake();
    }

    /// Where the engine is away, whoever vouches for this process will have it buried: it is waited for longer only for what
    /// that does not undo.
    fn leave(&self, code: i32) {
        let tree = &self.shared.settings.tree;
        let (member, code) = (self.shared.member().to_string(), code.to_string());
        let mut lane = BlockingLane::for_looks(Arc::clone(&self.shared), PARTING);
        let within = |time| Some(Instant::now() + time);
        lane.limit_to(within(LEAVING));
        let is_there = lane.look(tree, "greet", &[&member]).is_ok();
        let is_back = || {
            self.promises.has_more_to_say() && self.promises.flush(PARTING.saturating_sub(LEAVING))
        };
        let is_heard = match is_there {
            true => {
                self.promises.flush(PARTING);
                true
            }
            false => is_back(),
        };
        self.shared.is_closing.store(true, SeqCst);
        lane.limit_to(within(PARTING));
        if !is_heard || lane.look(tree, "nudge", &[&member, "0"]).is_err() {
            return;
        }
        while let Ok(answer) = lane.look(tree, "leave", &[&member, &code]) {
            if answer.get(1).is_none_or(|it| it != b"more") {
                break;
            }
        }
    }
}

/// Waits until the beginning counts.
fn kept(link: &mut Link, shared: &Shared) -> Result<()> {
    let mut packed = Vec::new();
    if !link.pack_confirm_within(&mut packed, durability::LONGEST) {
        return Ok(());
    }
    link.send(&packed)
        .and_then(|()| link.confirm(CONNECT_TIMEOUT))
        .map_err(|trouble| match trouble {
            Trouble::Ended(error) => error,
            Trouble::Broken(why) => Error::new(
                Kind::Unavailable,
                format!(
                    "Cannot open the session at \"{}\": {why}",
                    shared.target.shown()
                ),
            ),
        })
}

fn member_in(reply: Reply) -> Result<u64> {
    match reply {
        Reply::Done(answer) if answer.first().is_some_and(|it| it == b"ok") => {
            let number = answer
                .get(1)
                .and_then(|it| std::str::from_utf8(it).ok()?.parse().ok());
            number.ok_or_else(|| {
                Error::new(
                    Kind::Refused,
                    "Cannot open the session: the engine gave no member",
                )
            })
        }
        Reply::Done(answer) => {
            let why: Vec<_> = answer
                .iter()
                .skip(1)
                .map(|it| String::from_utf8_lossy(it))
                .collect();
            Err(Error::new(
                Kind::Refused,
                format!("Cannot open the session: {}", why.join(" ")),
            ))
        }
        Reply::Ended(error) | Reply::Failed(error) => Err(error),
        Reply::Away(why) => Err(Error::new(
            Kind::Unavailable,
            format!("Cannot open the session: {why}"),
        )),
        Reply::Later => Err(Error::new(
            Kind::Refused,
            "Cannot open the session: the engine did not answer",
        )),
    }
}
