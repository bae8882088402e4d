// Hosts for tests: network namespaces of this machine, each with a link of its own to where the engine is.

import process from "node:process";

/** Runs a command; what it says on standard output. */
function run(command: string, ...args: string[]): string {
  const { success, stdout, stderr } = new Deno.Command(command, { args }).outputSync();
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(`Cannot run "${[command, ...args].join(" ")}": ${new TextDecoder().decode(stderr).trim()}`);
}

/** Why there can be no hosts here; `null` if there can. */
export const noHosts: string | null = (() => {
  const name = `mp-probe-${Deno.pid}`;
  try {
    run("ip", "netns", "add", name);
    try {
      run("ip", "netns", "exec", name, "true");
      run("ip", "link", "add", `mpa${Deno.pid}`, "type", "veth", "peer", "name", `mpb${Deno.pid}`);
      run("ip", "link", "delete", `mpa${Deno.pid}`);
    } finally {
      run("ip", "netns", "delete", name);
    }
    return null;
  } catch (error) {
    return `there are no network namespaces: ${(error as Error).message}`;
  }
})();

// Each program of tests has subnets of its own, as far as process ids differ by less than some 9,000: one runs at a time.
let made = 0;

/** A host: a network namespace with a link to this machine's own, and nothing else. */
export class Host implements Disposable {
  /** Its name. */
  readonly name: string;
  /** This machine's address on the link: where the engine listens. */
  readonly gateway: string;
  readonly #namespace: string;
  readonly #link: string;

  /** Makes it, with its link up. */
  constructor(name: string) {
    const number = (Deno.pid * 7 + ++made) % 65_000;
    const subnet = `10.${100 + (number >> 12)}.${(number >> 4) & 255}.${(number & 15) * 16}`;
    const address = (last: number) => subnet.replace(/\d+$/, (base) => `${Number(base) + last}`);
    this.name = name;
    this.gateway = address(1);
    this.#namespace = `mp-${Deno.pid}-${made}`;
    this.#link = `mp${Deno.pid}o${made}`;
    const inside = `mp${Deno.pid}i${made}`;
    run("ip", "netns", "add", this.#namespace);
    try {
      run("ip", "link", "add", this.#link, "type", "veth", "peer", "name", inside, "netns", this.#namespace);
      run("ip", "address", "add", `${this.gateway}/28`, "dev", this.#link);
      run("ip", "link", "set", this.#link, "up");
      this.run("ip", "address", "add", `${address(2)}/28`, "dev", inside);
      this.run("ip", "link", "set", inside, "up");
      this.run("ip", "link", "set", "lo", "up");
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** The command line that runs a program on this host. */
  command(program: string, ...args: string[]): [string, string[]] {
    return ["ip", ["netns", "exec", this.#namespace, program, ...args]];
  }

  /** Runs a program on this host to its end; what it says. */
  run(program: string, ...args: string[]): string {
    const [command, rest] = this.command(program, ...args);
    return run(command, ...rest);
  }

  /** Takes the cable out. */
  down(): void {
    run("ip", "link", "set", this.#link, "down");
  }

  /** Puts the cable in again. */
  up(): void {
    run("ip", "link", "set", this.#link, "up");
  }

  /** The processes that run on this host. */
  processes(): number[] {
    return run("ip", "netns", "pids", this.#namespace).split("\n").filter((line) => line !== "").map(Number);
  }

  /** Kills all that runs on this host, as when its power goes. */
  powerOff(): void {
    for (const pid of this.processes()) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended meanwhile.
      }
    }
  }

  /** Kills what runs on it, and removes it. */
  [Symbol.dispose](): void {
    this.powerOff();
    try {
      run("ip", "link", "delete", this.#link);
    } catch {
      // It was not made.
    }
    run("ip", "netns", "delete", this.#namespace);
  }
}
