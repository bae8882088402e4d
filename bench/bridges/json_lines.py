"""The worker of json_lines.ts: a line of JSON comes in, and one goes out."""

import json
import sys

work = {"echo": lambda value: value, "increment": lambda value: value + 1}[sys.argv[1]]

for line in sys.stdin:
    sys.stdout.write(json.dumps(work(json.loads(line))) + "\n")
    sys.stdout.flush()
