/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that a command writes piece by piece: whole under its name, or not there at all.
 * "-" is standard output.
 */
#ifndef CLI_OUTFILE_H
#define CLI_OUTFILE_H

#include <stddef.h>

#include "common/err.h"

struct outfile {
	const char *path; /* borrowed */
	char *temp;	  /* beside it, until it is done; NULL: standard output */
	int fd;
};

int outfile_open(struct outfile *o, const char *path, struct err *e);
/* CTX is the struct outfile: all of it, or negative errno. */
int outfile_write(void *ctx, const void *p, size_t n);
/* RC is of the writes: 0 puts the file in its place, else it goes, with words. */
int outfile_close(struct outfile *o, int rc, struct err *e);

#endif
