/*
 * multiprocessing.h: a process of another language as a full member of a tree of Deno processes.
 *
 * The library is made for a process that a Deno program has started with descriptors 3 and 4 open: the socket to its
 * parent, and the memory that the tree shares. The Python package uses it by ctypes (python/deno_multiprocessing).
 *
 * WHAT A FUNCTION RETURNS. An int64_t that is not negative, with the meaning that is told at each; or one of these:
 *
 *   MP_FAILED       it failed; mp_error_kind() and its neighbours tell the calling thread why
 *   MP_INTERRUPTED  a wait was ended because a signal has come, or may have: let the language run its handlers, and call
 *                   again for the rest of the time; the wait has changed nothing
 *   MP_TIMED_OUT    the time is over, and what was waited for has not come
 *   MP_UNKNOWN      what was asked for is not known (any more)
 *
 * and, where that is told, a status of its own, which is negative, too.
 *
 * WHICH THREAD. Any thread may call any function, unless another is told, and several may at once. A lock belongs to the
 * thread that has it, and a thread that ends gives up its name: locks that it had are inherited from somebody who died.
 *
 * WHAT MAY WAIT. Only functions with a parameter `timeout` do, in milliseconds; INFINITY is for ever, NaN or less than 0
 * not at all. Whoever has a lock of the language's own (Python's GIL) lets it go around these calls, and need not around
 * others, which take microseconds. A wait looks every 100 ms whether those live that could end it. In the main thread it
 * ends after 200 ms, with MP_INTERRUPTED, even if nothing has come: a signal may have come just before the sleep began,
 * and the kernel has no sleep on shared words that begins and lets signals in at one moment.
 *
 * WHEN THE OTHER SIDE DIES. A process can be killed between any two instructions, inside of these functions, too. Shared
 * objects stay whole, and nobody waits for the dead; at each function is told what those that live are told of it.
 *
 * FORKS. A child of a fork is no member. Every function fails there with MP_STATE, but mp_release and mp_collect, which do
 * nothing and return 0; and what its parent has is not let go by it, whatever it does. It may read and write memory at
 * addresses that mp_address gave, as long as its parent holds the block.
 *
 * TEXTS AND BYTES have a length, and no NUL at the end. A text is UTF-8. Where a function gives bytes, it writes as many as
 * have room and returns how many there are: call it with a capacity of 0 to learn that. `to` may be NULL then.
 *
 * BLOCKS are pieces of shared memory, each a number and a generation, by which a number that was given again is told from
 * the one before. A message names a block by both. A block stays as long as a process holds it, or a message on its way.
 */
#ifndef MULTIPROCESSING_H
#define MULTIPROCESSING_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MP_FAILED (-1)
#define MP_INTERRUPTED (-2)
#define MP_TIMED_OUT (-3)
#define MP_UNKNOWN (-4)

/* ---- error.rs: why the calling thread's last failed call failed ---------------------------------------------------- */

#define MP_NONE 0           /* no call of this thread has failed */
#define MP_OS 1             /* a system call failed: mp_error_number() is its errno */
#define MP_UNSUPPORTED 2    /* this kernel or system cannot run the library */
#define MP_CORRUPTED 3      /* shared memory has what nobody of the library wrote */
#define MP_NO_SUCH_OBJECT 4 /* the block is not there (any more), is of another kind, or was not given to this process */
#define MP_NOT_CAPABLE 5    /* a process with limited permissions asked for more */
#define MP_ORPHANED 6       /* the parent had ended before this process had begun */
#define MP_EXHAUSTED 7      /* a table or the memory of the tree is used up */
#define MP_STATE 8          /* the caller broke the order of calls, or gave what cannot be */
#define MP_PANIC 9          /* a mistake of the library's own: the call was given up where it was */

/* Returns the kind: one of those above. It stays until another call of this thread fails. Never fails. */
int64_t mp_error_kind(void);

/* Returns the errno(3) of an MP_OS; 0 for others. Never fails. */
int64_t mp_error_number(void);

/* Gives the sentence of it, such as "Cannot open ...: ...". */
int64_t mp_error_message(uint8_t *to, uint64_t capacity);

/* ---- member.rs: this process's place in the tree -------------------------------------------------------------------- */

