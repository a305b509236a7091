/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/spooldir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/crc32c.h"
#include "common/file.h"
#include "common/mem.h"

enum { NAME = 160, LOCK_TRIES = 100, LOCK_MS = 100, PLACE_BYTES = SEGMENT_PLACE + 4 };

/* Opening */

/*
 * What was left by another user this sensor once was.  What has a second name elsewhere is not
 * touched: it may be anybody's.
 */
static void give(int dir, const char *name, unsigned owner, unsigned group)
{
	int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 &&
	    st.st_uid != owner && fchownat(fd, "", owner, group, AT_EMPTY_PATH) < 0)
		st.st_uid = 0; /* it will show when it is read */
	close(fd);
}

static DIR *entries(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !d)
		close(fd);
	return d;
}

static void give_all(int dir, unsigned owner, unsigned group)
{
	DIR *d = entries(dir);

	if (!d)
		return;
	if (fchown(dir, owner, group) < 0) { /* not ours to give, and neither is the rest */
		closedir(d);
		return;
	}
	for (struct dirent *entry; (entry = readdir(d));)
		give(dir, entry->d_name, owner, group);
	closedir(d);
}

/* One that was killed may still be sending its last. */
static int lock(int dir)
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(dir, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK)
			return -errno;
		usleep(LOCK_MS * 1000);
	}
	return -EWOULDBLOCK;
}

int spooldir_open(const char *dir, unsigned owner, unsigned group, int *out, struct err *e)
{
	char *path = file_path(dir, "spool");
	int fd = -1, rc = 0;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		rc = -errno;
	if (!rc) {
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		rc = fd < 0 ? -errno : lock(fd);
	}
	if (!rc && geteuid() == 0)
		give_all(fd, owner, group);
	if (rc == -EWOULDBLOCK)
		err_set(e, rc, "%s is in use by another sensor", path);
	else if (rc)
		err_sys(e, rc, "%s", path);
	if (rc && fd >= 0)
		close(fd);
	*out = rc ? -1 : fd;
	free(path);
	return rc;
}

