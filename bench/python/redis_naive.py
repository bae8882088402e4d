"""What one writes with redis-py where there is no such library: pickled values in lists, its own lock, no more.

usage: redis_naive.py ITERATIONS ROW PORT
"""

import json
import multiprocessing
import pickle
import sys
import time

import redis

BATCH = 1000
WORKERS = 2


def connect():
    return redis.Redis(port=int(sys.argv[3]))


def lock_pairs(r, n):
    lock = r.lock("lock")
    for _ in range(n):
        lock.acquire()
        lock.release()


def increments(r, n):
    lock = r.lock("lock")
    for _ in range(n):
        with lock:
            r.set("value", int(r.get("value") or 0) + 1)


def one_by_one(r, n):
    for i in range(n):
        r.rpush("queue", pickle.dumps(i))
        pickle.loads(r.blpop("queue")[1])


def batched(r, n):
    for start in range(0, n, BATCH):
        pipe = r.pipeline(transaction=False)
        for i in range(start, min(n, start + BATCH)):
            pipe.rpush("queue", pickle.dumps(i))
        pipe.execute()
        left = min(BATCH, n - start)
        while left > 0:
            values = r.lpop("queue", left)
            left -= len([pickle.loads(value) for value in values])


def asked(r, n):
    for i in range(n):
        r.rpush("requests", pickle.dumps(i))
        pickle.loads(r.blpop("replies")[1])


def answer():
    r = connect()
    while True:
        value = pickle.loads(r.blpop("requests")[1])
        r.rpush("replies", pickle.dumps(value))
        if value is None:
            return


def increment(x):
    return x + 1


def work():
    r = connect()
    while True:
        task = pickle.loads(r.blpop("tasks")[1])
        if task is None:
            return
        number, function, value = task
        r.rpush("results", pickle.dumps((number, function(value))))


def mapped(r, n):
    pipe = r.pipeline(transaction=False)
    for i in range(n):
        pipe.rpush("tasks", pickle.dumps((i, increment, i)))
    pipe.execute()
    results = dict(pickle.loads(r.blpop("results")[1]) for _ in range(n))
    assert [results[i] for i in range(n)] == list(range(1, n + 1))


ROWS = {
    "lock": (lock_pairs, None, 0),
    "value": (increments, None, 0),
    "queue": (one_by_one, None, 0),
    "batch": (batched, None, 0),
    "reply": (asked, answer, 1),
    "pool": (mapped, work, WORKERS),
}


def main():
    n, row = int(sys.argv[1]), sys.argv[2]
    run, target, count = ROWS[row]
    others = [multiprocessing.Process(target=target) for _ in range(count)]
    for other in others:
        other.start()
    r = connect()
    r.delete("lock", "value", "queue", "requests", "replies", "tasks", "results")
    run(r, max(1, n // 10))
    start = time.perf_counter_ns()
    run(r, n)
    took = time.perf_counter_ns() - start
    for _ in others:
        r.rpush("requests" if row == "reply" else "tasks", pickle.dumps(None))
    for other in others:
        other.join()
    print(json.dumps({"work": f"redis-py {row}", "ns": took / n}))


if __name__ == "__main__":
    main()
