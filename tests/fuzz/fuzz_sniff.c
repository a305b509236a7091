/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First words of strangers.  The first byte chooses the parser; for `h` the next one is how
 * large the pieces are in which the rest comes, backwards where it is odd.
 */
#include <stdlib.h>
#include <string.h>

#include "sensor/mirror/hello.h"
#include "sensor/mirror/sniff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

static void check_name(const char *name)
{
	size_t n = strlen(name);

	check(n && n <= SNIFF_NAME &&
	      strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-._:[]") == n);
}

static void take(void *ctx, const char *name, const struct addr *answer, uint32_t ttl_s)
{
	unsigned *told = ctx;

	(void)answer;
	(void)ttl_s;
	check_name(name);
	check(++*told <= 64);
}

/* What was found in the start of it is found in all of it, and is the same. */
static void check_steady(enum sniffed (*fn)(const uint8_t *, size_t, char *), const uint8_t *p,
			 size_t n)
{
	char part[SNIFF_NAME + 1], whole[SNIFF_NAME + 1];
	enum sniffed all = fn(p, n, whole);

	if (all == SNIFF_FOUND)
		check_name(whole);
	for (size_t i = 0; i < n && i < 600; i++) {
		enum sniffed s = fn(p, i, part);

		check(s == SNIFF_MORE || s == all);
		if (s == SNIFF_FOUND)
			check(strcmp(part, whole) == 0);
	}
}

static void check_pieces(const uint8_t *p, size_t n)
{
	struct hello_pool *h = hello_new();
	char name[SNIFF_NAME + 1];
	size_t each, pieces;
	bool tls;

	each = n ? 1 + p[0] : 1;
	pieces = n > 1 ? (n - 1 + each - 1) / each : 0;
	for (size_t i = 0; i < pieces; i++) {
		size_t at = (each % 2 ? i : pieces - 1 - i) * each;
		size_t len = n - 1 - at < each ? n - 1 - at : each;

		if (hello_add(h, 7, (uint32_t)at, p + 1 + at, len, name, &tls) == SNIFF_FOUND)
			check_name(name);
	}
	hello_free(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned told = 0;

	if (!size)
		return 0;
	switch (data[0]) {
	case 'd':
		check(sniff_dns(data + 1, size - 1, take, &told) || !told);
		break;
	case 'w':
		check_steady(sniff_http, data + 1, size - 1);
		break;
	case 'h':
		check_pieces(data + 1, size - 1);
		break;
	default:
		check_steady(sniff_tls, data + 1, size - 1);
	}
	return 0;
}
