//! The lease of this process and of those that it vouches for. One thread renews it; another looks at the clock, whatever
//! the first is waiting for, and stops the process groups in its ward when the lease is nearly out: others are about to
//! take over what they have. They go on when the engine is heard again, or are killed if it has buried them.

use std::collections::HashSet;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::error::{Error, Kind};
use crate::link::{Link, Trouble};
use crate::session::{Shared, lock};
use crate::wire::{self, Reply};

struct Ward {
    /// When the last beat was sent that was answered.
    heard: Instant,
    groups: HashSet<i32>,
    is_frozen: bool,
}

/// The beating of a session.
pub struct Beat {
    shared: Arc<Shared>,
    ward: Mutex<Ward>,
    bell: Condvar,
}

/// A signal to a process group, or to the process where it leads none.
fn signal(group: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(group)
        && kill_process_group(pid, signal).is_err()
    {
        let _ = kill_process(pid, signal);
    }
}

impl Beat {
    pub fn new(shared: Arc<Shared>) -> Self {
        let ward = Ward {
            heard: Instant::now(),
            groups: HashSet::new(),
            is_frozen: false,
        };
        Self {
            shared,
            ward: Mutex::new(ward),
            bell: Condvar::new(),
        }
    }

    /// Takes a process group into the ward, or out of it.
    pub fn ward(&self, group: i32, on: bool) {
        let mut ward = lock(&self.ward);
        match on {
            true => {
                ward.groups.insert(group);
                if ward.is_frozen {
                    signal(group, Signal::STOP);
                }
            }
            false => {
                ward.groups.remove(&group);
            }
        }
    }

    /// The thread that beats.
    pub fn run(&self) {
        let mut link = Link::new(Arc::clone(&self.shared), false);
        let pause = self.shared.settings.lease / 4;
        while !self.shared.is_closing.load(SeqCst) && self.shared.ended().is_none() {
            let sent = Instant::now();
            match self.beat(&mut link) {
                Ok(()) => {
                    self.heard(sent);
                    self.shared.rest(pause.saturating_sub(sent.elapsed()));
                }
                Err(Trouble::Broken(why)) => {
                    link.broke(why);
                    link.rest(Some(sent + pause));
                }
                Err(Trouble::Ended(error)) => self.bury(error),
            }
        }
        // Another thread may have heard of it first.
        if let Some(error) = self.shared.ended()
            && matches!(error.kind, Kind::Fenced | Kind::Lost)
        {
            self.bury(error);
        }
        self.bell.notify_all();
    }

    fn beat(&self, link: &mut Link) -> Result<(), Trouble> {
        link.raise()?;
        let settings = &self.shared.settings;
        let mut packed = Vec::new();
        let member = self.shared.member().to_string();
        wire::call::<&str>(&mut packed, "beat", &self.shared.prefix, &[&member], &[]);
        link.send(&packed)?;
        let time = (settings.lease / 4).max(Duration::from_millis(500));
        let answer = wire::reply_of(link.receive(time)?);
        match answer {
            Reply::Ended(error) => Err(Trouble::Ended(error)),
            Reply::Away(why) => Err(Trouble::Broken(why)),
            Reply::Failed(error) => Err(Trouble::Broken(error.message)),
            Reply::Done(_) | Reply::Later => {
                link.worked();
                Ok(())
            }
        }
    }

    fn heard(&self, sent: Instant) {
        self.shared.heard(sent);
        let mut ward = lock(&self.ward);
        ward.heard = sent;
        if std::mem::take(&mut ward.is_frozen) {
            for &group in &ward.groups {
                signal(group, Signal::CONT);
            }
        }
        self.bell.notify_all();
    }

    fn bury(&self, error: Error) {
        let ward = lock(&self.ward);
        for &group in &ward.groups {
            signal(group, Signal::KILL);
        }
        drop(ward);
        self.shared.end(error);
    }

    /// The thread that looks at the clock.
    pub fn watch(&self) {
        let longest = self.shared.settings.lease * 3 / 4;
        let mut ward = lock(&self.ward);
        while self.shared.ended().is_none() {
            let left = (ward.heard + longest).saturating_duration_since(Instant::now());
            if left.is_zero() && !ward.is_frozen {
                ward.is_frozen = true;
                for &group in &ward.groups {
                    signal(group, Signal::STOP);
                }
            }
            ward = match ward.is_frozen {
                true => self.bell.wait(ward).unwrap_or_else(PoisonError::into_inner),
                false => {
                    self.bell
                        .wait_timeout(ward, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
        }
    }
}
