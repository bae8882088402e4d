/* Floor of the process rows: start a command and wait for its end, ITERATIONS times one after another.
 * usage: spawn_wait ITERATIONS COMMAND [ARGUMENT…] */
#include "bench.h"
#include <spawn.h>

extern char **environ;

static void spawn_and_wait(char **command) {
  pid_t pid;
  int status;
  int error = posix_spawnp(&pid, command[0], NULL, NULL, command, environ);
  if (error) fprintf(stderr, "%s: %s\n", command[0], strerror(error)), exit(1);
  waitpid(pid, &status, 0);
  if (status) fprintf(stderr, "%s: wait status %d\n", command[0], status), exit(1);
}

int main(int argc, char **argv) {
  if (argc < 3) return fprintf(stderr, "usage: spawn_wait ITERATIONS COMMAND [ARGUMENT…]\n"), 2;
  int n = atoi(argv[1]);
  for (int i = 0; i < 2; i++) spawn_and_wait(argv + 2);
  double start = now_ns();
  for (int i = 0; i < n; i++) spawn_and_wait(argv + 2);
  report("spawn and wait", (now_ns() - start) / n);
}
