"""What calls of a manager cost, each row as [median, mean] in nanoseconds; one JSON line.

usage: managers.py ROUNDS [ROW...]
"""

import json
import multiprocessing
import os
import statistics
import sys
import time
from multiprocessing.managers import BaseManager

MIB = b"m" * (1024 * 1024)
CLIENTS = 8


def timed(act, rounds):
    act()
    times = []
    for _ in range(rounds):
        begin = time.perf_counter_ns()
        act()
        times.append(time.perf_counter_ns() - begin)
    return [statistics.median(times), statistics.fmean(times)]


def hammer(table, rounds, go, done):
    go.wait()
    for i in range(rounds):
        table["key"] = i
    done.release()


def clients(manager, rounds):
    table = manager.dict()
    context = multiprocessing.get_context("spawn")
    go, done = context.Event(), context.Semaphore(0)
    workers = [context.Process(target=hammer, args=(table, rounds, go, done)) for _ in range(CLIENTS)]
    for worker in workers:
        worker.start()
    time.sleep(2)
    begin = time.perf_counter_ns()
    go.set()
    for _ in workers:
        done.acquire()
    each = (time.perf_counter_ns() - begin) / (rounds * CLIENTS)
    for worker in workers:
        worker.join()
    return [each, each]


def cold(act, rounds):
    times = []
    for _ in range(rounds):
        time.sleep(0.004)
        begin = time.perf_counter_ns()
        act()
        times.append(time.perf_counter_ns() - begin)
    return [statistics.median(times), statistics.fmean(times)]


class Remote(BaseManager):
    pass


SHARED = {"key": 1}


def shared():
    return SHARED


def serve_stranger(address):
    Remote.register("shared", shared, exposed=["__getitem__", "get"])
    Remote(address=address, authkey=b"bench").get_server().serve_forever()


def stranger(rounds):
    address = f"/tmp/multiprocessing-bench-{os.getpid()}"
    server = multiprocessing.get_context("spawn").Process(target=serve_stranger, args=(address,), daemon=True)
    server.start()
    Remote.register("shared")
    manager = Remote(address=address, authkey=b"bench")
    for _ in range(100):
        try:
            manager.connect()
            break
        except (FileNotFoundError, ConnectionRefusedError):
            time.sleep(0.1)
    table = manager.shared()
    result = timed(lambda: table.get("key"), rounds)
    server.terminate()
    server.join()
    os.path.exists(address) and os.unlink(address)
    return result


def main():
    rounds = int(sys.argv[1])
    wanted = sys.argv[2:]
    few = max(2, rounds // 20)
    manager = multiprocessing.get_context("spawn").Manager()
    table = manager.dict(key=1)
    lock, queue, value, event = manager.Lock(), manager.Queue(), manager.Value("i", 0), manager.Event()

    def put():
        table["key"] = 1

    def pair():
        lock.acquire()
        lock.release()

    def pass_on():
        queue.put(1)
        queue.get()

    def large():
        table["large"] = MIB

    large()
    rows = {
        "get": lambda: timed(lambda: table["key"], rounds),
        "set": lambda: timed(put, rounds),
        "cold": lambda: cold(lambda: table["key"], few),
        "lock": lambda: timed(pair, rounds),
        "queue": lambda: timed(pass_on, rounds),
        "value": lambda: timed(lambda: value.value, rounds),
        "event": lambda: timed(event.is_set, rounds),
        "clients": lambda: clients(manager, max(1, rounds // CLIENTS)),
        "create": lambda: timed(manager.dict, few),
        "setLarge": lambda: timed(large, few),
        "getLarge": lambda: timed(lambda: table["large"], few),
        "stranger": lambda: stranger(rounds),
    }
    print(json.dumps({name: run() for name, run in rows.items() if not wanted or name in wanted}))


if __name__ == "__main__":
    main()
