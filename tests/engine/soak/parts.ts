// The parts of the soak by their names, and what they are made with.

/** What guards a count: nobody counts while another does. */
export const GUARDED = ["Lock", "RLock", "Condition", "Value", "Array"] as const;
/** What is taken and given back. */
export const PERMITTED = ["Semaphore", "BoundedSemaphore"] as const;
/** What brings messages. */
export const QUEUES = ["Queue", "Queue-redeliver", "JoinableQueue", "JoinableQueue-redeliver", "SimpleQueue"] as const;
/** The same, and a pipe, whose ends all have. */
export const CARRIERS = [...QUEUES, "Pipe"] as const;
/** What a manager keeps under names, and as members. */
export const NAMED = ["dict", "Namespace"] as const;
/** What the processes at the seats visit, in this order of the table. */
export const VISITED = [...GUARDED, ...PERMITTED, "Event", "Barrier", ...CARRIERS, ...NAMED, "list", "set"] as const;
/** All parts. */
export const PARTS = [...VISITED, "Pool"] as const;

export type Guarded = typeof GUARDED[number];
export type Permitted = typeof PERMITTED[number];
export type Queued = typeof QUEUES[number];
export type Carrier = typeof CARRIERS[number];
export type Named = typeof NAMED[number];
export type Visited = typeof VISITED[number];

/** Permits of a semaphore: fewer than there are processes. */
export const PERMITS = 4;
/** Processes that meet at the barrier. */
export const PARTIES = 2;
