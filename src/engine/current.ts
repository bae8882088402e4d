// The trees on engines that this process is in, and their sessions: one for each tree.

import { InvalidStateError } from "../errors.ts";
import { current, isWorker } from "../runtime/current.ts";
import { Finalize } from "../runtime/finalize.ts";
import { queryDeno } from "../runtime/permissions.ts";
import { type EngineAddress, requireEnginePermission } from "./address.ts";
import type { RemoteContextPlan } from "./options.ts";
import { openSession } from "./native_session.ts";
import type { Session } from "./session.ts";

/** A tree on an engine that this process is in. */
export interface RemoteTree {
  readonly session: Session;
  /** Where the root has found the engine: what a context is known by, in all processes of the tree. */
  readonly shown: string;
  /** The engine's URL as this host reaches it, with its password. Never to be shown. */
  readonly url: string;
  /** The options of the root's context. */
  readonly plan: RemoteContextPlan;
  /** Whether this process has begun it. */
  readonly isRoot: boolean;
}

/** What a child is told of the tree that it is started in. */
export interface TreeEntry {
  /** The tree: 32 hexadecimal digits. */
  readonly tree: string;
  /** This process, as the engine numbers it. */
  readonly member: number;
  /** The name of its host. */
  readonly host: string;
  readonly shown: string;
  readonly url: string;
  readonly plan: RemoteContextPlan;
}

/** By their names. */
const trees = new Map<string, RemoteTree>();
/** Leaving a tree is the last that a process does. */
const LAST = -100;

/** The tree of the engine at that address in which this process is; `null` if there is none. */
export function treeAt(shown: string): RemoteTree | null {
  return trees.values().find((tree) => tree.shown === shown && !tree.session.closed) ?? null;
}

/** The tree that this process was started in by a process of another host, or its own if it has begun one. */
export function anyTree(): RemoteTree | null {
  return trees.values().find((tree) => !tree.session.closed) ?? null;
}

/**
 * The session of this process in a tree, for what a message names.
 *
 * @throws {InvalidStateError} If this process is not in that tree.
 */
export function sessionOf(tree: string): Session {
  const found = trees.get(tree);
  if (found !== undefined && !found.session.closed) return found.session;
  throw new InvalidStateError("Cannot use an object of another tree: this process is not in it, or has left it");
}

/**
 * Begins a tree on an engine, with this process as its root.
 *
 * @throws {Deno.errors.NotCapable} If Deno does not permit the connection.
 * @throws {EngineUnavailableError} If the engine does not answer.
 */
export function beginTree(address: EngineAddress, plan: RemoteContextPlan): RemoteTree {
  if (isWorker()) {
    throw new Deno.errors.NotSupported(
      "Cannot get a context of an engine in a Worker: get it in the main thread, or use processes instead of Workers",
    );
  }
  requireEnginePermission(address);
  const tree = crypto.randomUUID().replaceAll("-", "");
  const session = openSession({
    ...settingsOf(address, plan),
    tree,
    member: 0,
    host: hostName() || "the root's host",
    beats: true,
  });
  return noted({ session, shown: address.shown, url: address.url, plan, isRoot: true });
}

/** Enters the tree that this process was started in. It is left when the process ends. */
export function enterTree({ tree, member, host, shown, url, plan }: TreeEntry): RemoteTree {
  const session = openSession({ ...settingsOf({ shown, url }, plan), tree, member, host, beats: false });
  return noted({ session, shown, url, plan, isRoot: false });
}

function settingsOf({ url, shown }: Pick<EngineAddress, "url" | "shown">, plan: RemoteContextPlan) {
  const { lease, patience, durability, maxMessage } = plan;
  return { url, shown, lease, patience, durability, maxMessage, name: current.name, pid: Deno.pid };
}

function noted(tree: RemoteTree): RemoteTree {
  const { session } = tree;
  trees.set(session.tree, tree);
  const leaving = new Finalize(() => session.close(Deno.exitCode), { priority: LAST, name: "the tree on an engine" });
  session.onClose(() => {
    leaving.cancel();
    trees.delete(session.tree);
  });
  return tree;
}

/** What this machine calls itself; empty if Deno does not permit to know. */
export function hostName(): string {
  return queryDeno({ name: "sys", kind: "hostname" }).state === "granted" ? Deno.hostname() : "";
}
