// Hostile clients of a manager: strangers who know the key and send whatever they like over their connections, and
// relatives who put whatever they like into the bell and into channels of their own. The server must not end, hang or grow,
// and serves a good client meanwhile.
//
// usage: deno run -A tests/fuzz/manager.ts [--seconds=600]

import fc from "fast-check";
import { native } from "../../src/addon/load.ts";
import { Client, type Connection } from "../../src/connection.ts";
import { Kind, NO_TASK } from "../../src/managers/messages.ts";
import { insideOf } from "../../src/managers/proxy.ts";
import { Channel } from "../../src/queues/channel.ts";
import { dumps } from "../../src/reduction.ts";
import { KEY, type MailboxProxy, RemoteManager } from "../fixtures/managers/remote_targets.ts";
import { concat } from "../support/bytes.ts";
import { PATIENCE, within } from "../support/helpers.ts";
import { message } from "../support/outside.ts";
import { framed, RawPeer } from "../support/raw_peer.ts";

/** Connections at a time. */
const BATCH = 16;
/** Bytes that the server's memory may have grown by at the end: most is garbage that V8 has not collected yet. */
const SLACK = 384 * 2 ** 20;
/** Milliseconds that a hostile client waits for answers before it goes away. */
const LINGER = 5;

/** What came of it. */
export interface Findings {
  readonly runs: number;
  readonly violations: string[];
  /** Bytes by which the server's memory has grown. */
  readonly grown: number;
  /** Milliseconds that the slowest call of the good client took. */
  readonly slowest: number;
}

const TYPEIDS = ["dict", "list", "set", "Namespace", "Lock", "Queue", "Event", "Mailbox", "sharedMailbox"];
const NAMES = [
  ...["create", "take", "stats", "dummy", "numberOfObjects", "debugInfo", "shutdown", "listen"],
  ...[
    "get",
    "set",
    "put",
    "count",
    "has",
    "delete",
    "keys",
    "values",
    "push",
    "append",
    "pop",
    "add",
    "update",
    "never",
  ],
  ...["acquire", "release", "wait", "fetch", "upTo", "fail", "countOf", "clear"],
  ...["#getvalue", "#tostring", ".size", ".length", "=x", ".x", "*keys", "#", "", ".", "="],
  ...["__proto__", "constructor", "prototype", "toString", "then", "__defineGetter__", ".__proto__", "=__proto__"],
];

/** Values of all kinds, none of which is large. */
const value: fc.Arbitrary<unknown> = fc.oneof(
  fc.anything({ maxDepth: 2, maxKeys: 4, withBigInt: true, withDate: true, withMap: true, withSet: true }),
  fc.constantFrom(null, undefined, NaN, -1, 0, 1, 7, "k", "__proto__", {}, [], new Map([["__proto__", 1]])),
  fc.constantFrom(...TYPEIDS),
);

/** The number of a call, of a caller or of an object. */
const number: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(0, 1, 2, 2 ** 31, 2 ** 32 - 1),
  fc.integer({ min: 0, max: 2 ** 32 - 1 }),
);

/** An object that is meant. `ids` are of those that there are. */
function target(ids: readonly number[]): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(0, ...ids) },
    { weight: 1, arbitrary: fc.constantFrom(-1, 0.5, NaN, Infinity, 2 ** 53, "0", null, {}, []) },
    { weight: 1, arbitrary: fc.maxSafeInteger() },
  );
}

function request(ids: readonly number[]): fc.Arbitrary<unknown> {
  const asked = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...NAMES) },
    { weight: 1, arbitrary: fc.string({ maxLength: 12 }) },
    { weight: 1, arbitrary: value },
  );
  const create = fc.tuple(fc.constant(0), fc.constant("create"), fc.constantFrom(...TYPEIDS), fc.array(value));
  return fc.oneof(
    fc.tuple(target(ids), asked, fc.array(value, { maxLength: 3 })).map(([id, name, args]) => [id, name, ...args]),
    create,
    create.map(([id, name, typeid]) => [id, name, typeid, []]),
    fc.tuple(fc.constant(0), fc.constant("take"), target(ids)),
    value,
  );
}

