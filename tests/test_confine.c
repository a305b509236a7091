/* SPDX-License-Identifier: Apache-2.0 */
/* What each of the collector's processes may still do, tried in a child of its own. */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <event2/event.h>

#include "collector/confine.h"
#include "common/dial.h"
#include "tests/storekit.h"
#include "tests/unit.h"

enum { KINDS = CONFINE_RELAY + 1 };

typedef bool deed(void);

static bool dies(enum confine_kind kind, deed *fn)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		struct err e = { 0 };

		if (confine(kind, &e) < 0) {
			fprintf(stderr, "%s\n", e.msg);
			_exit(3);
		}
		_exit(fn() ? 0 : 2);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status)) {
		ck_assert_int_eq(WTERMSIG(status), SIGSYS);
		return true;
	}
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	return false;
}

/* For which kinds, as bits. */
static unsigned who_dies(deed *fn)
{
	unsigned bits = 0;

	for (int i = 0; i < KINDS; i++)
		bits |= dies((enum confine_kind)i, fn) ? 1U << i : 0;
	return bits;
}

enum {
	EVERYBODY = (1 << KINDS) - 1,
	STORES = 1 << CONFINE_INGEST | 1 << CONFINE_ANSWER,
	READERS = STORES | 1 << CONFINE_RELAY,
	LOCALS = READERS | 1 << CONFINE_FRONT,
};

static bool nothing(void)
{
	return write(STDERR_FILENO, "", 0) == 0;
}

static bool start_a_program(void)
{
	return execl("/bin/true", "true", NULL) == 0;
}

static bool start_a_process(void)
{
	return fork() >= 0;
}

static bool look_at_another(void)
{
	return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) >= -1;
}

static bool dial(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in sin = { .sin_family = AF_INET };

	return fd >= 0 && connect(fd, (struct sockaddr *)&sin, sizeof(sin)) <= 0;
}

static bool read_a_file(void)
{
	return open("/etc/passwd", O_RDONLY) >= 0;
}

static bool write_a_file(void)
{
	char path[] = "/tmp/skein-confine-XXXXXX";
	int fd = mkstemp(path);

	return fd >= 0 && unlink(path) == 0;
}

static bool make_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

static bool notify_systemd(void)
{
	return socket(AF_UNIX, SOCK_DGRAM, 0) >= 0;
}

static bool read_memory(void)
{
	return open("/proc/self/mem", O_RDONLY) < 0;
}

START_TEST(nobody_does_what_none_needs)
{
	ck_assert_uint_eq(who_dies(nothing), 0);
	ck_assert_uint_eq(who_dies(start_a_program), EVERYBODY);
	ck_assert_uint_eq(who_dies(start_a_process), EVERYBODY);
	ck_assert_uint_eq(who_dies(look_at_another), EVERYBODY);
	ck_assert_uint_eq(who_dies(make_code), EVERYBODY);
}
END_TEST

START_TEST(each_does_what_it_is_for)
{
	ck_assert_uint_eq(who_dies(dial), EVERYBODY & ~(1U << CONFINE_RELAY));
	ck_assert_uint_eq(who_dies(read_a_file), EVERYBODY & ~READERS);
	ck_assert_uint_eq(who_dies(write_a_file), EVERYBODY & ~STORES);
	ck_assert_uint_eq(who_dies(notify_systemd), EVERYBODY & ~LOCALS);
}
END_TEST

/* What evhttp does with each address that connects. */
static bool name_a_link_local_address(void)
{
	struct sockaddr_in6 sin = { .sin6_family = AF_INET6, .sin6_scope_id = 1 };
	char text[NI_MAXHOST];

	inet_pton(AF_INET6, "fe80::1", &sin.sin6_addr);
	return getnameinfo((struct sockaddr *)&sin, sizeof(sin), text, sizeof(text), NULL, 0,
			   NI_NUMERICHOST) == 0;
}

START_TEST(the_front_names_who_connects)
{
	ck_assert(dies(CONFINE_FLOWS, name_a_link_local_address));
	ck_assert(!dies(CONFINE_FRONT, name_a_link_local_address));
}
END_TEST

/* Everything that the database does: WAL, checkpoint, VACUUM INTO, a file of its own. */
static struct kit kit;

static bool use_the_store(void)
{
	struct kit_flow f = { .client = "10.0.0.1", .server = "10.0.0.2", .opens = 1 };
	struct err e = { 0 };

	kit_open(&kit);
	kit_sensor(&kit, "A", "a", "10.0.0.1");
	for (int i = 0; i < 300; i++) {
		f.opens = (unsigned)i;
		kit_flow(&kit, &f);
		kit_send(&kit, "A");
	}
	store_close(kit.s);
	kit.s = store_open(kit.path, STORE_WRITE, &e);
	if (!kit.s || kit_health(&kit).quarantined)
		return false;
	store_close(kit.s);
	unlink(kit.path);
	return rmdir(kit.dir) == 0;
}

START_TEST(the_database_works)
{
	ck_assert(!dies(CONFINE_INGEST, use_the_store));
	ck_assert(!dies(CONFINE_ANSWER, use_the_store));
}
END_TEST

/* What a relay does for each connection: resolv.conf, the hosts file, a socket or two. */
static void on_dialled(const struct dial_result *d, void *ctx)
{
	*(bool *)ctx = d->fd >= 0 || !d->unknown;
	if (d->fd >= 0)
		close(d->fd);
}

static bool dial_a_name(void)
{
	struct event_base *base = event_base_new();
	bool known = false;

	dial_start(base, "localhost", 9, NULL, on_dialled, &known);
	event_base_dispatch(base);
	event_base_free(base);
	return known;
}

START_TEST(a_relay_reaches_the_other_end_by_name)
{
	ck_assert(!dies(CONFINE_RELAY, dial_a_name));
}
END_TEST

/* Root looks through everything, so this holds for the others alone. */
START_TEST(its_memory_is_nobody_elses)
{
	if (geteuid() == 0)
		ck_assert_int_eq(setresuid(65534, 65534, 65534), 0);
	ck_assert(!dies(CONFINE_INGEST, read_memory));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, the_database_works);
	tcase_add_test(t, a_relay_reaches_the_other_end_by_name);
#ifndef __SANITIZE_ADDRESS__ /* then there is no filter: confine.c says why */
	tcase_add_test(t, nobody_does_what_none_needs);
	tcase_add_test(t, each_does_what_it_is_for);
	tcase_add_test(t, the_front_names_who_connects);
	tcase_add_test(t, its_memory_is_nobody_elses);
#endif
	return unit_run("confine", t);
}
