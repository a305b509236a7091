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

/* All N bytes at P into FD; 0 or negative errno. */
int file_write(int fd, const void *p, size_t n);
/*
 * NAME in the open directory DIR, mode 0600, empty or not there before, and on disk when this
 * returns 0; its place is the caller's to give it, by rename.  With no system calls but
 * openat, write, fsync and close: the sensor's courier has no others (sensor/confine.h).
 */
int file_write_at(int dir, const char *name, const void *p, size_t n);
/* After a rename to PATH: that is on disk only when its folder is. */
void file_sync_folder_of(const char *path);

/* Appends the file to OUT; -EFBIG if it is longer than MAX bytes. */
int file_read_from(int fd, size_t max, struct buf *out);
int file_read(const char *path, size_t max, struct buf *out, struct err *e);

/* Removes files of DIR whose names begin with PREFIX, unchanged for OLDER_S seconds:
 * leftovers. */
void file_sweep(const char *dir, const char *prefix, int64_t older_s);

/* Makes DIR and what leads to it; DIR itself gets MODE, if it was not there. */
int file_mkdir(const char *dir, mode_t mode, struct err *e);

#endif
