// What processes on hosts write, as the root prints it: whole lines, with the name of the process and its host before each
// where the root writes to a terminal.

import { Finalize } from "../runtime/finalize.ts";
import { harmless } from "../runtime/harmless.ts";
import { EngineUnavailableError } from "../errors.ts";
import { tell } from "../runtime/notices.ts";
import { setTimeout, unrefTimer } from "../runtime/timing.ts";
import type { RemoteContextPlan } from "./options.ts";
import { parting } from "./parting.ts";
import type { Answer, Session } from "./session.ts";
import { bytesOf } from "./text.ts";

/** Behind the ends of processes on hosts, before this process leaves its trees. */
const PRIORITY = -60;
/** Milliseconds until output is taken again after the engine was away for longer than the patience. */
const TAKE_AGAIN = 1000;

/** Prints, from now on, what processes of the tree write; `form`: `null` for what the stream is. */
export function showOutput(session: Session, form: RemoteContextPlan["output"]): void {
  const shown = new Shown(session, form);
  let taking: Promise<void> = Promise.resolve();
  const take = () => {
    // The engine tells when there is something again. What comes while the last portion is printed has its own turn.
    taking = taking.then(() => shown.takeAll()).catch((error) => {
      // It does not tell again what it has told.
      if (error instanceof EngineUnavailableError && !session.closed) unrefTimer(setTimeout(take, TAKE_AGAIN));
    });
  };
  session.on("out", take);
  const ending = new Finalize(() => parting(session, () => shown.takeRest()), {
    priority: PRIORITY,
    name: "the output of processes on hosts",
  });
  session.onClose(() => ending.cancel());
}

/** What was printed of a tree's output. The engine keeps the rest, also what is on its way when this process ends. */
class Shown {
  readonly #session: Session;
  readonly #form: RemoteContextPlan["output"];
  /** How many portions. */
  #count = 0;
  #lost = 0;

  constructor(session: Session, form: RemoteContextPlan["output"]) {
    this.#session = session;
    this.#form = form;
  }

  async takeAll(): Promise<void> {
    const { tree } = this.#session;
    while (this.#print(await this.#session.look(tree, "takeOut", this.#count)));
  }

  /** What is left when this process ends. */
  takeRest(): void {
    const session = this.#session;
    while (this.#print(session.lookSync(session.tree, "takeOut", this.#count)));
  }

  /** Prints what was taken; whether there was something. */
  #print(answer: Answer): boolean {
    this.#count = answer.number(0);
    const lost = answer.number(1);
    if (lost > this.#lost) {
      tell(
        `Output of processes on hosts is left out: ${lost - this.#lost} portions, which this process took too late`,
        "warn",
      );
    }
    this.#lost = answer.length > 2 ? lost : 0;
    for (let i = 2; i + 2 < answer.length; i += 3) {
      const stream = answer.text(i + 1) === "2" ? Deno.stderr : Deno.stdout;
      write(
        stream,
        (this.#form ?? (stream.isTerminal() ? "prefixed" : "plain")) === "prefixed"
          ? prefixed(answer.text(i), answer.bytes(i + 2))
          : answer.bytes(i + 2),
      );
      this.#count++;
    }
    return answer.length > 2;
  }
}

/** The name of the process before each line. */
function prefixed(who: string, bytes: Uint8Array): Uint8Array {
  const prefix = bytesOf(`${harmless(who)}: `);
  const parts: number[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(10, at);
    const next = end < 0 ? bytes.length : end + 1;
    parts.push(at, next);
    at = next;
  }
  const out = new Uint8Array(bytes.length + prefix.length * parts.length / 2);
  let to = 0;
  for (let i = 0; i < parts.length; i += 2) {
    out.set(prefix, to);
    out.set(bytes.subarray(parts[i], parts[i + 1]), to + prefix.length);
    to += prefix.length + parts[i + 1] - parts[i];
  }
  return out;
}

function write(stream: { writeSync(bytes: Uint8Array): number }, bytes: Uint8Array): void {
  try {
    for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
  } catch {
    // Nobody reads this process's output any more.
  }
}
