// The messages between a manager's server and its clients as CPython has them: each is one pickle of a connection.
//
// A connection begins with a request to the server itself, `(None, function, args, kwargs)`, and ends with its answer; but
// after `accept_connection` it goes on, with calls of objects, `(id, method, args, kwargs)`, each of which is answered in its
// turn. An answer is a pair of one of these kinds and what it says.

/** What an answer is. */
export const Kind = {
  /** The result. */
  result: "#RETURN",
  /** The exception that was raised. */
  error: "#ERROR",
  /** `(exposed, Token)` of an object that the result has become; the client has one reference to it already. */
  proxy: "#PROXY",
  /** A text: the request could not be done, or the server itself has failed. */
  traceback: "#TRACEBACK",
  /** A text: the result, or the exception, cannot be pickled. */
  unserializable: "#UNSERIALIZABLE",
} as const;

/** What is asked of the server itself. */
export const Asked = {
  dummy: "dummy",
  create: "create",
  incref: "incref",
  decref: "decref",
  methods: "get_methods",
  count: "number_of_objects",
  debugInfo: "debug_info",
  accept: "accept_connection",
  shutdown: "shutdown",
  /** Only of a `SharedMemoryManager`'s. */
  track: "track_segment",
  release: "release_segment",
  segments: "list_segments",
} as const;

/** A copy of the whole object: past what it exposes, as `__str__` and `__repr__`. */
export const GETVALUE = "#GETVALUE";
/** What `str()` of a proxy asks for. */
export const REPR = "__repr__";

/** The module of Python's managers. */
export const MANAGERS = "multiprocessing.managers";
/** What makes a proxy of what a pickle says of one. */
export const REBUILD = `${MANAGERS}.RebuildProxy`;
/** The class of proxies that have the methods which their object exposes. */
export const AUTO = `${MANAGERS}.AutoProxy`;
