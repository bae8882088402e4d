"""The multiprocessing of Lithops, whose objects are on a Redis server; its functions run on this machine.

usage: lithops_on_redis.py ITERATIONS ROW PORT
"""

import json
import logging
import os
import sys
import tempfile
import time

logging.disable(logging.CRITICAL)

if "LITHOPS_CONFIG_FILE" not in os.environ:
    # It reads a file; the processes that it starts read the same, and find the same interpreter.
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", delete=False) as file:
        port = int(sys.argv[3])
        file.write(f"lithops: {{backend: localhost, storage: localhost}}\nredis: {{host: 127.0.0.1, port: {port}}}\n")
    os.environ["LITHOPS_CONFIG_FILE"] = file.name
    os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]

import lithops.multiprocessing as mp  # noqa: E402


def lock_pairs(n):
    lock = mp.Lock()

    def run(n):
        for _ in range(n):
            lock.acquire()
            lock.release()

    return run


def increments(n):
    value = mp.Value("i", 0)

    def run(n):
        for _ in range(n):
            with value.get_lock():
                value.value += 1

    return run


def one_by_one(n):
    queue = mp.Queue()

    def run(n):
        for i in range(n):
            queue.put(i)
            queue.get()

    return run


def batched(n):
    queue = mp.Queue()

    def run(n):
        for i in range(n):
            queue.put(i)
        for i in range(n):
            queue.get()

    return run


def answer(requests, replies):
    while True:
        value = requests.get()
        replies.put(value)
        if value is None:
            return


def asked(n):
    requests, replies = mp.Queue(), mp.Queue()
    other = mp.Process(target=answer, args=(requests, replies))
    other.start()

    def run(n):
        for i in range(n):
            requests.put(i)
            replies.get()

    def end():
        requests.put(None)
        other.join()

    run.end = end
    return run


def increment(x):
    return x + 1


def mapped(n):
    pool = mp.Pool(2)

    def run(n):
        assert pool.map(increment, range(n)) == list(range(1, n + 1))

    run.end = pool.close
    return run


ROWS = {"lock": lock_pairs, "value": increments, "queue": one_by_one, "batch": batched, "reply": asked, "pool": mapped}


def main():
    n, row = int(sys.argv[1]), sys.argv[2]
    run = ROWS[row](n)
    run(max(1, n // 10))
    start = time.perf_counter_ns()
    run(n)
    took = time.perf_counter_ns() - start
    getattr(run, "end", lambda: None)()
    print(json.dumps({"work": f"lithops {row}", "ns": took / n}))


if __name__ == "__main__":
    main()
