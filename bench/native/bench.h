/* What every floor program shares: a clock, memory that a fork shares, the line that bench/main.ts reads. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static inline double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

static inline void *share(size_t size) {
  void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) perror("mmap"), exit(1);
  return p;
}

static inline pid_t fork_or_die(void) {
  pid_t pid = fork();
  if (pid < 0) perror("fork"), exit(1);
  return pid;
}

static inline void report(const char *work, double ns) {
  printf("{\"work\": \"%s\", \"ns\": %.3f}\n", work, ns);
}