/*
 * Takes the place that the parent has prepared, and descriptors 3 and 4 with it, which have other numbers from then on. To
 * be called once, before any other function of this section and those below, from the thread that loads the library.
 * Returns 0. A failure was told to the parent already, whose join() throws it: end this process with exit code 1. If the
 * kind is MP_ORPHANED, the parent has ended, and nobody wants to hear of it.
 *
 * From here on a daemon is ended by SIGKILL when its parent ends, however that ends, whatever this process is doing, and
 * even if it is stopped; unless the program closes all descriptors that it finds. Others live on.
 */
int64_t mp_join(void);

/*
 * Gives what the parent has prepared: three parts, each behind its length (4 bytes, the most significant first): facts as
 * JSON, references that follow later, and the arguments in the format of src/reduction. Fails after mp_begin.
 */
int64_t mp_preparation(uint8_t *to, uint64_t capacity);

/*
 * Notes that the process begins its work, and lets go of what was prepared: adopt the blocks that the arguments name
 * before. Returns 0. A process that ends before this call could not begin: its parent's join() throws, with what
 * mp_report said.
 */
int64_t mp_begin(void);

/*
 * Tells the parent why this process cannot begin; end it with exit code 1 afterwards. What is longer than 16 KiB is cut.
 * Returns 0, also if the parent has ended.
 */
int64_t mp_report(const uint8_t *message, uint64_t length);

/* Returns 1 if this process ends with its parent, else 0. */
int64_t mp_is_daemon(void);

/* Returns 1 if signals to its whole group are for the parent to deal with, else 0: call mp_shield then. */
int64_t mp_is_shielded(void);

/*
 * Lets SIGINT, SIGTERM and SIGHUP in, which a shielded process is started without; SIGTERM and SIGHUP only if the parent or
 * this process has sent them: those of anybody else are dropped. Install a handler of SIGINT that does nothing before.
 * Handlers that were there before still hear of what is let in. Returns 0.
 */
int64_t mp_shield(void);

/* Sets the name that messages and `top` speak of this process by; 84 bytes of it at most. Returns 0. */
int64_t mp_set_name(const uint8_t *name, uint64_t length);

/* Returns the id of the process that has started this one. */
int64_t mp_parent_pid(void);

/* Gives its name as it is now; of a parent that has ended, the last one, or another process's if the place is taken. */
int64_t mp_parent_name(uint8_t *to, uint64_t capacity);

/*
 * Returns the descriptor whose other end closes when the parent ends (POLLRDHUP, POLLHUP). It is the library's: wait for it
 * together with others, and do nothing else with it.
 */
int64_t mp_parent_descriptor(void);

/* Returns 1 while the parent lives, else 0. */
int64_t mp_parent_is_alive(void);

/* Waits for the parent's end. Returns 0 when it has ended, MP_TIMED_OUT or MP_INTERRUPTED. */
int64_t mp_parent_join(double timeout);

/* Somebody who has, or had, a lock. */
typedef struct mp_owner_facts {
  uint32_t pid;      /* 0 for a client of a manager, which is no process of the tree */
  uint32_t thread;   /* its number in the kernel */
  uint32_t lives_on; /* whether its process runs: then it is the thread that has ended */
  int32_t exit_code; /* how the process ended, -n by signal n; INT32_MIN: nobody knows */
} mp_owner_facts;

/*
 * Gives the name of the process of the thread behind a token, as words of locks and outcomes have it, and stores the rest
 * in `owner`, which may be NULL. Returns MP_UNKNOWN if that is forgotten: some thousand ends are remembered.
 */
int64_t mp_owner(uint32_t token, mp_owner_facts *owner, uint8_t *name, uint64_t capacity);

/* ---- objects.rs: blocks ---------------------------------------------------------------------------------------------- */

/*
 * Takes a handle of a block that a message has named; each is to be given back by mp_release or mp_collect. Returns 0.
 * Fails with MP_NO_SUCH_OBJECT if the block has another generation by now: whoever held it let it go.
 */
int64_t mp_adopt(uint32_t block, uint32_t generation);

