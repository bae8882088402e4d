// Leases that run out without anybody waiting for them: by the clock that a tree, or the hosts, have in tests. From then on it
// stands, so nobody else is buried because this machine has much to do.

import type { Engine } from "./engine.ts";
import { PREFIX } from "./library.ts";

/** What the keys of the hosts begin with. */
export const HOSTS = "mp:{hosts}:";
/** In how many steps a lease and a third go by: nobody is heard of for less than half a lease between two. */
const STEPS = 4;

/** Options of {@linkcode leasePasses}. */
export interface LeaseOptions {
  /** The tree's prefix, or {@linkcode HOSTS}. Default: that of the only tree. */
  prefix?: string;
  /** Who is not heard of meanwhile: the number of a member, or the name of its host. All others are. Default: nobody. */
  lost?: string;
}

/** What the keys of the only tree on an engine begin with. */
export async function onlyTree(engine: Engine): Promise<string> {
  const [key, ...others] = (await engine.treeKeys()).filter((key) => key.endsWith("}:tree"));
  if (key === undefined || others.length > 0) throw new Error("Cannot tell which tree: wanted one on the engine");
  return key.slice(0, -"tree".length);
}

/** Has time go by: more than a lease, in which all are heard of but the lost. */
export async function leasePasses(engine: Engine, { prefix, lost }: LeaseOptions = {}): Promise<void> {
  const keys = prefix ?? await onlyTree(engine);
  const lease = Number(await engine.command("HGET", `${keys}tree`, "lease"));
  const begin = Number(await engine.command("GET", `${keys}clock`) ?? Date.now());
  for (let i = 0; i <= STEPS; i++) {
    await engine.command("SET", `${keys}clock`, Math.round(begin + i * lease / (STEPS - 1)));
    for (const member of await engine.command("ZRANGE", `${keys}lease`, 0, -1) as string[]) {
      const names = await engine.command("HMGET", `${keys}p:${member}`, "host", "name") as (string | null)[];
      if (lost === undefined || ![member, ...names].includes(lost)) {
        await engine.command("FCALL", `${PREFIX}beat`, 1, keys, member);
      }
    }
  }
}

/** Has the clocks of the hosts and the only tree go on by `ms` at once, when the engine does so: nobody was heard of meanwhile. */
export async function clocksJump(engine: Engine, ms: number): Promise<() => Promise<void>> {
  const prefixes = [HOSTS, await onlyTree(engine)];
  return async () => {
    const time = Date.now() + ms;
    const set = prefixes.map((prefix) => engine.command("SET", `${prefix}clock`, time));
    engine.thaw();
    await Promise.all(set);
  };
}
