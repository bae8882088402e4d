//! A process killed inside every transition, and the others go on: run with
//! `cargo test -p multiprocessing-core --features failpoints --test crash`.
//!
//! Each case starts this test program again as the *victim*: it enters the tree as any child does
//! and works on the case's object until it passes the failpoint, where it gets SIGKILL.
#![cfg(feature = "failpoints")]
#![expect(
    unsafe_code,
    reason = "the victim takes over the descriptors that it was started with"
)]

#[path = "crash/barriers.rs"]
mod barriers;
#[path = "crash/conditions.rs"]
mod conditions;
#[path = "crash/named.rs"]
mod named;
#[path = "crash/queues.rs"]
mod queues;

use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::sync::mpsc;
use std::time::Duration;

use multiprocessing_core::memory::heap::{Block, Kind};
use multiprocessing_core::primitives::Lock;
use multiprocessing_core::primitives::barrier::BarrierOutcome;
use multiprocessing_core::primitives::{Barrier, Condition, Event, Semaphore};
use multiprocessing_core::process::{ARENA, Child, Exit, Greeting, PARENT_SOCKET, Start};
use multiprocessing_core::queue::{Message, Put, Queue, Take};
use multiprocessing_core::sync::Acquired;
use multiprocessing_core::sys::clock::deadline_after;
use multiprocessing_core::sys::spawn::Stdio;
use multiprocessing_core::tree::member::Member;

/// Longer than anything here can take; a test that waits that long hangs.
const WATCHDOG: Duration = Duration::from_secs(30);

/// Memory that a case shares with its victim: the number of its object, and counters.
#[derive(Clone, Copy)]
struct Board<'a> {
    member: &'a Member,
    block: Block,
}

impl<'a> Board<'a> {
    fn new(member: &'a Member) -> Self {
        Self {
            member,
            block: member.create(Kind::Bytes, 64).unwrap(),
        }
    }

    fn word(self, index: u64) -> &'a AtomicU32 {
        self.member.arena().word32(self.block.offset + 4 * index)
    }

    /// The object.
    fn id(self) -> u32 {
        self.word(0).load(SeqCst)
    }

    fn set_id(self, id: u32) {
        self.word(0).store(id, SeqCst);
    }

    fn start(self, role: &str, failpoint: &str) -> Child {
        let path = std::env::current_exe().unwrap();
        let environment = [
            ("CRASH_ROLE".into(), role.into()),
            ("MULTIPROCESSING_FAILPOINT".into(), failpoint.into()),
        ];
        let start = Start {
            path: &path,
            arguments: &["--exact", "victim", "--nocapture"].map(String::from),
            environment: Some(&environment),
            directory: None,
            stdout: Stdio::Null,
            stderr: Stdio::Inherit,
            name: "victim",
            daemon: true,
            shielded: false,
            max_shared_memory: None,
            preparation: Some(self.block.id),
        };
        Child::start(self.member, &start).unwrap()
    }

    fn bury(self, victim: &Child) {
        assert_eq!(
            victim.wait(self.member, None).unwrap(),
            Some(Exit::Signal(9))
        );
    }
}

/// Runs a case under the watchdog.
fn case(name: &str, work: impl FnOnce(Board) + Send + 'static) {
    let (done, is_done) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let member = Member::root("crash").unwrap();
        work(Board::new(&member));
        done.send(()).unwrap();
    });
    match is_done.recv_timeout(WATCHDOG) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("{name}: somebody hangs"),
        _ => thread.join().unwrap_or_else(|_| panic!("{name} failed")),
    }
}

