// An agent: it is among the hosts of an engine, takes launches, and has a share in each tree that it has children in.

import { VERSION } from "../../addon/interface.ts";
import { clearTimeout, setTimeout } from "../../runtime/timing.ts";
import { type Durability, durabilityIn } from "../durability.ts";
import type { Session } from "../session.ts";
import { HostedTree } from "./hosted_tree.ts";
import type { StartedChild, Starter } from "./launched.ts";
import type { AgentOrder } from "./words.ts";
import { refusalText } from "../launches.ts";
import { textOf } from "../text.ts";

/** How an agent comes into a tree as a member that there is, or among the hosts by a function that makes one. */
export interface Entrance {
  /** The tree, or `"hosts"`. */
  readonly tree: string;
  readonly member?: number;
  readonly begin?: { name: string; args: (string | number)[] };
  /** Milliseconds. */
  readonly lease: number;
  /** That of the tree. Default: `"memory"`. */
  readonly durability?: Durability;
}

/** What an agent is made of. */
export interface AgentParts {
  readonly order: Pick<AgentOrder, "slots" | "labels" | "grace" | "lease" | "allowCode" | "cache" | "grant">;
  /** What this host is called. */
  readonly name: string;
  /** `null`: launches are taken without a signature. */
  readonly authkey: Uint8Array | null;
  readonly url: string;
  readonly shown: string;
  readonly open: (entrance: Entrance) => Session;
  readonly starter: Starter;
  /** Says that it is among the hosts. */
  readonly ready: (text: string) => void;
  /** Says what else whoever runs the agent may want to know. */
  readonly say: (text: string) => void;
}

/** How often an agent without children looks for trees that nobody was heard of. */
const LOOK_FOR_ABANDONED = 10 * 60_000;
/** How long it waits before it tries again to be among the hosts. */
const SHORTEST_RETRY = 250;
const LONGEST_RETRY = 5_000;
/** How long children have between SIGTERM and SIGKILL. */
const LAST_WORDS = 2_000;
/** How long the ends of killed children may take to be told, where the engine is away: others bury them with this host. */
const LAST_REPORTS = 10_000;
/** What trees are called: nothing else is entered. */
const TREE = /^[0-9a-f]{32}$/;
/** Why the engine does not let it have a launch. */
const WHY_NOT: Readonly<Record<string, string>> = {
  dead: "Cannot start a process: whoever wanted it has ended",
};
const SIGTERM = 15;
const SIGKILL = 9;

/** A launch: the tree, its process object, and the slot that it is to have. */
interface Launched {
  readonly id: string;
  readonly object: string;
  readonly reservation: string;
}

/** An agent, from its first step among the hosts to its end. */
export class Agent {
  readonly #parts: AgentParts;
  /** No other agent ever has it: what launches are signed for. */
  readonly #id: string = crypto.randomUUID().replaceAll("-", "");
  #hosts: Session;
  readonly #trees = new Map<string, HostedTree>();
  readonly #entering = new Map<string, Promise<HostedTree>>();
  /** Refusals for trees that have nothing here are told one after the other, so that no more than one is entered for them. */
  #refusing: Promise<void> = Promise.resolve();
  /** How many launches are attended to. */
  #launching = 0;
  #isDraining = false;
  #hasEnded = false;
  readonly #end = Promise.withResolvers<void>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();

  /** Comes among the hosts. */
  constructor(parts: AgentParts) {
    this.#parts = parts;
    this.#hosts = this.#comeAmongHosts();
    this.#lookForAbandoned();
  }

  /** Resolves when it takes no more and its last child has ended. */
  get ended(): Promise<void> {
    return this.#end.promise;
  }

  /** How many children there are. */
  get children(): number {
    return this.#trees.values().reduce((sum, tree) => sum + tree.size, 0);
  }

