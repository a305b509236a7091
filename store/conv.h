/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversations, which both sides agree on, and the claims that witnesses make of them.
 *
 * In memory a conversation also knows how its newest minutes are counted (count.c), so that a
 * report costs no look into the table of minutes.
 */
#ifndef STORE_CONV_H
#define STORE_CONV_H

#include "common/err.h"
#include "common/fact.h"
#include "common/pair.h"
#include "store/dict.h"
#include "store/priv.h"

enum { CONV_MINUTES = 2 }; /* minutes remembered, by minute % CONV_MINUTES */
enum { CONV_NO_ROW = -2, CONV_OPEN = -1 /* a row that nobody has decided on yet */ };

struct nat_view;

/* There are hundreds of thousands of these in memory: the small ones stand together. */
struct claim {
	int64_t id;
	int64_t origin; /* a sensor, or minus an imported source */
	int64_t process[PAIR_SIDES];
	int64_t via; /* the conversation as it was seen, where a NAT joined it with this one */
	int64_t edge;
	int64_t paired[PAIR_SIDES]; /* the processes of EDGE; -1: not looked up */
	int64_t run; /* of the sensor when the gauges were read; seconds, if imported */
	uint64_t live, pending, opens;
	/* Edge of its row in that minute, 0: uncounted; CONV_OPEN, CONV_NO_ROW. */
	int64_t row[CONV_MINUTES];
	uint32_t sampling; /* 1 packet in so many was looked at, at worst; 0: all were */
	uint16_t port[PAIR_PORTS];
	uint8_t ports_n;
	uint8_t witnesses; /* bits 1 << enum witness */
	bool guess;
	bool unsaved; /* OPENS or PORTS, which only help to pair */
};
_Static_assert(WITNESS_COUNT <= 8, "a bit each");

struct conv_minute {
	int64_t minute;	   /* 0: nothing remembered */
	int64_t origin;	   /* whose rows are counted: as this sensor tells, */
	int64_t contested; /* the sensors in table contest, added up */
	uint8_t kind;	   /* enum witness: and as this kind of witness */
	bool decided;	   /* by count_close, when it was over */
};

struct conv_key {
	int64_t client, server;
	uint32_t scope;
	uint16_t port;
	uint16_t proto;
};

struct conv {
	struct conv_key key;
	int64_t id;
	struct endpoint *client, *server;
	struct claim *claims;
	unsigned claims_n, claims_cap;
	struct conv_minute minutes[CONV_MINUTES];
	int64_t newest;		    /* minute that was in minutes */
	const struct nat_view *nat; /* as of: */
	uint64_t nat_version;
	UT_hash_handle hh, by_id;
};

struct conv_key conv_key(const struct endpoint *client, const struct endpoint *server,
			 uint32_t scope, uint16_t port, uint8_t proto);
/* Made if it is not there.  Good until the transaction ends or conv_drop. */
int conv_get(struct store *s, const struct conv_key *key, struct conv **out, struct err *e);
/* As conv_get, but NULL if it is not there. */
int conv_seek(struct store *s, const struct conv_key *key, struct conv **out, struct err *e);
int conv_at(struct store *s, int64_t id, struct conv **out, struct err *e);
/*
 * The claim in WANTED's words (origin, witnesses, process, via): 1 if it was made, without an
 * edge; then others of this conversation may have moved in memory.
 */
int conv_claim(struct store *s, struct conv *v, const struct claim *wanted, struct claim **out,
	       struct err *e);
/* Writes what can change of a claim: edge, gauges, opens, ports. */
int conv_save(struct store *s, struct claim *c, struct err *e);
/* Out of the database, too; others of V may have moved in memory. */
int conv_forget_claim(struct store *s, struct conv *v, struct claim *c, struct err *e);
/* Puts a client port among those remembered, in place of the oldest. */
void conv_remember_port(struct claim *c, uint16_t port);
/* Out of memory, not out of the database. */
void conv_drop(struct store *s, struct conv *v);
/* The same by its number, if it is in memory at all. */
void conv_forget(struct store *s, int64_t id);
/* Those of which there is no claim; they may be in no table either. */
void conv_forget_unspoken(struct store *s);

/* The one witness of a sensor's claim; WITNESS_IMPORT for imported ones. */
static inline enum witness conv_kind(int64_t origin, unsigned witnesses)
{
	unsigned w =
		origin > 0 && witnesses ? (unsigned)__builtin_ctz(witnesses) : WITNESS_IMPORT;

	return w < WITNESS_COUNT ? (enum witness)w : WITNESS_IMPORT;
}
static inline enum witness conv_witness(const struct claim *c)
{
	return conv_kind(c->origin, c->witnesses);
}

/* Of memory, about. */
size_t conv_bytes(const struct conv_cache *c);
void conv_free(struct conv_cache *c);

#endif
