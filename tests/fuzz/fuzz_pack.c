/* SPDX-License-Identifier: Apache-2.0 */
/* Packed rows of a damaged file: read to an end, and written again as they were. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "store/pack.h"

enum { ROWS = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

/* The sum is ours to make good: else nothing but the sum would be tried. */
static void mend(uint8_t *p, size_t n)
{
	if (n < PACK_HEAD)
		return;
	p[0] = 1;
	pack_seal(p, n);
}

static size_t read_all(const void *p, size_t n, struct pack_row *rows, int *rc)
{
	struct pack_reader r;
	size_t got = 0;

	*rc = pack_begin(&r, p, n);
	while (!*rc && got < ROWS && (*rc = pack_next(&r, &rows[got])) > 0) {
		got++;
		*rc = 0;
	}
	return got;
}

/* Row by row or all at once: the same. */
static void sum_all(const void *p, size_t size, const struct pack_row *rows, size_t n, int rc)
{
	static struct amounts sum[ROWS];
	struct places of = { 0 };

	memset(sum, 0, sizeof(sum));
	for (size_t i = 0; i < n; i++)
		places_add(&of, rows[i].edge);
	check((pack_sum(p, size, &of, sum) == 0) == (rc == 0) || n == ROWS);
	for (size_t i = 0; i < n; i++)
		check(memcmp(&sum[i], &rows[i].a, sizeof(*sum)) == 0);
	places_fini(&of);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pack_row rows[ROWS], again[ROWS];
	uint8_t *p = malloc(size + 1);
	struct buf b = { 0 };
	int rc, rc_again;
	size_t n, m;

	check(p != NULL);
	memcpy(p, data, size);
	mend(p, size);
	n = read_all(p, size, rows, &rc);
	for (size_t i = 1; i < n; i++)
		check(rows[i].edge > rows[i - 1].edge);
	sum_all(p, size, rows, n, rc);
	if (!rc) {
		pack_write(&b, rows, n);
		m = read_all(b.p, b.n, again, &rc_again);
		check(!rc_again && m == n && memcmp(rows, again, n * sizeof(*rows)) == 0);
	}
	buf_fini(&b);
	free(p);
	return 0;
}
