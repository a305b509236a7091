/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What servers are called: by address, the names that DNS answers, TLS and HTTP gave it, with
 * when and how each was learnt.  Bounded: NAMETAB_ADDRESSES addresses, the least lately named
 * one goes first; NAMETAB_EACH names of one address, the most frequent stay.
 */
#ifndef SENSOR_MIRROR_NAMETAB_H
#define SENSOR_MIRROR_NAMETAB_H

#include <stdint.h>

#include "common/addr.h"

enum { NAMETAB_ADDRESSES = 16384, NAMETAB_EACH = 4 };

enum name_how { NAME_DNS = 1, NAME_SNI, NAME_HOST };

struct name_row {
	struct addr addr;
	const char *name; /* borrowed */
	enum name_how how;
	uint64_t first_ns, last_ns, times;
};

struct nametab;
struct nametab *nametab_new(void);
void nametab_free(struct nametab *t);
void nametab_learn(struct nametab *t, const struct addr *a, const char *name,
		   enum name_how how, uint64_t time_ns);
/* The best one for an address (SNI, then Host, then DNS; of those the most frequent), NULL:
 * none. Good until the next call of nametab_learn. */
const struct name_row *nametab_best(const struct nametab *t, const struct addr *a);
/* All, by address, then how, then name. */
typedef void nametab_fn(void *ctx, const struct name_row *row);
void nametab_each(const struct nametab *t, nametab_fn *fn, void *ctx);
/* Names that found no room. */
uint64_t nametab_lost(const struct nametab *t);

#endif
