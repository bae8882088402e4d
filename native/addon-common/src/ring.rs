//! How other threads call the JavaScript of a thread: a function that is called for as long as there is an isolate.
#![expect(
    unsafe_code,
    reason = "referencing a threadsafe function has no safe wrapper that shares it"
)]

use std::sync::{Mutex, MutexGuard, PoisonError};

use napi::bindgen_prelude::Function;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status, sys};

type Rung = ThreadsafeFunction<(), (), (), Status, false, true>;

/// A function of JavaScript that any thread may have called, in the thread that it belongs to.
pub struct Ring {
    /// `None` once the isolate has ended: from then on nothing of it may be touched, by no thread.
    rung: Mutex<Option<Rung>>,
}

/// The event loop of the thread is closing.
pub struct Closing;

impl Ring {
    /// Has `function` called by [`Ring::call`]. The program stays alive only while [`Ring::keep_alive`] says so.
    pub fn of(function: &Function<(), ()>) -> napi::Result<Self> {
        let rung = function
            .build_threadsafe_function()
            .callee_handled::<false>()
            .weak::<true>()
            .build()?;
        let rung = Mutex::new(Some(rung));
        Ok(Self { rung })
    }

    fn rung(&self) -> MutexGuard<'_, Option<Rung>> {
        self.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has it called soon.
    pub fn call(&self) {
        if let Some(rung) = &*self.rung() {
            // Fails only when the thread's JavaScript is ending: nobody is left to be told.
            rung.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }

    /// The isolate ends.
    pub fn close(&self) {
        drop(self.rung().take());
    }

    /// Whether the event loop of this thread, to which it belongs, goes on while nothing else is left.
    pub fn keep_alive(&self, env: &Env, on: bool) -> Result<(), Closing> {
        let rung = self.rung();
        let Some(rung) = rung.as_ref().map(|rung| rung.handle.get_raw()) else {
            return Ok(()); // it has ended
        };
        let change = match on {
            true => sys::napi_ref_threadsafe_function,
            false => sys::napi_unref_threadsafe_function,
        };
        // SAFETY: the function lives as long as this is locked, and this is the thread it belongs to.
        let status = unsafe { change(env.raw(), rung) };
        match status {
            sys::Status::napi_ok => Ok(()),
            _ => Err(Closing),
        }
    }
}
