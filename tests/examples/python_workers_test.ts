// The web server whose workers are Python: its pictures are looked at, its clients go away, its workers die.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { PoolStats } from "@parallel/multiprocessing/pool";
import { decode, encode } from "fast-png";
import { isRunning, type Program, runProgram, startProgram, until } from "../support/helpers.ts";
import { pythonWithNumpy } from "../support/numpy.ts";
import { oldest } from "../python/pools.ts";

const SCRIPT = new URL("../../examples/python_workers.ts", import.meta.url);
const withNumpy = pythonWithNumpy();

/** A server that runs, and its URL. */
async function start(): Promise<{ program: Program; url: string }> {
  const program = startProgram(SCRIPT, { args: ["--port", "0", "--python", withNumpy!], detached: true });
  const said = await program.said("http://");
  return { program, url: `http://${said.split(" ")[0]}` };
}

async function picture(response: Response | Promise<Response>) {
  const { status, headers, ...rest } = await response;
  assertEquals([status, headers.get("content-type")], [200, "image/png"], Deno.inspect(rest));
  return decode(await (await response).bytes());
}

async function statsOf(url: string): Promise<PoolStats> {
  return await (await fetch(`${url}stats`)).json();
}

async function refused(response: Promise<Response>): Promise<[status: number, text: string]> {
  const { status } = await response;
  return [status, await (await response).text()];
}

Deno.test({
  name: `Python workers behind a server${withNumpy === undefined ? " (left out: no Python has numpy)" : ""}`,
  ignore: withNumpy === undefined,
  fn: async (t) => {
    const { program, url } = await start();
    await using _ = program;

    await t.step("a fractal is one: black inside of the set, and the same below as above", async () => {
      const { width, height, channels, data } = await picture(fetch(`${url}fractal.png?size=128`));
      assertEquals([width, height, channels], [128, 128, 3]);
      const at = (x: number, y: number) => [...data.subarray(3 * (y * width + x), 3 * (y * width + x) + 3)];
      const to = (x: number, y: number) => at(Math.round((x + 2) / 3 * 127), Math.round((1.5 - y) / 3 * 127));
      assertEquals([to(-0.1, 0), to(-1, 0), to(-0.1, 0.7)], [[0, 0, 0], [0, 0, 0], [0, 0, 0]]);
      for (const [x, y] of [[-1.9, 1.2], [0.8, 0], [0.5, 0.9]]) assert(to(x, y).some((part) => part > 0), `${x} ${y}`);
      for (let x = 0; x < width; x += 7) assertEquals(at(x, 10), at(x, height - 1 - 10));
      assert(new Set(Array.from({ length: width }, (_, x) => `${at(x, 40)}`)).size > 10);
    });

    await t.step("a picture in few colours has those that it is made of", async () => {
      const colours = [[250, 10, 10], [10, 240, 20], [20, 20, 230], [240, 240, 240]];
      const data = new Uint8Array(64 * 48 * 4);
      for (let i = 0; i < 64 * 48; i++) {
        const colour = colours[Math.floor(i / (16 * 48))];
        data.set([...colour.map((part) => part + (i * 7 % 5)), 255], 4 * i);
      }
      const body = Uint8Array.from(encode({ width: 64, height: 48, channels: 4, data }));
      const reduced = await picture(fetch(`${url}reduce?colours=4`, { method: "POST", body }));
      assertEquals([reduced.width, reduced.height], [64, 48]);
      const found = new Set<string>();
      for (let i = 0; i < 64 * 48; i++) {
        const pixel = [...reduced.data.subarray(3 * i, 3 * i + 3)];
        found.add(`${pixel}`);
        const wanted = colours[Math.floor(i / (16 * 48))];
        assert(pixel.every((part, at) => Math.abs(part - wanted[at]) <= 4), `${i}: ${pixel}`);
      }
      assertEquals(found.size, 4);
    });

    await t.step("what cannot be is refused in a sentence", async () => {
      assertEquals(await refused(fetch(`${url}fractal.png?size=9`)), [
        400,
        "size must be 16 to 2048, and scale more than 0 and at most 8\n",
      ]);
      assertEquals(await refused(fetch(`${url}fractal.png?x=one`)), [400, '"x" is "one", wanted a number\n']);
      const post = (body: BodyInit, path = "reduce") => fetch(url + path, { method: "POST", body });
      assertMatch((await refused(post("text")))[1], /^the picture cannot be read: /);
      assertEquals((await refused(post("text", "nothing")))[0], 404);
    });

    await t.step("a client that goes away, and a worker that dies, cost their request", async () => {
      const controller = new AbortController();
      const slow = fetch(`${url}fractal.png?size=2048&x=-0.1&scale=0.1`, { signal: controller.signal }).catch(() =>
        null
      );
      const isBusy = async () => (await statsOf(url)).busy > 0;
      await until("its task", isBusy);
      controller.abort();
      await slow;
      await until("the worker free", async () => (await statsOf(url)).busy === 0);

      const doomed = refused(fetch(`${url}fractal.png?size=2048&x=-0.1&scale=0.1`));
      const { pid } = await until("a task", async () => (await statsOf(url)).workers.find((it) => it.state === "busy"));
      Deno.kill(pid, "SIGKILL");
      assertEquals(await doomed, [502, "The worker of this picture died\n"]);
      await picture(fetch(`${url}fractal.png?size=16`));
    });

    await t.step("told to stop, it answers what it has begun, and leaves nothing", async () => {
      const { workers } = await statsOf(url);
      const last = picture(fetch(`${url}fractal.png?size=400&x=-0.1&scale=0.1`));
      await until("its task", async () => (await statsOf(url)).busy > 0);
      program.killGroup("SIGTERM");
      assertEquals((await last).width, 400);
      const { code, stdout, stderr } = await program.outcome();
      assertEquals([code, stderr.replace(/^Deno\.serve: request\.signal aborts .*\n/, "")], [0, ""]);
      assertStringIncludes(stdout, "\nended\n");
      await until("the end of the workers", () => !workers.some(({ pid }) => isRunning(pid)));
    });
  },
});

Deno.test({
  name: "without numpy, the server says in a sentence what it needs",
  ignore: oldest === undefined || oldest.path === withNumpy,
  fn: async () => {
    const args = ["--port", "0", "--python", oldest!.path];
    const { code, stdout, stderr } = await runProgram(SCRIPT, { args });
    assertEquals([code, stdout], [1, ""]);
    assertMatch(stderr, /^Cannot start: .*No module named 'numpy'\nIt needs Python with numpy: python3 -m venv .*\n$/);
  },
});