/*
 * Gives a handle back, since the program has closed the object; with the last, this process has given it up: a queue ends
 * for its consumers when the last producer has done so. Returns 0. A process that dies gives back all that it has.
 */
int64_t mp_release(uint32_t block);

/* As mp_release, since the object was collected: that this process will have no use for it any more is not said. */
int64_t mp_collect(uint32_t block);

/*
 * Makes a block of zeroes with one handle, and returns its number. Kinds that are made so: 1 lock, 2 recursive lock, 7 value
 * with a lock, 8 bytes, 14 what a pipe holds, 17 bytes of whole pages, for views. Fails with MP_EXHAUSTED if there is no
 * room.
 */
int64_t mp_create(uint32_t kind, uint64_t size);

/* Returns the generation of a block that this process holds. */
int64_t mp_generation(uint32_t block);

/* Returns its kind. */
int64_t mp_kind(uint32_t block);

/* Returns how many bytes it was made with; of a value with a lock, 32 of them are the lock's. */
int64_t mp_size(uint32_t block);

/*
 * Returns the address of the bytes of a value, or of a block of plain bytes, in this process. They are everybody's: read and
 * write them under a lock, or atomically. The address is good as long as this process holds the block; memory that was let
 * go is given to others, and then what is written there is theirs.
 */
int64_t mp_address(uint32_t block);

/* ---- queues.rs: queues, their messages, and what these speak of ----------------------------------------------------- */

/*
 * A message is bytes, a tag that says how they are to be read, and blocks that it speaks of: these are held for it while it
 * is under way. A queue is a block, which its process has a handle of (mp_adopt); so it counts as one who could put, and
 * take, until the last handle is given back by mp_release, or the process ends. mp_collect takes a handle away, too, but the
 * process counts on: it may be given another.
 *
 * A process that is killed while it puts has put the message, or nothing; while it takes, it has taken the message, which
 * is lost with it, or nothing. Nobody else notices, whatever locks it had inside. What it had in hand of blocks is let go.
 */

#define MP_QUEUE_WOULD_WAIT (-10) /* nothing is there, or there is no room, in the given time */
#define MP_QUEUE_SHUT_DOWN (-11)  /* nothing can be put any more; and for a get: nothing is left */
#define MP_QUEUE_ORPHANED (-12)   /* a wait for ever would be one: all others that have the queue ended, or wait as well */
#define MP_QUEUE_ABANDONED (-13)  /* who took messages of a joinable queue has ended without acknowledging them */

/*
 * Tags: 0, a value in the format of src/reduction; 1, a byte array and nothing else; 2, bytes that are lent: five uint32_t,
 * block and generation of the bytes, block and generation of their receipt, and how many bytes they are.
 */
#define MP_QUEUE_TAG (INT64_C(1) << 32)      /* what mp_queue_get returns is the length, as many of this as the tag says, */
#define MP_QUEUE_ATTACHED (INT64_C(1) << 40) /* this if mp_queue_attached has to tell of what the message speaks, */
#define MP_QUEUE_TOO_LONG (INT64_C(1) << 41) /* or the length and this, if it has not been taken: `to` has no room for it */

/* Makes a queue of at most `maxsize` messages, 0 for no limit; a `joinable` one notes who has taken what. Returns its block,
 * with one handle in this process. */
int64_t mp_queue_create(uint32_t maxsize, uint32_t joinable);

/*
 * Puts a message, which speaks of `attached` blocks that this process holds. Returns 0, MP_QUEUE_WOULD_WAIT,
 * MP_QUEUE_SHUT_DOWN, MP_QUEUE_ORPHANED, which only INFINITY comes to, or MP_INTERRUPTED. Nothing but 0 means that it was put.
 * With a timeout of 0 it takes some microseconds, and as long as the bytes need to be copied; a large message may be held
 * for 2 ms where consumers are about to make room. Fails if it speaks of a block that this process does not hold
 * (MP_NO_SUCH_OBJECT), or memory is used up (MP_EXHAUSTED).
 */
int64_t mp_queue_put(uint32_t block, uint32_t tag, const uint8_t *bytes, uint64_t length, const uint32_t *attachments,
                     uint64_t attached, double timeout);

