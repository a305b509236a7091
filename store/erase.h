/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person may ask to be forgotten: an address, or a name (of a user, an owner, a host).
 *
 * The edges of an address go with it, in every realm; a name is taken out wherever it stands
 * for itself or as a home in a path, and what it stood beside stays.  What is freed is
 * overwritten, also in the log.  Copies of the database are files of their own; a sensor that
 * goes on seeing the address tells it again.
 */
#ifndef STORE_ERASE_H
#define STORE_ERASE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/err.h"
#include "store/store.h"

struct erased {
	uint64_t edges; /* that are gone */
	uint64_t rows;	/* that held it besides: leases, translations, users, owners ... */
	bool watched;	/* a sensor that may talk has the address, or saw it */
};

/* 0; -ENOENT: it is nowhere; -EBUSY: another process writes. */
int erase_address(struct store *s, const struct addr *a, const char *who, int64_t now_ms,
		  struct erased *out, struct err *e);
int erase_name(struct store *s, const char *name, const char *who, int64_t now_ms,
	       struct erased *out, struct err *e);
/*
 * In a copy of the database at PATH (a backup, one from before a migration, one that was set
 * aside), which stays of the version that it is: A, or NAME where that is NULL.  0, also where
 * it was not there; else negative errno with words, and the copy is as it was or may hold it
 * still.
 */
int erase_copy(const char *path, const struct addr *a, const char *name, struct erased *out,
	       struct err *e);
/* The log is emptied; 0, or negative errno with words: -EBUSY while somebody reads it. */
int erase_finish(struct store *s, struct err *e);

#endif
