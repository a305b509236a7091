/* SPDX-License-Identifier: Apache-2.0 */
#include "store/amount.h"

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

#define EVERY(X) X(records) AMOUNT_FIELDS(X) X(bytes_n)

static int64_t negative(int64_t v)
{
	return v == INT64_MIN ? INT64_MAX : -v;
}

struct amounts amount_negative(struct amounts a)
{
#define NEGATE(name) a.name = negative(a.name);
	EVERY(NEGATE)
#undef NEGATE
	return a;
}

struct amounts amount_share(struct amounts *a, int64_t part, int64_t whole)
{
	struct amounts out = { .records = a->records, .bytes_n = a->bytes_n };

#define SHARE(name)                                                                           \
	out.name = (int64_t)((double)a->name * (double)part / (double)whole);                 \
	a->name -= out.name;
	AMOUNT_FIELDS(SHARE)
#undef SHARE
	return out;
}

void amount_add(struct amounts *to, const struct amounts *a)
{
#define ADD(name) amount_plus(&to->name, a->name);
	EVERY(ADD)
#undef ADD
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
#define BIND(name) sqlite3_bind_int64(st, at++, a->name);
	EVERY(BIND)
#undef BIND
}

struct amounts amount_read(sqlite3_stmt *st, int at)
{
	struct amounts a;

#define READ(name) a.name = sqlite3_column_int64(st, at++);
	EVERY(READ)
#undef READ
	return a;
}

struct amounts amount_values(sqlite3_value **v)
{
	struct amounts a;

#define READ(name) a.name = sqlite3_value_int64(*v++);
	EVERY(READ)
#undef READ
	return a;
}
