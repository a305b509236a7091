/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/cgroup_root.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * The root of cgroup v2, where hooks see every socket: from a line of mountinfo (proc(5)) like
 * "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw".
 */
static int open_mounted(void)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[4096], root[1024], at[1024];
	int fd = -1;

	while (fd < 0 && f && fgets(line, sizeof(line), f))
		if (strstr(line, " - cgroup2 ") &&
		    sscanf(line, "%*s %*s %*s %1023s %1023s", root, at) == 2 &&
		    strcmp(root, "/") == 0)
			fd = open(at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f)
		fclose(f);
	return fd;
}

/*
 * Where it is mounted nowhere, or out of our sight: a mount of our own, in no directory, gone
 * with its descriptor (Linux 5.2, CAP_SYS_ADMIN; numbers of calls are those of every
 * architecture, and the C library's names for them newer than that).
 */
static int open_unmounted(void)
{
	enum { FSOPEN = 430, FSCONFIG = 431, FSMOUNT = 432, CREATE = 6, CLOEXEC = 1 };
	int context = (int)syscall(FSOPEN, "cgroup2", CLOEXEC), mount = -1, fd = -1;

	if (context < 0)
		return -1;
	if (syscall(FSCONFIG, context, CREATE, NULL, NULL, 0) == 0)
		mount = (int)syscall(FSMOUNT, context, CLOEXEC, 0);
	close(context);
	if (mount < 0)
		return -1;
	fd = openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	close(mount);
	return fd;
}

int cgroup_root_open(bool *own, struct err *e)
{
	int fd = open_mounted();

	if (own)
		*own = fd < 0;
	if (fd < 0)
		fd = open_unmounted();
	return fd >= 0 ? fd : err_sys(e, -errno, "cgroup v2 cannot be reached");
}
