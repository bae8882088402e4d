// Memberships in trees on an engine, for tests of what lies above them.

import { openSession, type SessionSettings } from "../../src/engine/native_session.ts";
import type { Session } from "../../src/engine/session.ts";
import type { Engine } from "./engine.ts";

const DEFAULTS = {
  name: "MainProcess",
  host: "here",
  pid: Deno.pid,
  lease: 30_000,
  patience: 10_000,
  durability: "memory",
  maxMessage: 64 << 20,
} as const;

/** The root of a new tree. */
export function rootOf(engine: Pick<Engine, "url">, settings: Partial<SessionSettings> = {}): Session {
  const tree = crypto.randomUUID().replaceAll("-", "");
  return openSession({ ...DEFAULTS, url: engine.url, shown: engine.url, tree, member: 0, beats: true, ...settings });
}

/** Another member of that tree, on another host. It does its steps itself: a thread has the objects of one member. */
export function visitorOf(engine: Pick<Engine, "url">, { tree }: Session): Session {
  const begin = { name: "enter", args: ["agent", "visitor", "elsewhere", "77"] };
  return openSession({ ...DEFAULTS, url: engine.url, shown: engine.url, tree, member: 0, begin, beats: false });
}

/** Says of a member that it was killed. */
export function bury(session: Session, member: number): void {
  session.lookSync(session.tree, "bury", member, "killed by signal 9");
}
