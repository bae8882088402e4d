/* Floor of a setting that a user measures: what C does without any library.
 * usage: settings SECONDS stream|echo|ring SIZE
 *        settings SECONDS lock PROCESSES
 *        settings SECONDS copy SIZE PROCESSES
 *        settings SECONDS start 0 COMMAND [ARGUMENT…]
 * stream and echo: messages over a socketpair, there or there and back. ring: messages copied into shared memory and out
 * of it, one producer, one consumer. lock: a pthread mutex that so many processes want. copy: each process copies into
 * its part of shared memory. start: a command is started and waited for. */
#include "bench.h"
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <sys/socket.h>

enum { STRETCH = 64, SLOTS = 1024, MOST_PROCESSES = 256, RING = 8 << 20 };

extern char **environ;

struct shared {
  pthread_mutex_t mutex;
  volatile long counter;
  _Atomic long head, tail;
  _Atomic int ready;
  _Atomic long operations;
  double elapsed[MOST_PROCESSES];
};

static struct shared *s;
static double seconds;
static size_t size;
static char *from, *to, *memory;
static int ends[2];

static void tell(double operations, double taken) {
  printf("{\"operations\": %.0f, \"seconds\": %.9f}\n", operations, taken);
}

static void transfer(int end, char *bytes, int sending) {
  for (size_t done = 0; done < size;) {
    ssize_t n = sending ? write(end, bytes + done, size - done) : read(end, bytes + done, size - done);
    if (n <= 0) perror("socketpair"), exit(1);
    done += n;
  }
}

/* The first byte of the last message is 1. */
static void send_all(int echo) {
  double end = now_ns() + seconds * 1e9;
  long stretch = size >= 65536 ? 1 : STRETCH;
  while (now_ns() < end)
    for (long i = 0; i < stretch; i++) {
      transfer(ends[0], from, 1);
      if (echo) transfer(ends[0], to, 0);
    }
  from[0] = 1;
  transfer(ends[0], from, 1);
}

static void stream(int echo) {
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0) perror("socketpair"), exit(1);
  pid_t child = fork_or_die();
  if (child == 0) return send_all(echo), exit(0);
  double start = now_ns();
  long count = 0;
  for (transfer(ends[1], to, 0); to[0] == 0; transfer(ends[1], to, 0)) {
    count++;
    if (echo) transfer(ends[1], to, 1);
  }
  tell(count, (now_ns() - start) / 1e9);
  waitpid(child, NULL, 0);
}

static void produce(char *ring, long slots) {
  double end = now_ns() + seconds * 1e9;
  for (long i = 0;; i++) {
    while (i - s->tail >= slots) sched_yield();
    char *slot = ring + (i % slots) * (size + 1);
    memcpy(slot + 1, from, size);
    slot[0] = (i % STRETCH == 0 || size >= 65536) && now_ns() >= end;
    s->head = i + 1;
    if (slot[0]) exit(0);
  }
}

static void ring(void) {
  long slots = RING / (size + 1) < 2 ? 2 : RING / (size + 1) > SLOTS ? SLOTS : RING / (size + 1);
  char *ring = share(slots * (size + 1));
  pid_t child = fork_or_die();
  if (child == 0) produce(ring, slots);
  double start = now_ns();
  for (long i = 0;; i++) {
    while (s->head <= i) sched_yield();
    char *slot = ring + (i % slots) * (size + 1);
    memcpy(to, slot + 1, size);
    int is_last = slot[0];
    s->tail = i + 1;
    if (is_last) return tell(i, (now_ns() - start) / 1e9), (void)waitpid(child, NULL, 0);
  }
}

static void pair(int lane, int processes) {
  (void)lane, (void)processes;
  pthread_mutex_lock(&s->mutex);
  s->counter++;
  pthread_mutex_unlock(&s->mutex);
}

static void copy(int lane, int processes) {
  size_t part = size / processes;
  memcpy(memory + lane * part, from, part);
}

/* So many processes do the same until the time is over. */
static void laps(int processes, long stretch, void (*once)(int, int)) {
  pid_t child = 1;
  int lane = 0;
  while (lane < processes - 1 && (child = fork_or_die()) != 0) lane++;
  once(lane, processes);
  s->ready++;
  while (s->ready < processes) sched_yield();
  double start = now_ns(), now = start;
  long count = 0;
  for (; now < start + seconds * 1e9; now = now_ns(), count += stretch)
    for (long i = 0; i < stretch; i++) once(lane, processes);
  s->operations += count;
  s->elapsed[lane] = (now - start) / 1e9;
  if (child == 0) exit(0);
  double slowest = 0;
  while (wait(NULL) > 0) {
  }
  for (int i = 0; i < processes; i++) slowest = s->elapsed[i] > slowest ? s->elapsed[i] : slowest;
  tell(s->operations, slowest);
}

static void start(char **command) {
  double begin = now_ns(), end = begin + seconds * 1e9;
  long count = 0;
  for (; now_ns() < end; count++) {
    pid_t pid;
    int status;
    if (posix_spawnp(&pid, command[0], NULL, NULL, command, environ)) perror(command[0]), exit(1);
    waitpid(pid, &status, 0);
    if (status) fprintf(stderr, "%s: wait status %d\n", command[0], status), exit(1);
  }
  tell(count, (now_ns() - begin) / 1e9);
}

static void share_mutex(void) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutex_init(&s->mutex, &attributes);
}

int main(int argc, char **argv) {
  if (argc < 4) return fprintf(stderr, "usage: settings SECONDS MODE NUMBER …\n"), 2;
  seconds = atof(argv[1]);
  const char *mode = argv[2];
  size = strtoul(argv[3], NULL, 10);
  int processes = strcmp(mode, "lock") == 0 ? (int)size : argc > 4 ? atoi(argv[4]) : 1;
  if (processes > MOST_PROCESSES) return fprintf(stderr, "at most %d processes\n", MOST_PROCESSES), 2;
  s = share(sizeof *s);
  share_mutex();
  from = calloc(size + 1, 1), to = calloc(size + 1, 1);
  if (strcmp(mode, "stream") == 0) stream(0);
  else if (strcmp(mode, "echo") == 0) stream(1);
  else if (strcmp(mode, "ring") == 0) ring();
  else if (strcmp(mode, "lock") == 0) laps(processes, STRETCH, pair);
  else if (strcmp(mode, "copy") == 0) memory = share(size), memset(from, 1, size), laps(processes, 1, copy);
  else start(argv + 4);
}
