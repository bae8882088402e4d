// In the place of remote.ts where the package is put together (tools/bundle.ts): contexts on engines, and with them all that is in
// src/engine, are loaded when the first is wanted. Programs of one machine, and each process that they start, go without.

import { requireModule } from "../callable/modules.ts";
import type { RemoteContextOptions } from "../engine/options.ts";
import { ENGINE_CONTEXT } from "../runtime/own_modules.ts";
import type { RemoteContext } from "./remote.ts";

type Contexts = typeof import("./remote.ts");

let contexts: Contexts | null = null;

/** The context of an engine, as `openRemote` of remote.ts gives it. */
export function openRemote(url: string, options?: RemoteContextOptions): RemoteContext {
  contexts ??= requireModule(ENGINE_CONTEXT) as Contexts | null;
  if (contexts === null) {
    // That an import names it, is also why Deno lets a program read it, and `deno compile` has it in its programs.
    import("./remote.ts").then((module) => contexts = module, () => {});
    throw new Deno.errors.NotSupported(
      "Cannot get a context of an engine: its modules cannot be had at once here; they are being loaded, get it again later",
    );
  }
  return contexts.openRemote(url, options);
}
