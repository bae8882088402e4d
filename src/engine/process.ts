// The class of processes of a tree on an engine: they run on any host. The object is a local process's in all that is asked of
// it before the start; how it is started, and what is known of it then, is here and in child.ts.

import { VERSION } from "../addon/interface.ts";
import { addonFile } from "../addon/load.ts";
import type { FunctionReference } from "../callable/types.ts";
import { isLate } from "../callable/late.ts";
import { InvalidStateError, ProcessError, TimeoutError } from "../errors.ts";
import { currentAuthkey } from "../launch/authkey.ts";
import { childFlags } from "../launch/child_command_line.ts";
import { type DenoPlan, plan } from "../launch/plan.ts";
import { bindMethod } from "../launch/settings.ts";
import type { Beginning } from "../process/begin.ts";
import { pipedErrors } from "../process/output.ts";
import type { ProcessSettings } from "../process/options.ts";
import { Process } from "../process/process.ts";
import { knownSelf } from "../process/self.ts";
import { startBy } from "../process/started.ts";
import { argumentsOf } from "../process/work.ts";
import { register } from "../reduction/registry.ts";
import { current } from "../runtime/current.ts";
import { harmless, shownName } from "../runtime/harmless.ts";
import { CHILD_MAIN } from "../runtime/own_modules.ts";
import { queryDeno } from "../runtime/permissions.ts";
import { showAsText } from "../runtime/shown.ts";
import { performance } from "../runtime/timing.ts";
import { bareKey } from "./bare_key.ts";
import { RemoteChild } from "./child.ts";
import { remoteActiveChildren as childrenOf } from "./children.ts";
import { type Code, importedCode, sameCode } from "./code.ts";
import type { OnHost, RemoteProcessConstructor } from "./contracts.ts";
import { hostName, type RemoteTree } from "./current.ts";
import { ObjectHandle } from "./handles.ts";
import { type LaunchFacts, type LaunchOutput, signLaunch } from "./launches.ts";
import { type EngineMessage, writeMessage } from "./messages.ts";
import { RemoteOutputs } from "./output.ts";
import { outward, outwardPath, valueMapped } from "../callable/places.ts";
import { refusalOfPython } from "./refusals.ts";
import type { Answer, Session } from "./session.ts";
import { BriefStarts, PATIENT, type StartLimits } from "./start_limits.ts";
import { showOutput } from "./terminal.ts";
import { uploadedCode } from "./upload.ts";
import { bytesOf } from "./text.ts";

/** What came of processes of these classes once they had been started. */
const children = new WeakMap<Process, RemoteChild>();

/** A class of processes that run on the hosts of a tree. */
export type RemoteProcessClass = RemoteProcessConstructor & { readonly prototype: Process };

/** The class of each tree. */
const classes = new WeakMap<Session, RemoteProcessClass>();

/** The class of the processes of a tree. */
export function remoteProcessClass(tree: RemoteTree): RemoteProcessClass {
  let known = classes.get(tree.session);
  if (known === undefined) classes.set(tree.session, known = made(tree));
  return known;
}

/** The class of the workers of a pool, whose starts do not block the pool's thread for long. */
export function workerProcessClass(tree: RemoteTree): RemoteProcessClass {
  const limits = new BriefStarts();
  const Worker = class Worker_ extends remoteProcessClass(tree) {
    static {
      Object.defineProperty(Worker_, "name", { value: "Process" });
    }
  };
  startBy(Worker as unknown as typeof Process, (beginning) => new Start(tree, beginning, limits).run());
  return Worker as unknown as RemoteProcessClass;
}

