/* SPDX-License-Identifier: Apache-2.0 */
#include "store/fold.h"

#include "store/priv.h"

void store_fold(struct store *s, const struct fold *f)
{
	s->fold = f->v4 || f->v6 ? f : NULL;
}

bool fold_address(const struct fold *f, struct addr *a)
{
	unsigned bits = addr_is_v4(a) ? f->v4 : f->v6;
	struct addr was = *a;

	if (!bits || addr_is_scoped(a) || addr_is_any(a))
		return false;
	if (addr_nets_hold(f->estate, f->estate_n, a))
		return false;
	if (addr_is_v4(a))
		bits += 96;
	for (unsigned i = 0; i < 16; i++) {
		unsigned keep = bits > 8 * i ? bits - 8 * i : 0;

		if (keep < 8)
			a->b[i] &= (uint8_t)(0xff00 >> keep);
	}
	return !addr_eq(a, &was);
}
