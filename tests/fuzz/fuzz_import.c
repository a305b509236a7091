/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines from strangers: whatever they hold, what was read can be written, and reading that
 * gives the same line again.
 */
#include <stdlib.h>
#include <string.h>

#include "common/exchange.h"
#include "common/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

static void write_line(struct exchange_reader *r, int kind, struct buf *out)
{
	buf_reset(out);
	if (kind == EXCHANGE_MACHINE)
		exchange_write_machine(out, exchange_machine(r));
	else
		exchange_write_flow(out, exchange_flow(r));
}

static void check_clean(const struct buf *b)
{
	struct buf shown = { 0 };

	check(utf8_valid((const char *)b->p, b->n));
	utf8_show(&shown, (const char *)b->p, b->n);
	check(shown.n == b->n); /* nothing in it moves a terminal */
	buf_fini(&shown);
}

static void line(struct exchange_reader *r, const char *p, size_t n)
{
	struct buf first = { 0 }, second = { 0 };
	struct err e = { 0 };
	int kind = exchange_read(r, p, n, &e);

	check(kind >= 0 || e.msg[0]);
	if (kind == EXCHANGE_MACHINE || kind == EXCHANGE_FLOW) {
		write_line(r, kind, &first);
		check_clean(&first);
		check(exchange_read(r, (char *)first.p, first.n, &e) == kind);
		write_line(r, kind, &second);
		check(first.n == second.n && memcmp(first.p, second.p, first.n) == 0);
	}
	buf_fini(&first);
	buf_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct exchange_reader *r = exchange_reader_new();
	const char *p = (const char *)data, *end = p + size;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		line(r, p, (size_t)((nl ? nl : end) - p));
		p = nl ? nl + 1 : end;
	}
	exchange_reader_free(r);
	return 0;
}