/** A value as bytes; none if it cannot be sent. */
function bytesOf(make: () => Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  try {
    return make();
  } catch {
    return new Uint8Array();
  }
}

/** A message that is more or less one. */
function messages(ids: readonly number[]): fc.Arbitrary<Uint8Array> {
  const kind = fc.oneof(
    { weight: 30, arbitrary: fc.constant(Kind.call) },
    { weight: 9, arbitrary: fc.constantFrom(Kind.cancel, Kind.release) },
    { weight: 1, arbitrary: fc.nat(255) }, // the connection is closed then
  );
  const list = fc.oneof(request(ids), fc.tuple(target(ids), value));
  const honest = fc.tuple(kind, number, fc.oneof(fc.constant(0), number), list)
    .map(([kind, number, logical, list]) => bytesOf(() => message(kind, number, logical, list)));
  const mutated = fc.tuple(honest, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }), fc.nat())
    .map(([bytes, changes, end]) => {
      const changed = bytes.slice();
      for (const [place, byte] of changes) if (changed.length > 0) changed[place % changed.length] = byte;
      return end % 3 === 0 ? changed.subarray(0, end % (changed.length + 1)) : changed;
    });
  return fc.oneof(
    { weight: 20, arbitrary: honest },
    { weight: 4, arbitrary: mutated },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
  );
}

/** What follows the handshake as bytes: messages, and halves of some that are announced as longer than they are. */
const stream = fc.array(
  fc.oneof(
    messages([]).map(framed),
    fc.uint8Array({ maxLength: 40 }),
    fc.constantFrom([0x7f, 0xff, 0xff, 0xff], [0xff, 0xff, 0xff, 0xff], [
      0xff,
      0xff,
      0xff,
      0xff,
      0x7f,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
    ])
      .map((head) => new Uint8Array(head)),
  ),
  { maxLength: 6 },
).map((parts) => concat(...parts));

type Place = readonly [host: string, port: number];

/** A stranger who speaks in messages. */
async function attack(
  address: Place,
  ids: readonly number[],
  said: readonly Uint8Array[],
  reads: boolean,
): Promise<void> {
  const connection = await Client(address, { authkey: KEY });
  try {
    for (const id of ids) await connection.sendBytes(message(Kind.call, 1, 0, [0, "take", id]));
    for (const bytes of said) if (bytes.length > 0) await connection.sendBytes(bytes);
    if (reads) await readSome(connection);
  } catch {
    // It was sent away.
  } finally {
    connection.close();
  }
}

async function readSome(connection: Connection): Promise<void> {
  while (await connection.poll({ timeout: LINGER })) await connection.recvBytes();
}

/** A stranger who speaks in bytes. */
async function attackInBytes(address: Place, bytes: Uint8Array): Promise<void> {
  using peer = await RawPeer.connect(address);
  await peer.greet(KEY);
  await peer.send(bytes).catch(() => {});
}

/** A relative who has a proxy, and so the bell. */
class Relative {
  readonly #bell: Channel;
  /** Blocks into which it puts bytes that are no frames. */
  readonly #blocks: number[];
  readonly #channels: Channel[];

  constructor(proxy: MailboxProxy) {
    this.#bell = proxy[insideOf]().gate!.bell;
    this.#channels = [new Channel().own(), new Channel().own()];
    this.#blocks = [this.#bell, ...this.#channels].map((channel) => dumps(channel).attachments[0]);
  }

