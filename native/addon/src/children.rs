//! Child processes.

use std::collections::HashMap;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use multiprocessing_core::cage;
use multiprocessing_core::memory::heap::Kind;
use multiprocessing_core::process::output::Output;
use multiprocessing_core::process::{Child, Signal, Start};
use multiprocessing_core::sys::clock::deadline_after;
use multiprocessing_core::sys::spawn::Stdio;
use multiprocessing_core::sys::{own, text};
use multiprocessing_core::tree::member::Member;
use multiprocessing_core::wait::notes::Goal;
use napi::bindgen_prelude::Buffer;
use napi_derive::napi;

use crate::abi::bytes::ByteArray;
use crate::abi::errors::{Result, state, to_js};
use crate::isolate;
use crate::output;
use crate::port;
use crate::tree::tree;

/// A child, and of its output and error what is piped and not yet taken.
struct Entry {
    child: Arc<Child>,
    /// The isolate whose child it is; 0 while it waits for work.
    isolate: u64,
    daemon: bool,
    outputs: [Option<Output>; 2],
}

static CHILDREN: Mutex<Option<HashMap<u32, Entry>>> = Mutex::new(None);

fn children() -> MutexGuard<'static, Option<HashMap<u32, Entry>>> {
    CHILDREN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn child(pid: u32) -> Result<Arc<Child>> {
    let known = children()
        .as_ref()
        .and_then(|children| Some(Arc::clone(&children.get(&pid)?.child)));
    known.ok_or_else(|| state("Cannot use a child process: it has been closed"))
}

/// What to start.
#[napi(object)]
pub struct StartOptions {
    pub name: String,
    /// The executable, as [`text`] has it, and what follows it on the command line.
    pub path: String,
    pub arguments: Vec<String>,
    /// Pairs of name and value that replace the environment.
    pub environment: Option<Vec<Vec<String>>>,
    pub directory: Option<String>,
    pub daemon: bool,
    /// Whether signals to the whole group are for this process to deal with: SIGINT, SIGTERM, SIGHUP.
    pub shielded: bool,
    /// How many bytes of shared memory a child with limited permissions and its descendants may use.
    pub max_shared_memory: Option<f64>,
    /// A block of [`Kind::Preparation`] that this process holds; none for a process that is to
    /// wait for its work.
    pub preparation: Option<u32>,
    /// "inherit", "null" or "piped".
    pub stdout: String,
    pub stderr: String,
}

/// Where an output of a child goes, and the end of the pipe that stays here.
struct Outlet {
    writer: Option<OwnedFd>,
    output: Option<Output>,
    null: bool,
}

impl Outlet {
    fn new(word: &str) -> Result<Self> {
        let (output, writer) = match word {
            "piped" => Output::create().map(Some).map_err(to_js)?.unzip(),
            "inherit" | "null" => (None, None),
            _ => {
                return Err(state(
                    "Cannot start a process: its output goes to \"inherit\", \"null\" or \"piped\"",
                ));
            }
        };
        Ok(Self {
            writer,
            output,
            null: word == "null",
        })
    }

    fn stdio(&self) -> Stdio<'_> {
        match &self.writer {
            Some(writer) => Stdio::Descriptor(writer.as_fd()),
            None if self.null => Stdio::Null,
            None => Stdio::Inherit,
        }
    }
}

/// What to start, with nothing borrowed.
struct Wanted {
    path: PathBuf,
    arguments: Vec<String>,
    environment: Option<Vec<(String, String)>>,
    directory: Option<PathBuf>,
    name: String,
    daemon: bool,
    shielded: bool,
    max_shared_memory: Option<u64>,
    preparation: Option<u32>,
}

impl Wanted {
    fn start(&self, member: &Member, stdout: &Outlet, stderr: &Outlet) -> Result<Child> {
        let start = Start {
            path: &self.path,
            arguments: &self.arguments,
            environment: self.environment.as_deref(),
            directory: self.directory.as_deref(),
            stdout: stdout.stdio(),
            stderr: stderr.stdio(),
            name: &self.name,
            daemon: self.daemon,
            shielded: self.shielded,
            max_shared_memory: self.max_shared_memory,
            preparation: self.preparation,
        };
        Child::start(member, &start).map_err(to_js)
    }
}