/* A disk that is full is no reason: it will not stay so. */
int spooldir_check(int dir)
{
	int fd = openat(dir, "place.new", O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno == ENOSPC || errno == EDQUOT ? 0 : -errno;
	close(fd);
	return unlinkat(dir, "place.new", 0) < 0 ? -errno : 0;
}

/* Names */

static const char *name_of(const struct spooldir_file *f, char name[NAME])
{
	int n = snprintf(name, NAME, "%016" PRIx64 "-%016" PRIx64, f->key.id, f->key.salt);

	if (f->gone)
		snprintf(name + n, NAME - (size_t)n,
			 "-%" PRIx64 "-%" PRIx64 "-%" PRIx64 "-%" PRIx64 "-%" PRIx64 ".gone",
			 f->from, f->to, f->lost.start_ms, f->lost.end_ms, f->lost.records);
	else if (f->epoch)
		snprintf(name + n, NAME - (size_t)n, "-%016" PRIx64 "-%" PRIx64 ".seg",
			 f->epoch, f->base);
	else
		snprintf(name + n, NAME - (size_t)n, ".seg");
	return name;
}

/* Hexadecimal numbers with "-" between; how many, and what is behind them. */
static unsigned numbers(const char *name, uint64_t v[8], const char **rest)
{
	unsigned n = 0;

	for (*rest = name; n < 8; (*rest)++) {
		size_t digits = strspn(*rest, "0123456789abcdef");

		if (!digits || digits > 16)
			return 0;
		v[n++] = strtoull(*rest, NULL, 16);
		*rest += digits;
		if (**rest != '-')
			break;
	}
	return n;
}

static bool parse(const char *name, struct spooldir_file *f)
{
	uint64_t v[8];
	const char *rest;
	unsigned n = numbers(name, v, &rest);

	memset(f, 0, sizeof(*f));
	if (n < 2)
		return false;
	f->key = (struct segment_key){ v[0], v[1] };
	if (n == 2 || n == 4) {
		f->epoch = n == 4 ? v[2] : 0;
		f->base = n == 4 ? v[3] : 0;
		return strcmp(rest, ".seg") == 0 && (n == 2 || (v[2] && v[3]));
	}
	f->gone = true;
	f->from = v[2];
	f->to = v[3];
	f->lost = (struct lost){ v[4], v[5], v[6] };
	return n == 7 && strcmp(rest, ".gone") == 0;
}

static int by_id(const void *a, const void *b)
{
	const struct spooldir_file *x = a, *y = b;

	return (x->key.id > y->key.id) - (x->key.id < y->key.id);
}

int spooldir_list(int dir, struct spooldir_file **out, size_t *n)
{
	DIR *d = entries(dir);
	size_t cap = 0;
	int rc;

	*out = NULL;
	*n = 0;
	if (!d)
		return -errno;
	for (struct dirent *entry; errno = 0, (entry = readdir(d));) {
		MEM_GROW(*out, *n, cap);
		*n += parse(entry->d_name, &(*out)[*n]);
	}
	rc = -errno;
	closedir(d);
	if (rc) { /* what is not listed would be taken for lost */
		free(*out);
		*out = NULL;
		*n = 0;
	} else if (*n) {
		qsort(*out, *n, sizeof(**out), by_id);
	}
	return rc;
}

/* Files */

int spooldir_read(int dir, const struct spooldir_file *f, size_t max, struct buf *out)
{
	char name[NAME];
	int fd = openat(dir, name_of(f, name), O_RDONLY | O_NOFOLLOW | O_CLOEXEC), rc;

	if (fd < 0)
		return -errno;
	rc = file_read_from(fd, max, out);
	close(fd);
	return rc;
}

int spooldir_create(int dir, const struct spooldir_file *f)
{
	char name[NAME];
	int fd = openat(dir, name_of(f, name),
			O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd;
}

int spooldir_append(int fd, uint64_t at, const void *p, size_t n)
{
	int rc = file_write(fd, p, n);

	if (rc && ftruncate(fd, (off_t)at) < 0)
		return rc; /* what was cut short is damage, and known as such */
	return rc;
}

static void shorten(int dir, const struct spooldir_file *f)
{
	char name[NAME];
	int fd = openat(dir, name_of(f, name), O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
}

int spooldir_rename(int dir, const struct spooldir_file *from, const struct spooldir_file *to)
{
	char a[NAME], b[NAME];

	if (renameat(dir, name_of(from, a), dir, name_of(to, b)) < 0)
		return -errno;
	fsync(dir); /* not every file system can */
	if (to->gone)
		shorten(dir, to);
	return 0;
}

int spooldir_remove(int dir, const struct spooldir_file *f)
{
	char name[NAME];

	return unlinkat(dir, name_of(f, name), 0) < 0 && errno != ENOENT ? -errno : 0;
}

int spooldir_free(int dir, uint64_t *left, uint64_t *all)
{
	struct statfs st;

	if (fstatfs(dir, &st) < 0)
		return -errno;
	*left = (uint64_t)st.f_bavail * (uint64_t)st.f_bsize;
	*all = (uint64_t)st.f_blocks * (uint64_t)st.f_bsize;
	return 0;
}

/* The place */

int spooldir_get_place(int dir, struct spool_place *out)
{
	uint8_t bytes[PLACE_BYTES + 1];
	int fd = openat(dir, "place", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n;
	struct cur c;

	if (fd < 0)
		return -errno;
	n = read(fd, bytes, sizeof(bytes));
	close(fd);
	if (n != PLACE_BYTES)
		return -EBADMSG;
	c = cur_of(bytes, PLACE_BYTES);
	segment_get_place(&c, out);
	return cur_u32(&c) == crc32c(0, bytes, PLACE_BYTES - 4) ? 0 : -EBADMSG;
}

int spooldir_put_place(int dir, const struct spool_place *place)
{
	struct buf b = { 0 };
	int rc;

	segment_put_place(&b, place);
	buf_u32(&b, crc32c(0, b.p, b.n));
	rc = file_write_at(dir, "place.new", b.p, b.n);
	buf_fini(&b);
	if (!rc && renameat(dir, "place.new", dir, "place") < 0)
		rc = -errno;
	if (!rc)
		fsync(dir);
	return rc;
}
