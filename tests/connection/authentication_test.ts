// The handshakes: what they say, whom they let through, and what no peer can do to them.

import { assert, assertEquals, assertInstanceOf, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import {
  answerChallenge,
  answerChallengeSync,
  Client,
  ClientSync,
  type Connection,
  deliverChallenge,
  deliverChallengeSync,
  Listener,
  Pipe,
} from "../../src/connection.ts";
import { flawOf, respond } from "../../src/connection/handshake.ts";
import { AuthenticationError, EOFError } from "../../src/errors.ts";
import { fuzz } from "../fuzz/handshake.ts";
import { PATIENCE, within } from "../support/helpers.ts";
import { bytesOf, concat, hex } from "../support/bytes.ts";
import { framed, HONEST_SIZE, RawPeer } from "../support/raw_peer.ts";

const KEY = bytesOf("supadupasecretkey");
const PAYLOAD = bytesOf("is-twenty-bytes-long");

/** What CPython 3.13 answers to the prefix and `PAYLOAD` with `KEY`. */
const VECTORS: [prefix: string, mac: string][] = [
  ["", "f08c5aa7ef61fc426b5b135fd8a223ae"],
  ["{md5}", "2b30be753d06dcff0a1db3c97c96e7eb"],
  ["{sha256}", "0ed2bf5258efb96604b831848a9212d31f7468b3fc6fc61af1ebe84f08349e47"],
  [
    "{sha384}",
    "6e1f8271304a4881208ccb08e87056add2ffad158e27907b7be42cc522d1a72702ceb7c5aa4ad6f504146d7d5d988f53",
  ],
  ["{sha3_256}", "ea3b8daca21f2fd35aff21a61dec99d454a95c90d61c86ef8729852ba59c5ded"],
  [
    "{sha3_384}",
    "2a30bd714bec3961f46fa88b0c3dfa7352f1231125f2461af11d5e16af11095586c2ce42134b519d4cd47497f02656e8",
  ],
];

for (const [prefix, mac] of VECTORS) {
  const digest = prefix === "" ? "no prefix" : prefix;
  Deno.test(`the response to ${digest} has the same prefix and verifies (ChallengeResponseTest.test_challengeresponse)`, () => {
    const asked = concat(bytesOf(prefix), PAYLOAD);
    const wanted = concat(bytesOf(prefix), hex(mac));
    assertEquals(new Uint8Array(respond(KEY, asked)), wanted);
    assertEquals(flawOf(KEY, asked, wanted), null);
    assertEquals(flawOf(bytesOf("another"), asked, wanted), "digest received was wrong");
    assertEquals(flawOf(KEY, concat(asked, bytesOf("!")), wanted), "digest received was wrong");
  });
}

Deno.test("the answer of an old client to a modern challenge verifies", () => {
  const asked = concat(bytesOf("{sha256}"), PAYLOAD, PAYLOAD);
  assertEquals(flawOf(KEY, asked, hex("fcb8de9291e05cca5470e30c29129557")), null);
});

Deno.test("an answer may have another digest than the challenge, but no unknown one", () => {
  const asked = concat(bytesOf("{sha256}"), PAYLOAD, PAYLOAD);
  const other = respond(KEY, concat(bytesOf("{sha384}"), PAYLOAD, PAYLOAD));
  assertEquals(flawOf(KEY, asked, other), "digest received was wrong");
  assertStringIncludes(flawOf(KEY, asked, concat(bytesOf("{sha1}"), new Uint8Array(20)))!, "unsupported digest");
  assertStringIncludes(flawOf(KEY, asked, concat(bytesOf("{sha256}"), new Uint8Array(31)))!, "has 31 bytes");
  for (const name of ["constructor", "toString", "sha512", "SHA256", "", "{sha256"]) {
    const asked = concat(bytesOf(`{${name}}`), PAYLOAD);
    assertThrows(() => respond(KEY, asked), AuthenticationError, "unsupported digest");
  }
});

Deno.test("an empty key is a key: it authenticates who has it, and nobody else", async () => {
  const empty = new Uint8Array(0);
  using listener = new Listener(["127.0.0.1", 0], { authkey: empty });
  const [server, client] = await within(Promise.all([listener.accept(), Client(listener.address, { authkey: empty })]));
  server.close();
  client.close();
  const outcomes = await Promise.allSettled([listener.accept(), Client(listener.address, { authkey: KEY })]);
  for (const outcome of outcomes) assertRejected(outcome);
});

for (const authkey of ["supadupasecretkey", 42, [1, 2], {}, new ArrayBuffer(3), new Uint16Array(2)]) {
  Deno.test(`a key that is ${Deno.inspect(authkey)} is a TypeError that says what is wanted`, async () => {
    const wrong = authkey as never;
    const [a, b] = Pipe();
    const why = "authkey should be a byte string: wanted a Uint8Array";
    await assertRejects(() => deliverChallenge(a, wrong), TypeError, why);
    await assertRejects(() => answerChallenge(a, wrong), TypeError, why);
    assertThrows(() => deliverChallengeSync(a, wrong), TypeError, why);
    assertThrows(() => answerChallengeSync(a, wrong), TypeError, why);
    assertThrows(() => new Listener(["127.0.0.1", 0], { authkey: wrong }), TypeError, why);
    await assertRejects(() => Client(["127.0.0.1", 1], { authkey: wrong }), TypeError, why);
    assertThrows(() => ClientSync(["127.0.0.1", 1], { authkey: wrong }), TypeError, why);
    a.close();
    b.close();
  });
}

Deno.test("a digest that is not known is a RangeError", async () => {
  const [a, b] = Pipe();
  await assertRejects(() => deliverChallenge(a, KEY, { digestName: "sha1" as never }), RangeError, '"sha3_384"');
  a.close();
  b.close();
});

for (const digestName of ["md5", "sha256", "sha384", "sha3_256", "sha3_384"] as const) {
  Deno.test(`both ends of a pipe authenticate each other by ${digestName}`, async () => {
    const [a, b] = Pipe();
    await within(Promise.all([deliverChallenge(a, KEY, { digestName }), answerChallenge(b, KEY)]));
    await within(Promise.all([answerChallenge(a, KEY), deliverChallenge(b, KEY, { digestName })]));
    await a.send("and then");
    assertEquals(await b.recv(), "and then");
    a.close();
    b.close();
  });
}

/** Lets `end` talk to what is scripted: the bytes of its messages. */
async function against(messages: Uint8Array[], end: (connection: Connection) => unknown): Promise<unknown> {
  const [a, b] = Pipe();
  for (const message of messages) b.sendBytesSync(message);
  try {
    return await end(a);
  } finally {
    a.close();
    b.close();
  }
}

Deno.test("a nonsense reply to the challenge is an AuthenticationError (OtherTest.test_deliver_challenge_auth_failure)", async () => {
  const reply = [bytesOf("something bogus")];
  await assertRejects(() => against(reply, (end) => deliverChallenge(end, KEY)), AuthenticationError, "unsupported");
  await assertRejects(() => against(reply, (end) => deliverChallengeSync(end, KEY)), AuthenticationError);
});

Deno.test("a verdict that is no welcome is an AuthenticationError (OtherTest.test_answer_challenge_auth_failure)", async () => {
  const challenge = concat(bytesOf("#CHALLENGE#{sha256}"), new Uint8Array(40));
  for (const verdict of ["something bogus", "#FAILURE#", "#WELCOME#!", "#WELCOME", ""]) {
    const said = [challenge, bytesOf(verdict)];
    await assertRejects(() => against(said, (end) => answerChallenge(end, KEY)), AuthenticationError, "was rejected");
    await assertRejects(() => against(said, (end) => answerChallengeSync(end, KEY)), AuthenticationError);
  }
});

Deno.test("what is no challenge, too short or without digest is an AuthenticationError", async () => {
  const cases: [said: Uint8Array, why: string][] = [
    [bytesOf("#CHALLENG"), "wanted a challenge"],
    [new Uint8Array(0), "wanted a challenge"],
    [bytesOf("#CHALLENGE#"), "challenge too short: 0 bytes"],
    [bytesOf("#CHALLENGE#1234567890123456789"), "challenge too short: 19 bytes"],
    [bytesOf("#CHALLENGE#123456789012345678901"), "missing digest prefix"],
    [bytesOf("#CHALLENGE#{sha3_256_}34567890123456789"), "missing digest prefix"],
  ];
  for (const [said, why] of cases) {
    await assertRejects(() => against([said], (end) => answerChallenge(end, KEY)), AuthenticationError, why);
  }
});

Deno.test("an end that closed instead of answering is an AuthenticationError with the reason", async () => {
  const [a, b] = Pipe();
  b.close();
  const error = await assertRejects(() => answerChallenge(a, KEY), AuthenticationError, "closed the connection");
  assertInstanceOf(error.cause, EOFError);
  await assertRejects(() => deliverChallenge(a, KEY), AuthenticationError, "closed the connection");
  a.close();
});

Deno.test("a silent end is given the time that it has, and no more", async () => {
  const [a, b] = Pipe();
  const begin = performance.now();
  const limit = { timeout: 30 };
  await assertRejects(() => within(answerChallenge(a, KEY, limit)), AuthenticationError, "silent for too long (30 ms)");
  await assertRejects(() => within(deliverChallenge(a, KEY, limit)), AuthenticationError, "silent for too long");
  assertThrows(() => answerChallengeSync(a, KEY, limit), AuthenticationError, "silent for too long");
  assertThrows(() => deliverChallengeSync(a, KEY, limit), AuthenticationError, "silent for too long");
  assert(performance.now() - begin >= 4 * 30);
  a.close();
  b.close();
});

Deno.test("an aborted handshake rejects with the signal's reason", async () => {
  const [a, b] = Pipe();
  const abort = new AbortController();
  const handshake = answerChallenge(a, KEY, { signal: abort.signal });
  abort.abort(new Error("enough"));
  await assertRejects(() => within(handshake), Error, "enough");
  await assertRejects(() => answerChallenge(a, KEY, { signal: AbortSignal.abort("before") }).catch(asError), Error);
  a.close();
  b.close();
});

function asError(reason: unknown): never {
  throw new Error(String(reason));
}

function assertRejected(outcome: PromiseSettledResult<unknown>, why = ""): void {
  if (outcome.status !== "rejected") throw new Error("It was let through");
  assertInstanceOf(outcome.reason, AuthenticationError);
  assertStringIncludes(outcome.reason.message, why);
}

/** Asserts that a listener still lets an honest client in. */
async function assertUsable(listener: Listener): Promise<void> {
  const both = Promise.all([listener.accept(), Client(listener.address, { authkey: KEY })]);
  for (const connection of await within(both)) connection.close();
}

Deno.test("a client that closes after any byte of its handshake is refused, and the listener goes on", async () => {
  using listener = new Listener(["127.0.0.1", 0], { authkey: KEY, backlog: 8 });
  for (let cutAfter = 0; cutAfter < HONEST_SIZE; cutAfter++) {
    const accepting = listener.accept();
    using peer = await RawPeer.connect(listener.address, { cutAfter });
    const [accepted] = await within(Promise.allSettled([accepting, peer.greet(KEY)]));
    assertRejected(accepted);
  }
  await assertUsable(listener);
});

Deno.test("a listener that closes after any byte of its handshake is refused", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  for (let cutAfter = 0; cutAfter < HONEST_SIZE; cutAfter++) {
    const connecting = Client(["127.0.0.1", port], { authkey: KEY });
    using peer = new RawPeer(await listener.accept(), { cutAfter });
    const [connected] = await within(Promise.allSettled([connecting, peer.serve(KEY)]));
    assertRejected(connected);
  }
});

