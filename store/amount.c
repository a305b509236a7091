/* SPDX-License-Identifier: Apache-2.0 */
#include "store/amount.h"

#include <string.h>

bool amount_sane(const struct counters *c)
{
#define SANE(name)                                                                            \
	if (c->name > AMOUNT_MAX)                                                             \
		return false;
	AMOUNT_FIELDS(SANE)
#undef SANE
	return true;
}

struct amounts amount_of(const struct counters *c)
{
	struct amounts a = { .records = 1, .bytes_n = c->has_bytes };

#define COPY(name) a.name = (int64_t)c->name;
	AMOUNT_FIELDS(COPY)
#undef COPY
	return a;
}

/* The struct is an array of its fields. */
static void unpack(const struct amounts *a, int64_t v[AMOUNT_N])
{
	memcpy(v, a, sizeof(*a));
}

static struct amounts pack(const int64_t v[AMOUNT_N])
{
	struct amounts a;

	memcpy(&a, v, sizeof(a));
	return a;
}

struct amounts amount_negative(struct amounts a)
{
	int64_t v[AMOUNT_N];

	unpack(&a, v);
	for (int i = 0; i < AMOUNT_N; i++)
		v[i] = v[i] == INT64_MIN ? INT64_MAX : -v[i];
	return pack(v);
}

void amount_add(struct amounts *to, const struct amounts *a)
{
	int64_t v[AMOUNT_N], more[AMOUNT_N];

	unpack(to, v);
	unpack(a, more);
	for (int i = 0; i < AMOUNT_N; i++)
		if (__builtin_add_overflow(v[i], more[i], &v[i]))
			v[i] = more[i] < 0 ? INT64_MIN : INT64_MAX;
	*to = pack(v);
}

struct counters amount_counters(const struct amounts *a)
{
	struct counters c = { .has_bytes = a->bytes_n > 0 };

#define COPY(name) c.name = a->name > 0 ? (uint64_t)a->name : 0;
	AMOUNT_FIELDS(COPY)
#undef COPY
	return c;
}

void amount_bind(sqlite3_stmt *st, int at, const struct amounts *a)
{
	int64_t v[AMOUNT_N];

	unpack(a, v);
	for (int i = 0; i < AMOUNT_N; i++)
		sqlite3_bind_int64(st, at + i, v[i]);
}

struct amounts amount_read(sqlite3_stmt *st, int at)
{
	int64_t v[AMOUNT_N];

	for (int i = 0; i < AMOUNT_N; i++)
		v[i] = sqlite3_column_int64(st, at + i);
	return pack(v);
}
