//! Warm processes: children that were started before it is known what for. Each waits in
//! [`crate::tree::await_work`], and is used for one process.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use multiprocessing_core::process::{Child, Signal, Work};
use napi_derive::napi;

use crate::abi::errors::{Result, to_js};
use crate::children::{self, StartOptions};
use crate::tree::tree;

/// One that waits.
struct Warm {
    /// Says what it was started with; it serves only starts that want the same.
    key: u64,
    child: Arc<Child>,
}

/// The oldest first.
static WARM: Mutex<Vec<Warm>> = Mutex::new(Vec::new());

fn warm() -> MutexGuard<'static, Vec<Warm>> {
    WARM.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The environment is part of every key: a process that is running cannot be given another one.
fn key_of(command: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    command.hash(&mut hasher);
    for variable in std::env::vars_os() {
        variable.hash(&mut hasher);
    }
    hasher.finish()
}

/// Those that wait and have that key. Others, and those that have ended, are no longer kept.
fn keep(warm: &mut Vec<Warm>, key: u64) -> Result<()> {
    let member = &tree()?.member;
    warm.retain(|it| {
        let usable = it.key == key && matches!(it.child.try_wait(member), Ok(None));
        if !usable {
            end(&it.child);
        }
        usable
    });
    Ok(())
}

/// Ends and reaps one that has done nothing yet.
fn end(child: &Child) {
    let _ = child.signal(Signal::KILL);
    if let Ok(tree) = tree() {
        let _ = child.wait(&tree.member, None);
    }
    let _ = children::child_close(child.pid());
}

/// Starts as many as are missing for `count` to wait that were started by `options`. `command`
/// says the same as `options`, in a form that can be compared.
#[napi]
pub fn warm_up(options: StartOptions, command: String, count: u32) -> Result<()> {
    let key = key_of(&command);
    let mut warm = warm();
    keep(&mut warm, key)?;
    while warm.len() < count as usize {
        let child = children::start(&options)?;
        warm.push(Warm { key, child });
    }
    Ok(())
}

/// Gives work to one that waits and was started by `command`; its pid. `null` if there is none.
#[napi]
pub fn give_work(
    command: String,
    name: String,
    daemon: bool,
    shielded: bool,
    preparation: u32,
) -> Result<Option<u32>> {
    let mut warm = warm();
    keep(&mut warm, key_of(&command))?;
    let work = Work {
        name: &name,
        daemon,
        shielded,
        preparation,
    };
    while !warm.is_empty() {
        let Warm { child, .. } = warm.remove(0);
        if child.assign(&tree()?.member, &work).map_err(to_js)? {
            children::own(child.pid(), daemon);
            return Ok(Some(child.pid()));
        }
        end(&child);
    }
    Ok(None)
}

/// The pids of those that wait.
#[napi]
pub fn warm_processes() -> Result<Vec<u32>> {
    let member = &tree()?.member;
    let waiting = |it: &&Warm| matches!(it.child.try_wait(member), Ok(None));
    Ok(warm()
        .iter()
        .filter(waiting)
        .map(|it| it.child.pid())
        .collect())
}

/// Ends those that wait.
#[napi]
pub fn cool_down() {
    for Warm { child, .. } in warm().drain(..) {
        end(&child);
    }
}
