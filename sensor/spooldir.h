/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spool's directory: what of the spool touches a disk.
 *
 * What a file is stands in its name, so that no damage to its bytes changes it, and becomes
 * another by a rename, which happens whole or not at all:
 *
 *     ID-SALT.seg              batches (segment.h) that have no sequence yet
 *     ID-SALT-EPOCH-BASE.seg   the same, numbered in EPOCH from BASE on
 *     ID-SALT-FROM-TO-START-END-RECORDS.gone   a segment that was dropped, and is not yet told
 *     place                    where whoever adds was, when the batch that says so is gone
 *
 * All numbers are hexadecimal.  Calls return 0 or negative errno.
 */
#ifndef SENSOR_SPOOLDIR_H
#define SENSOR_SPOOLDIR_H

#include "common/err.h"
#include "sensor/segment.h"

struct spooldir_file {
	struct segment_key key;
	uint64_t epoch, base; /* 0: not numbered */
	bool gone;	      /* dropped; the rest says what of */
	uint64_t from, to;    /* weights */
	struct lost lost;
};

/*
 * Makes DIR/spool, if it is not there, and gives it and what is in it to OWNER and GROUP, if
 * this is root; then takes the lock on it, for which it waits a few seconds.  0 with a
 * descriptor; -EWOULDBLOCK with words when another sensor has it, another negative errno with
 * words.
 */
int spooldir_open(const char *dir, unsigned owner, unsigned group, int *out, struct err *e);

/* -EACCES, -EROFS or what else keeps this process from making files in it. */
int spooldir_check(int dir);
/* All that are there, by id; the caller frees the list. */
int spooldir_list(int dir, struct spooldir_file **out, size_t *n);
/* Appends the file's bytes to OUT; -EFBIG above MAX. */
int spooldir_read(int dir, const struct spooldir_file *f, size_t max, struct buf *out);
/* A descriptor to append to. */
int spooldir_create(int dir, const struct spooldir_file *f);
/* All N bytes behind the first AT, or none. */
int spooldir_append(int fd, uint64_t at, const void *p, size_t n);
/* Durable when it returns 0.  What is gone loses its bytes. */
int spooldir_rename(int dir, const struct spooldir_file *from, const struct spooldir_file *to);
int spooldir_remove(int dir, const struct spooldir_file *f);

/* Of the file system: bytes that this user may still write, and all. */
int spooldir_free(int dir, uint64_t *left, uint64_t *all);

/* -ENOENT when there is none, -EBADMSG when it is damaged. */
int spooldir_get_place(int dir, struct spool_place *out);
int spooldir_put_place(int dir, const struct spool_place *place);

#endif
