//! Connections that are cut at each byte of a short session, both ways: each step is done exactly once, and in its order.
//!
//! Every 11th byte, unless the variable `EVERY_BYTE` is set: all of them take some minutes.

mod support;

use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use engine::Kind;
use engine::blocking::GRACE;
use engine::promises::{Deliver, Outcome, Patience};
use engine::session::{Session, Settings};
use support::{Proxy, Redis, Way, begin, root, settings};

const PATIENCE: Duration = Duration::from_secs(20);
/// The time limit of a call.
const TIME: Duration = Duration::from_millis(100);

fn promise(
    session: &Session,
    name: &str,
    args: &[&str],
    patience: Patience,
) -> Receiver<Vec<String>> {
    let (sender, receiver) = channel();
    let deliver: Deliver = Box::new(move |outcome| {
        let parts = match outcome {
            Outcome::Answer(parts) => texts(&parts),
            Outcome::TimedOut => vec!["late".into()],
            Outcome::Failed(error) => vec![error.to_string()],
        };
        let _ = sender.send(parts);
    });
    session
        .promises
        .submit(name, args, patience, deliver)
        .unwrap();
    receiver
}

fn texts(parts: &[Vec<u8>]) -> Vec<String> {
    parts
        .iter()
        .map(|it| String::from_utf8_lossy(it).into_owned())
        .collect()
}

fn number(parts: &[String]) -> u64 {
    assert_eq!(parts[0], "ok", "{parts:?}");
    parts[1].parse().unwrap()
}

/// A short session. Objects are numbered by the engine in the order in which they are made.
fn script(session: &Session, lane: &mut engine::blocking::BlockingLane, last: u64) -> u64 {
    let made: Vec<_> = (0..4)
        .map(|_| promise(session, "make", &["event", ""], Patience::Never))
        .collect();
    let made: Vec<u64> = made
        .iter()
        .map(|it| number(&it.recv_timeout(PATIENCE).unwrap()))
        .collect();
    assert_eq!(made, (last + 1..=last + 4).collect::<Vec<_>>());
    let event = made[0].to_string();
    let wait = promise(session, "event_wait", &[&event], Patience::Forever);
    let late = promise(
        session,
        "event_wait",
        &[&made[1].to_string()],
        Patience::For(Duration::ZERO),
    );
    assert_eq!(late.recv_timeout(PATIENCE).unwrap(), ["late"]);
    assert_eq!(texts(&lane.step("event_set", &[&event]).unwrap()), ["ok"]);
    assert_eq!(wait.recv_timeout(PATIENCE).unwrap(), ["ok"]);
    let mine = number(&texts(&lane.step("make", &["event", ""]).unwrap())).to_string();
    assert_eq!(mine, (last + 5).to_string());
    let late = lane
        .wait("event_wait", &[&mine], Some(Duration::from_millis(1)))
        .unwrap();
    assert_eq!(late, None);
    let set = promise(session, "event_set", &[&mine], Patience::Never);
    let waited = lane.wait("event_wait", &[&mine], None).unwrap();
    assert_eq!(texts(&waited.unwrap()), ["ok"]);
    set.recv_timeout(PATIENCE).unwrap();
    let all: Vec<String> = (last + 1..=last + 5)
        .flat_map(|it| [it.to_string(), "1".into()])
        .collect();
    lane.step("close", &all).unwrap();
    last + 5
}

fn cut_at_each_byte(way: Way) {
    let Some(redis) = Redis::start(&[]) else {
        return;
    };
    let proxy = Proxy::before(&redis);
    let session = root(&proxy.url());
    let mut lane = session.blocking_lane();
    let mut last = script(&session, &mut lane, 0);
    let mut whole = 0;
    let stride = if std::env::var_os("EVERY_BYTE").is_some() {
        1
    } else {
        11
    };
    for bytes in (0..).step_by(stride) {
        proxy.cut_after(way, bytes);
        last = script(&session, &mut lane, last);
        // The mailbox is read now and then in between, so that it may be some bytes more or less.
        whole = if proxy.disarm() { whole + 1 } else { 0 };
        if whole > 5 {
            break;
        }
    }
    session.close(0);
}

#[test]
fn requests_are_cut_at_each_byte() {
    cut_at_each_byte(Way::Up);
}

#[test]
fn answers_are_cut_at_each_byte() {
    cut_at_each_byte(Way::Down);
}

/// A wait whose time is up, and whose connection breaks, by somebody who has no patience: what became of it is found out
/// afterwards, and the lane goes on.
fn wait_is_cut_at_each_byte(way: Way) {
    let Some(redis) = Redis::start(&[]) else {
        return;
    };
    let proxy = Proxy::before(&redis);
    let settings = Settings {
        patience: Duration::ZERO,
        ..settings(30_000)
    };
    let session = Session::open(&proxy.url(), settings, begin(30_000), Box::new(|_| {})).unwrap();
    let mut lane = session.blocking_lane();
    let mut cuts = 0;
    for bytes in (0..600).step_by(7) {
        let event = number(&texts(&lane.step("make", &["event", ""]).unwrap())).to_string();
        proxy.cut_after(way, bytes);
        let outcome = lane.wait("event_wait", &[&event], Some(Duration::ZERO));
        proxy.disarm();
        match outcome {
            Ok(outcome) => assert_eq!(outcome, None),
            Err(error) => {
                cuts += 1;
                assert_eq!(error.kind, Kind::Unavailable, "{error}");
                assert_eq!(lane.recover().unwrap(), None);
            }
        }
        assert_eq!(texts(&lane.step("event_set", &[&event]).unwrap()), ["ok"]);
    }
    assert!(cuts > 0);
    session.close(0);
}

