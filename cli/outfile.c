/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/mem.h"

int outfile_open(struct outfile *o, const char *path, struct err *e)
{
	*o = (struct outfile){ .path = path, .fd = STDOUT_FILENO };
	if (strcmp(path, "-") == 0)
		return 0;
	if (file_is_special(path)) {
		o->fd = open(path, O_WRONLY | O_CLOEXEC);
		return o->fd < 0 ? err_sys(e, -errno, "cannot write %s", path) : 0;
	}
	o->temp = xasprintf("%s.XXXXXX", path);
	o->fd = mkostemp(o->temp, O_CLOEXEC);
	if (o->fd >= 0)
		return 0;
	free(o->temp);
	return err_sys(e, -errno, "cannot write %s", path);
}

int outfile_write(void *ctx, const void *p, size_t n)
{
	const struct outfile *o = ctx;
	const char *at = p;

	while (n) {
		ssize_t w = write(o->fd, at, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		at += w;
		n -= (size_t)w;
	}
	return 0;
}

/* As any program would have made it. */
static mode_t usual_mode(void)
{
	mode_t mask = umask(022);

	umask(mask);
	return 0666 & ~mask;
}

static int settle(struct outfile *o)
{
	int rc = fchmod(o->fd, usual_mode()) < 0 || fsync(o->fd) < 0 ? -errno : 0;

	if (close(o->fd) < 0 && !rc)
		rc = -errno;
	o->fd = -1;
	if (!rc && rename(o->temp, o->path) < 0)
		rc = -errno;
	return rc;
}

int outfile_close(struct outfile *o, int rc, struct err *e)
{
	if (!o->temp) {
		if (o->fd != STDOUT_FILENO)
			close(o->fd);
		return rc ? err_sys(e, rc, "cannot write to %s",
				    o->fd == STDOUT_FILENO ? "standard output" : o->path)
			  : 0;
	}
	if (!rc)
		rc = settle(o);
	if (rc) {
		if (o->fd >= 0)
			close(o->fd);
		unlink(o->temp);
		err_sys(e, rc, "cannot write %s", o->path);
	}
	free(o->temp);
	o->temp = NULL;
	return rc;
}
