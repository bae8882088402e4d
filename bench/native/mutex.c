/* Floor of the lock rows: a pthread process-shared mutex around one increment.
 * usage: mutex ITERATIONS uncontended|contended
 * Contended: two processes, ITERATIONS each, time of the slower one over all operations. */
#include "bench.h"
#include <pthread.h>

struct shared {
  pthread_mutex_t mutex;
  volatile long counter;
  int ready[2];
  double elapsed[2];
};

static void increment(struct shared *s, long n) {
  for (long i = 0; i < n; i++) {
    pthread_mutex_lock(&s->mutex);
    s->counter++;
    pthread_mutex_unlock(&s->mutex);
  }
}

static void line_up(struct shared *s, int lane) {
  __atomic_store_n(&s->ready[lane], 1, __ATOMIC_SEQ_CST);
  while (!__atomic_load_n(&s->ready[!lane], __ATOMIC_SEQ_CST)) {
  }
}

static void run_lane(struct shared *s, int lane, long n) {
  line_up(s, lane);
  double start = now_ns();
  increment(s, n);
  s->elapsed[lane] = now_ns() - start;
}

int main(int argc, char **argv) {
  if (argc != 3) return fprintf(stderr, "usage: mutex ITERATIONS uncontended|contended\n"), 2;
  long n = atol(argv[1]);
  struct shared *s = share(sizeof *s);
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutex_init(&s->mutex, &attributes);
  increment(s, n / 10);

  if (strcmp(argv[2], "uncontended") == 0) {
    double start = now_ns();
    increment(s, n);
    report("mutex uncontended", (now_ns() - start) / n);
    return 0;
  }
  s->counter = 0;
  pid_t child = fork_or_die();
  run_lane(s, child == 0, n);
  if (child == 0) return 0;
  waitpid(child, NULL, 0);
  if (s->counter != 2 * n) return fprintf(stderr, "%ld increments of %ld\n", s->counter, 2 * n), 1;
  double slower = s->elapsed[0] > s->elapsed[1] ? s->elapsed[0] : s->elapsed[1];
  report("mutex contended", slower / (2 * n));
}
