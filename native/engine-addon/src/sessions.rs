//! The sessions of this process, and what each thread has of them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use engine::Kind;
use engine::blocking::{BlockingLane, GRACE};
use engine::durability::Durability;
use engine::promises::{Deliver, Patience};
use engine::session::{Begin, Session, Settings};
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;

use crate::args::{Arg, Error, Result, packed, to_js};
use crate::bell::Bell;
use crate::port::port;

static SESSIONS: Mutex<Option<HashMap<u32, Arc<Session>>>> = Mutex::new(None);
static LAST_SESSION: AtomicU32 = AtomicU32::new(0);
static LAST_TICKET: AtomicU32 = AtomicU32::new(0);

/// What a thread has of a session.
#[derive(Default)]
struct Share {
    lane: Option<BlockingLane>,
    /// The last step that was promised in this thread.
    promised: u64,
}

thread_local! {
    static SHARES: RefCell<HashMap<u32, Share>> = RefCell::default();
    /// The sessions and numbers of steps that may wait, by their tickets.
    static WAITS: RefCell<HashMap<u32, (u32, u64)>> = RefCell::default();
}

fn sessions() -> MutexGuard<'static, Option<HashMap<u32, Arc<Session>>>> {
    SESSIONS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn session_of(number: u32) -> Result<Arc<Session>> {
    sessions()
        .as_ref()
        .and_then(|it| it.get(&number).cloned())
        .ok_or_else(|| Error::new("CLOSED".into(), "Cannot take a step: the session is closed"))
}

/// The isolate of this thread ends.
pub fn end_thread() {
    SHARES.take();
    WAITS.take();
    crate::bell::end_thread();
}

/// How a session is to be: see `EngineSettings` of src/engine/native.ts.
#[napi(object)]
pub struct OpenSettings {
    pub tree: String,
    pub member: u32,
    pub begin: Option<String>,
    pub lease: f64,
    pub patience: f64,
    pub durability: String,
    pub beats: bool,
}

/// What was opened.
#[napi(object)]
pub struct Opened {
    pub session: u32,
    pub member: u32,
    pub warnings: Vec<String>,
}

/// So many milliseconds that nobody lives to see it, and so few that they can be added to a time.
const LONGEST: f64 = 1e12;

fn milliseconds(time: f64) -> Duration {
    Duration::try_from_secs_f64(time / 1000.0).unwrap_or(Duration::MAX)
}

/// Opens a session; what it tells comes to this thread.
#[napi]
pub fn open(url: String, settings: OpenSettings, args: Vec<Arg>) -> Result<Opened> {
    let port = port()?;
    let number = LAST_SESSION.fetch_add(1, SeqCst) + 1;
    let is_root = settings.begin.as_deref() == Some("open");
    let begin = match settings.begin {
        Some(name) => Begin::By(name, args.iter().map(|it| it.as_ref().to_vec()).collect()),
        None => Begin::As(u64::from(settings.member)),
    };
    let settings = Settings {
        tree: settings.tree,
        lease: milliseconds(settings.lease),
        patience: milliseconds(settings.patience.min(LONGEST)),
        durability: Durability::parse(&settings.durability).map_err(to_js)?,
        beats: settings.beats,
    };
    let listener = Box::new(move |event| port.tell(number, event));
    let session = Session::open(&url, settings, begin, listener).map_err(to_js)?;
    let opened = Opened {
        session: number,
        member: u32::try_from(session.shared.member()).unwrap_or(u32::MAX),
        warnings: session.warnings.clone(),
    };
    let session = Arc::new(session);
    if is_root {
        crate::farewell::see_to(&session);
    }
    sessions().get_or_insert_default().insert(number, session);
    Ok(opened)
}

/// Leaves the tree with this exit code, and closes.
#[napi]
pub fn close(session: u32, code: i32) {
    let closed = sessions().as_mut().and_then(|it| it.remove(&session));
    if let Some(closed) = closed {
        closed.close(code);
    }
    SHARES.with_borrow_mut(|shares| shares.remove(&session));
}

/// With this thread's lane, after what it has promised is answered; until then, though the engine may be away.
fn with_lane<T>(
    session: u32,
    until: Option<Instant>,
    work: impl FnOnce(&mut BlockingLane) -> engine::Result<T>,
) -> Result<T> {
    let owner = session_of(session)?;
    SHARES.with_borrow_mut(|shares| {
        let share = shares.entry(session).or_default();
        if share.promised > 0 {
            let limit = until.map(|it| it.max(Instant::now() + GRACE));
            if !owner.promises.flush_to(share.promised, limit) && until.is_some() {
                let message =
                    "Cannot take a step in time: the engine has not answered those before it";
                return Err(to_js(engine::Error::new(Kind::Unbegun, message)));
            }
            share.promised = 0;
        }
        let lane = share.lane.get_or_insert_with(|| owner.blocking_lane());
        lane.limit_to(until);
        let done = work(lane).map_err(to_js);
        lane.limit_to(None);
        done
    })
}

/// When so many milliseconds are up; `None` for none, and for ever.
fn end_of(timeout: f64) -> Option<Instant> {
    let is_limited = timeout > 0.0 && timeout.is_finite();
    is_limited
        .then(|| Instant::now().checked_add(milliseconds(timeout.min(LONGEST))))
        .flatten()
}