Deno.test("a peer that sends byte by byte gets through", async () => {
  using listener = new Listener(["127.0.0.1", 0], { authkey: KEY });
  const accepting = listener.accept();
  using client = await RawPeer.connect(listener.address, { dribbles: true });
  const [accepted] = await within(Promise.all([accepting, client.greet(KEY)]));
  accepted.close();

  using raw = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connecting = Client(["127.0.0.1", (raw.addr as Deno.NetAddr).port], { authkey: KEY });
  using server = new RawPeer(await raw.accept(), { dribbles: true });
  const [connected] = await within(Promise.all([connecting, server.serve(KEY)]));
  connected.close();
});

Deno.test("a peer that sends a byte now and then does not get more time by it", async () => {
  using listener = new Listener(["127.0.0.1", 0], { authkey: KEY, handshakeTimeout: 50 });
  const accepting = listener.accept();
  using peer = await RawPeer.connect(listener.address, { dribbles: true, pause: 5 });
  const [accepted] = await within(Promise.allSettled([accepting, peer.greet(KEY)]));
  assertRejected(accepted, "silent for too long (50 ms)");
});

Deno.test("a client without key does not hang a listener with one, nor the other way round", async () => {
  using listener = new Listener(["127.0.0.1", 0], { authkey: KEY, handshakeTimeout: 50 });
  const refused = assertRejects(() => within(listener.accept()), AuthenticationError, "silent for too long");
  const keyless = await Client(listener.address);
  await refused;
  keyless.close();

  using open = new Listener(["127.0.0.1", 0]);
  const connect = () => within(Client(open.address, { authkey: KEY, handshakeTimeout: 50 }));
  const alone = assertRejects(connect, AuthenticationError, "does it have an authkey?");
  const accepted = await within(open.accept());
  await alone;
  accepted.close();
});

