// Producers and consumers of one queue. No message may be torn, doubled or reordered, none missing but what a killed
// consumer had just taken, and nobody held up.

import { RawArray } from "@parallel/multiprocessing";
import { Crew } from "../crew.ts";
import { consume, MOST_EACH, MOST_PRODUCERS, produce, type Rig } from "../parcels.ts";
import type { Stage } from "../stage.ts";
import { started } from "../victims.ts";

export async function queue(stage: Stage): Promise<void> {
  using queue = new stage.context.Queue<never>(stage.random.between(1, 32));
  await new Queues(stage, "Queue", queue).run();
}

export async function simpleQueue(stage: Stage): Promise<void> {
  using queue = new stage.context.SimpleQueue<never>();
  await new Queues(stage, "SimpleQueue", queue).run();
}

/** The seats of producers come first. */
class Queues {
  readonly #stage: Stage;
  readonly #rig: Rig;
  readonly #crew: Crew;
  /** Producers, and as many consumers. */
  readonly #each: number;
  #producers = 0;
  #kills = { producers: 0, consumers: 0 };

  constructor(stage: Stage, name: string, queue: Rig["queue"]) {
    const { random } = stage;
    this.#stage = stage;
    this.#each = random.between(2, 3);
    this.#rig = {
      queue,
      largest: random.pick([64 * 1024, 2 ** 20, 4 * 2 ** 20]),
      begun: RawArray("i32", MOST_PRODUCERS),
      done: RawArray("i32", MOST_PRODUCERS),
      received: RawArray("u8", MOST_PRODUCERS * MOST_EACH),
      end: RawArray("i32", 1),
    };
    const options = { most: 200, gap: 150, least: 1 };
    this.#crew = new Crew(stage, [name], 2 * this.#each, options, (seat) => this.#post(name, seat));
  }

  #post(queue: string, seat: number) {
    const { Process } = this.#stage.context;
    if (seat >= this.#each) {
      return {
        name: `consumer ${seat} of a ${queue}`,
        kind: "consumer",
        start: ({ path }: { path: string }) =>
          started(new Process({ target: consume, args: [this.#rig, this.#crew.books, seat, path] })),
        killed: () => void this.#kills.consumers++,
      };
    }
    return {
      name: `producer ${seat} of a ${queue}`,
      kind: "producer",
      start: ({ path }: { path: string }) => {
        if (this.#producers >= MOST_PRODUCERS) return null;
        const args = [this.#rig, this.#crew.books, seat, this.#producers++, path] as const;
        return started(new Process({ target: produce, args }));
      },
      mayEnd: () => true, // having put as many as one may
      killed: () => void this.#kills.producers++,
    };
  }

  async run(): Promise<void> {
    await this.#crew.work();
    this.#rig.end[0] = 1;
    await this.#crew.ended(0, this.#each);
    const { queue } = this.#rig;
    if ("shutdown" in queue) queue.shutdown();
    else for (let i = 0; i < this.#each; i++) queue.putSync(null);
    await this.#crew.ended();
    this.#judge();
  }

  /** The books, once all have ended. */
  #judge(): void {
    const { begun, done, received, queue } = this.#rig;
    const { violate } = this.#stage;
    let [missing, unsure] = [0, 0];
    for (let producer = 0; producer < this.#producers; producer++) {
      const times = received.subarray(producer * MOST_EACH, (producer + 1) * MOST_EACH);
      missing += times.subarray(0, done[producer]).filter((n) => n === 0).length;
      // A producer that was killed while it put may have put.
      unsure += begun[producer] - done[producer];
      if (times.subarray(begun[producer]).some((n) => n > 0)) violate(`producer ${producer}: more than was put`);
    }
    const { producers, consumers } = this.#kills;
    if (missing > consumers) violate(`${missing} messages are missing, ${consumers} consumers were killed`);
    if (unsure > producers) violate(`${unsure} puts did not return, ${producers} producers were killed`);
    if (!queue.empty()) violate(`${queue} is not empty at the end`);
    this.#stage.judgeFaults(this.#crew.books);
  }
}