/// The work of a victim.
type Role = (&'static str, fn(Board));

const ROLES: [Role; 15] = [
    ("creator of named memory", |board| {
        named::create_one(board.id())
    }),
    ("lock", |board| {
        loop {
            bump(board, VICTIMS);
        }
    }),
    ("heap", |board| {
        loop {
            churn(board.member);
        }
    }),
    ("producer", |board| {
        let queue = Queue::open(board.member, board.id()).unwrap();
        for number in 0u32.. {
            queues::put(queue, number, 1);
        }
    }),
    ("consumer", |board| {
        let queue = Queue::open(board.member, board.id()).unwrap();
        while let Take::Message(_) = queue.take(&mut [0; 8192], None, false).unwrap() {
            board.word(VICTIMS).fetch_add(1, SeqCst);
        }
    }),
    ("producer of runs", |board| {
        let queue = Queue::open(board.member, board.id()).unwrap();
        for number in (0u32..).step_by(10) {
            queues::put_run(queue, number..number + 10, 1);
        }
    }),
    ("consumer of runs", |board| {
        let queue = Queue::open(board.member, board.id()).unwrap();
        let mut room = vec![0; 1 << 16];
        loop {
            let (count, _) = queue.try_take_run(&mut room, 10).unwrap();
            board.word(VICTIMS).fetch_add(count, SeqCst);
        }
    }),
    ("semaphore", |board| {
        loop {
            enter(board);
        }
    }),
    ("event", |board| {
        Event::open(board.member, board.id()).unwrap().set()
    }),
    ("waiter", |board| {
        let condition = Condition::open(board.member, board.id()).unwrap();
        condition.lock().unwrap().acquire(None).unwrap().unwrap();
        condition.wait(None).unwrap().unwrap();
    }),
    ("notifier", |board| {
        let condition = Condition::open(board.member, board.id()).unwrap();
        condition.lock().unwrap().acquire(None).unwrap().unwrap();
        condition.notify(1).unwrap().unwrap();
    }),
    ("party", |board| {
        Barrier::open(board.member, board.id())
            .unwrap()
            .wait(false, None)
            .unwrap();
    }),
    ("acting party", |board| {
        let barrier = Barrier::open(board.member, board.id()).unwrap();
        if let BarrierOutcome::RunsAction { slot } = barrier.wait(true, None).unwrap() {
            barrier.release(slot).unwrap();
        }
    }),
    ("impatient party", |board| {
        let barrier = Barrier::open(board.member, board.id()).unwrap();
        barrier.wait(false, deadline_after(0.0)).unwrap();
    }),
    ("resetter", |board| {
        Barrier::open(board.member, board.id()).unwrap().reset()
    }),
];

#[test]
fn victim() {
    let Ok(role) = std::env::var("CRASH_ROLE") else {
        return;
    };
    // SAFETY: the descriptors that the parent put there, which nobody else here knows.
    let socket = unsafe { OwnedFd::from_raw_fd(PARENT_SOCKET) };
    // SAFETY: as above.
    let arena = unsafe { OwnedFd::from_raw_fd(ARENA) };
    let greeting = Greeting::receive(socket.as_fd()).unwrap();
    let member = Member::child(arena, greeting.place).unwrap();
    let (block, _) = greeting.preparation.unwrap();
    let block = member.block(block, Kind::Bytes).unwrap();
    let (_, work) = ROLES.iter().find(|(name, _)| *name == role).unwrap();
    work(Board {
        member: &member,
        block,
    });
}

/// Words of the board.
const TOTAL: u64 = 1;
const VICTIMS: u64 = 2;
const OWN: u64 = 3;

/// Long enough for the others to fall asleep.
fn dawdle() {
    std::thread::sleep(Duration::from_micros(300));
}

/// One more in `TOTAL`, in two steps under the lock, and in the word `mine`.
fn bump(board: Board, mine: u64) -> Acquired {
    let mutex = Lock::open(board.member, board.id()).unwrap();
    let acquired = mutex.acquire(None).unwrap().unwrap();
    let total = board.word(TOTAL).load(SeqCst);
    dawdle();
    board.word(TOTAL).store(total + 1, SeqCst);
    board.word(mine).fetch_add(1, SeqCst);
    assert!(mutex.release().unwrap());
    acquired
}

/// Runs `work` in two threads until the victim is dead, and then fifty times more.
fn outlive(board: Board, victim: &Child, work: impl Fn() + Sync) {
    let dead = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !dead.load(SeqCst) {
                    work();
                }
                (0..50).for_each(|_| work());
            });
        }
        board.bury(victim);
        dead.store(true, SeqCst);
    });
}