/// Starts a process that calls [`crate::tree::join_parent`]; its pid.
#[napi]
pub fn start_child(options: StartOptions) -> Result<u32> {
    let pid = start(&options)?.pid();
    own(pid, options.daemon);
    Ok(pid)
}

/// The calling isolate has started the child, or given it work.
pub fn own(pid: u32, daemon: bool) {
    if let Some(entry) = children().as_mut().and_then(|it| it.get_mut(&pid)) {
        (entry.isolate, entry.daemon) = (isolate::current(), daemon);
    }
}

/// The children of an isolate that ends have no parent any more. They are reaped as ever.
pub fn leave(isolate: u64) {
    let mut children = children();
    let Some(children) = children.as_mut() else {
        return;
    };
    children.retain(|_, entry| {
        let is_left = entry.isolate == isolate;
        if let (true, true, Ok(tree)) = (is_left, entry.daemon, tree()) {
            let _ = entry.child.terminate(&tree.member);
        }
        !is_left
    });
}

/// Starts a process, which is reaped when it ends, and known by its pid until it is closed.
pub fn start(options: &StartOptions) -> Result<Arc<Child>> {
    let environment: Option<Vec<(String, String)>> = options.environment.as_ref().map(|pairs| {
        let pair = |pair: &Vec<String>| match pair.as_slice() {
            [name, value] => Some((name.clone(), value.clone())),
            _ => None,
        };
        pairs.iter().filter_map(pair).collect()
    });
    let (stdout, stderr) = (Outlet::new(&options.stdout)?, Outlet::new(&options.stderr)?);
    let wanted = Wanted {
        path: text::to_path(&options.path).into(),
        arguments: options.arguments.clone(),
        environment,
        directory: options
            .directory
            .as_deref()
            .map(text::to_path)
            .map(Into::into),
        name: options.name.clone(),
        daemon: options.daemon,
        shielded: options.shielded,
        max_shared_memory: options.max_shared_memory.map(|bytes| bytes as u64),
        preparation: options.preparation,
    };
    let begin = move || {
        let started = tree().and_then(|tree| wanted.start(&tree.member, &stdout, &stderr));
        (started, [stdout.output, stderr.output])
    };
    // The kernel ends a caged process with the *thread* that started it (`end_with` in the core's
    // process/join.rs): that of a Worker ends earlier than the process.
    let is_lasting = own::is_main_thread();
    let (started, outputs) = if is_lasting || !cage::is_caged(&options.arguments) {
        begin()
    } else {
        tree()?.descriptors()?.run(begin).map_err(to_js)?
    };
    let started = started?;
    let pid = started.pid();
    let started = Arc::new(started);
    let entry = Entry {
        child: Arc::clone(&started),
        isolate: 0,
        daemon: options.daemon,
        outputs,
    };
    children().get_or_insert_default().insert(pid, entry);
    // Reaped at once when it ends, whatever JavaScript is doing.
    let ended = Arc::clone(&started);
    let reap = Box::new(move || {
        if let Ok(tree) = tree() {
            let _ = ended.try_wait(&tree.member);
        }
    });
    let watched = tree()?.descriptors().and_then(|reactor| {
        let id = reactor.watch(started.pidfd(), reap);
        id.map_err(to_js)
    });
    if let Err(error) = watched {
        // A child that nobody would reap must not stay.
        let _ = started.signal(Signal::KILL);
        let _ = started.wait(&tree()?.member, None);
        child_close(pid)?;
        return Err(error);
    }
    Ok(started)
}

/// The number of the standard output (1) or error (2) of a child, if it is piped; given once.
#[napi]
pub fn child_output(pid: u32, number: u32) -> Option<u32> {
    let mut children = children();
    let entry = children.as_mut()?.get_mut(&pid)?;
    let output = entry.outputs.get_mut(number.checked_sub(1)? as usize)?;
    output.take().map(output::insert)
}

