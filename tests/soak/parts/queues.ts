// Producers and consumers of one queue. No message may be torn, doubled or reordered, none missing but what a killed
// consumer had just taken, and nobody held up.

import { RawArray } from "@parallel/multiprocessing";
import { Crew } from "../crew.ts";
import { consume, MOST_EACH, MOST_PRODUCERS, produce, type Rig } from "../parcels.ts";
import type { Stage } from "../stage.ts";
import { started } from "../victims.ts";

export async function queue(stage: Stage): Promise<void> {
  using queue = new stage.context.Queue<never>(stage.random.between(1, 32));
  await new Queues(stage, queue, { ...OURS, name: "Queue" }).run();
}

export async function simpleQueue(stage: Stage): Promise<void> {
  using queue = new stage.context.SimpleQueue<never>();
  await new Queues(stage, queue, { ...OURS, name: "SimpleQueue" }).run();
}

/** Who uses a queue, and how. */
export interface Traffic {
  /** The row of the books. */
  readonly name: string;
  /** Milliseconds between two kills at least. */
  readonly gap: number;
  /** The largest messages, one of which a round has, in bytes. */
  readonly largest: readonly number[];
  /** What the process at a seat runs. */
  producerAt(seat: number): typeof produce;
  consumerAt(seat: number): typeof consume;
}

const OURS = {
  gap: 150,
  largest: [64 * 1024, 2 ** 20, 4 * 2 ** 20],
  producerAt: () => produce,
  consumerAt: () => consume,
};

/** The seats of producers come first. */
export class Queues {
  readonly #stage: Stage;
  readonly #traffic: Traffic;
  readonly #rig: Rig;
  readonly #crew: Crew;
  /** Producers, and as many consumers. */
  readonly #each: number;
  #producers = 0;
  #kills = { producers: 0, consumers: 0 };

  constructor(stage: Stage, queue: Rig["queue"], traffic: Traffic) {
    const { random } = stage;
    this.#stage = stage;
    this.#traffic = traffic;
    this.#each = random.between(2, 3);
    this.#rig = {
      queue,
      largest: random.pick(traffic.largest),
      begun: RawArray("i32", MOST_PRODUCERS),
      done: RawArray("i32", MOST_PRODUCERS),
      received: RawArray("u8", MOST_PRODUCERS * MOST_EACH),
      end: RawArray("i32", 1),
    };
    const options = { most: 200, gap: traffic.gap, least: 1 };
    this.#crew = new Crew(stage, [traffic.name], 2 * this.#each, options, (seat) => this.#post(traffic.name, seat));
  }

  #post(queue: string, seat: number) {
    const { Process } = this.#stage.context;
    if (seat >= this.#each) {
      return {
        name: `consumer ${seat} of a ${queue}`,
        kind: "consumer",
        start: ({ path }: { path: string }) =>
          started(
            new Process({ target: this.#traffic.consumerAt(seat), args: [this.#rig, this.#crew.books, seat, path] }),
          ),
        killed: () => void this.#kills.consumers++,
      };
    }
    return {
      name: `producer ${seat} of a ${queue}`,
      kind: "producer",
      start: ({ path }: { path: string }) => {
        if (this.#producers >= MOST_PRODUCERS) return null;
        const args = [this.#rig, this.#crew.books, seat, this.#producers++, path] as const;
        return started(new Process({ target: this.#traffic.producerAt(seat), args }));
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
