"""What a worker does in the cases of Python workers, whoever started it: CPython's own multiprocessing, or ours."""


def swapped(numbers):
    """The same numbers, the second half first."""
    half = len(numbers) // 2
    return numbers[half:] + numbers[:half]


def echo(jobs, results):
    """Gives back what comes, until that is None."""
    for job in iter(jobs.get, None):
        results.put(job)


def swap(jobs, results, numbers):
    """Swaps the halves of shared numbers whenever something comes, until that is None."""
    view = memoryview(numbers).cast("B")
    half = len(view) // 2
    for job in iter(jobs.get, None):
        first = bytes(view[:half])
        view[:half] = view[half:]
        view[half:] = first
        results.put(job)


def increment(number):
    return number + 1
