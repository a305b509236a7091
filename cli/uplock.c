/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/uplock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "common/file.h"

/* A record lock, since the kernel tells who holds one; a file with a pid can only be believed.
 */
static struct flock whole(void)
{
	return (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET };
}

static int open_lock(const char *dir, int flags)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/up.lock", dir);
	return open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

int uplock_take(const char *dir, struct err *e)
{
	struct flock lock = whole();
	int fd, rc = file_mkdir(dir, 0700, e);

	if (rc)
		return rc;
	fd = open_lock(dir, O_RDWR | O_CREAT);
	if (fd < 0)
		return err_sys(e, -errno, "%s: cannot write into the data directory", dir);
	if (fcntl(fd, F_SETLK, &lock) == 0)
		return fd;
	close(fd);
	return err_set(e, -EWOULDBLOCK, "%s: already up; \"skein down --data %s\" stops it",
		       dir, dir);
}

pid_t uplock_holder(const char *dir)
{
	int fd = open_lock(dir, O_RDONLY);
	struct flock lock = whole();
	pid_t pid = 0;

	lock.l_type = F_WRLCK;
	if (fd < 0)
		return 0;
	if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
		pid = lock.l_pid > 1 ? lock.l_pid : -1;
	close(fd);
	return pid;
}
