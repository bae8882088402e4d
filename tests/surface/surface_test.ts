// What the package and its sub-paths export: exactly this.

import * as mp from "@parallel/multiprocessing";
import { assert, assertEquals } from "@std/assert";

/** Python's names, and below them those that Python has in its other modules or not at all. */
const PACKAGE = [
  ...["Array", "AuthenticationError", "Barrier", "BoundedSemaphore", "BufferTooShort", "Condition", "Event"],
  ...[
    "JoinableQueue",
    "Lock",
    "Manager",
    "Pipe",
    "Pool",
    "Process",
    "ProcessError",
    "Queue",
    "RLock",
    "RawArray",
    "RawValue",
  ],
  ...["Semaphore", "SimpleQueue", "TimeoutError", "Value", "activeChildren", "cpuCount", "currentProcess"],
  ...["freezeSupport", "getAllStartMethods", "getContext", "getLogger", "getStartMethod", "logToStderr"],
  ...["parentProcess", "python", "setExecutable", "setForkserverPreload", "setStartMethod"],

  ...["EngineUnavailableError", "FencedError", "StateLostError"],
  ...["BrokenBarrierError", "EOFError", "Empty", "Full", "InvalidStateError", "MaybeEncodingError"],
  ...["OwnerDiedError", "PythonError", "RemoteError", "ShutDown", "WorkerLostError"],
  ...["Client", "ClientSync", "Connection", "Listener", "wait", "waitSync"],
  ...["answerChallenge", "answerChallengeSync", "deliverChallenge", "deliverChallengeSync"],
  ...["AsyncResult", "ImapIterator", "currentTask", "AuthenticationString", "LOG_LEVELS", "Logger"],
  ...["Structure", "copy", "synchronized"],
];

/** Each sub-path is named after Python's module, but for the command line. */
const SUB_PATHS: Record<string, string[]> = {
  cli: ["main"],
  connection: [
    ...["Client", "ClientSync", "Connection", "Listener", "Pipe", "answerChallenge", "answerChallengeSync"],
    ...["deliverChallenge", "deliverChallengeSync", "descriptorOf", "wait", "waitSync"],
  ],
  context: [
    ...[
      "BaseContext",
      "DefaultContext",
      "ForkServerContext",
      "ForkServerProcess",
      "LocalContext",
      "PythonContext",
      "PythonProcess",
      "SpawnContext",
    ],
    ...["SpawnProcess", "freezeSupport", "getAllStartMethods", "getContext", "getStartMethod", "setExecutable"],
    ...["Manager", "setForkserverPreload", "setStartMethod"],
  ],
  managers: [
    ...[
      "AcquirableProxy",
      "AnyLockProxy",
      "ArrayProxy",
      "AsyncResultProxy",
      "BarrierProxy",
      "BaseManager",
      "BaseProxy",
    ],
    ...["BoundedSemaphoreProxy", "ConditionProxy", "DictProxy", "DirectProxy", "EventProxy", "JoinableQueueProxy"],
    ...["ListProxy", "LockProxy", "Manager", "Namespace", "NamespaceProxy", "PoolProxy", "QueueProxy", "RLockProxy"],
    ...["KeywordArguments", "PythonError", "kwargs"],
    ...["RemoteError", "SemaphoreProxy", "Server", "SetProxy", "SyncManager", "ValueProxy"],
    ...["SyncAcquirable", "SyncArray", "SyncAsyncResult", "SyncBarrier", "SyncCondition", "SyncDict", "SyncEvent"],
    ...["SyncList", "SyncLock", "SyncNamespace", "SyncPool", "SyncProxy", "SyncQueue", "SyncSemaphore", "SyncSet"],
    ...["SyncValue"],
  ],
  pickle: [
    ...["Complex", "Decimal", "Float", "FrozenSet", "NdArray", "PickleError", "PythonName", "PythonObject", "Tuple"],
    ...["Uuid", "dumps", "float", "loads", "register", "tuple"],
  ],
  pool: ["AsyncResult", "ImapIterator", "Pool", "currentTask"],
  process: ["Process", "activeChildren", "cpuCount", "currentProcess", "parentProcess", "python"],
  queues: ["JoinableQueue", "Queue", "SimpleQueue"],
  reduction: ["attach", "dumpInto", "dumps", "loads", "register", "setViewReducer"],
  shared_memory: ["ShareableList", "SharedMemory", "SharedMemoryManager"],
  sharedctypes: ["Array", "RawArray", "RawValue", "Structure", "Value", "copy", "synchronized"],
  synchronize: ["Barrier", "BoundedSemaphore", "Condition", "Event", "Lock", "RLock", "Semaphore"],
};

/** In the package a function that loads the sub-path first, so that programs without managers load none. */
const LOADED_LATER = ["managers.Manager"];

const sorted = (names: Iterable<string>) => [...names].sort();

Deno.test("MiscTestCase.test__all__: the package exports exactly the names it is meant to", () => {
  assertEquals(sorted(Object.keys(mp)), sorted(PACKAGE));
  for (const [name, value] of Object.entries(mp)) assert(value !== undefined, name);
});

for (const [subPath, names] of Object.entries(SUB_PATHS)) {
  Deno.test(`TestImportStar.test_import: ./${subPath} is there, with exactly its names`, async () => {
    const module = await import(`@parallel/multiprocessing/${subPath}`);
    assertEquals(sorted(Object.keys(module)), sorted(names));
    for (const name of names) assert(module[name] !== undefined, name);
    // What the package has, too, is the same thing.
    for (const name of names.filter((it) => it in mp && !LOADED_LATER.includes(`${subPath}.${it}`))) {
      assert(module[name] === Reflect.get(mp, name), name);
    }
  });
}

Deno.test("TestImportStar.test_import: the configuration names these sub-paths, and imports as users do", async () => {
  const configuration = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  const expected = sorted([".", ...Object.keys(SUB_PATHS).map((subPath) => `./${subPath}`)]);
  assertEquals(sorted(Object.keys(configuration.exports)), expected);
  for (const subPath of expected) {
    const specifier = `@parallel/multiprocessing${subPath.slice(1)}`;
    assertEquals(configuration.imports[specifier], configuration.exports[subPath], specifier);
  }
});
