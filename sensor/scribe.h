/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file, written by a process that has the right to, while the text is made by another one
 * that gives up all rights and reads what strangers sent.
 */
#ifndef SENSOR_SCRIBE_H
#define SENSOR_SCRIBE_H

#include "common/buf.h"
#include "common/err.h"

/*
 * MAKE runs in a child: 0, or negative with words; -EAGAIN and -EBADMSG: TEXT is there, and E
 * says what it lacks.  The file appears by rename, mode 0600; "-" is standard output.  SIGTERM
 * and SIGINT go to the child, whose end is waited for.  What it returned, or what went wrong
 * here.
 */
typedef int scribe_fn(void *ctx, struct buf *text, struct err *e);
int scribe_write(const char *path, scribe_fn *make, void *ctx, struct err *e);

#endif
