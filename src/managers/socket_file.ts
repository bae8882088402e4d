// The file of a server's socket, which stays when the server is killed, and is then removed by its manager.

import type { Address } from "../connection/address.ts";

/** Where a server listens, as long as nobody else does there. */
export class SocketFile {
  /** The one of a server that listens at `address`; `null` if that is in no folder. */
  static at(address: Address | null): SocketFile | null {
    if (typeof address !== "string" || address.startsWith("\0")) return null;
    let path = address;
    try {
      path = Deno.realPathSync(address); // the working directory may be another one later, and a link lead elsewhere
    } catch {
      // It may be asked for by its own name only.
    }
    const identity = identityOf(path);
    return identity === null ? null : new SocketFile(path, identity);
  }

  readonly #path: string;
  readonly #identity: string;

  private constructor(path: string, identity: string) {
    this.#path = path;
    this.#identity = identity;
  }

  /** Removes it, unless it is gone or another file has its name now. `withFolder`: the folder was made for it, too. */
  remove({ withFolder }: { withFolder: boolean }): void {
    const identity = identityOf(this.#path);
    if (identity !== null && identity !== this.#identity) return;
    try {
      if (identity !== null) Deno.removeSync(this.#path);
      if (withFolder) Deno.removeSync(this.#path.slice(0, this.#path.lastIndexOf("/")));
    } catch {
      // It is gone, or may not be removed.
    }
  }
}

/** What tells a file from a later one of its name, which may have got its inode; `null` if there is none to be seen. */
function identityOf(path: string): string | null {
  try {
    const { dev, ino, birthtime, mtime } = Deno.lstatSync(path);
    return [dev, ino, birthtime?.getTime(), mtime?.getTime()].join();
  } catch {
    return null;
  }
}
