/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that are started by another, die, and are started again by a process that may not.
 */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/confine.h"
#include "collector/nursery.h"
#include "tests/unit.h"

enum { A_SECOND_MS = 1000 };

struct toy {
	int prepared;
	int fd; /* of a pipe, kept */
};

static void before(void *ctx)
{
	((struct toy *)ctx)->prepared++;
}

/* Says what it is once, and then whatever it hears. */
static int echo(int fd, void *ctx)
{
	const struct toy *toy = ctx;
	char text[64];
	ssize_t n = snprintf(text, sizeof(text), "%d %d", toy->prepared, (int)getpid());

	(void)!write(toy->fd, "x", 1);
	while (n > 0 && send(fd, text, (size_t)n, 0) == n)
		n = recv(fd, text, sizeof(text), 0);
	return 7;
}

static int ends_at_once(int fd, void *ctx)
{
	(void)fd, (void)ctx;
	return 5;
}

static struct nursery n;
static struct toy toy;
static int pipe_fd[2];

static void setup(void)
{
	const struct nursery_plan one = { "an echo", "echo", echo, &toy, before };
	const struct nursery_plan two = { "an end", "end", ends_at_once, NULL, NULL };
	struct err e = { 0 };

	n = (struct nursery){ 0 };
	ck_assert_int_eq(pipe(pipe_fd), 0);
	toy = (struct toy){ .fd = pipe_fd[1] };
	nursery_plan(&n, NURSERY_AUTHORITY, &one);
	nursery_plan(&n, NURSERY_FLOWS, &two);
	nursery_keep(&n, pipe_fd[1]);
	ck_assert_msg(nursery_open(&n, "/tmp", &e) == 0, "%s", e.msg);
	close(pipe_fd[1]);
}

static void teardown(void)
{
	nursery_close(&n);
	close(pipe_fd[0]);
}

static void begin(struct child *c)
{
	char text[64], want[64], one;
	struct err e = { 0 };
	ssize_t got;

	ck_assert_msg(nursery_start(&n, NURSERY_AUTHORITY, c, &e) == 0, "%s", e.msg);
	got = recv(c->fd, text, sizeof(text) - 1, 0);
	ck_assert_int_gt(got, 0);
	text[got] = 0;
	snprintf(want, sizeof(want), "1 %d", (int)c->pid); /* prepared once, by the nursery */
	ck_assert_str_eq(text, want);
	ck_assert_int_eq(read(pipe_fd[0], &one, 1), 1);
	ck_assert_int_eq(toy.prepared, 0); /* here nothing was */
}

static void says_back(const struct child *c, const char *word)
{
	char text[64] = "";

	ck_assert_int_eq(send(c->fd, word, strlen(word), 0), strlen(word));
	ck_assert_int_eq(recv(c->fd, text, sizeof(text), 0), strlen(word));
	ck_assert_str_eq(text, word);
}

/* Its end of the socket is closed; who reaps it is another question. */
static bool goes(const struct child *c)
{
	struct pollfd p = { c->fd, POLLIN, 0 };
	char byte;

	return poll(&p, 1, A_SECOND_MS) == 1 && recv(c->fd, &byte, 1, 0) == 0;
}

START_TEST(what_is_killed_comes_again)
{
	struct child c;
	int status;

	for (int i = 0; i < 20; i++) {
		begin(&c);
		says_back(&c, "once");
		ck_assert(!child_reap(&c, &status));
		ck_assert_int_eq(
			nursery_start(&n, NURSERY_AUTHORITY, &(struct child){ 0 }, NULL),
			-EINVAL); /* it is there */
		says_back(&c, "and again");
		kill(c.pid, SIGKILL);
		ck_assert(child_await(&c, &status));
		ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		ck_assert(!child_reap(&c, &status));
		close(c.fd);
	}
	begin(&c);
	close(c.fd); /* and ends with its socket */
	ck_assert(child_await(&c, &status));
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	ck_assert(!nursery_gone(&n));
}
END_TEST

START_TEST(how_it_ended_is_told)
{
	struct child c;
	int status = 0;

	ck_assert_int_eq(nursery_start(&n, NURSERY_FLOWS, &c, NULL), 0);
	ck_assert(child_await(&c, &status));
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 5);
	ck_assert_int_lt(nursery_start(&n, NURSERY_HTTP, &c, NULL), 0); /* no such plan */
	ck_assert(!nursery_gone(&n));
}
END_TEST

START_TEST(without_it_all_end)
{
	struct child c;
	int status;

	begin(&c);
	kill(n.self.pid, SIGKILL);
	for (int ms = 0; ms < A_SECOND_MS && !nursery_gone(&n); ms += 10)
		poll(NULL, 0, 10);
	ck_assert(nursery_gone(&n));
	ck_assert(goes(&c));
	ck_assert(child_reap(&c, &status));
	ck_assert_int_eq(nursery_start(&n, NURSERY_FLOWS, &c, NULL), -EPIPE);
}
END_TEST

/* From a process that could not fork itself. */
START_TEST(a_confined_process_has_it_started)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		struct child c;

		if (confine(CONFINE_INGEST, NULL, NULL) < 0)
			_exit(2);
		begin(&c);
		says_back(&c, "from afar");
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(the_pause_grows_and_is_forgiven)
{
	struct child_rest r = { 0 };
	uint64_t now = 1000;

	child_rest_born(&r, now);
	for (unsigned want = CHILD_PAUSE_MS; want < CHILD_PAUSE_MAX_MS; want *= 2) {
		child_rest_died(&r, now);
		ck_assert_uint_eq(r.due_ms - now, want);
		now = r.due_ms;
		child_rest_born(&r, now);
	}
	child_rest_died(&r, now);
	ck_assert_uint_eq(r.due_ms - now, CHILD_PAUSE_MAX_MS);
	child_rest_born(&r, now);
	now += CHILD_CALM_MS + 1;
	child_rest_died(&r, now);
	ck_assert_uint_eq(r.due_ms - now, CHILD_PAUSE_MS);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_is_killed_comes_again);
	tcase_add_test(t, how_it_ended_is_told);
	tcase_add_test(t, without_it_all_end);
	tcase_add_test(t, a_confined_process_has_it_started);
	tcase_add_test(t, the_pause_grows_and_is_forgiven);
	return unit_run("nursery", t);
}
