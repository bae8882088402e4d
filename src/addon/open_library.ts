// How a native library is opened: the addon, and that of an engine.

import { nodeProcess } from "../runtime/node.ts";

/** Deno's own function beneath `process.dlopen`, as versions 2.9 have it. Like that, it asks for the permission. */
type Open = (
  path: string,
  global: typeof globalThis,
  buffer: (bytes: ArrayBuffer, offset?: number, length?: number) => Uint8Array,
  ...others: ((...args: unknown[]) => void)[]
) => unknown;

/**
 * Loads a library. `process.dlopen` is the way that Deno documents, but 12 ms of every process's start go into what
 * else comes with `node:process`; so it is left for versions of Deno where the function beneath is another.
 */
export function openLibrary<T>(path: string): Partial<T> {
  const deno = Deno as unknown as {
    [internal: symbol]: { core?: { ops?: { op_napi_open?: Open } } };
    internal: symbol;
  };
  const direct = deno[deno.internal]?.core?.ops?.op_napi_open;
  if (direct !== undefined && /^2\.9\./.test(Deno.version.deno)) {
    const ignore = () => {};
    const buffer = (bytes: ArrayBuffer, offset?: number, length?: number) => new Uint8Array(bytes, offset, length);
    return direct(path, globalThis, buffer, (error) => reportError(error), ignore, ignore, ignore, ignore) as Partial<
      T
    >;
  }
  const module: { exports: Partial<T> } = { exports: {} };
  nodeProcess().dlopen(module, path);
  return module.exports;
}

/** The linker's reason, without the path that it begins with, and without the lines that Deno puts below. */
export function reasonIn(path: string, message: string): string {
  const [line] = message.split("\n");
  return line.startsWith(`${path}: `) ? line.slice(path.length + 2) : line;
}
