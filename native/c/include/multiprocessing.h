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
 * ends after 100 ms, with MP_INTERRUPTED, even if nothing has come: a signal may have come just before the sleep began,
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

#ifdef __cplusplus
}
#endif

#endif
