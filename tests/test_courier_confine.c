/* SPDX-License-Identifier: Apache-2.0 */
/* Where the sensor's courier may still write once its rights are gone, tried in a child. */
#include "sensor/confine.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/file.h"
#include "common/mem.h"
#include "tests/unit.h"

static char home[] = "/tmp/skein-courier-XXXXXX", other[64], absolute[64];
static int spool, renewed, elsewhere;

static int folder(const char *name)
{
	char *path = file_path(home, name);
	int fd;

	ck_assert_int_eq(mkdir(path, 0777) | chmod(path, 0777), 0);
	fd = open(path, O_RDONLY | O_DIRECTORY);
	ck_assert_int_ge(fd, 0);
	free(path);
	return fd;
}

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(home));
	spool = folder("spool");
	renewed = folder("renewed");
	elsewhere = folder("elsewhere");
	snprintf(other, sizeof(other), "%s/elsewhere/a", home);
	snprintf(absolute, sizeof(absolute), "%s/spool/b", home);
	if (geteuid() == 0) /* then that is who it will be */
		ck_assert_int_eq(chown(home, 65534, 65534), 0);
}

static void teardown(void)
{
	char *command = xasprintf("rm -rf %s", home);

	ck_assert_int_eq(system(command), 0);
	free(command);
}

/* 0, or what stops a file from being made in FD, renamed and removed. */
static int keep_in(int fd)
{
	int rc = file_write_at(fd, "a.new", "x", 1);

	if (!rc && renameat(fd, "a.new", fd, "a") < 0)
		rc = -errno;
	if (!rc && unlinkat(fd, "a", 0) < 0)
		rc = -errno;
	return rc;
}

static int make(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	return fd < 0 ? -errno : 0;
}

static int move(int from, int to)
{
	return renameat(from, "kept", to, "kept") < 0 ? -errno : 0;
}

static bool confined(void)
{
	struct err e = { 0 };

	if (confine_courier(home, spool, renewed, &e) == 0)
		return true;
	fprintf(stderr, "%s\n", e.msg);
	return false;
}

/* What is wrong, 0 for nothing: the child's exit status. */
static int try_all(void)
{
	if (file_write_at(elsewhere, "kept", "x", 1) || file_write_at(spool, "kept", "x", 1))
		return 1;
	if (!confined())
		return 2;
	if (keep_in(spool) || keep_in(renewed))
		return 3;
	if (keep_in(elsewhere) != -EPERM || make(other) != -EPERM || make(absolute) != -EPERM)
		return 4;
	if (move(spool, elsewhere) != -EPERM || move(elsewhere, spool) != -EPERM ||
	    unlinkat(elsewhere, "kept", 0) == 0)
		return 5;
	return open("/etc/passwd", O_RDONLY) >= 0 ? 0 : 6; /* as the resolver's files */
}

START_TEST(two_directories_and_no_other)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(try_all());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, two_directories_and_no_other);
	return unit_run("courier_confine", t);
}
