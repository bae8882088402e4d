// What `status` shows of an engine: its hosts, the programs on it, their processes, queues and locks.

import { harmless } from "../../runtime/harmless.ts";
import type { Session } from "../session.ts";

/** A host that lends slots. */
export interface HostStatus {
  readonly name: string;
  readonly agent: number;
  readonly slots: number;
  readonly taken: number;
  readonly labels: readonly string[];
  readonly draining: boolean;
  readonly version: string;
  readonly deno: string;
}

/** A process of a program. */
export interface ProcessStatus {
  readonly member: number;
  readonly name: string;
  readonly host: string;
  readonly pid: number;
  readonly parent: number;
  readonly daemon: boolean;
}

/** A shared object: its kind, its name, and what it keeps. */
export interface ObjectStatus {
  readonly object: number;
  readonly kind: string;
  readonly name: string;
  /** What is in its state, as the engine has it. */
  readonly state: Readonly<Record<string, string>>;
  /** How long its lists are: messages, those that wait. */
  readonly sizes: Readonly<Record<string, number>>;
}

/** A program that runs on the engine. */
export interface TreeStatus {
  readonly tree: string;
  readonly name: string;
  readonly host: string;
  readonly pid: number;
  readonly processes: readonly ProcessStatus[];
  readonly objects: readonly ObjectStatus[];
}

/** All that is on an engine. */
export interface EngineStatus {
  /** When it was looked at: milliseconds by the engine's clock. */
  readonly time: number;
  readonly hosts: readonly HostStatus[];
  /** How many starts wait for a slot. */
  readonly waiting: number;
  readonly trees: readonly TreeStatus[];
}

type Fields = Readonly<Record<string, string>>;

/** As the function `survey` of the library writes it. Lua writes an empty list as an empty object. */
interface Survey {
  readonly time: number;
  readonly tree: Fields;
  readonly members: readonly (Fields & { taken: number })[] | Record<string, never>;
  readonly objects: readonly { fields: Fields; sizes: Readonly<Record<string, number>> }[] | Record<string, never>;
  readonly trees: readonly string[] | Record<string, never>;
  readonly waiting?: number;
}

function list<T>(given: readonly T[] | Record<string, never>): readonly T[] {
  return Array.isArray(given) ? given : [];
}

/** Looks at the engine, through a session of anybody there. */
export async function statusOf(session: Session): Promise<EngineStatus> {
  const hosts = await survey(session, "hosts");
  const trees = await Promise.all(
    list(hosts?.trees ?? []).map(async (tree) => treeStatus(tree, await survey(session, tree))),
  );
  return {
    time: hosts?.time ?? 0,
    hosts: list(hosts?.members ?? []).filter(({ slots }) => slots !== undefined).map(hostStatus)
      .sort((a, b) => a.agent - b.agent),
    waiting: hosts?.waiting ?? 0,
    trees: trees.filter((tree) => tree !== null),
  };
}

async function survey(session: Session, tree: string): Promise<Survey | null> {
  try {
    const answer = await session.look(tree, "survey");
    return answer.refusal === null ? JSON.parse(answer.text(0)) as Survey : null;
  } catch {
    return null; // it has ended meanwhile
  }
}

function hostStatus(it: Fields & { taken: number }): HostStatus {
  return {
    name: it.name,
    agent: Number(it.member),
    slots: Number(it.slots),
    taken: it.taken,
    labels: (it.labels ?? "").split(",").filter((label) => label !== ""),
    draining: it.draining === "1",
    version: it.version,
    deno: it.deno,
  };
}

function treeStatus(tree: string, seen: Survey | null): TreeStatus | null {
  if (seen === null) return null;
  return {
    tree,
    name: seen.tree.name ?? "",
    host: seen.tree.host ?? "",
    pid: Number(seen.tree.pid),
    processes: list(seen.members).filter((it) => it.agent === undefined).map((it) => ({
      member: Number(it.member),
      name: it.name,
      host: it.host,
      pid: Number(it.pid),
      parent: Number(it.parent),
      daemon: it.daemon === "1",
    })).sort((a, b) => a.member - b.member),
    objects: list(seen.objects).map(({ fields: { object, kind, name, ...state }, sizes }) => ({
      object: Number(object),
      kind,
      name,
      state,
      sizes: Array.isArray(sizes) ? {} : sizes,
    })).sort((a, b) => a.object - b.object),
  };
}

/** What is in the lists of objects, by the ends of their keys. */
const LISTS: Readonly<Record<string, string>> = {
  ":r": "messages",
  ":w": "waiting",
  ":g": "waiting to get",
  ":p": "waiting to put",
  ":j": "waiting for its end",
};

/** An object in a line. */
function described(
  { kind, name, object, state, sizes }: ObjectStatus,
  { processes }: TreeStatus,
  time: number,
): string {
  const parts: string[] = [];
  if (state.owner !== undefined) {
    const member = Number(state.owner.split("/")[0]);
    const owner = processes.find((it) => it.member === member)?.name ?? "somebody";
    const since = Number(state.since);
    parts.push(
      `held by ${member} ${owner}${since > 0 ? ` for ${Math.max(0, (time - since) / 1_000).toFixed(1)} s` : ""}`,
    );
  }
  if (state.value !== undefined) parts.push(`value ${state.value}`);
  for (const [ending, size] of Object.entries(sizes)) {
    if (size > 0 && LISTS[ending] !== undefined) parts.push(`${size} ${LISTS[ending]}`);
  }
  return `${kind} ${name === "" ? object : name}${parts.length === 0 ? "" : `: ${parts.join(", ")}`}`;
}

/** The status as lines. Names come from other programs: they cannot command a terminal. */
export function statusText({ time, hosts, waiting, trees }: EngineStatus): string {
  const lines = hosts.length === 0 ? ["no hosts"] : hosts.map((host) => {
    const labels = host.labels.length === 0 ? "" : ` (${host.labels.join(", ")})`;
    return `host ${host.name}: ${host.taken} of ${host.slots} slots taken${labels}${host.draining ? ", draining" : ""}`;
  });
  if (waiting > 0) lines.push(`${waiting} processes wait for a slot`);
  for (const tree of trees) {
    lines.push(`program ${tree.name} (process ${tree.pid} on ${tree.host})`);
    for (const { name, host, pid, daemon, member } of tree.processes) {
      lines.push(`  ${member} ${name}: process ${pid} on ${host}${daemon ? ", daemon" : ""}`);
    }
    for (const object of tree.objects) lines.push(`  ${described(object, tree, time)}`);
  }
  return lines.map((line) => harmless(line)).join("\n");
}
