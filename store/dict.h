/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dictionary: addresses and processes as numbers, made when they are first met.
 *
 * An endpoint is an address in a realm, an address space: 0 is the one that all share.  What
 * means something on one machine only (loopback, link-local) is in a realm of that machine.
 */
#ifndef STORE_DICT_H
#define STORE_DICT_H

#include "common/err.h"
#include "common/fact.h"
#include "store/priv.h"

struct endpoint_key {
	int64_t realm;
	struct addr addr;
};
struct endpoint {
	struct endpoint_key key;
	int64_t id;
	int64_t machine; /* that holds the open lease; 0: none */
	UT_hash_handle hh, by_id;
};

static inline int64_t dict_realm_machine(int64_t machine)
{
	return machine;
}
/* For scoped addresses from a sensor whose machine is not known, or from an imported file. */
static inline int64_t dict_realm_sensor(int64_t sensor)
{
	return -2 * sensor;
}
static inline int64_t dict_realm_source(int64_t source)
{
	return -2 * source - 1;
}

/* Pointers are good until the transaction ends. */
int dict_endpoint(struct store *s, int64_t realm, const struct addr *a, struct endpoint **out,
		  struct err *e);
int dict_endpoint_at(struct store *s, int64_t id, struct endpoint **out, struct err *e);

/* 0 for a process without a name.  What is no UTF-8 becomes so; what is too long is cut. */
int dict_process(struct store *s, const struct process *p, int64_t *out, struct err *e);

/* Which words win where an older detail says something else. */
enum dict_words { DICT_LATEST, DICT_GREATEST };
/* What more is known of a process at one address.  Empty strings change nothing. */
int dict_detail(struct store *s, int64_t endpoint, int64_t process, const struct process *p,
		enum dict_words words, struct err *e);

/* IN as valid UTF-8 of less than CAP bytes with its NUL; returns OUT. */
const char *dict_clean(const char *in, char *out, size_t cap);

/* Of memory, about. */
size_t dict_bytes(const struct dict *d);
void dict_free(struct dict *d);

#endif
