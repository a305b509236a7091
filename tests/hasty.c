/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hasty PORT N [SERVER]: a server child that answers and closes, then N processes, one after
 * the other in four lines, each of which connects to 127.0.0.1:PORT, sends three bytes, and
 * exits at once. Prints how many connections got through. SERVER is this program under another
 * name, which the server child then is, so that the two ends can be told apart.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINES = 4 };

static struct sockaddr_in place(unsigned short port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

static void answer(int s)
{
	for (;;) {
		char room[8];
		int c = accept(s, NULL, NULL);

		while (c >= 0 && read(c, room, sizeof(room)) > 0)
			;
		close(c);
	}
}

static int serve(unsigned short port, const char *server)
{
	struct sockaddr_in a = place(port);
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	pid_t pid;

	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(s, (struct sockaddr *)&a, sizeof(a)) || listen(s, 1024)) {
		perror("hasty: listen");
		exit(1);
	}
	pid = fork();
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (server) {
		char number[16];

		dup2(s, s + 1); /* which stays open over exec */
		snprintf(number, sizeof(number), "%d", s + 1);
		execl(server, server, "--answer", number, NULL);
		perror(server);
		_exit(1);
	}
	answer(s);
	return 0;
}

static int connect_once(unsigned short port)
{
	struct sockaddr_in a = place(port);
	int c = socket(AF_INET, SOCK_STREAM, 0);

	return connect(c, (struct sockaddr *)&a, sizeof(a)) == 0 && write(c, "abc", 3) == 3;
}

/* One line of processes: how many got through, by exit status of each. */
static unsigned run_line(unsigned short port, unsigned n)
{
	unsigned good = 0;

	while (n--) {
		pid_t pid = fork();
		int status = 0;

		if (pid == 0)
			_exit(connect_once(port) ? 0 : 1);
		waitpid(pid, &status, 0);
		good += WIFEXITED(status) && WEXITSTATUS(status) == 0;
	}
	return good;
}

int main(int argc, char **argv)
{
	unsigned short port = (unsigned short)(argc > 1 ? atoi(argv[1]) : 0);
	unsigned n = argc > 2 ? (unsigned)atoi(argv[2]) : 0, good = 0, each;
	int server, pipes[2];

	if (argc == 3 && strcmp(argv[1], "--answer") == 0)
		answer(atoi(argv[2]));
	server = serve(port, argc > 3 ? argv[3] : NULL);
	if (pipe(pipes))
		return 1;
	for (unsigned i = 0; i < LINES; i++)
		if (fork() == 0) {
			each = run_line(port, n / LINES);
			return write(pipes[1], &each, sizeof(each)) != sizeof(each);
		}
	for (unsigned i = 0; i < LINES; i++)
		if (read(pipes[0], &each, sizeof(each)) == sizeof(each))
			good += each;
	usleep(300000); /* the server reads the last ones out */
	kill(server, SIGKILL);
	printf("%u\n", good);
	return good == n / LINES * LINES ? 0 : 1;
}
