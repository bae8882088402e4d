//! Functions of numbers: the short way between JavaScript and the addon.
//!
//! napi-rs prepares each call for buffers and references that may be borrowed, which costs about
//! 150 ns; these functions take and return nothing but numbers, need none of that, and cost 40 ns.
//! They are called thousands of times a millisecond, so that is worth a few unsafe lines.
#![expect(unsafe_code, reason = "Node-API itself")]

use std::ffi::{CString, c_void};
use std::ptr;

use napi::bindgen_prelude::Object;
use napi::{Env, JsValue, sys};
use napi_derive::napi;

use crate::abi::errors::Result;
use crate::{
    children, connections, isolate, memory, output, port, queues, synchronize, tree, views,
};

/// Most arguments that a numeric function has.
const MOST: usize = 4;

/// Gets as many arguments as JavaScript gave, and 0 for the others.
pub type Numeric = fn(&[f64; MOST]) -> Result<f64>;

const FUNCTIONS: &[(&str, Numeric)] = &[
    ("lockAcquire", |&[id, timeout, ..]| {
        synchronize::lock_acquire(id as u32, timeout).map(f64::from)
    }),
    ("lockRelease", |&[id, ..]| {
        synchronize::lock_release(id as u32).map(f64::from)
    }),
    ("lockGiveBack", |&[id, outcome, ..]| {
        synchronize::give_back(id as u32, outcome as i32).map(|()| 0.0)
    }),
    ("lockWake", |&[id, ..]| {
        synchronize::lock_wake(id as u32).map(|()| 0.0)
    }),
    ("lockOwner", |&[id, ..]| {
        synchronize::lock_owner(id as u32).map(f64::from)
    }),
    ("lockDepth", |&[id, ..]| {
        synchronize::lock_depth(id as u32).map(f64::from)
    }),
    ("cellOf", |&[id, kind, ..]| {
        memory::cell_of(id as u32, kind as u32).map(f64::from)
    }),
    ("valueBegins", |&[id, ..]| {
        memory::value_begins(id as u32).map(f64::from)
    }),
    ("blockIsLast", |&[id, ..]| {
        memory::block_is_last(id as u32).map(f64::from)
    }),
    ("threadHasDied", |&[token, ..]| {
        tree::thread_has_died(token as u32).map(f64::from)
    }),
    ("childPutting", |&[pid, ..]| {
        children::child_putting(pid as u32).map(f64::from)
    }),
    ("queueNotePutting", |&[id, ..]| {
        queues::queue_note_putting(id as u32).map(|()| 0.0)
    }),
    ("queuePut", |&[id, length, timeout, _]| {
        queues::queue_put(id as u32, length as u32, timeout).map(f64::from)
    }),
    ("queueGet", |&[id, timeout, lonely, _]| {
        queues::queue_get(id as u32, timeout, lonely != 0.0)
    }),
    ("queueGetBytes", |&[id, timeout, lonely, _]| {
        queues::queue_get_bytes(id as u32, timeout, lonely != 0.0)
    }),
    ("queuePutRun", |&[id, length, timeout, _]| {
        queues::queue_put_run(id as u32, length as u32, timeout)
    }),
    ("queueGetRun", |&[id, most, ..]| {
        queues::queue_get_run(id as u32, most as u32)
    }),
    ("queueCompany", |&[id, ..]| {
        queues::queue_company(id as u32).map(f64::from)
    }),
    ("queueIsKept", |&[id, ..]| {
        Ok(u8::from(queues::queue_is_kept(id as u32)).into())
    }),
    ("queueSize", |&[id, ..]| {
        queues::queue_size(id as u32).map(f64::from)
    }),
    ("queueTaken", |&[id, ..]| {
        queues::queue_taken(id as u32).map(f64::from)
    }),
    ("queueMaxsize", |&[id, ..]| {
        queues::queue_maxsize(id as u32).map(f64::from)
    }),
    ("queueTaskDone", |&[id, ..]| {
        queues::queue_task_done(id as u32).map(f64::from)
    }),
    ("queueUnfinished", |&[id, ..]| {
        queues::queue_unfinished(id as u32).map(f64::from)
    }),
    ("semaphoreCreate", |&[value, max, ..]| {
        synchronize::semaphore_create(value as u32, max as u32).map(f64::from)
    }),
    ("semaphoreAcquire", |&[id, timeout, ..]| {
        synchronize::semaphore_acquire(id as u32, timeout).map(f64::from)
    }),
    ("semaphoreAcquireAsync", |&[id, timeout, ..]| {
        synchronize::semaphore_acquire_async(id as u32, timeout).map(f64::from)
    }),
    ("semaphoreGiveBack", |&[id, ..]| {
        synchronize::semaphore_give_back(id as u32, 0).map(|()| 0.0)
    }),
    ("semaphoreWake", |&[id, n, ..]| {
        synchronize::semaphore_wake(id as u32, n as u32).map(|()| 0.0)
    }),
    ("semaphoreRelease", |&[id, n, ..]| {
        synchronize::semaphore_release(id as u32, n as u32).map(f64::from)
    }),
    ("semaphoreValue", |&[id, ..]| {
        synchronize::semaphore_value(id as u32).map(f64::from)
    }),
    ("semaphoreBound", |&[id, ..]| {
        synchronize::semaphore_bound(id as u32).map(f64::from)
    }),
    ("habitAfter", |&[habit, time, has_looked, _]| {
        Ok(synchronize::habit_after(habit as u32, time, has_looked != 0.0).into())
    }),
    ("eventCreate", |_| {
        synchronize::event_create().map(f64::from)
    }),
    ("eventWait", |&[id, timeout, ..]| {
        synchronize::event_wait(id as u32, timeout).map(f64::from)
    }),
    ("eventAwait", |&[id, timeout, ..]| {
        synchronize::event_await(id as u32, timeout).map(f64::from)
    }),
    ("eventWake", |&[id, ..]| {
        synchronize::event_wake(id as u32).map(|()| 0.0)
    }),
    ("eventSet", |&[id, ..]| {
        synchronize::event_set(id as u32).map(|()| 0.0)
    }),
    ("eventClear", |&[id, ..]| {
        synchronize::event_clear(id as u32).map(|()| 0.0)
    }),
    ("eventIsSet", |&[id, ..]| {
        synchronize::event_is_set(id as u32).map(f64::from)
    }),
    ("conditionCreate", |&[lock, ..]| {
        synchronize::condition_create(lock as u32).map(f64::from)
    }),
    ("conditionWait", |&[id, timeout, ..]| {
        synchronize::condition_wait(id as u32, timeout)
    }),
    ("conditionAwait", |&[id, timeout, ..]| {
        synchronize::condition_await(id as u32, timeout)
    }),
    ("conditionNotify", |&[id, n, ..]| {
        synchronize::condition_notify(id as u32, n as u32)
    }),
    ("conditionWaiters", |&[id, ..]| {
        synchronize::condition_waiters(id as u32).map(f64::from)
    }),
    ("barrierCreate", |&[parties, ..]| {
        synchronize::barrier_create(parties as u32).map(f64::from)
    }),
    ("barrierWait", |&[id, has_action, timeout, _]| {
        synchronize::barrier_wait(id as u32, has_action != 0.0, timeout).map(f64::from)
    }),
    ("barrierAwait", |&[id, has_action, timeout, _]| {
        synchronize::barrier_await(id as u32, has_action != 0.0, timeout).map(f64::from)
    }),
    ("barrierRelease", |&[id, slot, ..]| {
        synchronize::barrier_release(id as u32, slot as u32).map(f64::from)
    }),
    ("barrierAbort", |&[id, slot, ..]| {
        synchronize::barrier_abort(id as u32, slot).map(|()| 0.0)
    }),
    ("barrierReset", |&[id, ..]| {
        synchronize::barrier_reset(id as u32).map(|()| 0.0)
    }),
    ("barrierParties", |&[id, ..]| {
        synchronize::barrier_parties(id as u32).map(f64::from)
    }),
    ("barrierWaiting", |&[id, ..]| {
        synchronize::barrier_waiting(id as u32).map(f64::from)
    }),
    ("barrierCulprit", |&[id, ..]| {
        synchronize::barrier_culprit(id as u32).map(f64::from)
    }),
    ("barrierIsBroken", |&[id, ..]| {
        synchronize::barrier_is_broken(id as u32).map(f64::from)
    }),
    ("connectionClose", |&[id, ..]| {
        connections::connection_close(id as u32).map(|()| 0.0)
    }),
    ("connectionFileno", |&[id, ..]| {
        connections::connection_fileno(id as u32).map(f64::from)
    }),
    ("connectionConfirm", |&[id, ..]| {
        connections::connection_confirm(id as u32).map(|()| 0.0)
    }),
    ("connectionPeer", |&[id, ..]| {
        connections::connection_peer(id as u32).map(f64::from)
    }),
    ("connectionOffer", |&[id, ..]| {
        connections::connection_offer(id as u32).map(f64::from)
    }),
    ("connectionSend", |&[id, length, wait, _]| {
        connections::connection_send(id as u32, length as u32, wait != 0.0).map(f64::from)
    }),
    ("connectionAwaitSent", |&[id, ..]| {
        connections::connection_await_sent(id as u32).map(f64::from)
    }),
    ("connectionFlush", |&[id, ..]| {
        connections::connection_flush(id as u32).map(f64::from)
    }),
    ("connectionWithdraw", |&[id, ..]| {
        connections::connection_withdraw(id as u32).map(f64::from)
    }),
    ("connectionReceive", |&[id, limit, patience, _]| {
        connections::connection_receive(id as u32, limit, patience as u32)
    }),
    ("connectionAwaitReceived", |&[id, limit, ..]| {
        connections::connection_await_received(id as u32, limit).map(f64::from)
    }),
    ("connectionPoll", |&[id, timeout, ..]| {
        connections::connection_poll(id as u32, timeout).map(f64::from)
    }),
    ("connectionHasBegun", |&[id, ..]| {
        connections::connection_has_begun(id as u32).map(f64::from)
    }),
    ("outputWait", |&[id, ..]| {
        output::output_wait(id as u32).map(f64::from)
    }),
    ("outputIsFull", |&[id, ..]| {
        output::output_is_full(id as u32).map(f64::from)
    }),
    ("outputClose", |&[id, ..]| {
        output::output_close(id as u32);
        Ok(0.0)
    }),
    ("hasten", |&[ticket, ..]| {
        port::hasten(ticket as u32).map(f64::from)
    }),
];

