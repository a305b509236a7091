/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Translations, as they bear on counting: which conversation is another one before or after a
 * NAT (docs/store.md, "Behind a NAT").
 *
 * A rule is what a sensor said of its own machine: connections of BEFORE (client, address that
 * it called) leave as AFTER (address that the server sees, server) and really are REAL
 * (client, server).  Where all rules of a conversation lead to one real one, it is that one;
 * where they lead to several nobody can tell which, and then what the translating sensor
 * itself counted stands for it.  All rules are in memory, by the conversations that they
 * touch.
 */
#ifndef STORE_NAT_H
#define STORE_NAT_H

#include "common/err.h"
#include "common/fact.h"
#include "store/conv.h"
#include "store/priv.h"
#include "store/sensor.h"

enum {
	NAT_VIEW_RULES = 16,	/* of one conversation; beyond, it is joined with nothing */
	NAT_RULES_MAX = 262144, /* of all sensors; beyond, they are evidence alone */
	NAT_KEPT_MINUTES = 360, /* a sensor tells again what is used (sensor/nattab.c) */
};

struct nat_key {
	int64_t realm;
	struct addr client, server;
	uint16_t port;
	uint16_t proto;
	uint32_t pad;
};

struct nat_rule {
	struct nat_key before, after, real;
	int64_t sensor;
	int64_t first, last; /* minutes in which connections began */
	struct nat_rule *next;
};

/* The rules that touch one conversation. */
struct nat_view {
	struct nat_key key;
	struct nat_rule *rule[NAT_VIEW_RULES];
	unsigned n;
	bool many;
	UT_hash_handle hh;
};

/* Whose word T is of X's: its own machine translates, or is merely the server; else forged. */
enum nat_right { NAT_FORGED, NAT_EVIDENCE, NAT_RULE };
enum nat_right nat_right(const struct sensor *x, const struct translation *t);

/* Takes T of X, which has the right: *OUT is its rule, *FRESH if it is new; NULL for none. */
int nat_learn(struct store *s, const struct sensor *x, const struct translation *t,
	      struct nat_rule **out, bool *fresh, struct err *e);

/* The rules are in memory from here on; before the first nat_view_at. */
int nat_load(struct store *s, struct err *e);
/* False where it is known that there is no rule at all. */
bool nat_any(const struct store *s);
struct nat_key nat_key(int64_t realm, const struct addr *client, const struct addr *server,
		       uint16_t port, uint8_t proto);
/* NULL where no rule touches it, which costs nothing. */
int nat_view_of(struct store *s, struct conv *v, const struct nat_view **out, struct err *e);
const struct nat_view *nat_view_at(struct store *s, const struct nat_key *key);
/* The rule by which the conversation of VIEW is another one in MINUTE, or NULL. */
const struct nat_rule *nat_joins(const struct nat_view *view, int64_t minute);
/* The same of a flow that X saw of an address that its own machine hides behind another. */
int nat_own(struct store *s, const struct sensor *x, const struct flow *f, int64_t minute,
	    const struct nat_rule **out, struct err *e);

bool nat_same(const struct nat_key *a, const struct nat_key *b);
/* The key in the dictionary of what KEY is at AT_MS. */
int nat_conv_key(struct store *s, const struct nat_key *key, int64_t at_ms,
		 struct conv_key *out, struct err *e);

/* What rules say of one minute of a conversation. */
enum { NAT_SENSORS = 4 };
struct nat_word {
	bool explained; /* it counts nothing: what it really is does */
	bool blind[2];	/* PAIR_CLIENT, PAIR_SERVER: the host there cannot see it */
	int64_t sensor[NAT_SENSORS]; /* whose coverage that depends on */
	unsigned n;
};
int nat_word(struct store *s, const struct nat_view *view, int64_t minute,
	     struct nat_word *out, struct err *e);

void nat_free(struct nat *n);

#endif
