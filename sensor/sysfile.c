/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/sysfile.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"

/* "ROOT/what FMT says" in PATH[SYS_PATH]. */
#define PATH_OF(path, root, fmt)                                                              \
	__extension__({                                                                       \
		va_list ap_;                                                                  \
		bool fits_;                                                                   \
		va_start(ap_, fmt);                                                           \
		fits_ = path_of(path, root, fmt, ap_);                                        \
		va_end(ap_);                                                                  \
		fits_;                                                                        \
	})

static bool path_of(char *path, const char *root, const char *fmt, va_list ap)
{
	size_t n = strlen(root);
	int more;

	if (n >= SYS_PATH)
		return false;
	memcpy(path, root, n);
	more = vsnprintf(path + n, SYS_PATH - n, fmt, ap);
	return more >= 0 && (size_t)more < SYS_PATH - n;
}

/* O_NONBLOCK: a pipe in the place of a file must not hold us up. */
static size_t read_all(const char *path, char *out, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	size_t n = 0;
	ssize_t got;

	out[0] = 0;
	if (fd < 0)
		return 0;
	while (n < cap - 1) {
		got = read(fd, out + n, cap - 1 - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	out[n] = 0;
	close(fd);
	return n;
}

size_t sys_text(char *out, size_t cap, const char *root, const char *fmt, ...)
{
	char path[SYS_PATH];

	out[0] = 0;
	return PATH_OF(path, root, fmt) ? read_all(path, out, cap) : 0;
}

char *sys_trim(char *s)
{
	size_t n;

	while (isspace((unsigned char)*s))
		s++;
	n = strlen(s);
	while (n && isspace((unsigned char)s[n - 1]))
		s[--n] = 0;
	return s;
}

bool sys_line(char *out, size_t cap, const char *root, const char *fmt, ...)
{
	char path[SYS_PATH], *first;

	out[0] = 0;
	if (!PATH_OF(path, root, fmt) || !read_all(path, out, cap))
		return false;
	out[strcspn(out, "\n")] = 0;
	first = sys_trim(out);
	memmove(out, first, strlen(first) + 1);
	return *out;
}

bool sys_number(const char *s, uint64_t *out)
{
	char *end;

	while (*s == ' ' || *s == '\t')
		s++;
	if (!isdigit((unsigned char)*s))
		return false;
	errno = 0;
	*out = strtoull(s, &end, 10);
	return errno == 0;
}

bool sys_u64(uint64_t *out, const char *root, const char *fmt, ...)
{
	char path[SYS_PATH], text[32];

	return PATH_OF(path, root, fmt) && read_all(path, text, sizeof(text)) &&
	       sys_number(text, out);
}

bool sys_link(char *out, size_t cap, const char *root, const char *fmt, ...)
{
	char path[SYS_PATH];
	ssize_t n;

	out[0] = 0;
	if (!PATH_OF(path, root, fmt))
		return false;
	n = readlink(path, out, cap);
	if (n <= 0 || (size_t)n >= cap) {
		out[0] = 0;
		return false;
	}
	out[n] = 0;
	return true;
}

bool sys_exists(const char *root, const char *fmt, ...)
{
	char path[SYS_PATH];
	struct stat st;

	return PATH_OF(path, root, fmt) && lstat(path, &st) == 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

struct sys_list sys_list(const char *root, const char *fmt, ...)
{
	struct sys_list l = { 0 };
	char path[SYS_PATH];
	struct dirent *d;
	unsigned cap = 0;
	DIR *dir;

	dir = PATH_OF(path, root, fmt) ? opendir(path) : NULL;
	while (dir && (d = readdir(dir))) {
		size_t n = strlen(d->d_name);

		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		if (l.n == SYS_LIST || n >= SYS_NAME) {
			l.more = true;
			continue;
		}
		MEM_GROW(l.name, l.n, cap);
		memcpy(l.name[l.n++], d->d_name, n + 1);
	}
	if (dir)
		closedir(dir);
	if (l.n)
		qsort(l.name, l.n, sizeof(*l.name), by_name);
	return l;
}

void sys_list_free(struct sys_list *l)
{
	free(l->name);
	*l = (struct sys_list){ 0 };
}

const char *sys_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

void sys_copy(char *dst, size_t cap, const char *src)
{
	size_t n = strnlen(src, cap - 1);

	memcpy(dst, src, n);
	dst[n] = 0;
}
