/* SPDX-License-Identifier: Apache-2.0 */
#include "common/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "common/file.h"
#include "common/mem.h"

enum { BUFFER = SOURCE_LINE_MAX + (64 << 10) };

struct source {
	const char *name;
	int fd;
	uint8_t sha256[32];
	uint64_t size, offset; /* offset: read from the file so far, second time */
	struct timespec changed;
	bool spooled, at_end;
	uint64_t lines;
	char *buf; /* [from, to) is read and not yet handed out */
	size_t from, to;
};

const char *source_name(const struct source *s)
{
	return s->name;
}

const uint8_t *source_sha256(const struct source *s)
{
	return s->sha256;
}

uint64_t source_size(const struct source *s)
{
	return s->size;
}

uint64_t source_offset(const struct source *s)
{
	return s->offset - (s->to - s->from);
}

static ssize_t read_some(int fd, void *buf, size_t n)
{
	ssize_t got;

	do
		got = read(fd, buf, n);
	while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

/* A file that nobody else sees and that goes with the process. */
static int nameless_file(void)
{
	const char *dir = getenv("TMPDIR");
	char *path;
	int fd;

	if (!dir || !*dir)
		dir = "/tmp";
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	path = xasprintf("%s/skein-XXXXXX", dir);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	free(path);
	return fd < 0 ? -errno : fd;
}

/*
 * From the start to the end of S->fd: the hash, and a copy to COPY unless that is negative.
 */
static int hash_and_copy(struct source *s, int copy, struct err *e)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	ssize_t got;
	int rc = 0;

	if (!md || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
		rc = err_set(e, -ENOMEM, "%s: no SHA-256 of it can be made", s->name);
	while (rc == 0 && (got = read_some(s->fd, s->buf, BUFFER)) != 0) {
		if (got < 0) {
			rc = err_sys(e, (int)got, "%s", s->name);
			break;
		}
		EVP_DigestUpdate(md, s->buf, (size_t)got);
		s->size += (uint64_t)got;
		if (copy >= 0 && (rc = file_write(copy, s->buf, (size_t)got)) < 0)
			err_sys(e, rc, "%s: copy to a temporary file", s->name);
	}
	if (rc == 0)
		EVP_DigestFinal_ex(md, s->sha256, NULL);
	EVP_MD_CTX_free(md);
	return rc;
}

static int spool(struct source *s, struct err *e)
{
	int copy = nameless_file();
	int rc;

	if (copy < 0)
		return err_sys(e, copy, "%s: temporary file", s->name);
	rc = hash_and_copy(s, copy, e);
	close(s->fd);
	s->fd = copy;
	s->spooled = true;
	return rc;
}

static int prepare(struct source *s, struct err *e)
{
	struct stat st;
	int rc;

	if (fstat(s->fd, &st) < 0)
		return err_sys(e, -errno, "%s", s->name);
	if (S_ISDIR(st.st_mode))
		return err_sys(e, -EISDIR, "%s", s->name);
	s->changed = st.st_mtim;
	rc = S_ISREG(st.st_mode) ? hash_and_copy(s, -1, e) : spool(s, e);
	if (rc == 0 && lseek(s->fd, 0, SEEK_SET) < 0)
		rc = err_sys(e, -errno, "%s", s->name);
	return rc;
}

struct source *source_open(const char *path, struct err *e)
{
	struct source *s = xcalloc(1, sizeof(*s));
	bool in = strcmp(path, "-") == 0;

	s->name = in ? "stdin" : path;
	s->fd = in ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
		   : open(path, O_RDONLY | O_CLOEXEC);
	if (s->fd < 0) {
		err_sys(e, -errno, "%s", s->name);
		free(s);
		return NULL;
	}
	s->buf = xmalloc(BUFFER);
	if (prepare(s, e) < 0) {
		source_close(s);
		return NULL;
	}
	return s;
}

void source_close(struct source *s)
{
	if (!s)
		return;
	close(s->fd);
	free(s->buf);
	free(s);
}

static int check_unchanged(const struct source *s, struct err *e)
{
	struct stat st;

	if (s->offset == s->size &&
	    (s->spooled || (fstat(s->fd, &st) == 0 && st.st_mtim.tv_sec == s->changed.tv_sec &&
			    st.st_mtim.tv_nsec == s->changed.tv_nsec)))
		return 0;
	return err_set(e, -ESTALE, "%s: changed while it was read; try again", s->name);
}

/* More bytes behind [from, to): 1, 0 if there are none, negative errno with words. */
static int fill(struct source *s, struct err *e)
{
	ssize_t got;

	memmove(s->buf, s->buf + s->from, s->to - s->from);
	s->to -= s->from;
	s->from = 0;
	got = read_some(s->fd, s->buf + s->to, BUFFER - s->to);
	if (got < 0)
		return err_sys(e, (int)got, "%s", s->name);
	s->to += (size_t)got;
	s->offset += (uint64_t)got;
	s->at_end = got == 0;
	return s->at_end ? check_unchanged(s, e) : 1;
}

/* The line that began at s->from is too long: everything up to its end is dropped. */
static int drop_line(struct source *s, struct err *e)
{
	char *nl = NULL;
	int rc = 1;

	while (!nl && rc > 0) {
		s->from = s->to;
		rc = fill(s, e);
		nl = memchr(s->buf, '\n', s->to);
	}
	if (rc < 0)
		return rc;
	s->from = nl ? (size_t)(nl + 1 - s->buf) : s->to;
	return -E2BIG;
}

static void trim(struct source *s, const char **line, size_t *n)
{
	if (*n && (*line)[*n - 1] == '\r')
		--*n;
	if (s->lines == 1 && *n >= 3 && memcmp(*line, "\xef\xbb\xbf", 3) == 0) {
		*line += 3;
		*n -= 3;
	}
}

int source_line(struct source *s, const char **line, size_t *n, uint64_t *number,
		struct err *e)
{
	char *nl = memchr(s->buf + s->from, '\n', s->to - s->from);
	int rc;

	while (!nl && !s->at_end && s->to - s->from <= SOURCE_LINE_MAX) {
		size_t seen = s->to - s->from;

		rc = fill(s, e);
		if (rc < 0)
			return rc;
		nl = memchr(s->buf + seen, '\n', s->to - seen);
	}
	if (!nl && s->from == s->to)
		return 0;
	*number = ++s->lines;
	if (!nl && !s->at_end)
		return drop_line(s, e);
	*line = s->buf + s->from;
	*n = (size_t)((nl ? nl : s->buf + s->to) - *line);
	s->from += *n + (nl != NULL);
	trim(s, line, n);
	return *n > SOURCE_LINE_MAX ? -E2BIG : 1;
}

int source_rewind(struct source *s, struct err *e)
{
	if (lseek(s->fd, 0, SEEK_SET) < 0)
		return err_sys(e, -errno, "%s", s->name);
	s->offset = s->lines = 0;
	s->from = s->to = 0;
	s->at_end = false;
	return 0;
}