const HOSTILE: [what: string, bytes: Uint8Array][] = [
  ["a length of 257", hex("00000101")],
  ["a length of 2 GiB", hex("7fffffff")],
  ["a length of 2^64 - 1", hex("ffffffffffffffffffffffff")],
  ["a length of -2", hex("fffffffe")],
  ["a length of -2^31", hex("80000000")],
  ["an empty answer", framed(new Uint8Array(0))],
  ["an answer of zeroes", framed(new Uint8Array(16))],
  ["the challenge's own prefix alone", framed(bytesOf("{sha256}"))],
  ["a flood of 1 MiB", new Uint8Array(2 ** 20).fill(0x41)],
  ["a request of a browser", bytesOf("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")],
];

for (const [what, bytes] of HOSTILE) {
  Deno.test(`a client that sends ${what} is refused, and the listener goes on`, async () => {
    using listener = new Listener(["127.0.0.1", 0], { authkey: KEY, handshakeTimeout: PATIENCE });
    const accepting = listener.accept();
    using peer = await RawPeer.connect(listener.address);
    // A flood ends with the other end's patience.
    const [accepted] = await within(Promise.allSettled([accepting, peer.send(bytes)]));
    assertRejected(accepted);
    await assertUsable(listener);
  });
}

Deno.test("an answer cannot be had from the listener itself: its challenge sent back does not help", async () => {
  using listener = new Listener(["127.0.0.1", 0], { authkey: KEY });
  const accepting = listener.accept();
  using peer = await RawPeer.connect(listener.address);
  const challenge = (await peer.receive())!;
  await peer.send(framed(challenge));
  const [accepted] = await within(Promise.allSettled([accepting]));
  assertRejected(accepted);
  assertEquals(await peer.receive(), bytesOf("#FAILURE#"));
});

Deno.test("hostile bytes in any order: only AuthenticationError, and nobody gets through", async () => {
  const { runs, violations } = await within(fuzz(2), "the fuzz", 2 * PATIENCE);
  assertEquals(violations, []);
  assert(runs > 0);
});
