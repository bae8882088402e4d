//! Every number that both languages know. JavaScript is told all of them once, when it loads the addon
//! (`src/addon/numbers.ts`); it has none of its own. What belongs to the core is taken from there.

use multiprocessing_core::connection::passing;
use multiprocessing_core::live::objects::pool;
use multiprocessing_core::memory::arena::CELL_SIZE;
use multiprocessing_core::memory::heap::Kind;
use multiprocessing_core::primitives::{barrier, condition, event, lock, semaphore};
use multiprocessing_core::queue;
use multiprocessing_core::queue::promise;
use multiprocessing_core::sync;
use multiprocessing_core::sync::Token;
use multiprocessing_core::wait::reactor::words;
use multiprocessing_core::wait::{Habit, LOOK};
use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;

use super::errors::{Result, from_napi};

/// Defines constants in modules, and [`GROUPS`], the table of all of them.
macro_rules! groups {
    ($(
        $(#[$about:meta])*
        $group:ident: $type:ty {
            $($(#[$meaning:meta])* $name:ident = $value:expr;)*
        }
    )*) => {
        $(
            $(#[$about])*
            pub mod $group {
                #[allow(unused_imports, reason = "not every group is made of numbers of the core")]
                use super::*;
                $($(#[$meaning])* pub const $name: $type = $value;)*
            }
        )*

        /// The groups, each with its numbers.
        const GROUPS: &[(&str, &[(&str, f64)])] = &[
            $((stringify!($group), &[$((stringify!($name), $group::$name as f64)),*])),*
        ];
    };
}

groups! {
    /// What a block is used as, if JavaScript makes or opens such blocks.
    kind: u32 {
        LOCK = Kind::Lock as u32;
        RLOCK = Kind::RLock as u32;
        SEMAPHORE = Kind::Semaphore as u32;
        EVENT = Kind::Event as u32;
        VALUE = Kind::Value as u32;
        BYTES = Kind::Bytes as u32;
        PIPE = Kind::Pipe as u32;
        POOL = Kind::Pool as u32;
    }

    /// Cells, in bytes.
    cell: u32 {
        SIZE = CELL_SIZE as u32;
        /// V8 counts a buffer's length as external memory, so windows are small.
        WINDOW_SIZE = 1 << 20;
        /// Where the bytes of a value begin that has a lock, and how many there are.
        VALUE_OFFSET = lock::VALUE_BYTES as u32;
        VALUE_SIZE = (CELL_SIZE - lock::VALUE_BYTES) as u32;
    }

    /// A lock in its cell: the places of its 32-bit words, and what is in the first.
    lock_word: i32 {
        PLACE = (lock::LOCK_WORD / 4) as i32;
        /// How often a recursive lock was acquired beyond the first time.
        DEPTH_PLACE = (lock::DEPTH_WORD / 4) as i32;
        FREE = sync::lock::FREE.cast_signed();
        /// The bit that says that somebody sleeps.
        WAITERS = sync::lock::WAITERS.cast_signed();
        /// The bits of the holder's token.
        TOKEN = Token::MASK.cast_signed();
    }

    /// A semaphore in its cell.
    semaphore_word: i32 {
        PLACE = (semaphore::VALUE_WORD / 4) as i32;
        MAX_PLACE = (semaphore::MAX_WORD / 4) as i32;
        /// The bits of the value, which is also the largest.
        MASK = sync::semaphore::MAX_VALUE.cast_signed();
    }

    /// An event in its cell: its word, two flags and one in its count of sets.
    event_word: i32 {
        PLACE = (event::EVENT_WORD / 4) as i32;
        SET = sync::event::SET.cast_signed();
        WAITERS = sync::event::WAITERS.cast_signed();
        COUNT = sync::event::COUNT.cast_signed();
    }

    /// What a pool tells of itself, in its cell.
    pool_word: i32 {
        PID = (pool::PID / 4) as i32;
        PROCESSES = (pool::PROCESSES / 4) as i32;
        PRESENT = (pool::PRESENT / 4) as i32;
        CONCURRENCY = (pool::CONCURRENCY / 4) as i32;
        GIVEN = (pool::GIVEN / 4) as i32;
        BACKLOG = (pool::BACKLOG / 4) as i32;
        DONE = (pool::DONE / 4) as i32;
        FAILED = (pool::FAILED / 4) as i32;
    }

    /// When and how long a wait looks before it has itself told.
    look: f64 {
        /// Milliseconds.
        TIME = LOOK.as_micros() as f64 / 1e3;
        /// The habit of a waiter that does not look, as a number, is not less; that of a new one is 0.
        RESTS = Habit::RESTS as f64;
    }

    /// How a wait has ended. Of a lock, a positive number is the token of the dead holder that it was
    /// inherited from.
    outcome: i32 {
        READY = words::READY;
        /// The object turned out to be unusable.
        FAILED = words::FAILED;
        /// Of a promise: its deadline has passed.
        TIMED_OUT = i32::MIN;
        /// Of a call that blocks for a lock: likewise.
        NOT_ACQUIRED = -1;
    }

    /// What else the wait of a condition may come to, and what its functions answer.
    condition_outcome: i32 {
        /// Its time was up; it has its lock again.
        NOT_NOTIFIED = condition::NOT_NOTIFIED;
        /// The thread does not have the lock of the condition.
        NOT_OWNER = -16;
    }

    /// What the wait at a barrier may come to, besides the party's index.
    barrier_outcome: i32 {
        BROKEN = barrier::BROKEN;
        /// Of the party that runs the action: this minus its slot.
        RUNS_ACTION = barrier::RUNS_ACTION;
        /// In the place of a slot: the barrier is aborted by nobody's action.
        NO_SLOT = -1;
    }

    /// Limits of barriers.
    barrier_limit: u32 {
        MAX_PARTIES = barrier::MAX_PARTIES;
    }

    /// What came of a put.
    put_status: u32 {
        DONE = 0;
        /// It was full for so long.
        FULL = 1;
        SHUT_DOWN = 2;
        /// It is full, there is no limit of time, and nobody can take any more.
        ORPHANED = 3;
    }

    /// What getting a message returns that is none.
    get_status: i32 {
        EMPTY = -1;
        /// It is empty and shut down.
        SHUT_DOWN = -2;
        /// It is empty and nobody can put any more.
        ORPHANED = -3;
        /// What is to be got next is not what was asked for, and stays.
        OTHER = -4;
    }

    /// How the bytes of a message are to be read; travels beside them.
    message_tag: u32 {
        /// As the serialiser wrote them.
        VALUE = 0;
        /// They are a byte array.
        BYTES = 1;
        /// They say where a byte array is that was lent.
        LOAN = 2;
    }

    /// What getting a message adds to its length.
    message_unit: u64 {
        /// The tag, in units of this.
        TAG = 1 << 32;
        /// It speaks of shared objects.
        ATTACHED = 1 << 40;
        /// It is longer than the scratch buffer, and still in the queue.
        TOO_LONG = 1 << 41;
    }

    /// A run of messages: each has a header, of a word for its length and one for the rest.
    run: u32 {
        /// A header has so many bytes, and the bytes of a message are padded to a multiple.
        UNIT = queue::run::HEAD as u32;
        /// What one is in a tag, in the second word; less than that says how many shared objects it
        /// speaks of.
        TAG = queue::run::TAG;
    }

    /// What a queue can be waited for.
    queue_state: u32 {
        FILLED = 0;
        DRAINED = 1;
        /// Every message is acknowledged.
        DONE = 2;
    }

    /// What the wait at a queue hears of the others who have it.
    queue_watch: u32 {
        NOTHING = 0;
        /// That it will never be.
        NEVER = 1;
        /// That nobody is awake any more: all others have gone, or wait as well.
        LEAVING = 2;
        /// That somebody is awake again.
        JOINING = 3;
        /// That, or that no process is there any more that does not sleep.
        BOTH = 4;
    }

    /// What the wait at a queue may come to, besides that there is something.
    queue_outcome: i32 {
        NEVER = promise::NEVER;
        LEFT = promise::LEFT;
        JOINED = promise::JOINED;
    }

    /// What can be expected of all others who have a queue.
    company: u32 {
        /// Nothing: nobody is there, or all sleep until somebody does something.
        NOBODY = 0;
        /// Little: all wait.
        WAITING = 1;
        AWAKE = 2;
    }

    /// How waiting until all messages are acknowledged has ended.
    join_status: u32 {
        DONE = 0;
        TIMED_OUT = 1;
        /// Some never will be: who has them has ended.
        ABANDONED = 2;
        /// Nobody can take or acknowledge any more.
        ORPHANED = 3;
    }

    /// The scratch buffer, in bytes.
    scratch: u32 {
        /// Where a message of a connection begins that is to be sent.
        MESSAGE_OFFSET = 16;
        /// So many bytes of a message that is too long for the buffer are in it all the same.
        PREVIEW = queue::PREVIEW as u32;
    }

    /// What came of sending to a connection.
    send_status: u32 {
        DONE = 0;
        /// The rest is kept.
        KEPT = 1;
    }

    /// What receiving from a connection returns that is no length.
    receive_status: i32 {
        /// It is not there yet.
        NOT_YET = -1;
        /// The other end is closed.
        END = -2;
    }

    /// How long receiving from a connection waits.
    patience: u32 {
        NONE = 0;
        MICROSECONDS = 1;
        ENDLESS = 2;
    }

    /// What a step of fetching a connection returns that is no connection.
    fetch_status: i32 {
        /// The sender has been asked.
        ASKED = -1;
        /// It has no room for visitors.
        BUSY = -2;
        /// It has ended.
        GONE = -3;
        /// Somebody has fetched it before.
        TAKEN = -4;
    }

    /// Times of fetching a connection, in milliseconds.
    fetch_time: u32 {
        /// When a sender is asked again that had no room for visitors.
        BUSY_PAUSE = passing::BUSY_PAUSE.as_millis() as u32;
    }
}

/// The numbers, by the names that JavaScript has for them: `putStatus.shutDown`.
#[napi(ts_return_type = "Record<string, Record<string, number>>")]
pub fn numbers(env: &Env) -> Result<Object<'_>> {
    let table = || -> napi::Result<Object<'_>> {
        let mut groups = Object::new(env)?;
        for (group, members) in GROUPS {
            let mut numbers = Object::new(env)?;
            for (name, value) in *members {
                numbers.set(camel(name), *value)?;
            }
            groups.set(camel(group), numbers)?;
        }
        Ok(groups)
    };
    table().map_err(from_napi)
}

/// `SHUT_DOWN` and `shut_down` as JavaScript writes names: `shutDown`.
fn camel(name: &str) -> String {
    let mut words = name.split('_').map(str::to_ascii_lowercase);
    let first = words.next().unwrap_or_default();
    words.fold(first, |name, word| {
        let (head, tail) = word.split_at(1);
        name + &head.to_ascii_uppercase() + tail
    })
}
