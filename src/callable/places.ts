// Modules as messages between hosts name them. A host has this package, and a program that was sent to it, in folders of its
// own: what is in them is named relative to them.

import { CHILD_MAIN, ENGINE_WORKER_MAIN, SERVER_MAIN, WORKER_MAIN } from "../runtime/own_modules.ts";

/** How the URLs of a program's modules begin that was sent to its hosts. */
const CODE = "mp-code:/";
/** How those of this package's modules begin that processes run. */
const OWN = "mp-own:/";
const NAMES = new Map([[WORKER_MAIN, "worker"], [ENGINE_WORKER_MAIN, "engine_worker"], [SERVER_MAIN, "server"]]);
/** Where they are among the sources. */
const SOURCES = new Map([
  ["worker", "pool/worker_main"],
  ["engine_worker", "engine/pool/worker_main"],
  ["server", "managers/server_main"],
]);

/** The module of this package of that name, beside the one that processes begin with. */
function ownModule(name: string, childMain: string): string {
  if (/\bchild_main\.js$/.test(childMain)) return childMain.replace(/child_main\.js$/, `${name}_main.js`);
  return childMain.replace(/child\/main(\.\w+)$/, `${SOURCES.get(name)}$1`);
}

/** The folder of a program that is sent to its hosts, here: a `file:` URL that ends with "/". */
let folder: string | null = null;

/** Says where the folder of a program is that is sent to its hosts: a `file:` URL that ends with "/". */
export function useCodeFolder(url: string): void {
  folder = url;
}

/** The name of a module for other hosts; its URL where that is the same everywhere. */
export function outward(url: string, from: string | null = folder): string {
  const own = NAMES.get(url);
  if (own !== undefined) return OWN + own;
  return from !== null && url.startsWith(from) ? CODE + url.slice(from.length) : url;
}

/** The URL of a module by the name that another host has given, where processes begin with `childMain`. */
export function inward(name: string, to: string | null = folder, childMain = CHILD_MAIN): string {
  const own = name.startsWith(OWN) ? name.slice(OWN.length) : "";
  if (SOURCES.has(own)) return ownModule(own, childMain);
  return to !== null && name.startsWith(CODE) ? new URL(name.slice(CODE.length), to).href : name;
}

/** A path inside of the program's folder as messages name it; as it is elsewhere. */
export function outwardPath(path: string, from: string | null = folder): string {
  const root = from === null ? null : decodeURIComponent(new URL(from).pathname);
  if (root === null) return path;
  if (`${path}/` === root) return CODE;
  return path.startsWith(root) ? CODE + path.slice(root.length) : path;
}

/** The path by the name that another host has given. */
export function inwardPath(name: string, to: string | null = folder): string {
  const root = to === null ? null : decodeURIComponent(new URL(to).pathname);
  return root !== null && name.startsWith(CODE) ? root + name.slice(CODE.length) : name;
}

/** A flag whose value is a path, or several with commas between them, each mapped. */
export function valueMapped(flag: string, map: (path: string) => string): string {
  const equals = flag.indexOf("=");
  return equals < 0 ? flag : flag.slice(0, equals + 1) + flag.slice(equals + 1).split(",").map(map).join();
}
