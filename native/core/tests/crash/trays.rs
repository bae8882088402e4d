//! Senders and receivers of long messages that are killed.

use multiprocessing_core::connection::trays::{LEAST, Load, SIZE, Trays};
use multiprocessing_core::sys::stream::Mode;

use super::*;

/// How many trays a pipe has.
const ALL: usize = 4;

fn trays(board: Board) -> Trays {
    Trays::of(board.member, board.id()).unwrap().unwrap()
}

fn load(trays: &Trays) -> Option<Load> {
    trays.load((&[7; LEAST]).into(), Mode::Try)
}

/// Fills trays, for frames that are never sent.
pub fn send(board: Board) {
    let trays = trays(board);
    while load(&trays).is_some() {}
}

/// Receives the message whose frame is in the word [`TOTAL`] of the board.
pub fn receive(board: Board) {
    let ticket = board.word(TOTAL).load(SeqCst);
    drop(trays(board).take(ticket, LEAST as u64));
}

/// Whoever is killed while a tray is its own leaves it to others. One that is full stays so, since its
/// frame may be on its way; and all memory goes with the pipe.
#[test]
fn tray() {
    for (role, failpoint, lost) in [
        ("tray's sender", "tray-filling:1", 0),
        ("tray's sender", "tray-filling:3", 2),
        ("tray's sender", "tray-full:1", 1),
        ("tray's receiver", "tray-emptying:1", 0),
    ] {
        case(failpoint, move |board| {
            let pipe = board.member.create(Kind::Pipe, SIZE).unwrap();
            board.set_id(pipe.id);
            let trays = trays(board);
            trays.note_received();
            if role == "tray's receiver" {
                let sent = load(&trays).unwrap().ticket();
                board.word(TOTAL).store(sent, SeqCst);
            }
            board.bury(&board.start(role, failpoint));
            let loads: Vec<_> = std::iter::from_fn(|| load(&trays)).collect();
            assert_eq!(loads.len(), ALL - lost, "{failpoint}");
            for load in loads {
                assert!(trays.take(load.ticket(), LEAST as u64).is_some());
            }
            drop(trays);
            board.member.release(pipe.id).unwrap();
            assert_eq!(board.member.usage().unwrap().blocks, 1, "{failpoint}");
        });
    }
}
