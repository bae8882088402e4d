//! Waiters and notifiers of a condition that are killed.

use super::*;

fn condition(board: Board<'_>) -> Condition<'_> {
    let lock = board.member.create(Kind::RLock, 64).unwrap();
    let (condition, block) = Condition::create(board.member, lock.id).unwrap();
    board.set_id(block.id);
    condition
}

fn wait(condition: Condition) -> bool {
    let mutex = condition.lock().unwrap();
    mutex.acquire(None).unwrap().unwrap();
    let waited = condition.wait(None).unwrap().unwrap();
    assert!(mutex.release().unwrap());
    waited.notified
}

fn until_waiting(condition: Condition, count: usize) {
    while condition.waiters().unwrap() != count {
        std::thread::yield_now();
    }
}

fn notify(condition: Condition) -> (Acquired, u32) {
    let mutex = condition.lock().unwrap();
    let acquired = mutex.acquire(None).unwrap().unwrap();
    let count = condition.notify(1).unwrap().unwrap();
    assert!(mutex.release().unwrap());
    (acquired, count)
}

#[test]
fn condition_waiter_killed_before_it_released_the_lock() {
    case("condition-registered", |board| {
        let condition = condition(board);
        board.bury(&board.start("waiter", "condition-registered"));
        let (acquired, _) = notify(condition);
        assert!(matches!(acquired, Acquired::FromDead(_)));
    });
}

#[test]
fn condition_waiter_killed_asleep_is_passed_over() {
    case("asleep", |board| {
        let condition = condition(board);
        let victim = board.start("waiter", "none");
        until_waiting(condition, 1);
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| wait(condition));
            until_waiting(condition, 2);
            victim.signal(rustix::process::Signal::KILL).unwrap();
            board.bury(&victim);
            until_waiting(condition, 1);
            assert_eq!(notify(condition).1, 1);
            assert!(waiter.join().unwrap());
        });
    });
}

#[test]
fn condition_waiter_killed_when_notified_leaves_it_to_the_next() {
    case("condition-woken", |board| {
        let condition = condition(board);
        let victim = board.start("waiter", "condition-woken");
        until_waiting(condition, 1);
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| wait(condition));
            until_waiting(condition, 2);
            assert_eq!(notify(condition).1, 1);
            board.bury(&victim);
            assert!(waiter.join().unwrap());
        });
    });
}

#[test]
fn condition_heir_killed_while_it_inherits_leaves_it_to_the_next() {
    case("condition-inheriting", |board| {
        let condition = condition(board);
        std::thread::scope(|scope| {
            let dead = scope.spawn(|| {
                condition.lock().unwrap().acquire(None).unwrap().unwrap();
                condition.begin().unwrap().unwrap();
            });
            dead.join().unwrap();
            let victim = board.start("waiter", "condition-inheriting");
            until_waiting(condition, 1);
            // Another waiter may be quicker to inherit: then this one gets a second notification.
            let waiter = scope.spawn(|| wait(condition));
            until_waiting(condition, 2);
            assert_eq!(notify(condition).1, 1);
            if victim
                .wait(board.member, deadline_after(1000.0))
                .unwrap()
                .is_none()
            {
                assert!(waiter.is_finished());
                victim.signal(rustix::process::Signal::KILL).unwrap();
                board.bury(&victim);
            }
            assert!(waiter.join().unwrap());
        });
    });
}

#[test]
fn condition_notifier_killed_before_it_woke_anybody() {
    case("condition-notified", |board| {
        let condition = condition(board);
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                let mutex = condition.lock().unwrap();
                mutex.acquire(None).unwrap().unwrap();
                condition.wait(None).unwrap().unwrap()
            });
            until_waiting(condition, 1);
            board.bury(&board.start("notifier", "condition-notified"));
            let waited = waiter.join().unwrap();
            assert!(waited.notified && matches!(waited.acquired, Acquired::FromDead(_)));
        });
    });
}