#[test]
fn lock() {
    for (failpoint, deaths) in [
        ("lock-acquired:9", 1),
        ("lock-queued:9", 0),
        ("lock-woken:9", 0),
        ("lock-released:9", 0),
    ] {
        case(failpoint, move |board| {
            board.set_id(board.member.create(Kind::Lock, 64).unwrap().id);
            let (victim, from_dead) = (board.start("lock", failpoint), AtomicU32::new(0));
            outlive(board, &victim, || {
                if let Acquired::FromDead(owner) = bump(board, OWN) {
                    let owner = board.member.owner(owner);
                    assert_eq!(owner.map(|owner| owner.pid), Some(victim.pid()));
                    from_dead.fetch_add(1, SeqCst);
                }
            });
            assert_eq!(from_dead.into_inner(), deaths, "{failpoint}");
            let [total, victims, own] = [TOTAL, VICTIMS, OWN].map(|k| board.word(k).load(SeqCst));
            assert_eq!(total, victims + own, "{failpoint}");
        });
    }
}

/// Cells, parts of pages, runs that are kept and runs that are split and merged; returned in another
/// order than they were made, so that runs merge with both neighbours.
fn churn(member: &Member) {
    let sizes = [64, 200, 5000, 80_000, 70_000, 2000, 140_000];
    let [a, b, c, d, e, f, g] = sizes.map(|size| member.create(Kind::Bytes, size).unwrap());
    for block in [e, a, g, d, b, f, c] {
        assert!(
            member
                .arena()
                .read_vec(block.offset, block.size as usize)
                .iter()
                .all(|b| *b == 0)
        );
        member.arena().write(block.offset, &[7; 64]);
        member.release(block.id).unwrap();
    }
}

#[test]
fn heap() {
    for (name, passages) in [
        ("heap-before-publish", &[1, 9][..]),
        ("heap-published", &[1, 2, 4, 7, 8, 9, 10, 12, 14, 30]),
        ("heap-half-performed", &[2, 3, 4, 8, 9, 10, 11, 13]),
    ] {
        for passage in passages {
            let failpoint = format!("{name}:{passage}");
            case(name, move |board| {
                let victim = board.start("heap", &failpoint);
                outlive(board, &victim, || churn(board.member));
                assert_eq!(board.member.usage().unwrap().blocks, 1, "{failpoint}");
            });
        }
    }
}

fn enter(board: Board) {
    let semaphore = Semaphore::open(board.member, board.id()).unwrap();
    assert!(semaphore.acquire(None));
    assert_eq!(board.word(TOTAL).fetch_add(1, SeqCst), 0);
    dawdle();
    board.word(TOTAL).fetch_sub(1, SeqCst);
    assert!(semaphore.release(1));
}

#[test]
fn semaphore() {
    for failpoint in ["semaphore-woken:5", "semaphore-released:5"] {
        case(failpoint, move |board| {
            let (semaphore, block) = Semaphore::create(board.member, 1, 1).unwrap();
            board.set_id(block.id);
            let victim = board.start("semaphore", failpoint);
            outlive(board, &victim, || enter(board));
            assert_eq!(semaphore.value(), 1, "{failpoint}");
        });
    }
}

#[test]
fn event() {
    case("event-set", |board| {
        let (event, block) = Event::create(board.member).unwrap();
        board.set_id(block.id);
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| event.wait(None));
            board.bury(&board.start("event", "event-set"));
            assert!(waiter.join().unwrap() && event.is_set());
        });
    });
}
