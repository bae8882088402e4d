// Two hosts for tests, each reachable by its own link, with an agent each.

import { getContext } from "@parallel/multiprocessing";
import type { RemoteContext } from "@parallel/multiprocessing/context";
import { type Agent, AUTHKEY, startAgent } from "./agent.ts";
import { type Engine, engineTest, type EngineTestOptions } from "./engine.ts";
import { PATIENCE } from "./helpers.ts";
import { Host, noHosts } from "./hosts.ts";

/** The lease of all, in milliseconds: the shortest. */
export const LEASE = 2_000;
/** What agents of tests are started with. */
export const AGENT_ARGUMENTS: string[] = ["--lease", `${LEASE}ms`];

/** Two hosts, with an agent each. */
export interface TwoHosts extends AsyncDisposable {
  readonly hosts: readonly [Host, Host];
  readonly agents: readonly Agent[];
}

async function twoHosts(engine: Engine): Promise<TwoHosts> {
  const stack = new AsyncDisposableStack();
  try {
    const hosts = [stack.use(new Host("east")), stack.use(new Host("west"))] as const;
    await engine.listenAt(...hosts.map(({ gateway }) => gateway));
    const agents = await Promise.all(
      hosts.map((host) => startAgent(engine.urlAt(host.gateway), { host, args: AGENT_ARGUMENTS })),
    );
    for (const agent of agents) stack.use(agent);
    return { hosts, agents, [Symbol.asyncDispose]: () => stack.disposeAsync() };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

function contextAt(engine: Engine): RemoteContext {
  return getContext(engine.tcpUrl, { lease: LEASE, authkey: AUTHKEY, startTimeout: PATIENCE });
}

/** A test with two hosts. A host that was cut off has not closed its connections: the engine finds that out. */
export function hostsTest(
  name: string,
  run: (context: RemoteContext, two: TwoHosts, engine: Engine) => Promise<void>,
  options: EngineTestOptions = {},
): void {
  engineTest(name, async (engine) => {
    await using two = await twoHosts(engine);
    using context = contextAt(engine);
    await run(context, two, engine);
  }, { leftOut: noHosts, config: { "tcp-keepalive": "1" }, ...options });
}
