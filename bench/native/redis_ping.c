/* Floor of what is done on a Redis server: PING and its answer over one connection, per round trip.
 * usage: redis_ping ITERATIONS PORT */
#include "bench.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

static void ping(int server) {
  static const char PING[] = "*1\r\n$4\r\nPING\r\n", PONG[] = "+PONG\r\n";
  char answer[sizeof PONG];
  size_t got = 0;
  if (write(server, PING, sizeof PING - 1) != sizeof PING - 1) perror("write"), exit(1);
  while (got < sizeof PONG - 1) {
    ssize_t more = read(server, answer + got, sizeof PONG - 1 - got);
    if (more <= 0) perror("read"), exit(1);
    got += more;
  }
  if (memcmp(answer, PONG, sizeof PONG - 1) != 0) fprintf(stderr, "no PONG\n"), exit(1);
}

int main(int argc, char **argv) {
  if (argc < 3) return fprintf(stderr, "usage: redis_ping ITERATIONS PORT\n"), 2;
  long n = atol(argv[1]);
  int on = 1, server = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (server < 0 || connect(server, (struct sockaddr *)&place, sizeof place) < 0) return perror("connect"), 1;
  setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  for (long i = 0; i < n / 10; i++) ping(server);
  double start = now_ns();
  for (long i = 0; i < n; i++) ping(server);
  report("redis_ping", (now_ns() - start) / n);
  return 0;
}