function made(tree: RemoteTree): RemoteProcessClass {
  /** A process on a host. */
  const RemoteProcess = class Process_ extends Process implements OnHost {
    static {
      Object.defineProperty(Process_, "name", { value: "Process" });
      showAsText(Process_);
      register(Process_, {
        name: `engine.Process ${tree.session.tree}`,
        refuse: "a Process cannot be sent to another process; send what is to be done instead",
      });
    }

    get host(): string | null {
      return children.get(this)?.host ?? (knownSelf() === this ? hostHere : null);
    }

    get lostHost(): boolean {
      return children.get(this)?.isLost ?? false;
    }
  };
  bindMethod(RemoteProcess, "spawn");
  startBy(RemoteProcess, (beginning) => new Start(tree, beginning, PATIENT).run());
  if (tree.isRoot) showOutput(tree.session, tree.plan.output);
  return RemoteProcess as unknown as RemoteProcessClass;
}

/** The host that this process was started on; `null` for the root. */
let hostHere: string | null = null;

/** Says on which host this process runs. */
export function noteHost(host: string): void {
  hostHere = host;
}

/** The processes of a tree that were started here and are running. */
export function remoteActiveChildren(tree: RemoteTree): Process[] {
  return childrenOf(tree.session);
}

/** Where a process runs. */
type Started = Pick<RemoteChild, "member" | "pid" | "host">;

/** A start of a process. */
class Start {
  readonly #tree: RemoteTree;
  readonly #beginning: Beginning;
  readonly #name: string;
  /** When a slot is given up, by this process's clock. */
  #until = Infinity;
  readonly #limits: StartLimits;
  /** Milliseconds that it may take to find a slot, and as many for the host to begin. */
  readonly #limit: number;

  constructor(tree: RemoteTree, beginning: Beginning, limits: StartLimits) {
    this.#tree = tree;
    this.#limits = limits;
    this.#limit = limits.limit(tree.plan.startTimeout);
    this.#beginning = beginning;
    this.#name = shownName(beginning.name);
  }

