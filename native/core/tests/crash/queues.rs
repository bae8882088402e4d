//! Producers and consumers of a queue that are killed.

use super::*;

/// Of changing length, so that rings wrap and grow.
fn body(number: u32, source: u32) -> Vec<u8> {
    let words = [number, source].map(u32::to_ne_bytes).concat();
    words
        .into_iter()
        .chain(vec![0; (number % 50 * 97) as usize])
        .collect()
}

pub fn put(queue: Queue, number: u32, source: u32) {
    let bytes = body(number, source);
    let message = Message {
        tag: 0,
        head: (&[]).into(),
        bytes: (&bytes).into(),
        attachments: &[],
    };
    assert_eq!(queue.put(&message, None).unwrap(), Put::Done);
}

/// Puts messages, as many as can be at a time.
pub fn put_run(queue: Queue, numbers: std::ops::Range<u32>, source: u32) {
    let mut run = Vec::new();
    for number in numbers.clone() {
        let bytes = body(number, source);
        run.extend((bytes.len() as u32).to_ne_bytes());
        run.extend([0; 4]);
        run.extend(&bytes);
        run.resize(run.len().next_multiple_of(8), 0);
    }
    let (count, put) = queue.put_run(&run, None).unwrap();
    assert_eq!((count, put), (numbers.len() as u32, Put::Done));
}

fn number_and_source(message: &[u8]) -> (u32, u32) {
    let word = |at: usize| u32::from_ne_bytes(message[at..at + 4].try_into().unwrap());
    (word(0), word(4))
}

const PRODUCERS: [&str; 2] = ["producer", "producer of runs"];

/// How many messages the "producer of runs" has put with so many stores: each is of a piece, which ends
/// with the message that reaches 4 KiB, or with the run.
fn in_pieces(pieces: u32) -> u32 {
    let (mut number, mut length, mut left) = (0, 0, pieces);
    while left > 0 {
        length += 8 + body(number, 1).len().next_multiple_of(8);
        number += 1;
        if length >= 4096 || number.is_multiple_of(10) {
            length = 0;
            left -= 1;
        }
    }
    number
}

/// Whatever a producer was doing when it was killed, what it has published is there as a whole.
#[test]
fn queue_producer() {
    let names = [
        "queue-before-publish:77",
        "queue-published:77",
        "queue-growing:1",
        "queue-grown:1",
    ];
    for (failpoint, role) in names
        .iter()
        .flat_map(|&name| PRODUCERS.map(|role| (name, role)))
    {
        case(failpoint, move |board| {
            let (queue, block) = Queue::create(board.member, 0, false).unwrap();
            board.set_id(block.id);
            let victim = board.start(role, failpoint);
            let producer = || {
                for number in (0..2000).step_by(10) {
                    match role {
                        "producer" => (number..number + 10).for_each(|k| put(queue, k, 2)),
                        _ => put_run(queue, number..number + 10, 2),
                    }
                }
            };
            std::thread::scope(|scope| {
                scope.spawn(producer);
                board.bury(&victim);
            });
            // Everything published is there, in order; nothing else is.
            let mut next = [0; 3];
            while let Some((_, bytes)) = queue.try_take_vec().unwrap() {
                let (number, source) = number_and_source(&bytes);
                assert_eq!(bytes, body(number, source));
                assert_eq!(number, next[source as usize], "{failpoint}");
                next[source as usize] += 1;
            }
            assert_eq!(next[2], 2000, "{failpoint}, {role}");
            let stores = match failpoint {
                "queue-before-publish:77" => 76,
                "queue-published:77" => 77,
                _ => return,
            };
            let put = match role {
                "producer" => stores,
                _ => in_pieces(stores),
            };
            assert_eq!(next[1], put, "{failpoint}, {role}");
        });
    }
}

/// A piece of a run is taken by one store, before which all of it is there.
#[test]
fn queue_consumer_of_pieces() {
    static TAKEN: [AtomicU32; 3] = [const { AtomicU32::new(0) }; 3];
    let failpoints = [
        "queue-before-take:2",
        "queue-taken:2",
        "queue-before-take:3",
    ];
    for (failpoint, taken) in failpoints.into_iter().zip(&TAKEN) {
        case(failpoint, move |board| {
            let (queue, block) = Queue::create(board.member, 0, false).unwrap();
            board.set_id(block.id);
            for number in 0..500 {
                put(queue, number, 2);
            }
            let victim = board.start("consumer of runs", failpoint);
            board.bury(&victim);
            let mut numbers = Vec::new();
            while let Some((_, bytes)) = queue.try_take_vec().unwrap() {
                numbers.push(number_and_source(&bytes).0);
            }
            assert_eq!(
                numbers,
                (numbers[0]..500).collect::<Vec<_>>(),
                "{failpoint}"
            );
            taken.store(numbers[0], SeqCst);
        });
    }
    let [before, at, next] = TAKEN.each_ref().map(|taken| taken.load(SeqCst));
    assert!(0 < before && before + 1 < at && at == next);
}

/// Of a joinable queue a consumer of runs takes one message after the other, and each is counted.
#[test]
fn queue_consumer_of_runs() {
    for (failpoint, taken) in [("queue-before-take:77", 76), ("queue-taken:77", 77)] {
        case(failpoint, move |board| {
            let (queue, block) = Queue::create(board.member, 0, true).unwrap();
            board.set_id(block.id);
            for number in 0..500 {
                put(queue, number, 2);
            }
            let victim = board.start("consumer of runs", failpoint);
            board.bury(&victim);
            let mut numbers = Vec::new();
            while let Some((_, bytes)) = queue.try_take_vec().unwrap() {
                numbers.push(number_and_source(&bytes).0);
            }
            assert_eq!(numbers, (taken..500).collect::<Vec<_>>(), "{failpoint}");
            let (_, lost) = queue.abandoned().unwrap();
            assert_eq!(lost, taken, "{failpoint}");
        });
    }
}

#[test]
fn queue_consumer() {
    for (failpoint, uncounted) in [("queue-before-take:77", 0), ("queue-taken:77", 1)] {
        case(failpoint, move |board| {
            let (queue, block) = Queue::create(board.member, 0, false).unwrap();
            board.set_id(block.id);
            let victim = board.start("consumer", failpoint);
            for number in 0..500 {
                put(queue, number, 2);
            }
            board.bury(&victim);
            let mut numbers = Vec::new();
            while let Some((_, bytes)) = queue.try_take_vec().unwrap() {
                numbers.push(number_and_source(&bytes).0);
            }
            let taken = board.word(VICTIMS).load(SeqCst) + uncounted;
            assert_eq!(numbers, (taken..500).collect::<Vec<_>>(), "{failpoint}");
        });
    }
}