  #comeAmongHosts(): Session {
    const { order, name } = this.#parts;
    const session = openAmongHosts(this.#parts.open, order.lease, (lease) => ({
      name: "host",
      args: [name, order.slots, order.labels.join(), VERSION, Deno.version.deno, Deno.pid, lease, this.#id],
    }));
    session.on("launch", (tree, object, reservation, ...rest) => {
      void this.#attend(() => this.#launch(textOf(tree), textOf(object), textOf(reservation), rest));
    });
    session.on("drain", () => this.drain());
    session.on("lost", () => this.#comeBack(session));
    this.#parts.ready(`ready: host ${name} (${session.member}) lends ${order.slots} slots at ${this.#parts.shown}`);
    return session;
  }

  /** The engine has forgotten this host, or taken it for dead: it comes as a new one. */
  #comeBack(lost: Session, wait = SHORTEST_RETRY): void {
    if (this.#hasEnded || lost !== this.#hosts) return;
    if (this.#isDraining) return this.#endIfDrained();
    try {
      lost.close();
      this.#hosts = this.#comeAmongHosts();
    } catch (error) {
      this.#parts.say(`Cannot come back yet: ${(error as Error).message}`);
      this.#later(wait, () => this.#comeBack(lost, Math.min(2 * wait, LONGEST_RETRY)));
    }
  }

  /** Attends to a launch to its end: whoever ended meanwhile would be in a tree that nobody knows it to have left. */
  async #attend(launch: () => Promise<void>): Promise<void> {
    this.#launching++;
    try {
      await launch();
    } finally {
      this.#launching--;
      this.#endIfDrained();
    }
  }

  /**
   * Starts a process for a tree; whatever goes wrong is told to its parent. The signature is looked at first: a tree that
   * somebody without the key has made up costs nothing here.
   */
  async #launch(id: string, object: string, reservation: string, rest: readonly Uint8Array[]): Promise<void> {
    if (!TREE.test(id)) return;
    const launched = { id, object, reservation };
    let launch: unknown;
    try {
      launch = await this.#parts.starter.verify(rest, this.#parts.authkey, { tree: id, object, agent: this.#id });
    } catch (error) {
      this.#refusing = this.#refusing.then(() => this.#refuse(launched, error));
      return await this.#refusing;
    }
    await this.#within(launched, async (tree) => {
      try {
        await this.#start(tree, launched, launch);
      } catch (error) {
        await this.#tellRefusal(tree, launched, error);
      }
    });
  }

  /** Does something in a tree, which it does not leave meanwhile. */
  async #within({ id, reservation }: Launched, run: (tree: HostedTree) => Promise<void>): Promise<void> {
    let tree: HostedTree;
    try {
      do tree = await this.#treeOf(id); while (tree.hasEnded);
    } catch (error) {
      this.#parts.say(`Cannot enter a tree: ${(error as Error).message}`);
      return await this.#free(reservation);
    }
    await tree.launching(() => run(tree));
  }

  /** Tells that a launch is not to be trusted, and leaves the tree at once where it has nothing here. */
  async #refuse(launched: Launched, why: unknown): Promise<void> {
    const { id } = launched;
    const wasHere = this.#trees.has(id) || this.#entering.has(id);
    await this.#within(launched, (tree) => this.#tellRefusal(tree, launched, why));
    const tree = this.#trees.get(id);
    if (!wasHere && tree?.size === 0) tree.end();
  }

  async #tellRefusal({ session }: HostedTree, { object, reservation }: Launched, why: unknown): Promise<void> {
    this.#parts.say(`Cannot start a process: ${(why as Error).message}`);
    await session.send("refused", object, refusalText(why)).catch(() => {});
    await this.#free(reservation);
  }

  async #start(tree: HostedTree, { id, object, reservation }: Launched, launch: unknown): Promise<void> {
    const { starter, order, url, shown, name: host } = this.#parts;
    const { session } = tree;
    const accepted = await session.send("accept", object, reservation);
    // Its slot was given up before it got here: the engine has told whoever starts it to find another place.
    if (accepted.refusal === "late") return;
    if (accepted.refusal !== null) throw new Error(WHY_NOT[accepted.refusal] ?? accepted.refusal);
    const member = accepted.number(0);
    tree.expect(member);
    const code = { allow: order.allowCode, cache: order.cache };
    const beginning = { url, shown, tree: id, member, host, session, code, grant: order.grant };
    let child: StartedChild;
    try {
      child = await starter.start(launch, beginning);
    } catch (error) {
      await session.send("refused", object, refusalText(error)).catch(() => {});
      return await tree.ended(member, reservation, 1, null);
    }
    tree.begun(member, reservation, child);
    const isWanted = await session.send("started", object, member, child.pid).then((it) => it.refusal === null)
      .catch(() => false);
    if (!isWanted) child.send(SIGKILL);
  }

  /** This agent's share in a tree. Launches that come meanwhile wait for the same. */
  #treeOf(id: string): Promise<HostedTree> {
    const entering = this.#entering.get(id);
    if (entering !== undefined) return entering;
    const known = this.#trees.get(id);
    if (known !== undefined && !known.isLost) return Promise.resolve(known);
    const entered = this.#enter(id).finally(() => this.#entering.delete(id));
    this.#entering.set(id, entered);
    return entered;
  }

  async #enter(id: string): Promise<HostedTree> {
    const { name } = this.#parts;
    const once = crypto.randomUUID();
    const answer = await this.#hosts.look(id, "enter", this.#hosts.member, `agent ${name}`, name, Deno.pid, once);
    if (answer.refusal !== null) throw new Error(answer.refusal);
    const [member, lease, durability] = [answer.number(0), answer.number(1), durabilityIn(answer.text(2))];
    const session = this.#parts.open({ tree: id, member, lease, durability });
    const tree = new HostedTree({
      session,
      free: (reservation) => this.#free(reservation),
      onEnd: () => {
        if (this.#trees.get(id) === tree) this.#trees.delete(id);
        this.#endIfDrained();
      },
      onChildEnd: () => this.#endIfDrained(),
    });
    this.#trees.set(id, tree);
    return tree;
  }

  async #free(reservation: string): Promise<void> {
    await this.#hosts.look("hosts", "free", reservation).catch(() => {}); // its lease ends with the host, at last
  }

  /** Takes no more; ends when the last child has ended. */
  drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.#parts.say(`Agent ${this.#parts.name} takes no more; ${this.children} processes are left`);
    this.#endIfDrained();
    if (!this.#hasEnded) void this.#hosts.look("hosts", "drain", `${this.#hosts.member}`).catch(() => {});
  }

  /** Drains; what is left when the grace is over is asked to end, and then killed. Again: at once. */
  stop(): void {
    const grace = this.#isDraining ? 0 : this.#parts.order.grace;
    this.drain();
    this.#later(grace, () => {
      for (const tree of this.#trees.values()) tree.signalAll(SIGTERM);
      this.#later(grace === 0 ? 0 : LAST_WORDS, () => {
        for (const tree of this.#trees.values()) tree.signalAll(SIGKILL);
        this.#later(LAST_REPORTS, () => this.#finish());
      });
    });
  }

  #endIfDrained(): void {
    if (!this.#isDraining || this.#hasEnded || this.#launching > 0 || this.children > 0) return;
    this.#hasEnded = true;
    for (const tree of [...this.#trees.values()]) tree.end();
    this.#hosts.close();
    this.#finish();
  }

  #finish(): void {
    this.#hasEnded = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#end.resolve();
  }

  /** Takes away trees of which nobody was heard for an hour. The timer keeps the agent's event loop alive, too. */
  #lookForAbandoned(): void {
    this.#later(LOOK_FOR_ABANDONED, () => {
      this.#lookForAbandoned();
      if (this.children === 0) void this.#clearAbandoned().catch(() => {}); // the next one tries again
    });
  }

  async #clearAbandoned(): Promise<void> {
    const found = await this.#hosts.look("hosts", "abandoned");
    for (let i = 0; i < found.length; i++) {
      while ((await this.#hosts.look(found.text(i), "clear")).text(0) === "more") { /* a portion each */ }
    }
  }

  #later(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (!this.#hasEnded) run();
    }, ms);
    this.#timers.add(timer);
  }
}

/** Comes among the hosts, which have one lease: that of the first. */
export function openAmongHosts(
  open: AgentParts["open"],
  lease: number,
  begin: (lease: number) => Entrance["begin"],
): Session {
  try {
    return open({ tree: "hosts", begin: begin(lease), lease });
  } catch (error) {
    const theirs = Number((error as Error).message.match(/: lease (\d+)$/)?.[1]);
    if (!(theirs > 0)) throw error;
    return open({ tree: "hosts", begin: begin(theirs), lease: theirs });
  }
}

/** An error as a parent is told it. */