/// Does a step, and blocks until it is answered.
#[napi]
pub fn step(session: u32, name: String, args: Vec<Arg>) -> Result<Uint8Array> {
    with_lane(session, None, |lane| lane.step(&name, &args)).map(|it| Uint8Array::from(packed(&it)))
}

/// Likewise; where it is answered later, waits for that for `timeout` milliseconds. `null`: not in time. OVERDUE: the
/// engine has not answered by then.
#[napi]
pub fn wait(
    session: u32,
    name: String,
    args: Vec<Arg>,
    timeout: f64,
) -> Result<Option<Uint8Array>> {
    let time = timeout
        .is_finite()
        .then(|| milliseconds(timeout.min(LONGEST)));
    let answer = with_lane(session, end_of(timeout), |lane| {
        lane.wait(&name, &args, time)
    })?;
    Ok(answer.map(|it| Uint8Array::from(packed(&it))))
}

/// Ends the wait of this thread that was given up since the engine was away for too long; what it gave all the same. It
/// waits for the engine as a wait of `timeout` milliseconds does.
#[napi]
pub fn recover(session: u32, timeout: f64) -> Result<Option<Uint8Array>> {
    let owner = session_of(session)?;
    // What promises have under way does not matter to it.
    let answer = SHARES.with_borrow_mut(|shares| {
        let share = shares.entry(session).or_default();
        let lane = share.lane.get_or_insert_with(|| owner.blocking_lane());
        lane.limit_to(end_of(timeout));
        let answer = lane.recover().map_err(to_js);
        lane.limit_to(None);
        answer
    })?;
    Ok(answer.map(|it| Uint8Array::from(packed(&it))))
}

/// Does a look at a tree, and blocks until it is answered.
#[napi]
pub fn look(session: u32, tree: String, name: String, args: Vec<Arg>) -> Result<Uint8Array> {
    with_lane(session, None, |lane| lane.look(&tree, &name, &args))
        .map(|it| Uint8Array::from(packed(&it)))
}

fn take_ticket() -> u32 {
    // 0 is none.
    match LAST_TICKET.fetch_add(1, SeqCst).wrapping_add(1) {
        0 => LAST_TICKET.fetch_add(1, SeqCst).wrapping_add(1),
        ticket => ticket,
    }
}

/// Does a step in lane 0; its ticket. A timeout of -1: it never waits.
#[napi]
pub fn submit(session: u32, name: String, args: Vec<Arg>, timeout: f64) -> Result<u32> {
    let port = port()?;
    let ticket = take_ticket();
    let patience = match timeout {
        _ if timeout < 0.0 => Patience::Never,
        _ if timeout.is_finite() => Patience::For(milliseconds(timeout.min(LONGEST))),
        _ => Patience::Forever,
    };
    let deliver = Box::new(move |outcome| port.deliver(ticket, outcome));
    submit_as(ticket, session, &name, &args, (patience, deliver))?;
    Ok(ticket)
}

/// Does a step in lane 0 that may wait for ever; its ticket, and the number of a descriptor that becomes readable with the
/// outcome.
#[napi]
pub fn submit_bell(session: u32, name: String, args: Vec<Arg>) -> Result<(u32, i32)> {
    let port = port()?;
    let ticket = take_ticket();
    let bell = Bell::new()?;
    let rope = Arc::clone(&bell);
    let deliver = Box::new(move |outcome| {
        rope.ring();
        port.deliver(ticket, outcome);
    });
    submit_as(ticket, session, &name, &args, (Patience::Forever, deliver))?;
    Ok((ticket, bell.keep(ticket)))
}

fn submit_as(
    ticket: u32,
    session: u32,
    name: &str,
    args: &[Arg],
    (patience, deliver): (Patience, Deliver),
) -> Result<()> {
    let number = session_of(session)?
        .promises
        .submit(name, args, patience, deliver)
        .map_err(to_js)?;
    SHARES.with_borrow_mut(|shares| shares.entry(session).or_default().promised = number);
    if !matches!(patience, Patience::Never) {
        WAITS.with_borrow_mut(|waits| waits.insert(ticket, (session, number)));
    }
    Ok(())
}

/// Does a look in the stream of lane 0; its ticket.
#[napi]
pub fn submit_look(session: u32, tree: String, name: String, args: Vec<Arg>) -> Result<u32> {
    let port = port()?;
    let ticket = take_ticket();
    let deliver = Box::new(move |outcome| port.deliver(ticket, outcome));
    session_of(session)?
        .promises
        .look(&tree, &name, &args, deliver)
        .map_err(to_js)?;
    Ok(ticket)
}

/// Ends the wait of a ticket now. It is answered all the same: by `null`, or by what it got in spite of that.
#[napi]
pub fn hasten(ticket: u32) {
    let wait = WAITS.with_borrow(|waits| waits.get(&ticket).copied());
    if let Some((session, number)) = wait
        && let Ok(session) = session_of(session)
    {
        session.promises.stop(number);
    }
}

/// The wait of a ticket is over.
#[napi]
pub fn forget(ticket: u32) {
    WAITS.with_borrow_mut(|waits| waits.remove(&ticket));
}

/// Takes a process group into the ward of a session that beats, or out of it: it is stopped when the lease is nearly out,
/// goes on when the engine is heard again, and is killed when it has buried this member.
#[napi]
pub fn ward(session: u32, group: i32, on: bool) -> Result<()> {
    if let Some(beat) = &session_of(session)?.beat {
        beat.ward(group, on);
    }
    Ok(())
}
