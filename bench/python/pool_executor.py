"""The start of CPython's pools, multiprocessing.Pool and ProcessPoolExecutor, and calls of the latter.

usage: pool_executor.py CALLS [one|many]
"""

import concurrent.futures
import json
import sys
import time

from start_line import spawn

def square(x):
    return x * x


def seconds(work):
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def pool_start():
    with spawn.Pool(2) as pool:
        pool.apply(square, (3,))


def executor_start():
    with concurrent.futures.ProcessPoolExecutor(2, spawn) as pool:
        pool.submit(square, 3).result()


def executor_calls(n):
    with concurrent.futures.ProcessPoolExecutor(2, spawn) as pool:
        list(pool.map(square, range(10)))
        one = seconds(lambda: [pool.submit(square, i).result() for i in range(n)])
        many = seconds(lambda: list(pool.map(square, range(n))))
        return one / n * 1e9, many / n * 1e9


if __name__ == "__main__":
    one, many = executor_calls(int(sys.argv[1]))
    if len(sys.argv) > 2:
        print(json.dumps({"ns": {"one": one, "many": many}[sys.argv[2]]}))
        sys.exit()
    print(json.dumps({"pool": seconds(pool_start) * 1e9, "executor": seconds(executor_start) * 1e9, "one": one, "many": many}))
