use std::sync::atomic::AtomicU32;
use std::sync::{Arc, mpsc};

use super::*;
use crate::sys::clock::deadline_after;
use crate::wait::reactor::words::{WaitOutcome, Words};

fn member() -> Arc<Member> {
    Arc::new(Member::root("test").unwrap())
}

fn until_waiting(barrier: &Barrier, count: u32) {
    while barrier.waiting() != count {
        std::thread::yield_now();
    }
}

#[test]
fn the_number_of_parties_has_bounds() {
    let member = member();
    for parties in [0, MAX_PARTIES + 1, u32::MAX] {
        assert!(Barrier::create(&member, parties).is_err());
    }
    let (barrier, _) = Barrier::create(&member, 1).unwrap();
    for _ in 0..5 {
        assert_eq!(
            barrier.wait(false, None).unwrap(),
            BarrierOutcome::Passed { index: 0 }
        );
    }
}

#[test]
fn a_party_that_takes_its_wait_up_again_has_kept_its_place() {
    let member = member();
    let (barrier, _) = Barrier::create(&member, 2).unwrap();
    let mut place = None;
    for _ in 0..3 {
        let soon = deadline_after(1.0);
        assert_eq!(barrier.wait_at(&mut place, false, soon).unwrap(), None);
        assert_eq!((barrier.waiting(), barrier.is_broken()), (1, false));
    }
    std::thread::scope(|scope| {
        scope.spawn(|| barrier.wait(false, None).unwrap());
        let outcome = barrier.wait_at(&mut place, false, None).unwrap();
        assert_eq!(outcome, Some(BarrierOutcome::Passed { index: 0 }));
    });
}

/// (parties, rounds)
const ROUNDS: [(u32, u32); 4] = [(1, 10_000), (2, 10_000), (5, 1_000), (16, 200)];

#[test]
fn parties_move_in_lockstep_and_each_index_occurs_once() {
    for (parties, rounds) in ROUNDS {
        let member = member();
        let (barrier, _) = Barrier::create(&member, parties).unwrap();
        let (arrived, indices) = (AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..parties {
                scope.spawn(|| {
                    for round in 1..=rounds {
                        arrived.fetch_add(1, Relaxed);
                        let outcome = barrier.wait(false, None).unwrap();
                        let BarrierOutcome::Passed { index } = outcome else {
                            panic!("round {round}: {outcome:?}");
                        };
                        indices.fetch_add(index, Relaxed);
                        assert!(arrived.load(Relaxed) >= round * parties);
                    }
                });
            }
        });
        assert_eq!(indices.into_inner(), rounds * parties * (parties - 1) / 2);
        assert!(barrier.waiting() == 0 && !barrier.is_broken());
        assert!(barrier.slots.iter().all(|slot| slot.load(Relaxed) == 0));
    }
}

#[test]
fn more_threads_than_parties_pass_in_groups() {
    let member = member();
    let (barrier, _) = Barrier::create(&member, 3).unwrap();
    let begun = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                // A multiple of three in all, so that nobody is left alone.
                while begun.fetch_add(1, Relaxed) < 2400 {
                    assert!(matches!(
                        barrier.wait(false, None),
                        Ok(BarrierOutcome::Passed { .. })
                    ));
                }
            });
        }
    });
    assert_eq!(barrier.waiting(), 0);
}

#[test]
fn the_last_party_runs_the_action_before_the_others_go_on() {
    let member = member();
    let (barrier, _) = Barrier::create(&member, 4).unwrap();
    let ran = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for round in 1..=500 {
                    if let BarrierOutcome::RunsAction { slot } = barrier.wait(true, None).unwrap() {
                        ran.fetch_add(1, Relaxed);
                        assert!(barrier.release(slot).unwrap());
                    }
                    assert!(ran.load(Relaxed) >= round);
                }
            });
        }
    });
    assert_eq!(ran.into_inner(), 500);
}

