// A web server in TypeScript whose workers are Python with numpy. Pictures go to them and come back as bytes, by shared
// memory; a request that takes too long, or whose client has gone, ends its task; a worker that dies costs one request.
//
//   GET  /                                            a page with a fractal to click into
//   GET  /fractal.png?x=-0.5&y=0&scale=3&size=512     a part of the Mandelbrot set
//   POST /reduce?colours=8  (a PNG)                   the same picture in so many colours
//   GET  /stats                                       what the pool is doing
//
// python_workers/images.py  what the workers run

import { Full, Pool, python, TimeoutError, WorkerLostError } from "@parallel/multiprocessing";
import { decode } from "fast-png";

const USAGE = `Usage: python_workers.ts [--port <number>] [--python <path>]

Serves pictures that Python computes by numpy. --python is an executable that has numpy; without it, the one of the
active virtual environment, of a folder .venv, or python3.`;

const WORKERS = 2;
/** Milliseconds that a picture may take. */
const PATIENCE = 10_000;
/** Requests that wait for a worker; those beyond are told to come again. */
const MOST_WAITING = 64;
/** The largest picture that is taken, in bytes. */
const MOST_BYTES = 16 * 2 ** 20;

const MODULE = "./python_workers/images.py";
const prepare = python<(colours: number) => void>(MODULE, "prepare");
const fractal = python<(x: number, y: number, scale: number, size: number) => Uint8Array<ArrayBuffer>>(
  MODULE,
  "fractal",
);
const reduceColours = python<
  (pixels: Uint8Array, width: number, height: number, count: number) => Uint8Array<ArrayBuffer>
>(MODULE, "reduce_colours");

const PAGE = `<!doctype html><title>Python workers</title>
<img id="picture" width="512" height="512" src="/fractal.png" alt="A part of the Mandelbrot set; click to go there">
<script type="module">
  let [x, y, scale] = [-0.5, 0, 3];
  picture.onclick = ({ offsetX, offsetY }) => {
    x += (offsetX / 512 - 0.5) * scale, y -= (offsetY / 512 - 0.5) * scale, scale /= 2;
    picture.src = "/fractal.png?" + new URLSearchParams({ x, y, scale });
  };
</script>`;

/** What a client has asked for that cannot be. */
class BadRequest extends Error {}

function numberOf(url: URL, name: string, fallback: number): number {
  const given = url.searchParams.get(name);
  const number = given === null ? fallback : given.trim() === "" ? NaN : Number(given);
  if (Number.isFinite(number)) return number;
  throw new BadRequest(`"${name}" is ${JSON.stringify(given)}, wanted a number`);
}

/** The pixels of a PNG, four bytes each. */
async function pixelsOf(request: Request) {
  if (Number(request.headers.get("content-length")) > MOST_BYTES) throw new BadRequest("the picture is too large");
  const { width, height, channels, depth, data } = readPng(await request.bytes());
  if (depth !== 8 || channels < 3) throw new BadRequest("the picture is not one of 8 bits for each colour");
  if (channels === 4) return { width, height, pixels: new Uint8Array(data) };
  const pixels = new Uint8Array(4 * width * height);
  for (let i = 0; i < width * height; i++) pixels.set(data.subarray(3 * i, 3 * i + 3), 4 * i);
  return { width, height, pixels };
}

function readPng(bytes: Uint8Array) {
  try {
    return decode(bytes);
  } catch (error) {
    throw new BadRequest(`the picture cannot be read: ${(error as Error).message}`);
  }
}

async function answer(request: Request, pool: Pool): Promise<Response> {
  const url = new URL(request.url);
  const limits = { timeout: PATIENCE, signal: request.signal };
  switch (`${request.method} ${url.pathname}`) {
    case "GET /":
      return new Response(PAGE, { headers: { "content-type": "text/html; charset=utf-8" } });
    case "GET /fractal.png": {
      const [x, y] = [numberOf(url, "x", -0.5), numberOf(url, "y", 0)];
      const size = Math.round(numberOf(url, "size", 512));
      return png(await pool.apply(fractal, [x, y, numberOf(url, "scale", 3), size], limits));
    }
    case "POST /reduce": {
      const count = Math.round(numberOf(url, "colours", 8));
      const { pixels, width, height } = await pixelsOf(request);
      return png(await pool.apply(reduceColours, [pixels, width, height, count], limits));
    }
    case "GET /stats":
      return Response.json(pool.stats());
    default:
      return new Response("There is no such page\n", { status: 404 });
  }
}

function png(bytes: Uint8Array<ArrayBuffer>): Response {
  return new Response(bytes, { headers: { "content-type": "image/png" } });
}

/** What a client is told of an error: whose fault it is, and what it says. */
function refusal(error: unknown, request: Request): Response {
  const { message } = error as Error;
  const say = (status: number, text: string) => new Response(`${text}\n`, { status });
  if (request.signal.aborted) return say(499, "The client has gone"); // nobody reads it
  if (error instanceof BadRequest) return say(400, message);
  if (error instanceof RangeError) return say(400, message); // a ValueError of Python
  if (error instanceof Full) return say(503, "Too many wait; come again");
  if (error instanceof TimeoutError) return say(504, `The picture took more than ${PATIENCE} ms`);
  if (error instanceof WorkerLostError) return say(502, "The worker of this picture died");
  console.error(error);
  return say(500, "The picture cannot be made");
}

function optionsOf(args: readonly string[]): { port: number; executable: string | true } {
  const given: Record<string, string | undefined> = {};
  for (let i = 0; i < args.length; i += 2) {
    if (!["--port", "--python"].includes(args[i]) || args[i + 1] === undefined) throw new Error(USAGE);
    given[args[i]] = args[i + 1];
  }
  return { port: Number(given["--port"] ?? 8000), executable: given["--python"] ?? true };
}

/** A pool whose workers have numpy and are prepared; one sentence if there is none. */
async function startPool(executable: string | true): Promise<Pool<[number]>> {
  const pool = new Pool(WORKERS, { python: executable, initializer: prepare, initargs: [256], maxQueue: MOST_WAITING });
  try {
    await pool.apply(fractal, [0, 0, 3, 16]);
    return pool;
  } catch (error) {
    await pool.terminate();
    throw new Error(
      `Cannot start: ${(error as Error).message}\n` +
        "It needs Python with numpy: python3 -m venv .venv && .venv/bin/pip install numpy",
    );
  }
}

async function main(args: readonly string[]): Promise<void> {
  if (args[0] === "--help") return console.log(USAGE);
  const { port, executable } = optionsOf(args);
  await using pool = await startPool(executable);
  const server = Deno.serve({
    port,
    hostname: "localhost",
    onListen: ({ port }) => console.log(`http://localhost:${port}/ by ${WORKERS} workers of Python`),
  }, (request) => answer(request, pool).catch((error) => refusal(error, request)));
  // What is being answered is finished: first the server ends, then the workers.
  const stop = () => void server.shutdown();
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, stop);
  await server.finished;
  pool.close();
  await pool.join();
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.removeSignalListener(signal, stop);
  console.log("ended");
}

if (import.meta.main) {
  await main(Deno.args).catch((error) => {
    console.error((error as Error).message);
    Deno.exit(1);
  });
}