#[test]
fn waits_that_are_given_up_are_recovered() {
    let (sender, receiver) = channel();
    for way in [Way::Up, Way::Down] {
        let sender = sender.clone();
        std::thread::spawn(move || {
            wait_is_cut_at_each_byte(way);
            let _ = sender.send(());
        });
    }
    drop(sender);
    for _ in 0..2 {
        receiver.recv_timeout(PATIENCE).unwrap();
    }
}

/// Who waits with a condition needs its lock again, for as long as others hold it: that is no silence of the engine.
#[test]
fn a_condition_waits_for_its_lock_however_long() {
    let Some(redis) = Redis::start(&[]) else {
        return;
    };
    let session = root(&Proxy::before(&redis).url());
    let mut lane = session.blocking_lane();
    let mut others = session.blocking_lane();
    let mut made = |args: &[&str]| {
        let answer = lane.step("make", args).unwrap();
        number(&texts(&answer)).to_string()
    };
    let lock = made(&["lock", "", "0"]);
    let condition = made(&["condition", "", &lock]);
    lane.step("lock_acquire", &[&*lock, "1"]).unwrap();
    let holder = std::thread::spawn(move || {
        others.wait("lock_acquire", &[&*lock, "2"], None).unwrap();
        std::thread::sleep(TIME + GRACE * 3 / 2);
        others.step("lock_release", &[&*lock, "2"]).unwrap();
    });
    lane.limit_to(Some(Instant::now() + TIME));
    let args = [&*condition, "1"];
    let outcome = lane.wait("condition_wait", &args, Some(TIME)).unwrap();
    assert_eq!(texts(&outcome.unwrap())[..2], ["ok", "0"]);
    holder.join().unwrap();
    session.close(0);
}

/// A wait without a limit that is cut: the engine is away from then on, and not since it has last had something to say.
#[test]
fn a_wait_that_is_cut_has_all_of_its_patience_left() {
    let Some(redis) = Redis::start(&[]) else {
        return;
    };
    let settings = Settings {
        patience: TIME * 15,
        ..settings(30_000)
    };
    let url = format!("redis+unix://{}", redis.socket().display());
    let session = Session::open(&url, settings, begin(30_000), Box::new(|_| {})).unwrap();
    let (mut waiting, mut setting) = (session.blocking_lane(), session.blocking_lane());
    let made = setting.step("make", &["event", ""]).unwrap();
    let event = number(&texts(&made)).to_string();
    let waits = std::thread::spawn({
        let event = event.clone();
        move || waiting.wait("event_wait", &[&event], None)
    });
    std::thread::sleep(TIME * 20);
    let mut other = redis::Client::open(url.as_str()).unwrap();
    let killed: redis::RedisResult<i64> = redis::cmd("CLIENT")
        .arg(&["KILL", "TYPE", "normal"])
        .query(&mut other);
    assert!(killed.unwrap() > 0);
    setting.step("event_set", &[&*event]).unwrap();
    let outcome = waits.join().unwrap().unwrap().unwrap();
    assert_eq!(texts(&outcome), ["ok"]);
    session.close(0);
}

/// A burial ends a wait for a value, but does not know which values are dealt with: that is waited for at the end.
#[test]
fn what_was_dealt_with_is_to_be_said_though_the_engine_is_away() {
    let Some(server) = Redis::start(&[]) else {
        return;
    };
    let url = format!("unix://{}", server.socket().display());
    let mut own = redis::Client::open(url).unwrap().get_connection().unwrap();
    let mut is_away = |is_away: bool| {
        let mut command = redis::cmd("CONFIG");
        command.arg("SET").arg("min-replicas-to-write");
        command.arg(u8::from(is_away)).exec(&mut own).unwrap();
    };
    let session = root(&Proxy::before(&server).url());
    let waits: [&[&str]; 3] = [&["1", "0", "8", "1024"], &["1", "8", "1024"], &["1"]];
    for (name, args) in ["get", "gets", "pipe_recv"].into_iter().zip(waits) {
        is_away(true);
        let unsaid = promise(&session, name, args, Patience::Forever);
        assert!(!session.promises.has_more_to_say(), "{name}");
        let args = [args, &["7"]].concat();
        let said = promise(&session, name, &args, Patience::Forever);
        assert!(session.promises.has_more_to_say(), "{name}");
        is_away(false);
        for answered in [unsaid, said] {
            assert_eq!(answered.recv_timeout(PATIENCE).unwrap()[0], "no", "{name}");
        }
        assert!(session.promises.flush(PATIENCE));
        assert!(!session.promises.has_more_to_say(), "{name}");
    }
    session.close(0);
}
