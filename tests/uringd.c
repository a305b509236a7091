/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uringd PORT single|multi|direct: a server on 127.0.0.1 that does everything by io_uring, so
 * that no system call tells who accepted. Answers up to 16 bytes with "hi" and closes; one
 * connection at a time. Prints "ready" once it listens.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static struct io_uring ring;

static void fail(const char *what, int error)
{
	fprintf(stderr, "uringd: %s: %s\n", what, strerror(error));
	exit(1);
}

static int listener(unsigned short port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(s, (struct sockaddr *)&a, sizeof(a)) || listen(s, 64))
		fail("listen", errno);
	return s;
}

/* The result of whatever completes next; *MORE where the same request will tell again. */
static int completed(bool *more)
{
	struct io_uring_cqe *cqe;
	int result, rc;

	do
		rc = io_uring_submit_and_wait(&ring, 1);
	while (rc == -EINTR);
	rc = io_uring_peek_cqe(&ring, &cqe);
	if (rc)
		fail("wait", -rc);
	result = cqe->res;
	if (more)
		*more = cqe->flags & IORING_CQE_F_MORE;
	io_uring_cqe_seen(&ring, cqe);
	return result;
}

static void serve(int fd, bool direct)
{
	static char bytes[16];
	unsigned char flags = direct ? IOSQE_FIXED_FILE : 0;
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	io_uring_prep_recv(sqe, fd, bytes, sizeof(bytes), 0);
	sqe->flags |= flags;
	completed(NULL);
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_send(sqe, fd, "hi", 2, 0);
	sqe->flags |= flags;
	completed(NULL);
	sqe = io_uring_get_sqe(&ring);
	if (direct)
		io_uring_prep_close_direct(sqe, fd);
	else
		io_uring_prep_close(sqe, fd);
	completed(NULL);
}

/* One connection for each completion; a new request where the last one is used up. */
static void run(int s, bool multi, bool direct)
{
	bool more = false;

	for (;;) {
		struct io_uring_sqe *sqe = more ? NULL : io_uring_get_sqe(&ring);
		int fd;

		if (sqe && multi)
			io_uring_prep_multishot_accept(sqe, s, NULL, NULL, 0);
		else if (sqe && direct)
			io_uring_prep_accept_direct(sqe, s, NULL, NULL, 0, 0);
		else if (sqe)
			io_uring_prep_accept(sqe, s, NULL, NULL, 0);
		fd = completed(&more);
		if (fd < 0)
			fail("accept", -fd);
		serve(direct ? 0 : fd, direct);
	}
}

int main(int argc, char **argv)
{
	int none = -1, rc, s;

	if (argc != 3) {
		fprintf(stderr, "usage: uringd PORT single|multi|direct\n");
		return 2;
	}
	s = listener((unsigned short)atoi(argv[1]));
	rc = io_uring_queue_init(8, &ring, 0);
	if (rc == 0)
		rc = io_uring_register_files(&ring, &none, 1);
	if (rc)
		fail("io_uring", -rc);
	puts("ready");
	fflush(stdout);
	run(s, strcmp(argv[2], "multi") == 0, strcmp(argv[2], "direct") == 0);
}
