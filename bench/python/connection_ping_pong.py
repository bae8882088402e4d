"""Connection: a message goes to another process and back, per round trip: 64 bytes or a small object."""

from start_line import iterations, race, report, spawn, variant

PACKET = b"\7" * 64


def send_packet(end, _):
    end.send_bytes(PACKET)


def send_object(end, i):
    end.send({"id": i, "path": "texts/ca01.txt", "words": 2242, "done": False})


TURNS = {
    "64 bytes": (send_packet, lambda end: end.recv_bytes()),
    "object": (send_object, lambda end: end.recv()),
}


def ask(end, send, receive, n):
    for i in range(n):
        send(end, i)
        receive(end)


def answer(end, send, receive, n):
    for i in range(n):
        receive(end)
        send(end, i)


def player(line, lane, ends, kind, n):
    play = answer if lane else ask
    play(ends[lane], *TURNS[kind], n // 10)
    line.time(lane, lambda: play(ends[lane], *TURNS[kind], n))


if __name__ == "__main__":
    n, kind = iterations(), variant()
    lanes = race(player, 2, spawn.Pipe(), kind, n)
    report(f"connection_ping_pong {kind}", lanes[0] / n)