/*
 * Takes the first message into `to`. Returns its number, which is told above, MP_QUEUE_WOULD_WAIT, MP_QUEUE_SHUT_DOWN,
 * MP_QUEUE_ORPHANED, which only INFINITY comes to, or MP_INTERRUPTED. If it is too long, call again with as much room and a
 * timeout of 0; another consumer may have been quicker.
 */
int64_t mp_queue_get(uint32_t block, uint8_t *to, uint64_t capacity, double timeout);

/*
 * Puts messages of a run: each is two uint32_t, its length and 2^24 times its tag, and its bytes, padded to 8; of 64 KiB in
 * all at most. They speak of no blocks. Returns how many were put, the first ones of them, or as mp_queue_put where none
 * was. Who is killed in its midst has put the beginning.
 */
int64_t mp_queue_put_run(uint32_t block, const uint8_t *run, uint64_t length, double timeout);

/*
 * Takes what is there as a run, up to `most` messages. Returns how many: 0 where there is nothing, or the first is for
 * mp_queue_get alone. MP_QUEUE_ATTACHED is added if the last one speaks of blocks.
 */
int64_t mp_queue_get_run(uint32_t block, uint8_t *to, uint64_t capacity, uint32_t most);

/*
 * Gives what keeps the blocks alive that the message speaks of which this thread has taken last: one hold for each, for
 * mp_queue_unpin. Returns how many; where they have no room, nothing is given, and it can be called again. What is not
 * asked for is let go when the thread takes another such message, or the process ends.
 */
int64_t mp_queue_attached(uint32_t *holds, uint64_t capacity);

/* Lets holds go, once the blocks are adopted or not wanted. Returns 0. */
int64_t mp_queue_unpin(const uint32_t *holds, uint64_t count);

/* Returns how many messages are in the queue. */
int64_t mp_queue_size(uint32_t block);

/* Returns how many there can be; 0 for no limit. */
int64_t mp_queue_maxsize(uint32_t block);

/* Returns 1 if one process alone can take from it, a manager's server: no other has anything to do with such a queue. */
int64_t mp_queue_is_kept(uint32_t block);

/* Forbids putting, for all processes; `immediate` throws away what is in the queue. Whoever waits is woken. Returns 0. */
int64_t mp_queue_shut_down(uint32_t block, uint32_t immediate);

/* Says that the queue goes to another process: call it before each message that names it. Returns 0. */
int64_t mp_queue_mark_shared(uint32_t block);

/* Acknowledges a message that was taken. Returns 1; 0 if all have been already. */
int64_t mp_queue_task_done(uint32_t block);

/* Returns how many messages were put and not acknowledged. */
int64_t mp_queue_unfinished(uint32_t block);

/* Waits until all are acknowledged. Returns 0, MP_TIMED_OUT, MP_INTERRUPTED, MP_QUEUE_ABANDONED or MP_QUEUE_ORPHANED. */
int64_t mp_queue_join(uint32_t block, double timeout);

/* Returns how many messages are abandoned, and stores the token of who took some of them, for mp_owner; 0 for nobody known. */
int64_t mp_queue_abandoned(uint32_t block, uint32_t *taker);

/* ---- connections.rs: ends of pipes, and how they go to other processes ---------------------------------------------- */

/*
 * An end has a number in this process, which any thread may use. One thread at a time sends, and one receives; others wait
 * for it, unseen by signals. A message is CPython's: a header with its length, and its bytes.
 *
 * When the process at the other end dies, what it has sent can be received; then comes MP_CONNECTION_END, or
 * MP_CONNECTION_CUT_OFF if it died inside a message. Sending fails with MP_OS and EPIPE.
 */

#define MP_CONNECTION_END (-30)        /* the other end is closed, and nothing is left */
#define MP_CONNECTION_KEPT (-31)       /* the rest of the message is kept: mp_connection_flush sends it */
#define MP_CONNECTION_CUT_OFF (-32)    /* the other end was closed inside a message */
#define MP_CONNECTION_BAD_LENGTH (-33) /* no message begins so, or it is longer than `limit`: nothing follows */
#define MP_CONNECTION_GONE (-34)       /* who had the descriptor of a connection has ended */
#define MP_CONNECTION_TAKEN (-35)      /* it was fetched before */

