// The permissions of a process on a host: those of its program, and no more than the agent of the host has, or is told to give.

import { DROPPED_FLAGS, isPermission } from "../launch/flags.ts";
import { shownName } from "../runtime/harmless.ts";
import { withoutDots } from "../runtime/paths.ts";
import { permission, type PermissionName, PERMISSIONS, queryDeno } from "../runtime/permissions.ts";

/** What is wanted, and what is given. */
export interface Granting {
  /** The name of the process, and of this host, for messages. */
  readonly name: string;
  readonly host: string;
  /** The flags of the program. */
  readonly wanted: readonly string[];
  /** The paths of this package's libraries there, and here. */
  readonly theirs: readonly string[];
  readonly own: readonly string[];
  /** The flags that this host gives at most; empty: what the agent may itself. */
  readonly grant: readonly string[];
}

/** A flag that grants: `items` is `null` where it grants all. */
interface Grant {
  readonly name: string;
  readonly items: readonly string[] | null;
}

/**
 * The flags of a process.
 *
 * @throws {Deno.errors.NotCapable} If this host does not give all of them.
 */
export function granted(granting: Granting): string[] {
  const { wanted, theirs, own } = granting;
  const flags = wanted.map(parsed).map((grant) => {
    if (grant.name !== "allow-ffi" || grant.items === null) return grant;
    return { ...grant, items: grant.items.filter((item) => !theirs.includes(item)) };
  });
  for (const flag of flags) requireGiven(flag, granting);
  const isAll = flags.some(({ name }) => name === "allow-all");
  return [
    ...flags.filter(({ name }) => name !== "allow-ffi").map(written),
    ...isAll ? [] : [written(withLibraries(flags.find(({ name }) => name === "allow-ffi"), own))],
  ];
}

/**
 * Refuses other flags than a program hands on to its processes: who knows the key may write what they like into a launch. What
 * lets something run outside of Deno is a matter of the permission to run.
 *
 * @throws {Deno.errors.NotCapable} If this host does not take all of them.
 */
export function requireOrdinary(flags: readonly string[], env: readonly string[], granting: Granting): void {
  for (const flag of flags) {
    const name = flag.match(/^--([a-z0-9][a-z0-9-]*)(?:=|$)/)?.[1];
    if (name === undefined || isPermission(name) || DROPPED_FLAGS.has(name)) {
      throw new Deno.errors.NotCapable(
        `Cannot start "${granting.name}" on host "${granting.host}": its flag "${
          shownName(flag)
        }" is none that a program ` +
          "hands on to its processes",
      );
    }
    if (name === "allow-scripts") requireOne("run", null, granting);
  }
  if (env.some((name) => /^(LD_|DENO_PERMISSION_)/.test(name))) requireOne("run", null, granting);
}

function withLibraries(flag: Grant | undefined, own: readonly string[]): Grant {
  if (flag !== undefined && flag.items === null) return flag;
  return { name: "allow-ffi", items: [...new Set([...flag?.items ?? [], ...own])] };
}

function parsed(flag: string): Grant {
  const [, name, value] = flag.match(/^--([^=]*)(?:=(.*))?$/s) ?? [];
  return { name: name ?? flag, items: value === undefined ? null : value.split(",") };
}

function written({ name, items }: Grant): string {
  return items === null ? `--${name}` : `--${name}=${items.join()}`;
}

function requireGiven({ name, items }: Grant, granting: Granting): void {
  if (name.startsWith("deny-") || name.startsWith("ignore-")) return;
  if (name === "allow-all" || name === "permission-set") {
    for (const each of PERMISSIONS) requireOne(each, null, granting);
    return;
  }
  const one = PERMISSIONS.find((it) => name === `allow-${it}`);
  if (one === undefined) {
    throw new Deno.errors.NotCapable(
      `Cannot start "${granting.name}" on host "${granting.host}": its flag "${
        shownName(name)
      }" is no permission that ` +
        "its agent knows",
    );
  }
  for (const item of items ?? [null]) requireOne(one, item, granting);
}

function requireOne(name: PermissionName, item: string | null, { name: process, host, grant }: Granting): void {
  const isGiven = grant.length === 0 ? isHeld(name, item) : grant.map(parsed).some((it) => covers(it, name, item));
  if (isGiven) return;
  throw new Deno.errors.NotCapable(
    `Cannot start "${process}" on host "${host}": its agent does not give the permission "${name}"${
      item === null ? "" : ` for "${item}"`
    }, which the program has; start the program with less, or the agent with more`,
  );
}

function isHeld(name: PermissionName, item: string | null): boolean {
  try {
    const { state, partial } = queryDeno(permission(name));
    if (state === "granted" && !partial) return true;
    return item !== null && queryDeno(permission(name, item)).state === "granted";
  } catch {
    return false; // no item that Deno knows
  }
}

function covers({ name, items }: Grant, wanted: PermissionName, item: string | null): boolean {
  if (name === "allow-all") return true;
  if (name !== `allow-${wanted}`) return false;
  if (items === null) return true;
  const isPath = wanted === "read" || wanted === "write" || wanted === "ffi";
  if (item === null || items.includes(item)) return item !== null;
  return isPath && items.some((it) => withoutDots(item).startsWith(it.endsWith("/") ? it : `${it}/`));
}
