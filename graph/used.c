/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/used.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/json.h"

#define GB 1e9
#define MOST 1e18 /* what is more is no machine */

/* The next value if it is a sensible number, else -1; it is read in any case. */
static double number(struct json_in *in)
{
	struct buf copy = { 0 };
	struct json out = json_to(&copy);
	double v = -1;

	if (json_peek(in) == JSON_NUMBER) {
		const char *p;
		size_t n;

		if (json_read_number(in, &p, &n)) {
			buf_put(&copy, p, n);
			v = strtod(buf_cstr(&copy), NULL);
		}
	} else {
		json_copy(in, &out);
	}
	buf_fini(&copy);
	return v >= 0 && v <= MOST ? v : -1;
}

bool used_bytes(const struct graph_machine *m, uint64_t *out)
{
	struct json_in in = json_from(m->extra, strlen(m->extra));
	double bytes = -1, gb = -1;
	struct buf key = { 0 };
	bool first = true;

	*out = 0;
	if (!json_enter(&in, '{'))
		return false;
	while (json_more(&in, '}', &first)) {
		buf_reset(&key);
		if (!json_read_key(&in, &key))
			break;
		if (strcmp(buf_cstr(&key), "disk_used_bytes") == 0)
			bytes = number(&in);
		else if (strcmp(buf_cstr(&key), "used_gb") == 0)
			gb = number(&in);
		else
			number(&in);
	}
	buf_fini(&key);
	if (bytes < 0 && gb < 0)
		return false;
	bytes = bytes < 0 ? gb * GB : bytes;
	*out = (uint64_t)(bytes > MOST ? MOST : bytes);
	return true;
}
