// A peer of a listener or client that is free to break every rule: it speaks in bytes, not in messages.

import { concat } from "./bytes.ts";
import { respond } from "../../src/connection/handshake.ts";
import { bytesOf } from "./bytes.ts";

/** Bytes of what an honest peer says in its part of a handshake: its answer, its challenge, its verdict. */
export const HONEST_SIZE = (4 + 40) + (4 + 59) + (4 + 9);

/** The message with its header. */
export function framed(message: Uint8Array): Uint8Array {
  const header = new Uint8Array(4);
  new DataView(header.buffer).setUint32(0, message.length);
  return concat(header, message);
}

/** What a {@linkcode RawPeer} breaks. */
export interface Manners {
  /** Closes after it has sent so many bytes. Default: never. */
  cutAfter?: number;
  /** Sends byte by byte. */
  dribbles?: boolean;
  /** Milliseconds between two bytes that it dribbles. */
  pause?: number;
}

/** One end of a socket of Deno's. */
export class RawPeer implements Disposable {
  readonly #socket: Deno.Conn;
  readonly #manners: Manners;
  #sent = 0;
  #isClosed = false;

  constructor(socket: Deno.Conn, manners: Manners = {}) {
    this.#socket = socket;
    this.#manners = manners;
    if ("setNoDelay" in socket) (socket as Deno.TcpConn).setNoDelay();
  }

  /** Connects to a listener. */
  static async connect(address: unknown, manners?: Manners): Promise<RawPeer> {
    const [hostname, port] = address as [string, number];
    return new RawPeer(await Deno.connect({ hostname, port }), manners);
  }

  /** Sends bytes; `false` if it has been cut off. */
  async send(bytes: Uint8Array): Promise<boolean> {
    const { cutAfter = Infinity, dribbles = false, pause = 0 } = this.#manners;
    let left = bytes.subarray(0, Math.max(0, cutAfter - this.#sent));
    const isCut = this.#sent + bytes.length >= cutAfter && cutAfter < HONEST_SIZE;
    while (left.length > 0) {
      const piece = dribbles ? left.subarray(0, 1) : left;
      if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
      const count = await this.#socket.write(piece);
      this.#sent += count;
      left = left.subarray(count);
    }
    if (isCut) this[Symbol.dispose]();
    return !isCut;
  }

  /** The next message; `null` at the end. */
  async receive(): Promise<Uint8Array | null> {
    const header = await this.#read(4);
    return header === null ? null : await this.#read(new DataView(header.buffer).getUint32(0));
  }

  async #read(count: number): Promise<Uint8Array<ArrayBuffer> | null> {
    const bytes = new Uint8Array(count);
    let filled = 0;
    while (filled < count) {
      const got = await this.#socket.read(bytes.subarray(filled));
      if (got === null) return null;
      filled += got;
    }
    return bytes;
  }

  /** Takes a client's part of the handshake: until it is over, cut off, or broken off by the other end. */
  async greet(key: Uint8Array): Promise<void> {
    await this.#answer(key) && await this.#challenge();
  }

  /** Takes a listener's part. */
  async serve(key: Uint8Array): Promise<void> {
    await this.#challenge() && await this.#answer(key);
  }

  async #challenge(): Promise<boolean> {
    if (!await this.send(framed(concat(bytesOf("#CHALLENGE#{sha256}"), new Uint8Array(40))))) return false;
    // It believes everything.
    return await this.receive() !== null && await this.send(framed(bytesOf("#WELCOME#")));
  }

  async #answer(key: Uint8Array): Promise<boolean> {
    const message = await this.receive();
    if (message === null || !await this.send(framed(respond(key, message.subarray(11))))) return false;
    return await this.receive() !== null;
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.close();
  }
}
