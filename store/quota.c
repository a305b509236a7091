/* SPDX-License-Identifier: Apache-2.0 */
#include "store/quota.h"

static const int64_t hour_ms = 3600000;

void quota_turn(struct quota *q, int64_t now_ms)
{
	if (now_ms / hour_ms != q->hour)
		*q = (struct quota){ .hour = now_ms / hour_ms };
}

bool quota_left(const struct quota *q, bool host, enum quota_kind kind)
{
	static const int64_t most[2][QUOTA_KINDS] = {
		{ QUOTA_WIDE_EDGES, QUOTA_WIDE_NAMES },
		{ QUOTA_HOST_EDGES, QUOTA_HOST_NAMES },
	};

	return q->used[kind] < most[host][kind];
}

void quota_spend(struct quota *q, enum quota_kind kind)
{
	q->used[kind]++;
}
