//! Parties of a barrier that are killed.

use super::*;

/// (role, failpoint, parties, how the round ends for the one party that lives)
type Death = (&'static str, &'static str, u32, fn(BarrierOutcome) -> bool);

const DEATHS: [Death; 8] = [
    ("party", "barrier-claimed", 3, is_broken),
    ("party", "barrier-arrived", 3, is_broken),
    ("party", "barrier-completed", 2, has_passed),
    ("acting party", "barrier-completed", 2, is_broken),
    ("acting party", "barrier-released", 2, has_passed),
    ("impatient party", "barrier-broken", 3, is_broken),
    ("resetter", "barrier-resetting", 3, is_broken),
    ("resetter", "barrier-failing", 3, is_broken),
];

fn is_broken(outcome: BarrierOutcome) -> bool {
    outcome == BarrierOutcome::Broken
}

fn has_passed(outcome: BarrierOutcome) -> bool {
    outcome == BarrierOutcome::Passed { index: 0 }
}

#[test]
fn barrier() {
    for (role, failpoint, parties, ends_well) in DEATHS {
        case(failpoint, move |board| {
            let (barrier, block) = Barrier::create(board.member, parties).unwrap();
            board.set_id(block.id);
            let barrier = Arc::new(barrier);
            std::thread::scope(|scope| {
                let party = scope.spawn(|| barrier.wait(true, None).unwrap());
                while barrier.waiting() == 0 {
                    std::thread::yield_now();
                }
                board.bury(&board.start(role, failpoint));
                let outcome = party.join().unwrap();
                assert!(ends_well(outcome), "{role} {failpoint}: {outcome:?}");
            });
            // As good as new, whatever was left behind.
            barrier.reset();
            for _ in 0..3 {
                std::thread::scope(|scope| {
                    for _ in 0..parties {
                        scope.spawn(|| {
                            let outcome = barrier.wait(false, None).unwrap();
                            assert!(
                                matches!(outcome, BarrierOutcome::Passed { .. }),
                                "{failpoint}"
                            );
                        });
                    }
                });
            }
        });
    }
}

#[test]
fn a_barrier_is_broken_by_a_death_that_nobody_was_there_to_notice() {
    case("alone", |board| {
        let (barrier, block) = Barrier::create(board.member, 2).unwrap();
        board.set_id(block.id);
        board.bury(&board.start("party", "barrier-arrived"));
        std::thread::sleep(Duration::from_millis(150));
        assert_eq!(barrier.wait(false, None).unwrap(), BarrierOutcome::Broken);
    });
}
