/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What talks under a kernel that is tried (run.py), each end under a name of its own:
 *
 *     scene serve PORT...           TCP over both families; a child for each connection
 *     scene serve-udp PORT...       the same for UDP
 *     scene ask ADDRESS PORT N      N connections, one question and its answer each
 *     scene quick ADDRESS PORT N    N processes that connect, send three bytes and are gone
 *     scene refuse ADDRESS PORT N   N connects to where nobody listens
 *     scene hold ADDRESS PORT       one connection; a question for each byte from standard
 * input scene udp ADDRESS PORT N      N questions, a socket each, by sendto() scene
 * udp-connected ...       the same, connected
 *
 * A question has 100 bytes and its answer 250. Exit status 1: it did not go as it should.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { QUESTION = 100, ANSWER = 250, SCRAP = 3, PATIENCE = 60 };

static const char letters[ANSWER];

static void must(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(1);
}

/* The place, and how long it is. */
static socklen_t place(const char *address, const char *port, struct sockaddr_storage *a)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)a;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)a;

	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((unsigned short)atoi(port));
		return sizeof(*v6);
	}
	must(inet_pton(AF_INET, address, &v4->sin_addr) == 1, address);
	v4->sin_family = AF_INET;
	v4->sin_port = htons((unsigned short)atoi(port));
	return sizeof(*v4);
}

/* A socket of that kind, and where it shall go. */
static int open_to(const char *address, const char *port, int kind, struct sockaddr_storage *a,
		   socklen_t *n)
{
	int s;

	*n = place(address, port, a);
	s = socket(a->ss_family, kind, 0);
	must(s >= 0, "socket");
	return s;
}

static int connect_to(char **where, int kind)
{
	struct sockaddr_storage a;
	socklen_t n;
	int c = open_to(where[0], where[1], kind, &a, &n);

	must(connect(c, (struct sockaddr *)&a, n) == 0, "connect");
	return c;
}

static void ask(int c)
{
	char room[ANSWER];

	must(send(c, letters, QUESTION, 0) == QUESTION, "send");
	must(recv(c, room, ANSWER, MSG_WAITALL) == ANSWER, "recv");
}

static int bound(const char *port, int kind)
{
	struct sockaddr_storage a;
	socklen_t n;
	int s = open_to("::", port, kind, &a, &n), one = 1;

	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	must(bind(s, (struct sockaddr *)&a, n) == 0, "bind");
	return s;
}

static void answer_all(int c)
{
	char room[QUESTION];

	while (recv(c, room, QUESTION, MSG_WAITALL) == QUESTION)
		must(send(c, letters, ANSWER, 0) == ANSWER, "send");
}

static void serve(const char *port)
{
	int s = bound(port, SOCK_STREAM), c;

	must(listen(s, 128) == 0, "listen");
	while ((c = accept(s, NULL, NULL)) >= 0) {
		if (fork() == 0) {
			close(s);
			answer_all(c);
			_exit(0);
		}
		close(c);
	}
}

static void serve_udp(const char *port)
{
	int s = bound(port, SOCK_DGRAM);
	struct sockaddr_storage a;
	socklen_t n = sizeof(a);
	char room[QUESTION];

	while (recvfrom(s, room, QUESTION, 0, (struct sockaddr *)&a, &n) == QUESTION) {
		must(sendto(s, letters, ANSWER, 0, (struct sockaddr *)&a, n) == ANSWER,
		     "sendto");
		n = sizeof(a);
	}
}

static void each_port(char **port, void (*fn)(const char *))
{
	signal(SIGCHLD, SIG_IGN);
	for (; *port; port++)
		if (!port[1] || fork() == 0) {
			if (port[1])
				prctl(PR_SET_PDEATHSIG, SIGKILL);
			fn(*port);
			must(false, *port);
		}
}

static void ask_once(char **where)
{
	int c = connect_to(where, SOCK_STREAM);

	ask(c);
	close(c);
}

static void quick(char **where)
{
	int status = 0;

	if (fork() == 0)
		_exit(send(connect_to(where, SOCK_STREAM), letters, SCRAP, 0) != SCRAP);
	must(wait(&status) > 0 && status == 0, "a child");
}

/* Not waiting in connect(), or a look from outside could not tell whom it was after. */
static void refuse(char **where)
{
	struct sockaddr_storage a;
	socklen_t n;
	int c = open_to(where[0], where[1], SOCK_STREAM | SOCK_NONBLOCK, &a, &n);
	struct pollfd p = { .fd = c, .events = POLLOUT };

	must(connect(c, (struct sockaddr *)&a, n) != 0, "connect");
	must(poll(&p, 1, PATIENCE * 1000) == 1 && p.revents & POLLERR, "refused");
	close(c);
}

static void ask_udp(char **where)
{
	struct sockaddr_storage a;
	char room[ANSWER];
	socklen_t n;
	int s = open_to(where[0], where[1], SOCK_DGRAM, &a, &n);

	must(sendto(s, letters, QUESTION, 0, (struct sockaddr *)&a, n) == QUESTION, "sendto");
	must(recvfrom(s, room, ANSWER, 0, NULL, NULL) == ANSWER, "recvfrom");
	close(s);
}

static void ask_udp_connected(char **where)
{
	int s = connect_to(where, SOCK_DGRAM);

	ask(s);
	close(s);
}

static void hold(char **where)
{
	int c = connect_to(where, SOCK_STREAM);
	char one;

	while (read(0, &one, 1) == 1) {
		ask(c);
		must(write(1, "\n", 1) == 1, "write"); /* the answer is there */
	}
	close(c);
}

static const struct {
	const char *word;
	void (*fn)(char **where);
} clients[] = {
	{ "ask", ask_once }, { "quick", quick }, { "refuse", refuse },
	{ "hold", hold },    { "udp", ask_udp }, { "udp-connected", ask_udp_connected },
};

int main(int argc, char **argv)
{
	must(argc >= 3, "how to call it stands in scene.c");
	if (strcmp(argv[1], "serve") == 0)
		each_port(argv + 2, serve);
	if (strcmp(argv[1], "serve-udp") == 0)
		each_port(argv + 2, serve_udp);
	alarm(PATIENCE);
	for (size_t i = 0; i < sizeof(clients) / sizeof(*clients); i++)
		if (strcmp(argv[1], clients[i].word) == 0 && argc >= 4) {
			for (int n = argc > 4 ? atoi(argv[4]) : 1; n > 0; n--)
				clients[i].fn(argv + 2);
			return 0;
		}
	return 2;
}
