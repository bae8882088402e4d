"""Queue: a small int goes to a server process and its reply comes back, per round trip."""

from start_line import iterations, race, report, spawn


def ask(requests, replies, n):
    for i in range(n):
        requests.put(i)
        replies.get()


def serve(requests, replies, n):
    for _ in range(n):
        replies.put(requests.get())


def player(line, lane, requests, replies, n):
    turns = serve if lane else ask
    turns(requests, replies, n // 10)
    line.time(lane, lambda: turns(requests, replies, n))


if __name__ == "__main__":
    n = iterations()
    lanes = race(player, 2, spawn.Queue(), spawn.Queue(), n)
    report("queue_request_reply", lanes[0] / n)
