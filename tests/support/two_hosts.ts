// Two hosts for tests, each reachable by its own link, with an agent each.

import { getContext } from "@parallel/multiprocessing";
import type { RemoteContext } from "@parallel/multiprocessing/context";
import { type Agent, AUTHKEY, startAgent } from "./agent.ts";
import { type Engine, engineTest, type EngineTestOptions } from "./engine.ts";
import { PATIENCE } from "./helpers.ts";
import { Host, noHosts } from "./hosts.ts";

/** The lease of all, in milliseconds: it does not end while a test runs, unless by the tree's clock (leases.ts). */
const LEASE = 600_000;
/**
 * One that ends. One host is lost then, and the other must not be: on a machine with much else to do its beats may be late by
 * seconds.
 */
export const SHORT_LEASE = 10_000;
/** What agents of tests are started with. */
export function agentArguments(lease: number): string[] {
  return ["--lease", `${lease}ms`];
}

/** Two hosts, with an agent each. */
export interface TwoHosts extends AsyncDisposable {
  readonly hosts: readonly [Host, Host];
  readonly agents: readonly Agent[];
}

async function twoHosts(engine: Engine, lease: number, slots?: number): Promise<TwoHosts> {
  const stack = new AsyncDisposableStack();
  try {
    const hosts = [stack.use(new Host("east")), stack.use(new Host("west"))] as const;
    await engine.listenAt(...hosts.map(({ gateway }) => gateway));
    const agents = await Promise.all(
      hosts.map((host) => startAgent(engine.urlAt(host.gateway), { host, slots, args: agentArguments(lease) })),
    );
    for (const agent of agents) stack.use(agent);
    return { hosts, agents, [Symbol.asyncDispose]: () => stack.disposeAsync() };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

function contextAt(engine: Engine, lease: number): RemoteContext {
  return getContext(engine.tcpUrl, { lease, authkey: AUTHKEY, startTimeout: PATIENCE });
}

/** A test with two hosts. A host that was cut off has not closed its connections: the engine finds that out. */
export function hostsTest(
  name: string,
  run: (context: RemoteContext, two: TwoHosts, engine: Engine) => Promise<void>,
  { lease = LEASE, slots, ...options }: EngineTestOptions & { lease?: number; slots?: number } = {},
): void {
  engineTest(name, async (engine) => {
    await using two = await twoHosts(engine, lease, slots);
    using context = contextAt(engine, lease);
    await run(context, two, engine);
  }, { leftOut: noHosts, config: { "tcp-keepalive": "1" }, ...options });
}
