// Launches: what the agent of a host is told to start, signed with the key that the program and its hosts share. The engine
// carries them, and whoever may write to it can make up others; so an agent starts nothing that is not signed for it, and
// nothing twice.
//
// | a hostile engine may | what follows |
// | --- | --- |
// | change or make up a launch | its signature is wrong |
// | show a launch to another host, or for another object or tree | these are signed, too |
// | show it again | its nonce is known |
// | show it again when the agent has forgotten the nonce | it is too old |

import { VERSION } from "../addon/interface.ts";
import { AuthenticationError } from "../errors.ts";
import type { FunctionReference } from "../callable/types.ts";
import type { Facts, RemoteParentFacts } from "../launch/preparation.ts";
import { inOneLine, shownName } from "../runtime/harmless.ts";
import { isError } from "../runtime/stack.ts";
import { Date, wallClock } from "../runtime/timing.ts";
import type { Code } from "./code.ts";
import { areSame, hmac } from "./digests.ts";
import type { RemoteContextPlan } from "./options.ts";
import { bytesOf, textOf } from "./text.ts";

/** For how many milliseconds a launch is good, and its nonce kept. */
const LIFETIME = 10 * 60 * 1000;
const LENGTH_BYTES = 4;
const NONCE_BYTES = 16;

/** Which launch it is, and for whom. */
export interface LaunchSeal {
  /** The tree, the member that starts the process, and the process object. */
  readonly tree: string;
  readonly member: number;
  readonly object: string;
  /** What the agent calls itself: no other agent ever has that. */
  readonly agent: string;
}

/** Where an output of a process goes: to the root's terminal, nowhere, or into a pipe of the engine's. */
export type LaunchOutput = "inherit" | "null" | { readonly pipe: string };

/** What a process is started with, as JSON. Names of modules are those of places.ts. */
export interface LaunchFacts {
  readonly version: string;
  readonly facts: Pick<
    Facts,
    "name" | "identity" | "daemon" | "logger" | "mainModule" | "isGuarded" | "initialDirectory" | "hasManagers"
  >;
  readonly target: FunctionReference | null;
  readonly process: FunctionReference | null;
  /** The objects that the arguments speak of. */
  readonly objects: string;
  /** The flags of Deno: those of permissions, with the parent's libraries among them, and all others. */
  readonly flags: readonly string[];
  readonly permissions: readonly string[];
  readonly libraries: readonly string[];
  /** The arguments of the program. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>> | null;
  /** Where it begins, and whether the user has said so. */
  readonly directory: string;
  readonly isDirectoryWanted: boolean;
  readonly stdout: LaunchOutput;
  readonly stderr: LaunchOutput;
  readonly parent: RemoteParentFacts;
  /** The root's context. */
  readonly context: { readonly shown: string; readonly plan: RemoteContextPlan };
  readonly code: Code;
  /** The module of this package that the program's processes begin with. */
  readonly childMain: string;
}

/** A launch whose signature was right. */
export interface Launch extends LaunchFacts {
  readonly seal: LaunchSeal;
  /** The arguments: a message. */
  readonly work: Uint8Array;
  /** The key that it was signed with, which its process inherits; `null`: the signature was not looked at. */
  readonly key: Uint8Array | null;
}

/** A launch as it travels. */
export interface SignedLaunch {
  readonly body: Uint8Array;
  readonly signature: Uint8Array;
}

/** Writes a launch, and signs it. */
export function signLaunch(seal: LaunchSeal, facts: LaunchFacts, work: Uint8Array, key: Uint8Array): SignedLaunch {
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES)).toHex();
  const head = bytesOf(JSON.stringify({ seal, nonce, time: wallClock(), facts }));
  const body = new Uint8Array(LENGTH_BYTES + head.length + work.length);
  new DataView(body.buffer).setUint32(0, head.length);
  body.set(head, LENGTH_BYTES);
  body.set(work, LENGTH_BYTES + head.length);
  return { body, signature: hmac(key, body) };
}

/** The nonces of launches, and until when each is kept. */
const nonces = new Map<string, number>();

/**
 * Reads a launch.
 *
 * @param key `null`: the signature is not looked at.
 * @throws {AuthenticationError} If it was not signed with this key for this agent, or was seen before, or is too old.
 */
export function verifyLaunch(
  { body, signature }: SignedLaunch,
  key: Uint8Array | null,
  told: Pick<LaunchSeal, "tree" | "object" | "agent">,
): Launch {
  if (key !== null && !areSame(hmac(key, body), signature)) {
    throw refused("it is signed with another key than that of this host's agent; give both the same --authkey-file");
  }
  const length = new DataView(body.buffer, body.byteOffset).getUint32(0);
  const work = body.slice(LENGTH_BYTES + length);
  const head = JSON.parse(textOf(body.subarray(LENGTH_BYTES, LENGTH_BYTES + length)));
  const { seal, nonce, time, facts } = head as Sealed;
  const isMeant = seal.tree === told.tree && seal.object === told.object && seal.agent === told.agent;
  if (!isMeant) throw refused("it was signed for another process or another host");
  requireFresh(nonce, time);
  if (facts.version !== VERSION) {
    throw new Deno.errors.NotSupported(
      `Cannot start "${shownName(facts.facts.name)}": its program has version ${facts.version} of this package, the ` +
        `agent ${VERSION}; install the same on all hosts`,
    );
  }
  return { seal, work, key, ...facts };
}

interface Sealed {
  readonly seal: LaunchSeal;
  readonly nonce: string;
  readonly time: number;
  readonly facts: LaunchFacts;
}

function requireFresh(nonce: string, time: number): void {
  const now = wallClock();
  for (const [old, until] of nonces) if (until < now) nonces.delete(old);
  if (Math.abs(now - time) > LIFETIME) {
    throw refused(
      `it was signed at ${new Date(time).toISOString()}, and here it is ${new Date(now).toISOString()}; set the clocks`,
    );
  }
  if (nonces.has(nonce)) throw refused("it has been here before");
  nonces.set(nonce, now + 2 * LIFETIME);
}

function refused(why: string): AuthenticationError {
  return new AuthenticationError(`Cannot take the launch: ${why}`);
}

/** An error as an agent tells it to who wanted the start, whose process makes one of it again. */
export function refusalText(error: unknown): string {
  const { name, message } = isError(error) ? error : { name: "Error", message: inOneLine(error) };
  return JSON.stringify({ name, message });
}