#define MP_CONNECTION_TOO_LONG (INT64_C(1) << 41) /* with the length of a message that has no room */

/* Makes two connected ends, and stores their numbers; if not `duplex`, the first only receives. Returns 0. */
int64_t mp_connection_pair(uint32_t duplex, uint32_t *first, uint32_t *second);

/* Closes an end, once no thread uses it any more. Again: nothing happens. Returns 0. */
int64_t mp_connection_close(uint32_t number);

/* Returns its descriptor, to be polled and nothing else. */
int64_t mp_connection_fileno(uint32_t number);

/* Returns 1 if a message, or a part of one, is here already, however the descriptor looks; else 0. */
int64_t mp_connection_has_begun(uint32_t number);

/*
 * Sends a message, and waits until the system has all of it. Returns 0; MP_INTERRUPTED if nothing of it is sent: call again;
 * MP_CONNECTION_KEPT if the other end may have seen its beginning: call mp_connection_flush until that returns 0. A message
 * that is sent before goes behind it.
 */
int64_t mp_connection_send(uint32_t number, const uint8_t *bytes, uint64_t length);

/* Sends what is kept. Returns 0 or MP_INTERRUPTED. */
int64_t mp_connection_flush(uint32_t number);

/*
 * Receives a message of at most `limit` bytes into `to`, and waits for it. Returns its length; MP_CONNECTION_TOO_LONG and
 * its length if it has no room: then mp_connection_receive_into takes it, which no other message comes before;
 * MP_INTERRUPTED, with nothing lost; MP_CONNECTION_END, _CUT_OFF or _BAD_LENGTH.
 */
int64_t mp_connection_receive(uint32_t number, uint8_t *to, uint64_t capacity, uint64_t limit);

/* Receives the message that was too long; `capacity` is its length. Returns as mp_connection_receive. */
int64_t mp_connection_receive_into(uint32_t number, uint8_t *to, uint64_t capacity);

/*
 * Offers a duplicate of the descriptor to whoever reads a message that names the returned block; the first offer starts a
 * thread that hands it over. Put that block into the message's attachments, or call mp_connection_withdraw. The offer ends
 * when it is fetched, or the message is gone. Fails while a message is sent or received in part.
 */
int64_t mp_connection_offer(uint32_t number);

/* Ends the offers among blocks of which a message was to speak that is not sent. Returns 0. */
int64_t mp_connection_withdraw(const uint32_t *blocks, uint64_t count);

/*
 * Fetches the connection that is offered under a block, which this process has adopted. Returns its number; MP_TIMED_OUT,
 * if its sender is stopped, say: try again; MP_INTERRUPTED, MP_CONNECTION_GONE or MP_CONNECTION_TAKEN.
 */
int64_t mp_connection_fetch(uint32_t block, double timeout);

/*
 * Lets the block of a pipe hold blocks that a message through it speaks of, and stores a hold for each: all or none. The
 * message begins with them (src/connection/messages.ts), and who receives it calls mp_pipe_unpin. Returns 0.
 */
int64_t mp_pipe_pin(uint32_t block, const uint32_t *attachments, uint64_t count, uint32_t *holds);

/* Lets go of holds of a pipe; numbers that are none of it are ignored. Returns 0. */
int64_t mp_pipe_unpin(uint32_t block, const uint32_t *holds, uint64_t count);

/* ---- synchronize.rs: locks, semaphores, events, conditions and barriers ----------------------------------------------- */

#define MP_NOT_HELD (-50)    /* not held, or not by the calling thread where that matters; a release of too many */
#define MP_BROKEN (-51)      /* the barrier was or is broken, or was reset */
#define MP_RUNS_ACTION (-52) /* all parties have arrived, and the calling one runs the action */
#define MP_NO_WAIT (-53)     /* the calling thread has no wait of that number */

/*
 * LOCKS are blocks of kind 1, RLocks of kind 2: mp_create(kind, 64) makes one that is free. A value with a lock, kind 7, has
 * an RLock. The holder is a thread, which lock words name by its token. Nobody hands a lock over: the first that comes when
 * it is free has it, and one that has waited for 50 ms is let pass.
 *
 * When the holder dies, or its thread ends, the next to acquire inherits the lock, within 100 ms: it has it, and is told the
 * token of the dead (mp_owner). What the lock protects may be half written. Who releases the lock then, instead of going
 * on, leaves it as one that nobody has had: the death is told once. A waiter that dies costs nobody anything.
 */

