/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/home.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/file.h"
#include "common/log.h"

int home_open(const char *dir, struct err *e)
{
	struct stat st;
	int rc = file_mkdir(dir, 0700, e);

	if (rc)
		return rc;
	umask(077);
	if (stat(dir, &st) < 0)
		return err_sys(e, -errno, "cannot use %s", dir);
	if (access(dir, R_OK | W_OK | X_OK) < 0)
		return err_sys(e, -errno, "cannot write in %s", dir);
	if (st.st_mode & S_IWOTH)
		log_warn("%s may be written by everybody; give the collector a directory of "
			 "its own",
			 dir);
	return 0;
}

int home_become_owner(const char *dir, struct err *e)
{
	char *db = file_path(dir, "skein.db");
	struct stat st;
	bool none = geteuid() != 0 || (stat(db, &st) < 0 && stat(dir, &st) < 0);

	free(db);
	if (none || st.st_uid == 0)
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(st.st_gid, st.st_gid, st.st_gid) < 0 ||
	    setresuid(st.st_uid, st.st_uid, st.st_uid) < 0)
		return err_sys(e, -errno, "cannot become the owner of %s", dir);
	return 0;
}

static int held_by_another(const char *dir, int fd, struct err *e)
{
	char pid[16] = "";
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

	pid[n > 0 ? strspn(pid, "0123456789") : 0] = 0;
	close(fd);
	return err_set(e, -EWOULDBLOCK, "%s is in use by another collector%s%s", dir,
		       *pid ? ", process " : "", pid);
}

int home_lock(const char *dir, struct err *e)
{
	char *path = file_path(dir, "collector.lock");
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int rc = fd < 0 ? err_sys(e, -errno, "cannot open %s", path) : 0;

	free(path);
	if (rc)
		return rc;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return held_by_another(dir, fd, e);
	if (ftruncate(fd, 0) == 0)
		dprintf(fd, "%d\n", (int)getpid());
	return fd;
}

int home_write_address(const char *dir, const char *address, struct err *e)
{
	char *path = file_path(dir, "collector.addr");
	struct buf line = { 0 };
	int rc;

	buf_printf(&line, "%s\n", address);
	rc = file_replace(path, 0600, line.p, line.n, e);
	buf_fini(&line);
	free(path);
	return rc;
}

void home_forget_address(const char *dir)
{
	char *path = file_path(dir, "collector.addr");

	unlink(path);
	free(path);
}
