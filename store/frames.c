/* SPDX-License-Identifier: Apache-2.0 */
#include "store/frames.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"

enum { HEADER = 32, FRAME = 24, PAGE_MAX = 65536 };
static const uint32_t magic = 0x377f0682; /* and one more: sums of big-endian words */

struct sums {
	uint32_t a, b;
};

struct log {
	int fd;
	bool big;
	uint32_t page;
	uint8_t salts[8];
	struct sums sums; /* so far */
	uint8_t *frame;	  /* head and page */
};

static uint32_t big32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t word(const struct log *l, const uint8_t *p)
{
	return l->big ? big32(p)
		      : (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 |
				p[0];
}

static void add(const struct log *l, struct sums *s, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i + 8 <= n; i += 8) {
		s->a += word(l, p + i) + s->b;
		s->b += word(l, p + i + 4) + s->a;
	}
}

static bool equal(const struct sums *s, const uint8_t *p)
{
	return big32(p) == s->a && big32(p + 4) == s->b;
}

/* False for a log that SQLite takes nothing of. */
static bool read_header(struct log *l)
{
	uint8_t h[HEADER];

	if (pread(l->fd, h, sizeof(h), 0) != sizeof(h) || (big32(h) & ~1U) != magic)
		return false;
	l->big = big32(h) & 1;
	l->page = big32(h + 8);
	if (l->page < 512 || l->page > PAGE_MAX || (l->page & (l->page - 1)))
		return false;
	memcpy(l->salts, h + 16, sizeof(l->salts));
	add(l, &l->sums, h, 24);
	return equal(&l->sums, h + 24);
}

static bool is_good(struct log *l)
{
	struct sums s = l->sums;

	add(l, &s, l->frame, 8);
	add(l, &s, l->frame + FRAME, l->page);
	if (!big32(l->frame) || !equal(&s, l->frame + 16))
		return false;
	l->sums = s;
	return true;
}

static void read_frames(struct log *l, struct frames *out)
{
	size_t n = FRAME + l->page;
	bool good = true;

	l->frame = xmalloc(n);
	for (off_t at = HEADER; pread(l->fd, l->frame, n, at) == (ssize_t)n; at += (off_t)n) {
		bool ours = memcmp(l->frame + 8, l->salts, sizeof(l->salts)) == 0;

		good = good && ours && is_good(l);
		out->good += good;
		if (good || !ours)
			continue;
		out->dropped++;
		out->commits += big32(l->frame + 4) != 0;
	}
	free(l->frame);
}

int frames_read(const char *path, struct frames *out, struct err *e)
{
	char *log = xasprintf("%s-wal", path);
	struct log l = { .fd = open(log, O_RDONLY | O_CLOEXEC) };
	int rc = l.fd < 0 && errno != ENOENT ? err_sys(e, -errno, "cannot open %s", log) : 0;

	*out = (struct frames){ 0 };
	free(log);
	if (l.fd < 0)
		return rc;
	if (read_header(&l))
		read_frames(&l, out);
	close(l.fd);
	return 0;
}
