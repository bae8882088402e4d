"""What things take of memory, in bytes: an idle child, a message that waits in a queue, a lock, a byte of a shared array."""

import ctypes
import json
import os
import time

from start_line import iterations, spawn, variant

# Processes that use the array, this one included.
USERS = 3


def share_of(pid="self"):
    """The process' share (PSS) in bytes: memory that several map counts for each with its part."""
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        return next(int(line.split()[1]) for line in rollup if line.startswith("Pss:")) * 1024


def idle(said, orders):
    said.put("here")
    orders.get()


def use(said, orders, array):
    ctypes.memset(array, 1, len(array))
    idle(said, orders)


def among(children, target, args, look):
    """What look says while so many children are there."""
    said, orders = spawn.Queue(), spawn.Queue()
    processes = [spawn.Process(target=target, args=(said, orders, *args)) for _ in range(children)]
    for process in processes:
        process.start()
    for _ in processes:
        said.get()
    seen = look([process.pid for process in processes])
    for _ in processes:
        orders.put("end")
    for process in processes:
        process.join()
    return seen


def backlog(n):
    """All of them wait: what the pipe holds is little beside what the feeder's list does."""
    queue = spawn.Queue()
    before = share_of()
    for i in range(n):
        queue.put(i)
    time.sleep(0.2)
    return (share_of() - before) / n


def lock(n):
    before = share_of()
    locks = [spawn.Lock() for _ in range(n)]
    return (share_of() - before) / len(locks)


def array(n):
    def total(pids):
        return share_of() + sum(share_of(pid) for pid in pids)

    without = among(USERS - 1, idle, (), total)
    shared = spawn.RawArray("B", n)
    ctypes.memset(shared, 1, n)
    return (among(USERS - 1, use, (shared,), total) - without) / n


VARIANTS = {
    "child": lambda n: among(1, idle, (), lambda pids: share_of(pids[0])),
    "backlog": backlog,
    "lock": lock,
    "array": array,
}

if __name__ == "__main__":
    kind = variant()
    print(json.dumps({"work": f"memory_of {kind}", "bytes": VARIANTS[kind](iterations())}), flush=True)
    if kind == "backlog":
        os._exit(0)  # what is left in the queue need not be taken
