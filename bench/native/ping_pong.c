/* Floor of the wake-up rows: a turn passed to another process and back, per round trip.
 * usage: ping_pong ITERATIONS futex|spin|socketpair [times]
 * futex sleeps in the kernel at every hop, spin never does, socketpair carries 64 bytes. With "times", the nanoseconds of
 * each of them instead of their mean. */
#include "bench.h"
#include <linux/futex.h>
#include <sys/socket.h>
#include <sys/syscall.h>

enum { MESSAGE = 64 };

static int *turn;
static int ends[2];

static void take_turn_futex(int me) {
  while (__atomic_load_n(turn, __ATOMIC_ACQUIRE) != me) syscall(SYS_futex, turn, FUTEX_WAIT, !me, NULL, NULL, 0);
  __atomic_store_n(turn, !me, __ATOMIC_RELEASE);
  syscall(SYS_futex, turn, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void take_turn_spin(int me) {
  while (__atomic_load_n(turn, __ATOMIC_ACQUIRE) != me) {
  }
  __atomic_store_n(turn, !me, __ATOMIC_RELEASE);
}

static void transfer(int me, int sending) {
  char message[MESSAGE] = {0};
  ssize_t done = sending ? write(ends[me], message, MESSAGE) : read(ends[me], message, MESSAGE);
  if (done != MESSAGE) perror("socketpair"), exit(1);
}

static void take_turn_socketpair(int me) {
  transfer(me, me == 0);
  transfer(me, me == 1);
}

/* Prints the nanoseconds of each of so many turns. */
static void tell_times(void (*take_turn)(int), long n) {
  long *times = calloc(n + 1, sizeof *times);
  for (long i = 0; i < n; i++) {
    double start = now_ns();
    take_turn(0);
    times[i] = now_ns() - start;
  }
  printf("{\"times\": [%ld", times[0]);
  for (long i = 1; i < n; i++) printf(",%ld", times[i]);
  puts("]}");
}

int main(int argc, char **argv) {
  if (argc < 3) return fprintf(stderr, "usage: ping_pong ITERATIONS futex|spin|socketpair [times]\n"), 2;
  long n = atol(argv[1]), warm_up = n / 10;
  void (*take_turn)(int) = strcmp(argv[2], "futex") == 0  ? take_turn_futex
                           : strcmp(argv[2], "spin") == 0 ? take_turn_spin
                                                          : take_turn_socketpair;
  turn = share(sizeof *turn);
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0) return perror("socketpair"), 1;
  pid_t child = fork_or_die();
  if (child == 0) {
    for (long i = 0; i < warm_up + n + 1; i++) take_turn(1);
    return 0;
  }
  for (long i = 0; i < warm_up; i++) take_turn(0);
  int wants_times = argc > 3;
  double start = now_ns();
  if (wants_times) tell_times(take_turn, n);
  else for (long i = 0; i < n; i++) take_turn(0);
  double elapsed = now_ns() - start;
  take_turn(0); /* the child's last turn, so that its exit is outside the measure */
  waitpid(child, NULL, 0);
  if (!wants_times) report(argv[2], elapsed / n);
}
