// The children of this process that were started on hosts, and what becomes of them when it ends.

import { EngineUnavailableError } from "../errors.ts";
import { getLogger } from "../runtime/logging.ts";
import { shownName } from "../runtime/harmless.ts";
import { Finalize } from "../runtime/finalize.ts";
import { SIGKILL, SIGTERM } from "../runtime/signals.ts";
import { performance } from "../runtime/timing.ts";
import type { Process } from "../process/process.ts";
import type { RemoteChild } from "./child.ts";
import { parting } from "./parting.ts";
import type { Session } from "./session.ts";
import { textOf } from "./text.ts";

/** How long daemons have to end after SIGTERM when this process exits, in milliseconds. */
const DAEMONS_GRACE = 1000;
/** They are ended behind the local children, and before this process leaves its trees. */
const PRIORITY = -50;

/** The children in a tree that have not been seen to have ended, by what the engine calls them. */
const running = new WeakMap<Session, Map<string, RemoteChild>>();

/** Notes a child that was just started. */
export function addRemoteChild(session: Session, child: RemoteChild): void {
  let children = running.get(session);
  if (children === undefined) {
    running.set(session, children = new Map());
    const known = children;
    session.on("exit", (id, code, lost, failure) => known.get(textOf(id))?.hear(code, lost, failure));
    const end = () => endChildren([...known.values()]);
    const ending = new Finalize(() => parting(session, end), { priority: PRIORITY, name: "processes on hosts" });
    session.onClose(() => ending.cancel());
  }
  children.set(child.id, child);
}

/** Forgets a child that has ended. */
export function removeRemoteChild(session: Session, child: RemoteChild): void {
  running.get(session)?.delete(child.id);
}

/** The processes of the tree that were started here and are running. */
export function remoteActiveChildren(session: Session): Process[] {
  const children = [...running.get(session)?.values() ?? []];
  return children.filter((child) => child.poll() === null).map(({ process }) => process);
}

/** Daemons are terminated, others are waited for. */
function endChildren(children: readonly RemoteChild[]): void {
  const logger = getLogger();
  const daemons = children.filter(({ process }) => process.daemon);
  for (const child of daemons) {
    logger.info(`calling terminate() for daemon ${shownName(child.process.name)}`);
    child.send(SIGTERM);
  }
  const until = performance.now() + DAEMONS_GRACE;
  const isOver = (child: RemoteChild, timeout: number | null) => {
    try {
      return child.joinSync({ timeout });
    } catch (error) {
      if (error instanceof EngineUnavailableError) throw error; // it is away for the others, too
      return true; // why it could not begin is told elsewhere
    }
  };
  for (const child of daemons) {
    if (isOver(child, Math.max(0, until - performance.now()))) continue;
    child.send(SIGKILL);
    isOver(child, null);
  }
  for (const child of children) {
    logger.info(`calling join() for process ${shownName(child.process.name)}`);
    isOver(child, null);
  }
}
