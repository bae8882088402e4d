// A process takes its place in a tree on several machines, before any module of the user's runs. To the agent that has started it
// it is a child as any; to the program it is the child of a process on another host.

import type { RemoteFacts } from "../launch/preparation.ts";
import { becomeChildOf } from "../process/parent.ts";
import { current } from "../runtime/current.ts";
import { enterTree } from "./current.ts";
import { readMessage } from "./messages.ts";
import type { RemoteContextPlan } from "./options.ts";
import { RemoteParent } from "./parent.ts";
import { useCodeFolder } from "../callable/places.ts";
import { noteHost, type RemoteProcessClass, remoteProcessClass } from "./process.ts";

/** What a process has of its place. */
export interface Place {
  /** The class of its object, where that has no other. */
  readonly Process: RemoteProcessClass;
  /** Reads its arguments. */
  readonly readArguments: (bytes: Uint8Array) => unknown;
}

/** Enters the tree. */
export function enter({ url, shown, tree, member, object, objects, host, parent, plan, folder }: RemoteFacts): Place {
  const entered = enterTree({ tree, member, host, shown, url, plan: plan as RemoteContextPlan });
  const { session } = entered;
  session.native.ownGroup();
  current.parent = { pid: parent.pid, name: parent.name };
  becomeChildOf(new RemoteParent(session, object, parent));
  noteHost(host);
  if (folder !== null) useCodeFolder(folder);
  return {
    Process: remoteProcessClass(entered),
    readArguments: (bytes) => readMessage(session, bytes, objects, "parent"),
  };
}
