/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An answer is written whole before it is sent: so it has a length and a status that holds,
 * and a slow reader keeps no query open.  What is small stays in memory; more goes into
 * memory that has a descriptor, and much more into a file without a name.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "collector/api.h"
#include "common/file.h"

enum { FLUSH = 1 << 18, MEMORY = 16 << 20 };
static const uint64_t answer_max = UINT64_C(8) << 30;

static int nameless_file(const char *dir)
{
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd;
}

/* From memory into a file, once. */
static int move_to_file(struct api_call *c)
{
	int fd = nameless_file(c->api->dir), rc = 0;
	uint8_t piece[1 << 16];
	ssize_t n;

	if (fd < 0)
		return fd;
	lseek(c->file, 0, SEEK_SET);
	while (!rc && (n = read(c->file, piece, sizeof(piece))) > 0)
		rc = file_write(fd, piece, (size_t)n);
	close(c->file);
	c->file = fd;
	return rc;
}

static int flush(struct api_call *c)
{
	bool in_memory = c->flown <= MEMORY;
	int rc = 0;

	if (c->file < 0) {
		c->file = memfd_create("answer", MFD_CLOEXEC);
		if (c->file < 0)
			return -errno;
	}
	if (c->flown + c->out.n > answer_max)
		return -EFBIG;
	if (in_memory && c->flown + c->out.n > MEMORY)
		rc = move_to_file(c);
	if (!rc)
		rc = file_write(c->file, c->out.p, c->out.n);
	c->flown += c->out.n;
	buf_reset(&c->out);
	return rc;
}

int api_flow(struct api_call *c)
{
	if (c->out.n < FLUSH)
		return 0;
	return flush(c);
}

int api_settle(struct api_call *c)
{
	return c->file >= 0 || c->out.n > ASK_INLINE ? flush(c) : 0;
}

void api_row(struct api_call *c, uint64_t n)
{
	buf_str(&c->out, n ? ",\n" : "[\n");
}

void api_rows_end(struct api_call *c, uint64_t n)
{
	buf_str(&c->out, n ? "\n]\n" : "[]\n");
}

void api_end(struct api_call *c)
{
	buf_fini(&c->out);
	if (c->file >= 0)
		close(c->file);
	c->file = -1;
}