/// How a barrier of three with two parties in it comes to an end, and whether it stays broken.
type Ending = (&'static str, fn(&Barrier), bool);

const ENDINGS: [Ending; 3] = [
    ("abort", |barrier| barrier.abort(None).unwrap(), true),
    ("reset", |barrier| barrier.reset(), false),
    (
        "failing action",
        |barrier| match barrier.wait(true, None).unwrap() {
            BarrierOutcome::RunsAction { slot } => barrier.abort(Some(slot)).unwrap(),
            other => panic!("{other:?}"),
        },
        true,
    ),
];

#[test]
fn who_waits_fails_when_the_barrier_is_broken_or_reset() {
    let member = member();
    for (name, end, stays_broken) in ENDINGS {
        let (barrier, _) = Barrier::create(&member, 3).unwrap();
        for _ in 0..20 {
            std::thread::scope(|scope| {
                let wait = || barrier.wait(true, None).unwrap();
                let waiters = [scope.spawn(wait), scope.spawn(wait)];
                until_waiting(&barrier, 2);
                end(&barrier);
                for waiter in waiters {
                    assert_eq!(waiter.join().unwrap(), BarrierOutcome::Broken, "{name}");
                }
            });
            assert_eq!(barrier.is_broken(), stays_broken, "{name}");
            assert_eq!(barrier.waiting(), 0);
            if stays_broken {
                assert_eq!(barrier.wait(false, None).unwrap(), BarrierOutcome::Broken);
                barrier.reset();
            }
            assert!(!barrier.is_broken());
            assert!(
                barrier.slots.iter().all(|slot| slot.load(Relaxed) == 0),
                "{name}"
            );
        }
    }
}

#[test]
fn a_time_out_breaks_the_barrier_for_all() {
    let member = member();
    let (barrier, _) = Barrier::create(&member, 3).unwrap();
    std::thread::scope(|scope| {
        let patient = scope.spawn(|| barrier.wait(false, None).unwrap());
        until_waiting(&barrier, 1);
        assert_eq!(
            barrier.wait(false, deadline_after(10.0)).unwrap(),
            BarrierOutcome::Broken
        );
        assert_eq!(patient.join().unwrap(), BarrierOutcome::Broken);
    });
    assert!(barrier.is_broken());
}

#[test]
fn resets_while_parties_come_and_go_leave_a_working_barrier() {
    let member = member();
    let (barrier, _) = Barrier::create(&member, 2).unwrap();
    std::thread::scope(|scope| {
        let parties: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let outcomes = (0..3000).map(|_| barrier.wait(false, deadline_after(1000.0)));
                    outcomes
                        .filter(|o| matches!(o, Ok(BarrierOutcome::Passed { .. })))
                        .count()
                })
            })
            .collect();
        while parties.iter().any(|party| !party.is_finished()) {
            barrier.reset();
            std::thread::yield_now();
        }
    });
    barrier.reset();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            assert!(matches!(
                barrier.wait(false, None),
                Ok(BarrierOutcome::Passed { .. })
            ))
        });
        assert!(matches!(
            barrier.wait(false, None),
            Ok(BarrierOutcome::Passed { .. })
        ));
    });
}

#[test]
fn promises_pass_break_and_run_the_action() {
    let member = member();
    let words = Words::new(Arc::clone(&member));
    let (barrier, block) = Barrier::create(&member, 3).unwrap();
    let (told, hear) = mpsc::channel();
    let submit = |has_action| {
        let told = told.clone();
        let operation = Box::new(AwaitBarrier::new(&member, block.id, has_action).unwrap());
        let sink = Box::new(move |outcome| told.send(outcome).unwrap());
        words.submit(operation, None, sink).unwrap()
    };
    let indices = || {
        let mut told: Vec<_> = (0..3).map(|_| hear.recv().unwrap()).collect();
        told.sort_by_key(|told| {
            if let WaitOutcome::Ready(index) = told {
                *index
            } else {
                i32::MAX
            }
        });
        told
    };
    let _ = [submit(false), submit(false), submit(false)];
    assert_eq!(indices(), [0, 1, 2].map(WaitOutcome::Ready));

    let _ = [submit(true), submit(true), submit(true)];
    let Ok(WaitOutcome::Ready(number)) = hear.recv() else {
        panic!("nobody runs the action");
    };
    assert!(number <= RUNS_ACTION && hear.try_recv().is_err());
    assert!(
        barrier
            .release((RUNS_ACTION - number).cast_unsigned())
            .unwrap()
    );
    assert_eq!(
        (hear.recv(), hear.recv()),
        (Ok(WaitOutcome::Ready(0)), Ok(WaitOutcome::Ready(1)))
    );

    let (given_up, _) = (submit(false), submit(false));
    assert!(words.hasten(given_up));
    assert_eq!(
        (hear.recv(), hear.recv()),
        (
            Ok(WaitOutcome::Ready(BROKEN)),
            Ok(WaitOutcome::Ready(BROKEN))
        )
    );
    assert!(barrier.is_broken());
}
