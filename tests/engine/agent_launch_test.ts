// Launches that come just when an agent is to end: sessions are made up, and say what they are asked for.

import { assertEquals } from "@std/assert";
import { Agent, type AgentParts } from "../../src/engine/agent/agent.ts";
import type { Answer } from "../../src/engine/answer.ts";
import type { Session } from "../../src/engine/session.ts";

const TREE = "7".repeat(32);
const bytes = (text: string) => new TextEncoder().encode(text);

/** What was asked, in order, and what is waited for before it is answered. */
class Engine {
  readonly asked: string[] = [];
  readonly gates = new Map<string, Promise<void>>();
  readonly #listeners = new Map<string, (...parts: Uint8Array[]) => void>();

  /** Answers nothing before the promise is resolved. */
  hold(step: string): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.gates.set(step, promise);
    return resolve;
  }

  async #answer(step: string, refusal: string | null, ...parts: string[]): Promise<Answer> {
    this.asked.push(step);
    await this.gates.get(step);
    return { refusal, text: (i: number) => parts[i], number: (i: number) => Number(parts[i]) } as Answer;
  }

  launch(): void {
    this.#listeners.get("launch")!(...[TREE, "1", "2"].map(bytes));
  }

  open({ tree }: { tree: string }): Session {
    return {
      member: 1,
      on: (event: string, listener: (...parts: Uint8Array[]) => void) => void this.#listeners.set(event, listener),
      look: (_: string, step: string) => this.#answer(step, null, "5", "30000", "memory"),
      send: (step: string) => this.#answer(step, "late"),
      close: () => void this.asked.push(`leaves ${tree === TREE ? "the tree" : tree}`),
    } as unknown as Session;
  }
}

for (const step of ["enter", "accept"]) {
  Deno.test(`agent: one that is to end while a launch waits for "${step}" leaves the tree first`, async () => {
    const engine = new Engine();
    const letGo = engine.hold(step);
    const parts = {
      ...{
        order: { slots: 1, labels: [], grace: 600_000, lease: 30_000 },
        name: "east",
        authkey: null,
        url: "",
        shown: "",
      },
      ...{ open: (entrance: { tree: string }) => engine.open(entrance), ready() {}, say() {} },
      starter: { verify: () => Promise.resolve("launch") },
    };
    const agent = new Agent(parts as unknown as AgentParts);
    engine.launch();
    while (!engine.asked.includes(step)) await Promise.resolve();
    agent.stop();
    letGo();
    await agent.ended;
    assertEquals(engine.asked.filter((it) => it !== "drain"), ["enter", "accept", "leaves the tree", "leaves hosts"]);
  });
}