/// Why the child could not begin its work, if it told; told once.
#[napi]
pub fn child_failure(pid: u32) -> Result<Option<String>> {
    Ok(child(pid)?.take_failure())
}

/// Whether the child, which has ended, had begun its work.
#[napi]
pub fn child_had_begun(pid: u32) -> Result<bool> {
    Ok(child(pid)?.had_begun())
}

/// Bytes for a child, as a block with one handle in this process; `attachments` are the blocks
/// that they speak of, and stay as long as this one.
#[napi]
pub fn create_preparation(bytes: ByteArray, attachments: Vec<u32>) -> Result<u32> {
    let member = &tree()?.member;
    let block = member
        .create(Kind::Preparation, bytes.source().len() as u64)
        .map_err(to_js)?;
    member.arena().write(block.offset, bytes.source());
    for attachment in attachments {
        if let Err(error) = member.pin(attachment, block.id) {
            let _ = member.release(block.id);
            return Err(to_js(error));
        }
    }
    Ok(isolate::gain(block.id))
}

/// The bytes of a preparation block.
#[napi]
pub fn read_preparation(id: u32) -> Result<Buffer> {
    let member = &tree()?.member;
    let block = member.block(id, Kind::Preparation).map_err(to_js)?;
    Ok(member
        .arena()
        .read_vec(block.offset, block.size as usize)
        .into())
}

/// How the child ended, as `Process.exitcode` tells it; `null` while it runs.
#[napi]
pub fn child_exit_code(pid: u32) -> Result<Option<i32>> {
    let exit = child(pid)?.try_wait(&tree()?.member).map_err(to_js)?;
    Ok(exit.map(multiprocessing_core::process::Exit::code))
}

/// Blocks until the child has ended; `false` when `timeout` milliseconds pass first.
#[napi]
pub fn child_join(pid: u32, timeout: f64) -> Result<bool> {
    let exit = child(pid)?
        .wait(&tree()?.member, deadline_after(timeout))
        .map_err(to_js)?;
    Ok(exit.is_some())
}

/// The queue that the child waits to put into because it is full; 0 if none.
pub fn child_putting(pid: u32) -> Result<u32> {
    Ok(child(pid)?.putting(&tree()?.member))
}

/// The number of the descriptor that becomes readable when the child has ended.
#[napi]
pub fn child_descriptor(pid: u32) -> Result<i32> {
    Ok(child(pid)?.pidfd().as_raw_fd())
}

/// Lets the reactor wait for the child's end, which it then reaps; the ticket.
#[napi]
pub fn child_await(pid: u32) -> Result<u32> {
    let child = child(pid)?;
    port::watch(Goal::Process(pid), |sink| {
        let ended = Arc::clone(&child);
        let told = Box::new(move || {
            if let Ok(tree) = tree() {
                let _ = ended.try_wait(&tree.member);
            }
            sink(0);
        });
        // Many may wait for one child; its handle, which the sink has, keeps the descriptor open.
        let reactor = tree()?.descriptors()?;
        reactor.look_out(&[child.pidfd()], told).map_err(to_js)
    })
}

/// Sends the signal of that number; nothing happens if the child has ended.
#[napi]
pub fn child_signal(pid: u32, signal: i32) -> Result<()> {
    let signal = Signal::from_named_raw(signal)
        .ok_or_else(|| state("Cannot signal a process: no such signal"))?;
    let child = child(pid)?;
    let member = &tree()?.member;
    child.require_may_signal(member, signal).map_err(to_js)?;
    let signalled = match signal {
        Signal::TERM => child.terminate(member),
        _ => child.signal(signal),
    };
    signalled.map_err(to_js)
}

/// Reaps the child of that pid if it has ended; nothing happens if there is none.
pub fn reap(pid: u32) {
    if let (Ok(child), Ok(tree)) = (child(pid), tree()) {
        let _ = child.try_wait(&tree.member);
    }
}

/// Forgets a child that has ended.
#[napi]
pub fn child_close(pid: u32) -> Result<()> {
    if let Some(children) = children().as_mut() {
        children.remove(&pid);
    }
    Ok(())
}
