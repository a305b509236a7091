/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of lines that is read twice or more: once for the hash of its bytes, then line by
 * line. What cannot be read twice (a pipe, "-" for standard input) is copied to a temporary
 * file without a name first.  Memory is constant whatever the size.
 */
#ifndef COMMON_SOURCE_H
#define COMMON_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum { SOURCE_LINE_MAX = 1 << 20 };

struct source;

/* NULL with words.  The file is read once in here. */
struct source *source_open(const char *path, struct err *e);
void source_close(struct source *s);
/* As messages call it: the path as it was given, or "stdin". */
const char *source_name(const struct source *s);
const uint8_t *source_sha256(const struct source *s); /* 32 bytes */
uint64_t source_size(const struct source *s);
uint64_t source_offset(const struct source *s); /* bytes read so far */

/*
 * The next line without its end (LF or CRLF; the first without a byte order mark), borrowed
 * until the next call, and its number from 1 in *NUMBER. 1, 0 at the end, -E2BIG for one
 * longer than SOURCE_LINE_MAX (reading goes on behind it), or another negative errno with
 * words: the file cannot be read, or has changed since it was hashed.
 */
int source_line(struct source *s, const char **line, size_t *n, uint64_t *number,
		struct err *e);

/* To the first line once more; negative errno with words. */
int source_rewind(struct source *s, struct err *e);

#endif