  /** Says who it is, more or less, and puts what it is given. */
  attack(frames: readonly [kind: number, task: number, where: number, list: unknown][], bytes: readonly Uint8Array[]) {
    const [requests, answers] = this.#channels;
    const places = [this.#bell, requests, answers];
    for (const [kind, task, where, list] of frames) {
      const parts = kind === Kind.hello
        ? [[requests, answers, "x"], [answers, answers, "y"], [requests, requests, ""], [
          this.#bell,
          answers,
          "z",
        ]][task % 4]
        : Array.isArray(list)
        ? list
        : [list];
      try {
        places[where % places.length].send({ ...NO_TASK, kind, task }, parts);
      } catch {
        // A value that cannot be sent.
      }
    }
    bytes.forEach((it, n) => {
      const block = this.#blocks[n % this.#blocks.length];
      native().queuePutBytes(block, 0, new Uint8Array(it), [], 0);
    });
    for (const channel of this.#channels) {
      for (let n = 0; n < 1000; n++) {
        try {
          const frame = channel.receive(0);
          if (frame === null || typeof frame === "symbol") break;
          frame.drop();
        } catch {
          // Its own garbage.
        }
      }
    }
  }

  close(): void {
    for (const channel of this.#channels) channel.close();
  }
}

function frames(ids: readonly number[]) {
  const kind = fc.oneof(fc.constantFrom(...Object.values(Kind)), fc.nat(255));
  return fc.array(fc.tuple(kind, number, fc.nat(2), fc.oneof(request(ids), value)), { maxLength: 12 });
}

/** The ids of objects, from their proxies. */
function idsOf(...proxies: object[]): number[] {
  return proxies.map((proxy) => Number(/0x[0-9a-f]+/.exec(String(proxy))![0]));
}

/** Attacks for so many seconds. */
export async function fuzz(seconds: number): Promise<Findings> {
  const until = performance.now() + seconds * 1000;
  const violations: string[] = [];
  let runs = 0, slowest = 0;
  await using owner = new RemoteManager({ address: ["127.0.0.1", 0], authkey: KEY });
  await owner.start();
  const address = owner.address as Place;
  const stranger = new RemoteManager({ address, authkey: KEY });
  await stranger.connect();
  const near = await owner.create("Mailbox") as unknown as MailboxProxy;
  const far = await stranger.create("Mailbox") as unknown as MailboxProxy;
  const [dict, list] = [await owner.dict(), await owner.list()];
  using lock = await owner.Lock();
  using queue = await owner.Queue();
  const ids = idsOf(near, dict, list, lock, queue);
  await attack(address, ids, [], true);
  const before = (await owner.stats()).memory;
  while (performance.now() < until && violations.length === 0) {
    const seed = crypto.getRandomValues(new Int32Array(1))[0];
    const attacks = [
      ...fc.sample(fc.tuple(fc.array(messages(ids), { minLength: 5, maxLength: 40 }), fc.boolean()), {
        seed,
        numRuns: BATCH,
      })
        .map(([said, reads]) => attack(address, ids, said, reads)),
      ...fc.sample(stream, { seed, numRuns: BATCH / 2 }).map((bytes) => attackInBytes(address, bytes)),
    ];
    runs += attacks.length;
    const relative = new Relative(near);
    for (const list of fc.sample(frames(ids), { seed, numRuns: BATCH })) {
      relative.attack(list, fc.sample(fc.uint8Array({ maxLength: 100 }), { seed, numRuns: 3 }));
      runs++;
    }
    relative.close();
    try {
      await within(Promise.all(attacks), "the attacks");
      for (const box of [near, far]) {
        const begin = performance.now();
        await within(box.count(), "a good client's call");
        slowest = Math.max(slowest, performance.now() - begin);
      }
      await within(dict.clear().then(() => list.clear()), "the objects to be emptied");
    } catch (error) {
      violations.push(`the server has suffered (seed ${seed}): ${error}`);
    }
  }
  let grown = NaN;
  if (violations.length === 0) {
    const { memory, strangers, objects } = await within(owner.stats());
    grown = memory - before;
    if (grown > SLACK) violations.push(`memory has grown by ${grown} bytes`);
    if (strangers > 1 + 2 * BATCH) violations.push(`${strangers} connections are left`);
    if (objects > 20) violations.push(`${objects} objects are left: ${await owner.debugInfo()}`);
  }
  await stranger.shutdown();
  return { runs, violations, grown, slowest };
}

if (import.meta.main) {
  const given = Deno.args.find((argument) => argument.startsWith("--seconds="));
  const { runs, violations, grown, slowest } = await fuzz(Number(given?.slice("--seconds=".length) ?? 600));
  for (const violation of violations) console.log(violation);
  console.log(
    `${runs} attacks, ${violations.length} violations; memory has grown by ${Math.round(grown / 2 ** 20)} MiB, ` +
      `the slowest call of a good client took ${Math.round(slowest)} ms of ${PATIENCE}`,
  );
  Deno.exit(violations.length === 0 ? 0 : 1);
}
