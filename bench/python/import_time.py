"""What the import of the package takes, in a process that has imported nothing yet; the median of so many processes.

What a program uses is asked for, since the package imports its modules late.
"""

import statistics
import subprocess
import sys

from start_line import iterations, report

CODE = """
import time
begin = time.perf_counter_ns()
import multiprocessing
multiprocessing.Process, multiprocessing.get_context("spawn").Queue
import multiprocessing.queues, multiprocessing.pool, multiprocessing.managers, multiprocessing.synchronize
print(time.perf_counter_ns() - begin)
"""

if __name__ == "__main__":
    command = [sys.executable, "-c", CODE]
    times = [int(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(iterations())]
    report("import_time", statistics.median(times))
