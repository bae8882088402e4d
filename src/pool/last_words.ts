// The standard error of a worker on its way to that of this process: the last of it may say why the worker died.

/** How many bytes are remembered. */
const REMEMBERED = 4096;

/** Passes on what it hears, and remembers the last of it. */
export class LastWords {
  #chunks: Uint8Array[] = [];
  #length = 0;

  hear(chunk: Uint8Array): void {
    try {
      for (let written = 0; written < chunk.length;) written += Deno.stderr.writeSync(chunk.subarray(written));
    } catch {
      // Nobody reads this process's standard error any more; `console.error` says nothing to that, either.
    }
    this.#chunks.push(chunk.slice(-REMEMBERED));
    this.#length += this.#chunks.at(-1)!.length;
    while (this.#length - this.#chunks[0].length >= REMEMBERED) this.#length -= this.#chunks.shift()!.length;
  }

  /** The whole lines among them, or what there is of the last line. */
  get text(): string {
    const all = new TextDecoder().decode(new Uint8Array(this.#chunks.flatMap((chunk) => [...chunk])));
    const text = all.length > REMEMBERED ? all.slice(-REMEMBERED) : all;
    const begin = this.#length > REMEMBERED ? text.indexOf("\n") + 1 : 0;
    return text.slice(begin).trimEnd();
  }
}
