// The library of functions in a bare server: steps as a client would send them, one at a time, and what they answer.

import { assertEquals } from "@std/assert";
import { VERSION } from "../../src/addon/interface.ts";
import type { Engine } from "./engine.ts";
import type { Reply } from "./resp.ts";

/** How the names of the functions begin: by the version, of which patches share them. */
export const PREFIX: string = `mp_${VERSION.split(".").slice(0, 2).join("_")}_`;
/** The name of the library. */
export const LIBRARY: string = PREFIX.slice(0, -1);

const FOLDER = new URL("../../src/engine/library/", import.meta.url);

/** The library as it is loaded: all parts in their order. */
export function libraryText(): string {
  const parts = Deno.readTextFileSync(new URL("order.txt", FOLDER)).trim().split("\n");
  const texts = parts.map((part) => Deno.readTextFileSync(new URL(`${part}.lua`, FOLDER)));
  return [`#!lua name=${LIBRARY}\n`, ...texts].join("\n");
}

/** What a step is given. */
type Word = string | number | Uint8Array;

/** A tree on an engine whose steps a test does itself. */
export class BareTree {
  readonly engine: Engine;
  readonly prefix: string;

  private constructor(engine: Engine, prefix: string) {
    this.engine = engine;
    this.prefix = prefix;
  }

  /** Loads the library, and begins a tree with its root, member 1. */
  static async open(engine: Engine, name = "t"): Promise<BareTree> {
    await engine.command("FUNCTION", "LOAD", "REPLACE", libraryText());
    const tree = new BareTree(engine, `mp:{${name}}:`);
    assertEquals(await tree.look("open", "test", "root", "here", "1", "30000"), ["ok", "1"]);
    return tree;
  }

  /** The tree of a session, to be played with. */
  static of(engine: Engine, tree: string): BareTree {
    return new BareTree(engine, `mp:{${tree}}:`);
  }

  /** Calls a function that is no step. */
  look(name: string, ...args: Word[]): Promise<Reply> {
    return this.engine.command("FCALL", `${PREFIX}${name}`, 1, this.prefix, ...args);
  }

  /** A lane of a member that there is. */
  lane(member: number | string = 1, lane = 0): BareLane {
    return new BareLane(this, `${member}`, lane);
  }

  /** Another living member, entered by hand: how processes join is not looked at. */
  async member(name: string): Promise<string> {
    const member = `${await this.engine.command("INCR", `${this.prefix}members`)}`;
    await this.engine.command("HSET", `${this.prefix}alive`, member, name);
    return member;
  }

  /** The keys behind the prefix. */
  async keys(): Promise<string[]> {
    return (await this.engine.keys(`${this.prefix}*`)).map((key) => key.slice(this.prefix.length));
  }

  /** Removes all of it. */
  async [Symbol.asyncDispose](): Promise<void> {
    const keys = await this.engine.keys(`${this.prefix}*`);
    if (keys.length > 0) await this.engine.command("UNLINK", ...keys);
  }
}

/** A stream of steps of a member. */
export class BareLane {
  readonly #tree: BareTree;
  readonly member: string;
  readonly #lane: number;
  #number = 0;

  constructor(tree: BareTree, member: string, lane: number) {
    this.#tree = tree;
    this.member = member;
    this.#lane = lane;
  }

  /** The number of the last step. */
  get number(): number {
    return this.#number;
  }

  /** Does the next step; its answer. */
  step(name: string, ...args: Word[]): Promise<Reply> {
    const number = ++this.#number;
    return this.#tree.look(name, this.member, this.#lane, number, number, ...args);
  }

  /** What is in the lane's mailbox: of each entry the fields and values, flat. */
  async mail(): Promise<string[][]> {
    const entries = await this.#tree.engine.command(
      "XRANGE",
      `${this.#tree.prefix}mb:${this.member}/${this.#lane}`,
      "-",
      "+",
    );
    return (entries as [string, string[]][]).map(([, fields]) => fields);
  }
}

/** Texts as one, packed as the library unpacks them (kept.lua). */
export function packed(...texts: string[]): Uint8Array {
  const parts = texts.map((text) => new TextEncoder().encode(text));
  const bytes = new Uint8Array(5 + parts.reduce((sum, part) => sum + 5 + part.length, 0));
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 0xdd);
  view.setUint32(1, parts.length);
  let at = 5;
  for (const part of parts) {
    view.setUint8(at, 0xdb);
    view.setUint32(at + 1, part.length);
    bytes.set(part, at + 5);
    at += 5 + part.length;
  }
  return bytes;
}
