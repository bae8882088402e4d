// The process of a manager's server, as the manager has it: its start, and its end.

import { type Given, reference } from "../callable/reference.ts";
import type { Callable, ModuleExport } from "../callable/types.ts";
import type { Address } from "../connection/address.ts";
import { EOFError, InvalidStateError, ProcessError, TimeoutError } from "../errors.ts";
import { howItEnded } from "../pool/failures.ts";
import type { Process } from "../process/process.ts";
import { Channel } from "../queues/channel.ts";
import { shownName } from "../runtime/harmless.ts";
import { SERVER_MAIN } from "../runtime/own_modules.ts";
import { ofUsersCall, partsOf, withUsersFrames } from "../runtime/stack.ts";
import { performance } from "../runtime/timing.ts";
import { Gate, randomNumber } from "./gate.ts";
import type { CheckedOptions } from "./manager_options.ts";
import { SERVER_ID } from "./messages.ts";
import { noteProxyTypes } from "./proxy_types.ts";
import { proxyClasses, type Registration, TravellingMakers } from "./registrations.ts";
import { RingLine } from "./ring_line.ts";
import type { ServerSettings } from "./server_main.ts";
import { SocketFile } from "./socket_file.ts";

/**
 * Milliseconds that a start with the thread blocked waits for the server before it looks whether that lives: long enough
 * to count as blocking (addon/blocking.ts), since the server may wait to be told which module exports what it serves.
 */
const START_LOOK = 100;

const SERVE = { module: SERVER_MAIN, name: "serve" };

/** How many servers this process has started, for their names. */
let servers = 0;

/** What a server's process is started with. */
export interface ServerStart extends Pick<CheckedOptions, "address" | "authkey" | "serializer" | "Process"> {
  /** Of the manager's class. */
  readonly name: string;
  readonly registrations: readonly Registration[];
  readonly initializer: unknown;
  readonly initargs: readonly unknown[];
}

/** A process that was started to serve. */
export class ServerProcess {
  readonly line: RingLine;
  readonly process: Process;
  /** The server is not one of this process any more. */
  readonly forget: () => void;
  /** Where it listens, once that is known. */
  #socket: SocketFile | null = null;

  /**
   * Starts it; whether it serves is known by {@linkcode begun}.
   *
   * @throws {TypeError} If the initializer is no function, or no module exports it or what makes the objects of a type.
   */
  constructor({ name, registrations, initializer, initargs, address, authkey, serializer, Process }: ServerStart) {
    const given = initializer === undefined || initializer === null ? null : initializerOf(initializer);
    const own = registrations.filter((it) => !it.isBuiltIn);
    const makers = new TravellingMakers(own);
    const bell = Channel.kept();
    const gate = new Gate(randomNumber(), bell, { pid: 0, name: `${name}-${++servers}`, token: 0 });
    const authority = randomNumber();
    const settings: ServerSettings = {
      bell,
      number: gate.number,
      authority,
      builtIn: registrations.filter((it) => it.isBuiltIn).map(({ typeid }) => typeid),
      types: own.map((it) => makers.travel(it)),
      address,
      serializer,
      asksForKey: authkey !== null,
      initializer: given?.travel() ?? null,
      initargs,
    };
    this.process = new Process({ target: SERVE, args: [settings], daemon: true });
    this.process.name = gate.facts.name;
    if (authkey !== null) this.process.authkey = authkey;
    this.process.start();
    this.forget = noteProxyTypes(gate.number, proxyClasses(own));
    this.line = RingLine.to(gate, authority);
  }

  /** Waits until it serves, or has ended instead. What this gives kept the process from its work, if it is known. */
  async begun(): Promise<unknown> {
    const { line, process } = this;
    const [ended, welcomed] = [new AbortController(), new AbortController()];
    let failure: unknown = null;
    const end = process.join({ signal: welcomed.signal })
      .catch((error: unknown) => failure = error)
      .finally(() => ended.abort());
    await line.welcomed({ signal: ended.signal }).catch(() => {});
    welcomed.abort(); // a wait for the end of the server would keep this program from its own
    await end;
    if (line.isOpen) return null;
    line.welcomedSync(0); // it may have said why before it ended
    process.kill();
    await process.join().catch((error: unknown) => failure = error);
    return failure;
  }

  /** As {@linkcode begun}, blocking the thread. */
  begunSync(): unknown {
    const { line, process } = this;
    let failure: unknown = null;
    try {
      while (!line.isOver && !line.welcomedSync(START_LOOK) && process.exitcode === null);
    } catch (error) {
      failure = error; // the thread may not be blocked yet
    }
    if (line.isOpen) return null;
    line.welcomedSync(0); // it may have said why before it ended
    process.kill();
    try {
      process.joinSync();
    } catch (error) {
      failure ??= error;
    }
    return failure;
  }

  /** Why it does not serve. `failure` is what {@linkcode begun} gave. */
  whyNot(failure: unknown): unknown {
    const { line: { startFailure }, process: { name, exitcode } } = this;
    if (startFailure !== null) return startFailure.error;
    if (failure instanceof InvalidStateError) return ofUsersCall(failure);
    const why = failure instanceof Error
      ? partsOf(failure.message).head // where that is, the frames say
      : `its server ${shownName(name)} ${howItEnded(exitcode)} before it could serve`;
    return withUsersFrames(new ProcessError(`Cannot start the manager: ${why}`));
  }

  /** Ends it: it is told to end, then terminated, then killed, each `timeout` milliseconds after the other. */
  async end(timeout: number): Promise<void> {
    const { line, process } = this;
    if (!line.isOpen && !line.isOver) return void (process.kill(), await process.join().catch(() => {})); // it just starts
    const told = performance.now();
    await line.call(SERVER_ID, "shutdown", [], { timeout }).catch(mayBeGone);
    if (!await process.join({ timeout: timeout - (performance.now() - told) })) {
      process.terminate();
      if (!await process.join({ timeout })) {
        process.kill();
        await process.join();
      }
    }
    line.close();
  }

  /** As {@linkcode end}, blocking the thread, when this process ends. */
  endSync(timeout: number): void {
    const { line, process } = this;
    const told = performance.now();
    try {
      if (line.isOpen) line.callSync(SERVER_ID, "shutdown", [], { timeout });
    } catch (error) {
      mayBeGone(error);
    }
    if (!process.joinSync({ timeout: timeout - (performance.now() - told) })) {
      process.terminate();
      if (!process.joinSync({ timeout })) {
        process.kill();
        process.joinSync();
      }
    }
  }

  /** It listens at `address`. */
  listens(address: Address | null): void {
    this.#socket ??= SocketFile.at(address);
  }

  /** Removes what a server that was killed has left of its socket. `isOwn`: the folder was made for it, too. */
  removeSocket(isOwn: boolean): void {
    if (this.process.exitcode !== 0) this.#socket?.remove({ withFolder: isOwn });
  }
}

/** What may come of telling a server to end: it has ended before it could answer, or takes its time. */
function mayBeGone(error: unknown): void {
  if (!(error instanceof EOFError || error instanceof TimeoutError)) throw error;
}

function initializerOf(initializer: unknown): Given {
  if (typeof initializer !== "function" && !isExport(initializer)) {
    throw new TypeError(
      `Cannot start the manager: the initializer is ${Deno.inspect(initializer, { depth: 0 })}, wanted a function`,
    );
  }
  const given = reference(initializer as Callable);
  given.prove();
  return given;
}

function isExport(value: unknown): value is ModuleExport {
  return typeof value === "object" && value !== null && "module" in value && "name" in value;
}