/*
 * Takes the lock if it is free, or goes one level deeper into an RLock that the calling thread has. Returns 0, or
 * MP_TIMED_OUT. Whether the holder lives is not looked at: mp_lock_acquire with a timeout of 0 does that.
 */
int64_t mp_lock_try(uint32_t lock);

/* Waits for the lock, or goes deeper. Returns 0; the token of the dead holder it is inherited from; MP_TIMED_OUT or
 * MP_INTERRUPTED. */
int64_t mp_lock_acquire(uint32_t lock, double timeout);

/*
 * Lets go of one level. Returns 0, or MP_NOT_HELD: nobody has the lock, or the RLock is not the calling thread's. Any thread
 * of any process may release what is no RLock. It may take 1 ms if somebody has waited for long: it is let pass.
 */
int64_t mp_lock_release(uint32_t lock);

/* Returns the token of who has the lock now; 0 if nobody has. */
int64_t mp_lock_owner(uint32_t lock);

/* Returns how often the calling thread would have to release the lock; 0 if it does not have it. */
int64_t mp_lock_levels(uint32_t lock);

/*
 * SEMAPHORES count down to 0 and up to their bound, exactly. Nobody notes who has acquired: what a process had that died
 * stays taken.
 */

/* Makes one, and returns its block, with one handle. What is above 2147483647 is that; what is above the bound, the bound. */
int64_t mp_semaphore_create(uint32_t value, uint32_t bound);

/* Takes one from the value if it is above 0. Returns 0, or MP_TIMED_OUT. */
int64_t mp_semaphore_try(uint32_t semaphore);

/* Waits until the value is above 0, and takes one from it. Returns 0, MP_TIMED_OUT or MP_INTERRUPTED. */
int64_t mp_semaphore_acquire(uint32_t semaphore, double timeout);

/* Adds `count` to the value, at once. Returns 0; or MP_NOT_HELD, if it would exceed the bound: then nothing is added. */
int64_t mp_semaphore_release(uint32_t semaphore, uint32_t count);

/* Returns the value, which may be another when you look at it. */
int64_t mp_semaphore_value(uint32_t semaphore);

/* Returns the bound. */
int64_t mp_semaphore_bound(uint32_t semaphore);

/* EVENTS are flags. Who sets one and dies before it has woken the others delays them by 100 ms at most. */

/* Makes one that is not set, and returns its block, with one handle. */
int64_t mp_event_create(void);

/* Returns 1 if it is set, else 0. */
int64_t mp_event_is_set(uint32_t event);

/* Sets it, and releases all who wait at this moment, even if it is cleared at once. Returns 0. */
int64_t mp_event_set(uint32_t event);

/* Clears it. Returns 0. */
int64_t mp_event_clear(uint32_t event);

/* Returns a number for this moment: whoever begins to wait takes it before, and keeps it when it calls again. */
int64_t mp_event_moment(uint32_t event);

/* Waits until the event is set, or was set since that moment. Returns 0, MP_TIMED_OUT or MP_INTERRUPTED. */
int64_t mp_event_wait(uint32_t event, uint32_t moment, double timeout);

/*
 * CONDITIONS go with a lock of any kind. A wait is several calls of one thread: begin, wait until that returns something
 * else than MP_INTERRUPTED, end. The caller chooses its number before, any that the thread does not use for another wait at
 * that time: so a wait can be ended whatever happens between two calls.
 *
 * A waiter that dies is passed over. If it had been notified already and did not have the lock again, another that was
 * waiting then gets the notification, within 100 ms. Nobody who notifies waits for anybody.
 */

/* Makes one, which keeps the lock, and returns its block, with one handle. */
int64_t mp_condition_create(uint32_t lock);

/* Notes that the calling thread waits, and lets go of the lock, all its levels. Returns 0; or MP_NOT_HELD, if this thread
 * does not have the lock: then there is no wait. */
int64_t mp_condition_begin(uint32_t condition, uint32_t wait);

