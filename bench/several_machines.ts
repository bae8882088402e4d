// What synchronisation on a Redis server costs: our context beside a bare PING on the same server, in the same run, beside
// what one writes with redis-py, and beside Lithops. On a machine with one CPU for each of the processes only the ratio to
// PING says something, and on a busy one not even that.
//
// usage: deno run -A bench/several_machines.ts [--rounds=5] [--row=NAME]…
//
// Each row is measured in fresh processes, one side after the other; the median of the rounds counts, and the worst stands
// beside it. redis-py and Lithops are installed into target/several-machines-venv/ at the first run.

import { median } from "./results.ts";
import { builtFloors, denoRun, newestPython, toldBy } from "./sides.ts";
import { isSmoke, many } from "./smoke.ts";
import { aligned, amount } from "./table.ts";

const here = (path: string) => `${import.meta.dirname}/${path}`;
const ROUNDS = Number(optionsOf("rounds")[0] ?? many(5, 1));
const VENV = here("../target/several-machines-venv");
/** Seconds that a run may take. */
const LIMIT = 120;

/** What is measured, and so often. */
const ROWS = [
  { row: "lock", work: "Lock, acquire and release", iterations: 4_000 },
  { row: "value", work: "value += 1 under its lock", iterations: 4_000 },
  { row: "queue", work: "Queue, put and get, one at a time", iterations: 3_000 },
  { row: "batch", work: "Queue, put and get, 1000 at a time", iterations: 20_000 },
  { row: "reply", work: "Queue, request and reply of another process", iterations: 2_000 },
  { row: "pool", work: "Pool.map, a trivial task, per item", iterations: 10_000 },
];

/** Lithops starts a process for each job, and takes long for it. */
const FEW: Readonly<Record<string, number>> = { lock: 500, value: 500, queue: 500, batch: 1000, reply: 300, pool: 20 };

/** Who does the work: the command of so many operations of a row. */
interface Side {
  readonly name: string;
  command(row: string, iterations: number, port: number): readonly string[];
}

function optionsOf(name: string): string[] {
  return Deno.args.filter((arg) => arg.startsWith(`--${name}=`)).map((arg) => arg.slice(name.length + 3));
}

/** Whether a program runs. */
async function runs(...command: string[]): Promise<boolean> {
  try {
    const [program, ...args] = command;
    return (await new Deno.Command(program, { args, stdout: "null", stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

/** The sides in Python that can be installed. */
async function pythonSides(): Promise<Side[]> {
  const python = `${VENV}/bin/python`;
  if (!await runs(python, "--version")) {
    const base = (await newestPython())?.path ?? "python3";
    if (!await runs(base, "-m", "venv", VENV)) return [];
  }
  const sides: Side[] = [];
  for (
    const [name, module, script] of [["redis-py", "redis", "redis_naive"], ["Lithops", "lithops", "lithops_on_redis"]]
  ) {
    const is = () => runs(python, "-c", `import ${module}`);
    if (!await is() && !isSmoke) await runs(python, "-m", "pip", "install", "-q", module);
    if (!await is()) {
      console.log(`left out: ${name}, which is not installed`);
      continue;
    }
    sides.push({
      name,
      command(row, iterations, port) {
        const few = name === "Lithops" ? Math.min(iterations, FEW[row]) : iterations;
        return [python, "-B", here(`python/${script}.py`), `${few}`, row, `${port}`];
      },
    });
  }
  return sides;
}

async function sidesOf(): Promise<Side[]> {
  const floor = (await builtFloors()).get("redis_ping");
  const ours: Side = {
    name: "ours",
    command: (
      row,
      iterations,
      port,
    ) => [...denoRun(), here("deno/several_machines.ts"), `${iterations}`, row, `${port}`],
  };
  const ping: Side = {
    name: "PING",
    command: (_row, iterations, port) => [floor!, `${Math.min(iterations, many(20_000, 10))}`, `${port}`],
  };
  return [...floor === undefined ? [] : [ping], ours, ...await pythonSides()];
}

/** A server of this run's own, and a host that lends it some slots. */
async function begin(): Promise<{ port: number; end(): Promise<void> }> {
  const folder = await Deno.makeTempDir({ prefix: "mp-bench-" });
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const options = { args: [] as string[], stdin: "null", stdout: "null", stderr: "null" } as const;
  const args = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "no"];
  const server = new Deno.Command("redis-server", { ...options, args }).spawn();
  for (let tries = 0; !await answers(port); tries++) {
    if (tries === 100) throw new Error("Cannot measure: redis-server does not answer");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await Deno.writeTextFile(`${folder}/key`, "the key of the benchmark");
  const agent = new Deno.Command(Deno.execPath(), {
    args: [
      ...denoRun().slice(1),
      here("../src/engine/agent.ts"),
      ...["--url", `redis://127.0.0.1:${port}/0`, "--slots", "4", "--name", "bench", "--authkey-file", `${folder}/key`],
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = agent.stdout.getReader();
  await reader.read(); // "ready"
  const end = async () => {
    agent.kill("SIGTERM");
    await reader.cancel();
    await agent.status;
    server.kill("SIGTERM");
    await server.status;
    await Deno.remove(folder, { recursive: true });
  };
  return { port, end };
}

async function answers(port: number): Promise<boolean> {
  try {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    await connection.write(new TextEncoder().encode("PING\r\n"));
    return await connection.read(new Uint8Array(16)) === 7;
  } catch {
    return false;
  }
}

async function main(): Promise<number> {
  if (!await runs("redis-server", "--version")) {
    console.log("left out: redis-server is not installed");
    return 0;
  }
  const wanted = optionsOf("row");
  const rows = ROWS.filter(({ row }) => wanted.length === 0 || wanted.includes(row));
  const { port, end } = await begin();
  let isGood = true;
  try {
    const sides = await sidesOf();
    const cells: string[][] = [];
    for (const { row, work, iterations } of rows) {
      const times = new Map<string, number[]>();
      for (let round = 0; round < ROUNDS; round++) {
        for (const { name, command } of sides) {
          if (times.get(name)?.length === 0) continue; // it has failed
          try {
            const { ns } = await toldBy(command(row, many(iterations, 20), port), LIMIT);
            times.set(name, [...times.get(name) ?? [], ns as number]);
          } catch (error) {
            times.set(name, []);
            isGood &&= name === "Lithops";
            console.log(`failed: ${work}, ${name}: ${(error as Error).message.split("\n").slice(0, 3).join(" ")}`);
          }
        }
      }
      const of = (name: string) => times.get(name) ?? [];
      const cell = (name: string) => {
        const all = of(name);
        return all.length === 0 ? "-" : `${amount(median(all))} (worst ${amount(Math.max(...all))})`;
      };
      const ratio = of("ours").length > 0 && of("PING").length > 0
        ? (median(of("ours").map((it, i) => it / of("PING")[i]))).toFixed(1)
        : "-";
      cells.push([work, ...sides.map(({ name }) => cell(name)), ratio]);
    }
    console.log(`per operation, median of ${ROUNDS} runs, one side after the other\n`);
    console.log(aligned([["", ...sides.map(({ name }) => name), "ours/PING"], ...cells]));
  } finally {
    await end();
  }
  return isGood ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
