"""Connection: a message to another process and back, per round trip: 64 bytes or a small object."""

from start_line import iterations, race, report, spawn, variant

BYTES = b"b" * 64
OBJECT = {"id": 7, "path": "texts/ca01.txt", "words": 2242, "done": False}


def ask_bytes(connection, n):
    for _ in range(n):
        connection.send_bytes(BYTES)
        connection.recv_bytes()


def answer_bytes(connection, n):
    for _ in range(n):
        connection.send_bytes(connection.recv_bytes())


def ask_object(connection, n):
    for _ in range(n):
        connection.send(OBJECT)
        connection.recv()


def answer_object(connection, n):
    for _ in range(n):
        connection.send(connection.recv())


TURNS = {"bytes": (ask_bytes, answer_bytes), "object": (ask_object, answer_object)}


def player(line, lane, connections, kind, n):
    connection, turns = connections[lane], TURNS[kind][lane]
    turns(connection, n // 10)
    line.time(lane, lambda: turns(connection, n))


if __name__ == "__main__":
    n, kind = iterations(), variant()
    lanes = race(player, 2, spawn.Pipe(), kind, n)
    report(f"connection_ping_pong {kind}", lanes[0] / n, lanes)
