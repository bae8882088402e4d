// What a message may do on its way, and what is read or written inside of it.

import { AuthenticationString, Lock } from "@parallel/multiprocessing";
import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { announcing, FROM_OUTSIDE, isFromParent, plain } from "../../src/reduction/passage.ts";
import { attach, register } from "../../src/reduction.ts";
import { dumps, dumpsForStart, loads, read } from "../../src/reduction/serialise.ts";

/** Has a message in it, which is read when it is restored. */
class Envelope {
  readonly content: unknown;

  constructor(content: unknown) {
    this.content = content;
  }

  static {
    register<Envelope, Uint8Array>(Envelope, {
      name: "test.Envelope",
      reduce({ content }) {
        const { bytes, attachments } = dumps(content);
        attachments.forEach(attach);
        return bytes;
      },
      restore: (bytes) => new Envelope(loads(bytes)),
    });
  }
}

/** Notes what it was allowed when it was restored, and what a message of a queue's would be that is read meanwhile. */
class Witness {
  isTrusted = isFromParent();
  inside: Witness | null = null;

  static {
    register<Witness, Uint8Array | null>(Witness, {
      name: "test.Witness",
      reduce: ({ inside }) => inside === null ? null : dumps(inside).bytes,
      restore(bytes) {
        const witness = new Witness();
        if (bytes !== null) witness.inside = read(bytes, 0, bytes.length, plain()) as Witness;
        return witness;
      },
    });
  }
}

Deno.test("a message inside of a message from outside must not name shared memory either", () => {
  using lock = new Lock();
  const { bytes } = dumps(new Envelope(lock));
  using arrived = (loads(bytes) as Envelope).content as Lock;
  assertInstanceOf(arrived, Lock);
  assertThrows(() => read(bytes, 0, bytes.length, FROM_OUTSIDE), TypeError, "outside of this process tree");
  using again = (loads(bytes) as Envelope).content as Lock; // what it was allowed has ended with it
  assertInstanceOf(again, Lock);
});

Deno.test("the parent is trusted, and a queue's message that is read meanwhile is not", () => {
  const outer = new Witness();
  outer.inside = new Witness();
  const { bytes } = dumps(outer);
  const arrived = read(bytes, 0, bytes.length, announcing([], "parent")) as Witness;
  assertEquals([arrived.isTrusted, arrived.inside?.isTrusted], [true, false]);
  assertEquals((loads(bytes) as Witness).isTrusted, false);
});

Deno.test("a key travels in a message that starts a process, in a message inside of it, and in no other", () => {
  const key = new AuthenticationString([1, 2, 3]);
  const { bytes } = dumpsForStart(new Envelope(key));
  assertEquals([...(loads(bytes) as Envelope).content as AuthenticationString], [1, 2, 3]);
  assertThrows(() => dumps(new Envelope(key)), TypeError, "Cannot serialise an AuthenticationString");
});
