/* SPDX-License-Identifier: Apache-2.0 */
#include "store/jury.h"

static void call(struct jury *j, enum witness kind, int64_t sensor, bool reports)
{
	for (unsigned i = 0; i < j->n; i++)
		if (j->list[i].origin == sensor && j->list[i].kind == kind) {
			j->list[i].reports |= reports;
			return;
		}
	if (sensor && j->n < AUTHORITY_MAX)
		j->list[j->n++] = (struct authority_candidate){ kind, sensor, 0, reports };
}

void jury_begin(struct jury *j, int64_t client, int64_t server, const struct nat_word *nat)
{
	j->n = 0;
	j->nat = *nat;
	if (!nat->blind[PAIR_CLIENT])
		call(j, WITNESS_CLIENT, client, false);
	if (!nat->blind[PAIR_SERVER])
		call(j, WITNESS_SERVER, server, false);
}

void jury_hear(struct jury *j, enum witness kind, int64_t origin, bool reports)
{
	if (origin > 0)
		call(j, kind, origin, reports);
}

/* What another conversation stands for counts nothing, unless its server itself serves it. */
const struct authority_candidate *jury_verdict(const struct jury *j)
{
	static const struct authority_candidate nobody = { WITNESS_NONE, -1, 0, false };
	bool serves = false;

	for (unsigned i = 0; i < j->n; i++)
		serves |= j->list[i].kind == WITNESS_SERVER && j->list[i].reports;
	if (j->nat.explained && !serves)
		return &nobody;
	return authority_choose(j->list, j->n);
}