  /** Starts it: it exists on its host then. */
  run(): RemoteChild {
    const { session } = this.#tree;
    const { object, target, python, Class, state, options, daemon, identity, name } = this.#beginning;
    if (python !== null) throw refusalOfPython(this.#name, python);
    requireRemoteOptions(options);
    for (const given of [target, Class]) given?.settle();
    const planned = plan({
      ...this.#beginning,
      process: Class,
      args: [],
      permissions: "inherit",
      stdout: "null",
      stderr: "null",
      cwd: options.cwd,
    });
    const code = this.#code(planned);
    const args = argumentsOf(options);
    const work = args.length === 0 && Object.keys(state).length === 0 ? null : writeMessage(session, [args, state]);
    const { stdout = "inherit", stderr = "inherit" } = options;
    const outputs = new RemoteOutputs(session, { stdout, stderr });
    const handle = ObjectHandle.make(session, "process", name, daemon ? "1" : "0", JSON.stringify(identity));
    try {
      const facts = this.#facts(planned, { code, work, outputs });
      const child = new RemoteChild({ ...this.#launched(handle, facts, work), process: object, outputs, handle });
      children.set(object, child);
      if (outputs.stderr !== null) pipedErrors.set(object, outputs.stderr);
      return child;
    } catch (error) {
      handle.close();
      outputs.discard();
      throw error;
    } finally {
      work?.letGo();
    }
  }

  /** Where it runs. A host that is lost, or takes no more, before it has taken the launch is another's turn. */
  #launched(handle: ObjectHandle, facts: LaunchFacts, work: EngineMessage | null): Started {
    const { session } = this.#tree;
    const key = keyOf(this.#tree, this.#beginning.object.authkey);
    const { code } = this.#tree.plan;
    this.#until = performance.now() + this.#limit;
    // What a host has to load first may take any time. If it is lost meanwhile, that answers.
    const patience = { timeout: code === "upload" ? Infinity : this.#limit, overdue: "unknown" } as const;
    for (;;) {
      const { agent, host, id } = this.#place(handle);
      const seal = { tree: session.tree, member: session.member, object: handle.id, agent: id };
      const { body, signature } = signLaunch(seal, facts, work?.bytes ?? new Uint8Array(), key);
      const words = [handle.id, agent, work?.objects ?? "", body, signature];
      const answer = session.waitSync("launch", words, patience);
      if (answer?.refusal === "lost") continue;
      this.#limits.note(answer !== null);
      return this.#started(answer, host);
    }
  }

  #code({ modules, commandLine }: DenoPlan): Code {
    const { session, plan: { code, include } } = this.#tree;
    if (code === "same") return sameCode(modules);
    const { flags } = childFlags(commandLine);
    if (code === "import") return importedCode(this.#name, modules, flags);
    return uploadedCode(session, { roots: modules, include, flags, directory: commandLine.cwd });
  }

  /** Reserves a slot. */
  #place(handle: ObjectHandle): { agent: string; host: string; id: string } {
    const { session, plan, shown } = this.#tree;
    const reservation = crypto.randomUUID();
    const labels = plan.hosts.join(",");
    const timeout = Math.max(0, this.#until - performance.now());
    const wait = { timeout, overdue: "unknown" } as const;
    const answer = session.waitSync("place", [handle.id, reservation, VERSION, labels], wait);
    if (answer === null) throw this.#full();
    if (answer.refusal === null) return { agent: answer.text(0), host: answer.text(1), id: answer.text(2) };
    const cannot = `Cannot start "${this.#name}": `;
    switch (answer.refusal) {
      case "none":
        throw new ProcessError(
          `${cannot}no host has an agent; start one on each machine that is to run processes: ` +
            `deno run -A ${AGENT} --url ${shown} --slots 8 --authkey-file …`,
        );
      case "label":
        throw new ProcessError(`${cannot}no host has the labels ${labels}; start an agent there with --label`);
      case "version":
        throw new Deno.errors.NotSupported(
          `${cannot}host "${harmless(answer.text(0))}" has version ${harmless(answer.text(1))} of this package, this ` +
            `program ${VERSION}; install the same on all hosts`,
        );
      default:
        throw new InvalidStateError(`${cannot}the engine says "${answer.refusal}"`);
    }
  }

  #full(): TimeoutError {
    const { session } = this.#tree;
    const answer = session.lookSync(session.tree, "slots");
    const [hosts, slots] = [answer.number(0), answer.number(1)];
    const count = (n: number, what: string) => `${n} ${what}${n === 1 ? "" : "s"}`;
    return new TimeoutError(
      `Cannot start "${this.#name}" within ${this.#limit} ms: ${count(hosts, "host")}, ${count(slots, "slot")}, all ` +
        `taken; the last by "${harmless(answer.text(2))}"`,
    );
  }

  /** What the agent has said. */
  #started(answer: Answer | null, host: string): Started {
    const cannot = `Cannot start "${this.#name}"`;
    if (answer === null) {
      throw new TimeoutError(
        `${cannot} within ${this.#limit} ms: the agent of host "${harmless(host)}" does not answer`,
      );
    }
    if (answer.refusal === null) return { member: answer.text(0), pid: answer.number(1), host };
    switch (answer.refusal) {
      case "refused":
        throw refusedStart(answer.text(0), cannot, host);
      case "ended":
        throw new ProcessError(`${cannot}: host "${harmless(host)}" was lost meanwhile`);
      default:
        throw new InvalidStateError(`${cannot}: an object among its arguments is gone`);
    }
  }

  #facts(
    planned: DenoPlan,
    { code, work, outputs }: { code: Code; work: EngineMessage | null; outputs: RemoteOutputs },
  ): LaunchFacts {
    const { session, plan, shown } = this.#tree;
    const { options } = this.#beginning;
    const { name, identity, daemon, logger, mainModule, isGuarded, initialDirectory, hasManagers } = planned.facts;
    const { flags, permissions } = childFlags(planned.commandLine);
    const output = (given: string | undefined, pipe: { id: string } | null): LaunchOutput =>
      pipe !== null ? { pipe: pipe.id } : given === "null" ? "null" : "inherit";
    return {
      version: VERSION,
      facts: {
        name,
        identity,
        daemon,
        logger,
        mainModule: mainModule && outward(mainModule),
        isGuarded,
        initialDirectory: outwardPath(initialDirectory),
        hasManagers,
      },
      target: referenceOut(planned.toRun.target),
      process: referenceOut(planned.toRun.process),
      objects: work?.objects ?? "",
      flags: flags.map((flag) => valueMapped(flag, (path) => outwardPath(path))),
      permissions: permissions.map((flag) => valueMapped(flag, (path) => outwardPath(path))),
      libraries: [addonFile().path],
      args: Deno.args,
      env: options.env ?? null,
      directory: outwardPath(planned.directory ?? initialDirectory),
      isDirectoryWanted: options.cwd !== undefined,
      stdout: output(options.stdout, outputs.stdout),
      stderr: output(options.stderr, outputs.stderr),
      parent: { member: session.member, pid: Deno.pid, name: current.name, host: hostName() },
      context: { shown, plan: { ...plan, authkey: null } },
      code,
      childMain: CHILD_MAIN,
    };
  }
}

/** Where the program of an agent is, for messages. */
const AGENT = "/path/to/clone/dist/agent.js";

/** Refuses options that need the local machine. */
function requireRemoteOptions({ permissions = "inherit", maxSharedMemory }: ProcessSettings): void {
  if (permissions !== "inherit") {
    throw new Deno.errors.NotSupported(
      'Cannot start a process on a host with "permissions" of its own; give the agent less with --grant',
    );
  }
  if (maxSharedMemory !== undefined) {
    throw new Deno.errors.NotSupported(
      'Cannot start a process on a host with "maxSharedMemory": there is no memory that hosts share',
    );
  }
}

function referenceOut(given: DenoPlan["toRun"]["target"]): FunctionReference | null {
  if (given === null) return null;
  if (isLate(given)) throw new InvalidStateError(`Cannot start a process on a host: "${given.label}" is not found yet`);
  return { ...given, module: outward(given.module) };
}

/** What launches are signed with: a key that the process object was given, else that of the context, or of this process. */
export function keyOf({ plan, isRoot }: Pick<RemoteTree, "plan" | "isRoot">, given: Uint8Array): Uint8Array {
  const own = currentAuthkey();
  const isGiven = given.length !== own.length || given.some((byte, i) => byte !== own[i]);
  if (isGiven || !isRoot) return bareKey(given); // a process on a host has the key of that
  return plan.authkey ?? keyInEnvironment() ?? bareKey(own);
}

function keyInEnvironment(): Uint8Array | null {
  const state = queryDeno({ name: "env", variable: KEY_VARIABLE }).state;
  const text = state === "granted" ? Deno.env.get(KEY_VARIABLE) : undefined;
  const key = bareKey(bytesOf(text));
  return key.length === 0 ? null : key;
}

const KEY_VARIABLE = "MULTIPROCESSING_AUTHKEY";

/** The error that an agent has refused a start with. */
function refusedStart(said: string, cannot: string, host: string): Error {
  const { name, message } = JSON.parse(said) as { name: string; message: string };
  const shown = harmless(message, { multiline: true });
  const text = shown.startsWith("Cannot start") ? shown : `${cannot} on host "${harmless(host)}": ${shown}`;
  switch (name) {
    case "TypeError":
      return new TypeError(text);
    case "NotCapable":
      return new Deno.errors.NotCapable(text);
    case "NotFound":
      return new Deno.errors.NotFound(text);
    case "NotSupported":
      return new Deno.errors.NotSupported(text);
    case "PermissionDenied":
      return new Deno.errors.PermissionDenied(text);
    default:
      return new ProcessError(text);
  }
}
