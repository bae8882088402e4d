// A pool of npm with two workers that square numbers: one call after the other, or 200 at a time; ns per call.
//
// usage: deno run -A bench/pools/npm.ts piscina|tinypool|poolifier <calls> one|many

const AT_A_TIME = 200;
/** Milliseconds without an answer that count as not running. */
const PATIENCE = 10_000;

interface Squarer {
  square(x: number): Promise<number>;
}

const WORK = new URL("work.mjs", import.meta.url).href;

const POOLS: Record<string, () => Promise<Squarer>> = {
  async piscina() {
    const { Piscina } = await import("piscina");
    const pool = new Piscina({ filename: WORK, minThreads: 2, maxThreads: 2 });
    return { square: (x) => pool.run(x) };
  },
  async tinypool() {
    const { Tinypool } = await import("tinypool");
    const pool = new Tinypool({ filename: WORK, runtime: "child_process", minThreads: 2, maxThreads: 2 });
    return { square: (x) => pool.run(x) };
  },
  async poolifier() {
    const { FixedThreadPool } = await import("poolifier");
    const pool = new FixedThreadPool<number, number>(2, `${import.meta.dirname}/poolifier_worker.mjs`);
    return { square: (x) => pool.execute(x) as Promise<number> };
  },
};

const [name, count, way] = Deno.args;
setTimeout(() => {
  console.error(`"${name}" has not answered for ${PATIENCE / 1000} s`);
  Deno.exit(1);
}, PATIENCE);
const pool = await POOLS[name]();
if (await pool.square(3) !== 9) throw new Error(`Cannot measure: "${name}" gives a wrong result`);
const n = Number(count);
const begin = performance.now();
if (way === "one") { for (let i = 0; i < n; i++) await pool.square(i); }
else {
  for (let i = 0; i < n; i += AT_A_TIME) {
    await Promise.all(Array.from({ length: AT_A_TIME }, (_, j) => pool.square(i + j)));
  }
}
console.log(JSON.stringify({ work: `${name} ${way}`, ns: (performance.now() - begin) * 1e6 / n }));
Deno.exit();
