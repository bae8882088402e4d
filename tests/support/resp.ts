// A connection to a Redis server for tests: commands one after the other, and their replies as values. It is not the
// package's own client, so that a test can look at the server without it.

/** What Redis answers. */
export type Reply = string | number | null | Reply[];

/** Where a server listens. */
export type Place = Deno.UnixConnectOptions | (Deno.ConnectOptions & { transport?: "tcp" });

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const CR = 13;

/** A connection of the tests' own. Its commands are done one at a time. */
export class RespConnection implements Disposable {
  readonly #connection: Deno.Conn;
  #rest: Uint8Array<ArrayBuffer> = new Uint8Array();
  #last: Promise<unknown> = Promise.resolve();

  private constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  /** Connects. */
  static async open(place: Place): Promise<RespConnection> {
    const connection = "path" in place
      ? await Deno.connect({ ...place, transport: "unix" })
      : await Deno.connect(place);
    return new RespConnection(connection);
  }

  /** What the server answers. An error of the server is thrown. */
  command(...words: (string | number | Uint8Array)[]): Promise<Reply> {
    const result = this.#last.then(() => this.#exchange(words));
    this.#last = result.catch(() => {});
    return result;
  }

  async #exchange(words: (string | number | Uint8Array)[]): Promise<Reply> {
    const parts = words.map((word) => word instanceof Uint8Array ? word : encoder.encode(`${word}`));
    const request = [
      encoder.encode(`*${parts.length}\r\n`),
      ...parts.flatMap((part) => [encoder.encode(`$${part.length}\r\n`), part, encoder.encode("\r\n")]),
    ];
    const bytes = new Uint8Array(await new Blob(request as Uint8Array<ArrayBuffer>[]).arrayBuffer());
    for (let sent = 0; sent < bytes.length;) sent += await this.#connection.write(bytes.subarray(sent));
    return await this.#reply();
  }

  async #reply(): Promise<Reply> {
    const line = await this.#line();
    const rest = line.slice(1);
    switch (line[0]) {
      case "+":
        return rest;
      case ":":
        return Number(rest);
      case "-":
        throw new Error(rest);
      case "$":
        return rest === "-1" ? null : decoder.decode((await this.#take(Number(rest) + 2)).subarray(0, -2));
      case "*": {
        if (rest === "-1") return null;
        const all: Reply[] = [];
        for (let i = 0; i < Number(rest); i++) all.push(await this.#reply());
        return all;
      }
      default:
        throw new Error(`Cannot read the reply ${Deno.inspect(line)}`);
    }
  }

  async #line(): Promise<string> {
    let end: number;
    while ((end = this.#rest.indexOf(CR)) < 0 || this.#rest.length < end + 2) await this.#more();
    return decoder.decode((await this.#take(end + 2)).subarray(0, -2));
  }

  async #take(length: number): Promise<Uint8Array> {
    while (this.#rest.length < length) await this.#more();
    const taken = this.#rest.slice(0, length);
    this.#rest = this.#rest.slice(length);
    return taken;
  }

  async #more(): Promise<void> {
    const buffer = new Uint8Array(65_536);
    const count = await this.#connection.read(buffer);
    if (count === null) throw new Error("Cannot read the reply: the server has closed the connection");
    const joined = new Uint8Array(this.#rest.length + count);
    joined.set(this.#rest);
    joined.set(buffer.subarray(0, count), this.#rest.length);
    this.#rest = joined;
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }
}
