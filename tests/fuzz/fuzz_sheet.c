/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of machines from strangers: what a row becomes is a machine that an import may take.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/sheet.h"
#include "common/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

static void check_extra(const char *extra)
{
	struct json_in in = json_from(extra, strlen(extra));
	struct buf copy = { 0 };
	struct json out = json_to(&copy);

	check(!*extra ||
	      (json_peek(&in) == JSON_OBJECT && json_copy(&in, &out) && json_at_end(&in)));
	buf_fini(&copy);
}

static void check_machine(const struct import_machine *m)
{
	struct addr a;

	check(*m->id && m->name && m->os && m->kernel && m->arch && m->site);
	for (unsigned i = 0; i < m->ips_n; i++)
		check(addr_parse(m->ips[i], &a) == 0 && !addr_is_any(&a));
	check_extra(m->extra);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct csv c = csv_from((const char *)data, size);
	struct sheet *s = sheet_new();
	struct import_machine m;
	struct err e = { 0 };
	int rc;

	if (csv_row(&c, &e) > 0 && sheet_header(s, &c, &e) == 0)
		while (csv_row(&c, &e) > 0) {
			rc = sheet_row(s, &c, &m, &e);
			check(rc >= 0 || *e.msg);
			if (rc > 0)
				check_machine(&m);
		}
	sheet_free(s);
	csv_fini(&c);
	return 0;
}
