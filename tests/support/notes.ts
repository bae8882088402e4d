// A file in which processes of a test note what they do.

import { until } from "./helpers.ts";

/** Notes of several processes, a line each. */
export class Notes implements Disposable {
  readonly path: string = Deno.makeTempFileSync({ prefix: "mp-notes-" });

  get lines(): string[] {
    return Deno.readTextFileSync(this.path).split("\n").filter((line) => line !== "");
  }

  /** Waits until there are so many. */
  async until(count: number): Promise<string[]> {
    await until(`${count} notes`, () => this.lines.length >= count);
    return this.lines;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path);
  }
}
