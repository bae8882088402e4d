// JSR in a test's own process: it has one package, which is what is in a folder.

/** A registry that runs. */
export class JsrRegistry implements AsyncDisposable {
  /** What `JSR_URL` is to be. */
  readonly url: string;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #files = new Map<string, Uint8Array<ArrayBuffer>>();

  private constructor(folder: string) {
    this.#read(folder, "/");
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => this.#answer(request));
    this.url = `http://127.0.0.1:${this.#server.addr.port}/`;
  }

  /** Starts one with the package in the folder. */
  static start(folder: string): JsrRegistry {
    return new JsrRegistry(folder);
  }

  #read(folder: string, path: string): void {
    for (const { name, isDirectory } of Deno.readDirSync(folder)) {
      if (isDirectory) this.#read(`${folder}/${name}`, `${path}${name}/`);
      else this.#files.set(`${path}${name}`, Deno.readFileSync(`${folder}/${name}`));
    }
  }

  /** What Deno asks for: which versions there are, what is in one, and its files. */
  async #answer({ url }: Request): Promise<Response> {
    const { name, version, exports } = JSON.parse(new TextDecoder().decode(this.#files.get("/deno.json")));
    const [scope, rest] = name.slice(1).split("/");
    const base = `/${name}/`;
    const { pathname } = new URL(url);
    if (pathname === `${base}meta.json`) {
      return Response.json({ scope, name: rest, latest: version, versions: { [version]: {} } });
    }
    if (pathname === `${base}${version}_meta.json`) return Response.json({ manifest: await this.#manifest(), exports });
    const file = this.#files.get(pathname.slice(`${base}${version}`.length));
    if (file === undefined || !pathname.startsWith(base)) return new Response("", { status: 404 });
    const type = pathname.endsWith(".ts") ? "text/typescript" : "text/plain";
    return new Response(file, { headers: { "content-type": type } });
  }

  async #manifest(): Promise<Record<string, { size: number; checksum: string }>> {
    const entries = Array.from(this.#files, async ([path, bytes]) => {
      const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
      return [path, { size: bytes.length, checksum: `sha256-${hash}` }] as const;
    });
    return Object.fromEntries(await Promise.all(entries));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}
