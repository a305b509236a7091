/* SPDX-License-Identifier: Apache-2.0 */
/* A keyed hash of an address and a port, for tables that strangers fill. */
#ifndef COMMON_ADDRMIX_H
#define COMMON_ADDRMIX_H

#include <string.h>

#include "common/addr.h"

/* Good in its upper 32 bits: products carry upwards only, so what is above is folded down. */
static inline uint64_t addr_mix(uint64_t h, const struct addr *a, uint16_t port)
{
	uint64_t hi, lo;

	memcpy(&hi, a->b, 8);
	memcpy(&lo, a->b + 8, 8);
	h = (h ^ hi) * 0x9e3779b97f4a7c15u;
	h = (h ^ h >> 32 ^ lo) * 0xd6e8feb86659fd93u;
	return (h ^ h >> 29 ^ port) * 0xbf58476d1ce4e5b9u;
}

#endif
