/* SPDX-License-Identifier: Apache-2.0 */
/* Small files as a whole: keys, certificates, addresses. */
#ifndef COMMON_FILE_H
#define COMMON_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/buf.h"
#include "common/err.h"

/* "DIR/NAME"; the caller frees it. */
char *file_path(const char *dir, const char *name);

/*
 * A device, a pipe, a socket: to be written into.  A file put in its place, by rename, would
 * be the end of /dev/null.
 */
bool file_is_special(const char *path);

/*
 * Puts the N bytes at P in place of PATH, whole or not at all, also across a power cut: a new
 * file beside it, flushed, renamed.  The bytes are never readable with another mode than MODE.
 * What is special is written into.
 */
int file_replace(const char *path, mode_t mode, const void *p, size_t n, struct err *e);

/* Appends the file to OUT; -EFBIG if it is longer than MAX bytes. */
int file_read(const char *path, size_t max, struct buf *out, struct err *e);

/* All of it; negative errno. */
int file_write(int fd, const void *p, size_t n);

/* Removes files of DIR whose names begin with PREFIX, unchanged for OLDER_S seconds:
 * leftovers. */
void file_sweep(const char *dir, const char *prefix, int64_t older_s);

/* Makes DIR and what leads to it; DIR itself gets MODE, if it was not there. */
int file_mkdir(const char *dir, mode_t mode, struct err *e);

#endif