/// Adds the functions to what the addon exports.
#[napi(module_exports)]
pub fn add_functions(exports: Object, env: Env) -> napi::Result<()> {
    // Before any of the functions can be called: what the process may do never changes.
    multiprocessing_core::cage::current();
    isolate::begin(env)?;
    views::remember_constructors(env)?;
    for (name, function) in FUNCTIONS {
        let name = CString::new(*name)?;
        let data = (*function as *const c_void).cast_mut();
        let mut value = ptr::null_mut();
        let (raw, length) = (env.raw(), name.as_bytes().len() as isize);
        // SAFETY: Node-API is called on its own thread with a live `env`; `data` is a function
        // pointer, valid for ever, that `call` turns back.
        unsafe {
            sys::napi_create_function(raw, name.as_ptr(), length, Some(call), data, &mut value)
        };
        // SAFETY: as above; `value` is the function just made.
        unsafe { sys::napi_set_named_property(raw, exports.raw(), name.as_ptr(), value) };
    }
    Ok(())
}

unsafe extern "C" fn call(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let mut count = MOST;
    let mut given = [ptr::null_mut(); MOST];
    let mut data = ptr::null_mut();
    let mut result = ptr::null_mut();
    let this = ptr::null_mut();
    // SAFETY: `env` and `info` are those of the running call; `given` has room for `count`.
    unsafe { sys::napi_get_cb_info(env, info, &mut count, given.as_mut_ptr(), this, &mut data) };
    // SAFETY: `data` is the `Numeric` that this function was created with.
    let function = unsafe { std::mem::transmute::<*mut c_void, Numeric>(data) };
    let mut arguments = [0.0; MOST];
    for (argument, given) in arguments.iter_mut().zip(given).take(count) {
        // SAFETY: `env` and `given` are those of the running call.
        let status = unsafe { sys::napi_get_value_double(env, given, argument) };
        if status != sys::Status::napi_ok {
            throw(env, "STATE", "Cannot call the addon: wanted numbers");
            return result;
        }
    }
    // A panic must not cross into JavaScript.
    match std::panic::catch_unwind(|| isolate::unless_gone(function(&arguments))) {
        Ok(Ok(number)) => {
            // SAFETY: `env` is that of the running call.
            unsafe { sys::napi_create_double(env, number, &mut result) };
        }
        Ok(Err(error)) => throw(env, &error.status, &error.reason),
        Err(_) => throw(env, "CORRUPTED", "The addon failed; this is a bug in it"),
    }
    result
}

fn throw(env: sys::napi_env, code: &str, message: &str) {
    let code = CString::new(code).unwrap_or_default();
    let message = CString::new(message).unwrap_or_default();
    // SAFETY: `env` is that of the running call, and Node-API copies both strings.
    unsafe { sys::napi_throw_error(env, code.as_ptr(), message.as_ptr()) };
}
