/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Known traffic for tests/bench/host.py, on loopback.
 *
 *     host_load work PORT          lines "KIND COUNT" in, CPU time of each in ns out
 *     host_load serve PORT         reads what comes, closes after the client did; for ever
 *     host_load burst PORT N       N processes that connect, send five bytes and are gone
 *     host_load edges PORT N       one connection to each of N addresses, from one process
 *     host_load hold PORT N SECS   N connections that stay open
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BULK = 64 << 10, AT_ONCE = 16 };

static struct sockaddr_in at;

static void die(const char *what)
{
	fprintf(stderr, "host_load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int listen_any(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = at.sin_port };
	int s = socket(AF_INET, SOCK_STREAM, 0), yes = 1;

	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(s, (struct sockaddr *)&any, sizeof(any)) || listen(s, 4096))
		die("listen");
	return s;
}

static int dial(void)
{
	int s = socket(AF_INET, SOCK_STREAM, 0), yes = 1;

	if (s < 0 || connect(s, (struct sockaddr *)&at, sizeof(at)))
		die("connect");
	setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	return s;
}

static void put(int s, const void *p, size_t n)
{
	if (send(s, p, n, MSG_NOSIGNAL) != (ssize_t)n)
		die("send");
}

static void take(int s, void *p, size_t n)
{
	if (recv(s, p, n, MSG_WAITALL) != (ssize_t)n)
		die("recv");
}

/* One thread is both ends, so that its CPU time is that of both, softirqs included. */
static void churn(int listener, long n)
{
	char b[8] = "hello";

	while (n-- > 0) {
		int c = dial(), s = accept(listener, NULL, NULL);

		put(c, b, 5);
		take(s, b, 5);
		close(c);
		if (recv(s, b, sizeof(b), 0) != 0)
			die("recv of the end");
		close(s);
	}
}

static void ping_pong(int c, int s, long n)
{
	char b = 0;

	while (n-- > 0) {
		put(c, &b, 1);
		take(s, &b, 1);
		put(s, &b, 1);
		take(c, &b, 1);
	}
}

static void bulk(int c, int s, long n)
{
	static char b[BULK];

	while (n-- > 0) {
		put(c, b, sizeof(b));
		take(s, b, sizeof(b));
	}
}

static int64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void work(void)
{
	int listener = listen_any(), c = dial(), s = accept(listener, NULL, NULL);
	int room = 4 << 20;
	char kind[16];
	long n;

	setsockopt(c, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	setsockopt(s, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	puts("ready");
	fflush(stdout);
	while (scanf("%15s %ld", kind, &n) == 2) {
		int64_t began = cpu_ns();

		if (!strcmp(kind, "churn"))
			churn(listener, n);
		else if (!strcmp(kind, "ping"))
			ping_pong(c, s, n);
		else if (!strcmp(kind, "bulk"))
			bulk(c, s, n);
		else
			for (long i = 0; i < n; i++)
				syscall(SYS_getppid);
		printf("%" PRId64 "\n", cpu_ns() - began);
		fflush(stdout);
	}
}

static void serve(void)
{
	int listener = listen_any();
	char b[64];

	puts("ready");
	fflush(stdout);
	for (;;) {
		int s = accept(listener, NULL, NULL);

		while (s >= 0 && recv(s, b, sizeof(b), 0) > 0)
			;
		close(s);
	}
}

static void burst(long n)
{
	long running = 0, failed = 0;
	int status;

	for (long i = 0; i < n; i++) {
		if (running == AT_ONCE) {
			wait(&status);
			failed += status != 0;
			running--;
		}
		if (fork() == 0) {
			put(dial(), "hello", 5);
			_exit(0);
		}
		running++;
	}
	while (wait(&status) > 0)
		failed += status != 0;
	printf("%ld\n", n - failed);
}

static void edges(long n)
{
	int listener = listen_any();
	struct linger reset = { .l_onoff = 1 };

	for (long i = 0; i < n; i++) {
		int c, s;

		at.sin_addr.s_addr = htonl(0x7f010001 + (uint32_t)i);
		c = dial();
		s = accept(listener, NULL, NULL);
		setsockopt(c, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(c); /* reset: leaves no TIME_WAIT behind */
		close(s);
	}
	printf("%ld\n", n);
}

static void hold(long n, unsigned seconds)
{
	struct rlimit r;
	int listener = listen_any();

	getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
	for (long i = 0; i < n; i++) {
		dial();
		if (accept(listener, NULL, NULL) < 0)
			die("accept");
	}
	puts("ready");
	fflush(stdout);
	sleep(seconds);
}

int main(int argc, char **argv)
{
	long n = argc > 3 ? atol(argv[3]) : 0;

	if (argc < 3) {
		fprintf(stderr,
			"usage: host_load work|serve|burst|edges|hold PORT [N [SECS]]\n");
		return 2;
	}
	at.sin_family = AF_INET;
	at.sin_port = htons((uint16_t)atoi(argv[2]));
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (!strcmp(argv[1], "work"))
		work();
	else if (!strcmp(argv[1], "serve"))
		serve();
	else if (!strcmp(argv[1], "burst"))
		burst(n);
	else if (!strcmp(argv[1], "edges"))
		edges(n);
	else
		hold(n, argc > 4 ? (unsigned)atoi(argv[4]) : 60);
	return 0;
}
