/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from translations: flows find their real conversation, the past is corrected.
 */
#ifndef STORE_REJOIN_H
#define STORE_REJOIN_H

#include "common/err.h"
#include "store/conv.h"
#include "store/nat.h"
#include "store/priv.h"

/* How a flow came: to be found again in the claims of the conversation that it belongs to. */
struct rejoin {
	const struct sensor *sensor;
	enum witness witness;
	int64_t minute, at_ms;
	int64_t via; /* out: the conversation as it was seen, 0: it is the real one */
};
/* *V as it was seen becomes the one that it really is. */
int rejoin_find(struct store *s, struct conv **v, struct rejoin *how, struct err *e);
/* R is new: what was said before it was known is moved and counted as it says. */
int rejoin_past(struct store *s, const struct nat_rule *r, struct err *e);
/* X itself tells of T, whose rule is R: it is a witness of the real conversation. */
int rejoin_told(struct store *s, const struct sensor *x, const struct translation *t,
		const struct nat_rule *r, struct err *e);
/* V has a claim that is new: those that may learn a process from it are paired again. */
int rejoin_pair(struct store *s, struct conv *v, struct err *e);

#endif
