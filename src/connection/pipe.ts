// Two connected ends at once.

import { BlockHandle } from "../addon/handles.ts";
import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import { Connection } from "./connection.ts";
import { Kind } from "../addon/numbers.ts";
import { requireFlag, requireKnown } from "../waiting/options.ts";

/** Options of {@linkcode Pipe}. */
export interface PipeOptions {
  /** `false`: the first end only receives, the second only sends. Default: `true`, both do both. */
  duplex?: boolean;
}

const KNOWN = ["duplex"];

/** Whether a pipe with these options is for both ways. */
export function isDuplex(options: PipeOptions): boolean {
  requireKnown("create a pipe", options, KNOWN);
  const { duplex = true } = options;
  requireFlag("create a pipe", "duplex", duplex);
  return duplex;
}

/** What a pipe's block is asked to hold: nothing; it is there for what holds it and what it holds. */
const BLOCK_SIZE = 8;

/**
 * A pipe: two connections, each of which receives what the other sends. Both ends, and any message, may go to other
 * processes of the tree.
 *
 * `Pipe<Job>()` is a pipe whose messages are jobs; of `Pipe<Job, Answer>()` the first end sends jobs and receives answers,
 * the second one the other way round. Nothing checks what is sent by others, or without types.
 *
 * @returns Two ends; if not `duplex`, the first only receives and the second only sends.
 * @throws {TypeError} If `duplex` is no boolean, or an option is unknown.
 *
 * @example One way
 * ```ts
 * import { Pipe } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * const [reader, writer] = Pipe({ duplex: false });
 * writer.sendSync([1, 2, 3]);
 * writer.close();
 * assertEquals(await Array.fromAsync(reader), [[1, 2, 3]]);
 * reader.close();
 * ```
 */
export function Pipe<Sent = unknown, Received = Sent>(
  options: PipeOptions = {},
): [Connection<Sent, Received>, Connection<Received, Sent>] {
  const duplex = isDuplex(options);
  const [first, second] = translated(() => native().connectionPair(duplex));
  const pipe = BlockHandle.create(Kind.pipe, BLOCK_SIZE);
  return [
    new Connection({ id: first, readable: true, writable: duplex, pipe }),
    new Connection({ id: second, readable: duplex, writable: true, pipe: pipe.share() }),
  ];
}
