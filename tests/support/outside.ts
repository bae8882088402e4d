// Messages of a client outside of a manager's tree, written by hand: src/managers/outside_wire.ts.

import type { Connection } from "@parallel/multiprocessing/connection";
import { dumps, loads } from "@parallel/multiprocessing/reduction";
import { Kind } from "../../src/managers/messages.ts";

/** A message. */
export function message(kind: number, number: number, logical: number, list: unknown): Uint8Array<ArrayBuffer> {
  const { bytes } = dumps(list);
  const whole = new Uint8Array(9 + bytes.length);
  const view = new DataView(whole.buffer);
  view.setUint8(0, kind);
  view.setUint32(1, number);
  view.setUint32(5, logical);
  whole.set(bytes, 9);
  return whole;
}

/** A call of a number. */
export function call(number: number, request: unknown[]): Uint8Array<ArrayBuffer> {
  return message(Kind.call, number, 0, request);
}

/** The answer to a call, printed. */
export async function ask(connection: Connection, request: unknown[]): Promise<string> {
  await connection.sendBytes(call(1, request));
  const bytes = await connection.recvBytes();
  return Deno.inspect([bytes[0], loads(bytes.slice(9))], { depth: 9, strAbbreviateSize: Infinity });
}
