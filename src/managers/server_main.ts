// The server's half of a manager: what its process runs. The other half is manager.ts.

import { ArrivedCallable } from "../callable/arrival.ts";
import { isLate, promised, type TravellingReference } from "../callable/late.ts";
import type { Address } from "../connection/address.ts";
import { currentAuthkey } from "../launch/authkey.ts";
import type { Channel } from "../queues/channel.ts";
import { current } from "../runtime/current.ts";
import { shownName } from "../runtime/harmless.ts";
import { dealWithUncaught, tell } from "../runtime/uncaught.ts";
import type { SerializerName } from "../connection/serializer.ts";
import { BUILT_IN } from "./built_in.ts";
import type { ServedType } from "./objects.ts";
import { pythonServers } from "./python_form.ts";
import { isClass, type TravellingRegistration } from "./registrations.ts";
import { Server } from "./server.ts";

/** What a server's process is started with. */
export interface ServerSettings {
  readonly bell: Channel;
  readonly number: number;
  /** What the manager proves itself with, who alone may create objects and end the server. */
  readonly authority: number;
  /** The names of the package's own types. */
  readonly builtIn: readonly string[];
  /** The user's. */
  readonly types: readonly TravellingRegistration[];
  /** Where clients outside of the tree come in from the beginning; `null`: nowhere, or later. */
  readonly address: Address | null;
  /** What they speak, besides what this package's own clients do. */
  readonly serializer: SerializerName;
  /** Whether they must know the key of this process. */
  readonly asksForKey: boolean;
  readonly initializer: TravellingReference | null;
  readonly initargs: readonly unknown[];
}

/** Serves a manager's objects until it is told to stop. */
export async function serve(settings: ServerSettings): Promise<void> {
  current.daemon = false; // it ends with its parent, but may have children: a pool
  const types = new Map<string, ServedType>();
  const { bell, number, authority, serializer } = settings;
  const python = serializer === "pickle" ? pythonServers() : null;
  const server = new Server({ types, bell, number, authority, python });
  dealWithUncaught((error) => tell(`Process ${shownName(current.name)}: an error that nobody caught:`, error));
  try {
    for (const typeid of settings.builtIn) types.set(typeid, BUILT_IN.get(typeid)!);
    for (const type of settings.types) types.set(type.typeid, await servedType(type));
    if (settings.initializer !== null) await (await find(settings.initializer))(...settings.initargs);
    if (settings.address !== null) server.listen(settings.address, settings.asksForKey ? currentAuthkey() : null);
  } catch (error) {
    server.refuse(error);
    Deno.exit(1);
  }
  await server.serve();
  Deno.exit(0);
}

/** A type of the user's, whose maker is imported. */
async function servedType({ maker, proxytype, ...type }: TravellingRegistration): Promise<ServedType> {
  const found = maker === null ? null : await find(maker, { mayBeClass: true });
  const constructs = isClass(found);
  const make = constructs ? (...args: unknown[]) => Reflect.construct(found!, args) : found;
  const where = proxytype === null || !isLate(proxytype) ? proxytype : await promised(proxytype);
  return { ...type, make, isClass: constructs, proxytype: where, keepsProxies: false, isDirect: false, isUsers: true };
}

/** The function or class that a reference means. */
async function find(
  reference: TravellingReference,
  { mayBeClass = false } = {},
): Promise<(...args: unknown[]) => unknown> {
  // It comes from the process that has started this one.
  const arrived = new ArrivedCallable(reference, { isTrusted: true, mayBeClass });
  return await arrived.get() as (...args: unknown[]) => unknown;
}
