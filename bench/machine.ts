// Where and with what was measured.

import { stripVTControlCharacters } from "node:util";
import type { Machine } from "./results.ts";

const ROOT = `${import.meta.dirname}/..`;

/** The machine, but for its load at the end. */
export function machineBefore(): Omit<Machine, "load"> & { readonly loadBefore: number } {
  const info = Deno.readTextFileSync("/proc/cpuinfo");
  return {
    cpu: info.match(/^model name\s*: (.*)$/m)?.[1] ?? "unknown CPU",
    cpus: navigator.hardwareConcurrency,
    memory: Deno.systemMemoryInfo().total,
    kernel: Deno.osRelease(),
    loadBefore: load(),
  };
}

/** The load of the last minute. */
export function load(): number {
  return Deno.loadavg()[0];
}

/** The commit that is checked out, with a "+" if files of the package or of the benchmark differ from it. */
export function commit(): string {
  const git = (...args: string[]) => {
    try {
      const { success, stdout } = new Deno.Command("git", { args: ["-C", ROOT, ...args], stderr: "null" }).outputSync();
      return success ? new TextDecoder().decode(stdout).trim() : null;
    } catch {
      return null; // not installed
    }
  };
  const head = git("rev-parse", "--short=12", "HEAD");
  if (head === null) return "unknown";
  const differs = git("status", "--porcelain", "--", "mod.ts", "src", "native", "bench/*.ts", "bench/*/*.ts");
  return differs === "" ? head : `${head}+`;
}

/** One line about the machine. */
export function inWords({ cpu, cpus, kernel }: Pick<Machine, "cpu" | "cpus" | "kernel">): string {
  return `${cpu}, ${cpus} CPU${cpus === 1 ? "" : "s"}, Linux ${kernel}`;
}

/** A text with the folders of this machine under the names that they have everywhere: the results are published. */
export function withoutPlaces(text: string): string {
  const home = Deno.env.get("HOME");
  const places: [place: string, name: string][] = [
    [Deno.execPath(), "deno"],
    [new URL("../", import.meta.url).pathname, ""],
    ...home ? [[`${home.replace(/\/$/, "")}/`, "~/"] as [string, string]] : [],
  ];
  return places.reduce((rest, [place, name]) => rest.replaceAll(place, name), text);
}

/** What is said of a failure in the results: what was done, and the first line of why it failed. */
export function inOneLine(what: string): string {
  const lines = stripVTControlCharacters(what).split("\n").map((line) => line.trim());
  return withoutPlaces(lines.filter((line) => line !== "").slice(0, 2).join(" "));
}
