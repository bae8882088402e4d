"""How long each of many operations takes, one after the other: a JSON list of nanoseconds."""

import json
import time

from settings import begin, finish
from start_line import iterations, spawn, variant

PACKET = b"\7" * 64
# Long enough for the other to have begun to wait for the lock, in nanoseconds.
PAUSE = 20_000


def times_of(n, once):
    """A tenth more is done before, to warm up."""
    times = []
    for i in range(-n // 10, n):
        start = time.perf_counter_ns()
        once()
        taken = time.perf_counter_ns() - start
        if i >= 0:
            times.append(taken)
    return times


def serve_queue(line, lane, requests, replies):
    while (got := requests.get()) >= 0:
        replies.put(got)


def queue(n):
    requests, replies = spawn.Queue(), spawn.Queue()
    _, processes = begin(serve_queue, 1, requests, replies)

    def once():
        requests.put(1)
        replies.get()

    once()
    times = times_of(n, once)
    requests.put(-1)
    finish(processes)
    return times


def serve_event(line, lane, asked, answered, turns):
    for _ in range(turns):
        asked.wait()
        asked.clear()
        answered.set()


def event(n):
    asked, answered = spawn.Event(), spawn.Event()
    _, processes = begin(serve_event, 1, asked, answered, 1 + n + -(-n // 10))

    def once():
        asked.set()
        answered.wait()
        answered.clear()

    once()
    times = times_of(n, once)
    finish(processes)
    return times


def serve_connection(line, lane, end):
    while got := end.recv_bytes():
        end.send_bytes(got)


def connection(n):
    end, other = spawn.Pipe()
    _, processes = begin(serve_connection, 1, other)

    def once():
        end.send_bytes(PACKET)
        end.recv_bytes()

    once()
    times = times_of(n, once)
    end.send_bytes(b"")
    finish(processes)
    return times


def square(x):
    return x * x


def pool(n):
    with spawn.Pool(2) as two:
        return times_of(n, lambda: two.apply(square, (3,)))


def manager(n):
    with spawn.Manager() as server:
        table = server.dict(key=1)
        return times_of(n, lambda: table["key"])


def pause():
    end = time.perf_counter_ns() + PAUSE
    while time.perf_counter_ns() < end:
        pass


def see(words, index, value):
    while words[index] != value:
        pass


def hand_over(line, lane, a_lock, words, released, times):
    """The first holds the lock until the second waits for it, and notes when it lets go."""
    line.line_up(lane)
    for i in range(len(times)):
        if lane == 0:
            a_lock.acquire()
            words[0] = i + 1
            see(words, 1, i + 1)
            pause()
            released[0] = time.perf_counter_ns()
            a_lock.release()
            see(words, 2, i + 1)
        else:
            see(words, 0, i + 1)
            words[1] = i + 1
            a_lock.acquire()
            times[i] = time.perf_counter_ns() - released[0]
            a_lock.release()
            words[2] = i + 1


def lock(n):
    a_lock, times = spawn.Lock(), spawn.RawArray("q", n + n // 10)
    _, processes = begin(hand_over, 2, a_lock, spawn.RawArray("i", 3), spawn.RawArray("q", 1), times)
    finish(processes)
    return [max(1, it) for it in times[n // 10 :]]


VARIANTS = {"queue": queue, "event": event, "connection": connection, "pool": pool, "manager": manager, "lock": lock}

if __name__ == "__main__":
    print(json.dumps({"times": VARIANTS[variant()](iterations())}))
