// What this process can learn of itself from V8's debugger: which modules are loaded, and which classes there are. Each
// question costs 40 to 120 ms, and needs `--allow-sys`.

import type { Session } from "node:inspector";
import { type Callable, isOwnModule } from "./callable_types.ts";

/** The part of the debugger's protocol that is used here. */
type Post = (method: string, parameters?: object) => Promise<Record<string, { objectId?: string }>>;

/** Asks the debugger; `null` where it may not be asked. */
async function asking<T>(ask: (post: Post, session: Session) => Promise<T>): Promise<T | null> {
  if (Deno.permissions.querySync({ name: "sys" }).state !== "granted") return null;
  const { Session } = await import("node:inspector"); // here, since it takes 7 ms to load
  const session = new Session();
  try {
    session.connect();
    const post: Post = (method, parameters = {}) =>
      new Promise((done, failed) =>
        session.post(method, parameters, (error: unknown, answer) => error ? failed(error) : done(answer as never))
      );
    // A `debugger` statement that runs meanwhile would stop this process, with nobody there to let it go on.
    await post("Debugger.setSkipAllPauses", { skip: true });
    return await ask(post, session);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return null; // some of `sys` is denied
    throw error;
  } finally {
    session.disconnect();
  }
}

/** URLs of the user's modules in this process, or `null` where the debugger may not be asked. */
export function loadedModules(): Promise<string[] | null> {
  return asking(async (post, session) => {
    const urls = new Set<string>();
    session.on("Debugger.scriptParsed", ({ params: { url } }: { params: { url: string } }) => urls.add(url));
    await post("Debugger.enable");
    return [...urls].filter((url) => /^(file|https?|data|blob):/.test(url) && !isOwnModule(url));
  });
}

/** Where the debugger hands over what it has found. */
const HANDED_OVER = Symbol.for("multiprocessing.inspector");

/**
 * The classes in this process that extend `Error`, whoever has them. Modules that are being evaluated show their
 * exports to nobody, and a main module is evaluated until its last top-level `await` is over; V8's heap has its classes.
 */
export async function errorClasses(): Promise<Callable[]> {
  const place = globalThis as { [HANDED_OVER]?: Callable[] };
  const classes = await asking(async (post) => {
    const { result: { objectId: base } } = await post("Runtime.evaluate", { expression: "Error" });
    const { objects: { objectId } } = await post("Runtime.queryObjects", { prototypeObjectId: base });
    const functionDeclaration = `function () { globalThis[Symbol.for("${HANDED_OVER.description}")] = [...this] }`;
    await post("Runtime.callFunctionOn", { objectId, functionDeclaration });
    return place[HANDED_OVER] ?? [];
  });
  delete place[HANDED_OVER];
  return (classes ?? []).filter((it) => typeof it === "function");
}
