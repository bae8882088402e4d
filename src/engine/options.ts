// The options of a context on an engine, checked.

import { bareKey } from "./bare_key.ts";
import { type Durability, durabilityOf } from "./durability.ts";
import { requireKnown } from "../waiting/options.ts";

/**
 * Options of `getContext` with the URL of an engine.
 *
 * @example Hosts are declared dead after ten seconds, and calls wait for as long
 * ```ts ignore
 * import { type EngineUrl, getContext } from "@parallel/multiprocessing";
 *
 * const url = Deno.env.get("MULTIPROCESSING_URL") as EngineUrl;
 * using mp = getContext(url, { lease: 10_000, patience: 10_000, maxMessage: 1 << 20 });
 * using queue = new mp.Queue<Uint8Array>();
 * console.log(await queue.put(new Uint8Array(2 << 20)).catch((error) => error.name)); // RangeError
 * ```
 */
export interface RemoteContextOptions {
  /**
   * Milliseconds for which a host, or the root, counts as alive without being heard of; it is heard of every quarter of
   * that. Default: 30 000; at least 2 000.
   */
  lease?: number;
  /** Labels that a host must have to run processes of this context: `["gpu"]`. Default: any host. */
  hosts?: readonly string[];
  /** How hosts get the modules: they have them at the same path, import them, or are sent them. Default: `"same"`. */
  code?: "same" | "import" | "upload";
  /** With `code: "upload"`: other files that the program reads beside its modules. Default: none. */
  include?: readonly string[];
  /** Milliseconds that `start()` waits for a free slot, and, unless `code` is `"upload"`, as many again for the host to have begun
   * the process. Default: 10 000; at least 1. */
  startTimeout?: number;
  /** Milliseconds that calls wait for an engine that is away, before they throw. Default: 60 000. */
  patience?: number;
  /** What an acknowledged call has outlived: nothing, the end of the engine's machine (its disk has it), or the end of the
   * engine (so many replicas have it). The last two cost each call a trip to the disk, or to the replicas. Default:
   * `"memory"`. */
  durability?: Durability;
  /** The largest message, in bytes; a larger one is refused. Default: 64 MiB. */
  maxMessage?: number;
  /** How the root shows what processes write: each line behind `host/name: `, or as it is. Default: prefixed where the root
   * writes to a terminal. */
  output?: "plain" | "prefixed";
  /** What signs the starts of processes: agents take those with their own key. Default: the environment variable
   * `MULTIPROCESSING_AUTHKEY`, else the key of this process. */
  authkey?: Uint8Array;
}

/** The options with all defaults. */
export type RemoteContextPlan = Required<Omit<RemoteContextOptions, "authkey" | "output">> & {
  output: "plain" | "prefixed" | null;
  authkey: Uint8Array | null;
};

const ACTION = "get a context";
/** The names of the options. */
export const OPTIONS: readonly (keyof RemoteContextOptions)[] = [
  ...["lease", "hosts", "code", "include", "startTimeout", "patience", "durability"] as const,
  ...["maxMessage", "output", "authkey"] as const,
];
const CODES = ["same", "import", "upload"] as const;
/** The shortest lease, in milliseconds. */
const SHORTEST_LEASE = 2_000;
const MIB = 1_048_576;
/** The longest value that Redis takes. */
const LONGEST_MESSAGE = 512 * MIB;
/** The longest time that timers of the client take, in milliseconds. */
const LONGEST_TIME = 2 ** 31 - 1;

/**
 * Checks options, and gives those that are missing their defaults.
 *
 * @throws {TypeError} If one is of the wrong type, or unknown.
 * @throws {RangeError} If one is out of its range.
 */
export function remotePlanOf(options: RemoteContextOptions = {}): RemoteContextPlan {
  requireKnown(ACTION, options, OPTIONS);
  const { code = "same", durability = "memory", output = null, authkey: given = null } = options;
  if (!CODES.includes(code)) refuse("code", code, 'wanted "same", "import" or "upload"');
  if (![null, "plain", "prefixed"].includes(output)) refuse("output", output, 'wanted "plain" or "prefixed"');
  if (given !== null && !(given instanceof Uint8Array)) {
    throw new TypeError(`Cannot ${ACTION}: "authkey" is no Uint8Array`); // it may be a secret: not shown
  }
  const authkey = given && bareKey(given);
  if (authkey?.length === 0) throw new RangeError(`Cannot ${ACTION}: "authkey" is empty`);
  const include = textsOf("include", options.include);
  if (include.length > 0 && code !== "upload") refuse("include", include, 'wanted with code: "upload" only');
  const hosts = textsOf("hosts", options.hosts);
  if (hosts.some((label) => label.includes(","))) refuse("hosts", hosts, "wanted labels without a comma");
  return {
    lease: numberOf("lease", options.lease ?? 30_000, SHORTEST_LEASE, LONGEST_TIME),
    hosts,
    code,
    include,
    startTimeout: numberOf("startTimeout", options.startTimeout ?? 10_000, 1, LONGEST_TIME),
    patience: numberOf("patience", options.patience ?? 60_000, 0, LONGEST_TIME),
    durability: durabilityOf(ACTION, durability),
    maxMessage: numberOf("maxMessage", options.maxMessage ?? 64 * MIB, 1, LONGEST_MESSAGE),
    output,
    authkey,
  };
}

function refuse(name: string, value: unknown, wanted: string): never {
  throw new RangeError(`Cannot ${ACTION}: "${name}" is ${Deno.inspect(value)}, ${wanted}`);
}

function numberOf(name: string, value: unknown, least: number, most: number): number {
  if (typeof value !== "number") {
    throw new TypeError(`Cannot ${ACTION}: "${name}" is ${Deno.inspect(value)}, wanted a number`);
  }
  if (!Number.isInteger(value) || value < least || value > most) {
    refuse(name, value, `wanted a whole number from ${least} to ${most}`);
  }
  return value;
}

function textsOf(name: string, value: unknown = []): readonly string[] {
  const isRight = Array.isArray(value) && value.every((it) => typeof it === "string" && it !== "");
  if (!isRight) {
    throw new TypeError(`Cannot ${ACTION}: "${name}" is ${Deno.inspect(value)}, wanted an array of texts, none empty`);
  }
  return [...value];
}