/* Waits until it is notified. Returns 1; 0 when the time is up; MP_INTERRUPTED. The lock is not held after it. */
int64_t mp_condition_wait(uint32_t wait, double timeout);

/*
 * Waits until the calling thread has the lock again, all levels, however long that takes. Returns as mp_lock_acquire, but
 * never MP_TIMED_OUT; the wait is over, unless it returns MP_INTERRUPTED. `knows` is false if the caller goes without what
 * mp_condition_wait returned, or would have: then a notification is left to another. MP_NO_WAIT: it is over already, or has
 * not begun.
 */
int64_t mp_condition_end(uint32_t wait, bool knows);

/* Ends the waits of those `count` that have waited longest. Returns how many there were; or MP_NOT_HELD. */
int64_t mp_condition_notify(uint32_t condition, uint32_t count);

/* Returns how many wait and live. */
int64_t mp_condition_waiters(uint32_t condition);

/*
 * BARRIERS: a wait is begin, wait until that returns something else than MP_INTERRUPTED, and after MP_RUNS_ACTION release or
 * give_up. Its number is as of a condition's. A party that dies while it waits, or runs the action, breaks the barrier within
 * 100 ms; one that dies between two waits, about 1 s after the others have begun to wait for it, if those that have ever come
 * are too few and nobody else has the barrier: mp_barrier_culprit says who. One that never came was not known.
 */

/* Makes one for 1 to 1048576 parties, and returns its block, with one handle. Fails with MP_EXHAUSTED for more or none. */
int64_t mp_barrier_create(uint32_t parties);

/* Begins a wait. `has_action`: the calling thread can run the action. All parties are to say the same. Returns 0. */
int64_t mp_barrier_begin(uint32_t barrier, uint32_t wait, bool has_action);

/*
 * Waits until all parties have arrived. Returns as what number this one has, from 0; MP_BROKEN, also when the time is up,
 * which breaks the barrier; MP_RUNS_ACTION or MP_INTERRUPTED. Unless it is one of the last two, the wait is over.
 */
int64_t mp_barrier_wait(uint32_t wait, double timeout);

/* Lets the others go, after the action. Returns 0; or MP_BROKEN, if the barrier was broken or reset meanwhile. */
int64_t mp_barrier_release(uint32_t wait);

/* Gives up a wait: the barrier is broken, unless the round has ended before. Returns 0, also if the wait is over. */
int64_t mp_barrier_give_up(uint32_t wait);

/* Breaks it: who waits, or comes until it is reset, is told MP_BROKEN. Returns 0. */
int64_t mp_barrier_abort(uint32_t barrier);

/* Makes it as new: who waits is told MP_BROKEN, who comes later not. Returns 0. */
int64_t mp_barrier_reset(uint32_t barrier);

/* Returns how many must arrive. */
int64_t mp_barrier_parties(uint32_t barrier);

/* Returns how many have arrived and wait. */
int64_t mp_barrier_waiting(uint32_t barrier);

/* Returns 1 if it is broken, else 0. */
int64_t mp_barrier_is_broken(uint32_t barrier);

/* Returns the token of the party whose death has broken it; 0 if none has. */
int64_t mp_barrier_culprit(uint32_t barrier);

/* ---- words.rs: words of 32 bits in shared memory ---------------------------------------------------------------------- */

/*
 * A word is at an address that a multiple of 4 is, in a block whose bytes mp_address() has told and which this process
 * holds. It is read and changed as one, in an order that all processes see alike: what JavaScript's Atomics does with an
 * Int32Array. A pool and its workers say by such words what each is at. None waits, and none notices a death: a word is what
 * was stored last. An address that is none is an MP_STATE where that can be seen, and otherwise as in any program of C.
 */

/* Returns the word. */
int64_t mp_word_load(uint32_t *at);

/* Makes the word `value`. Returns 0. */
int64_t mp_word_store(uint32_t *at, uint32_t value);

/* Makes the word `value` if it is `expected`. Returns what it was: it was changed if that is `expected`. */
int64_t mp_word_compare_exchange(uint32_t *at, uint32_t expected, uint32_t value);

#ifdef __cplusplus
}
#endif

#endif
