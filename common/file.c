/* SPDX-License-Identifier: Apache-2.0 */
#include "common/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/mem.h"

char *file_path(const char *dir, const char *name)
{
	return xasprintf("%s/%s", dir, name);
}

int file_write(int fd, const void *p, size_t n)
{
	const uint8_t *rest = p;

	while (n) {
		ssize_t w = write(fd, rest, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		rest += w;
		n -= (size_t)w;
	}
	return 0;
}

void file_sweep(const char *dir, const char *prefix, int64_t older_s)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	struct stat st;

	while (d && (entry = readdir(d))) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0 ||
		    fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISREG(st.st_mode) && time(NULL) - st.st_mtime > older_s)
			unlinkat(dirfd(d), entry->d_name, 0);
	}
	if (d)
		closedir(d);
}

/* MODE 0: that which FD has. */
static int write_durably(int fd, mode_t mode, const void *p, size_t n)
{
	int rc = mode && fchmod(fd, mode) < 0 ? -errno : 0;

	if (!rc)
		rc = file_write(fd, p, n);
	if (!rc && fsync(fd) < 0)
		rc = -errno;
	if (close(fd) < 0 && !rc)
		rc = -errno;
	return rc;
}

int file_write_at(int dir, const char *name, const void *p, size_t n)
{
	int fd =
		openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : write_durably(fd, 0, p, n);
}

void file_sync_folder_of(const char *path)
{
	char *copy = xstrdup(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	free(copy);
}

bool file_is_special(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

static int write_into(const char *path, const void *p, size_t n, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int rc = fd < 0 ? -errno : file_write(fd, p, n);

	if (fd >= 0 && close(fd) < 0 && !rc)
		rc = -errno;
	return rc ? err_sys(e, rc, "cannot write %s", path) : 0;
}

static int put_in_place(const char *path, mode_t mode, const void *p, size_t n, struct err *e)
{
	char *temp = xasprintf("%s.XXXXXX", path);
	int fd = mkostemp(temp, O_CLOEXEC);
	int rc = fd < 0 ? -errno : write_durably(fd, mode, p, n);

	if (!rc && rename(temp, path) < 0)
		rc = -errno;
	if (rc) {
		if (fd >= 0)
			unlink(temp);
		err_sys(e, rc, "cannot write %s", path);
	} else {
		file_sync_folder_of(path);
	}
	free(temp);
	return rc;
}

int file_replace(const char *path, mode_t mode, const void *p, size_t n, struct err *e)
{
	return file_is_special(path) ? write_into(path, p, n, e)
				     : put_in_place(path, mode, p, n, e);
}

int file_read_from(int fd, size_t max, struct buf *out)
{
	uint8_t part[16384];
	ssize_t n;

	while ((n = read(fd, part, sizeof(part))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if ((size_t)n > max)
			return -EFBIG;
		max -= (size_t)n;
		buf_put(out, part, (size_t)n);
	}
	return 0;
}

int file_read(const char *path, size_t max, struct buf *out, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return err_sys(e, -errno, "cannot open %s", path);
	rc = file_read_from(fd, max, out);
	close(fd);
	return rc ? err_sys(e, rc, "cannot read %s", path) : 0;
}

static int mkdir_parents(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		int rc;

		*slash = 0;
		rc = mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : 0;
		*slash = '/';
		if (rc)
			return rc;
	}
	return 0;
}

int file_mkdir(const char *dir, mode_t mode, struct err *e)
{
	char *copy = xstrdup(dir);
	mode_t mask = umask(022);
	struct stat st;
	int rc = 0;

	if (mkdir(copy, mode) < 0 && errno != EEXIST) {
		rc = mkdir_parents(copy);
		if (!rc && mkdir(copy, mode) < 0 && errno != EEXIST)
			rc = -errno;
	}
	umask(mask);
	free(copy);
	if (!rc && stat(dir, &st) == 0 && !S_ISDIR(st.st_mode))
		rc = -ENOTDIR;
	return rc ? err_sys(e, rc, "cannot make the directory %s", dir) : 0;
}
