// Asks V8's debugger about this process: which modules are loaded, and which objects there are. Each question costs 20
// to 120 ms, and needs `--allow-sys`.

import { isOwnModule } from "../runtime/own_modules.ts";
import type { Session } from "node:inspector";

import { hasNode, nodeProcess } from "../runtime/node.ts";

/** Asks one thing, in the debugger's protocol. */
type Post = (method: string, parameters?: object) => Answer;

/** The parts of its answers that are used here. */
interface Answer {
  readonly result?: { readonly objectId?: string };
  readonly objects?: { readonly objectId?: string };
}

/**
 * Asks the debugger; `null` where it may not be asked. Its answers are there when `post` returns: only their delivery
 * is put off by `process.nextTick`, which is replaced for that long.
 */
function asking<T>(ask: (post: Post, session: Session) => T): T | null {
  if (!mayAsk() || !hasNode()) return null;
  const process = nodeProcess();
  const { Session } = process.getBuiltinModule("node:inspector");
  const session = new Session();
  const { nextTick } = process;
  try {
    session.connect();
    const post: Post = (method, parameters = {}) => {
      let answer: Answer = {};
      session.post(method, parameters, (error: unknown, given?: object) => {
        if (error) throw error;
        answer = given ?? {};
      });
      return answer;
    };
    process.nextTick = (run: (...args: unknown[]) => void, ...args: unknown[]) => run(...args);
    // A `debugger` statement that runs meanwhile would stop this process, with nobody there to let it go on.
    post("Debugger.setSkipAllPauses", { skip: true });
    return ask(post, session);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return null; // some of `sys` is denied
    throw error;
  } finally {
    process.nextTick = nextTick;
    session.disconnect();
  }
}

/**
 * Whether the debugger may be asked. Never in the REPL, each of whose lines is evaluated by the debugger already: Deno
 * does not survive that it is asked from there.
 */
export function mayAsk(): boolean {
  const main: string | undefined = Deno.mainModule; // undefined in a Worker
  return !main?.endsWith("/$deno$repl.mts") && Deno.permissions.querySync({ name: "sys" }).state === "granted";
}

/** URLs of the user's modules in this process, or `null` where the debugger may not be asked. */
export function loadedModules(): string[] | null {
  return asking((post, session) => {
    const urls = new Set<string>();
    session.on("Debugger.scriptParsed", ({ params: { url } }: { params: { url: string } }) => urls.add(url));
    post("Debugger.enable");
    return [...urls].filter((url) => /^(file|https?|data|blob):/.test(url) && !isOwnModule(url));
  });
}

/** Where the debugger hands over what it has found. */
const HANDED_OVER = Symbol.for("multiprocessing.inspector");

/** The objects in V8's heap that have a prototype; `null` where the debugger may not be asked. */
export function objectsOf(prototype: string): unknown[] | null {
  const place = globalThis as { [HANDED_OVER]?: unknown[] };
  try {
    return asking((post) => {
      const prototypeObjectId = post("Runtime.evaluate", { expression: prototype }).result?.objectId;
      const objectId = post("Runtime.queryObjects", { prototypeObjectId }).objects?.objectId;
      const functionDeclaration = `function () { globalThis[Symbol.for("${HANDED_OVER.description}")] = [...this] }`;
      post("Runtime.callFunctionOn", { objectId, functionDeclaration });
      return place[HANDED_OVER] ?? [];
    });
  } finally {
    delete place[HANDED_OVER];
  }
}
