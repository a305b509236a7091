/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/blame.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

void blame_edit(struct blame *b, int64_t edit)
{
	if (edit)
		buf_printf(&b->edits, "%s%lld", b->edits.n ? ", " : "", (long long)edit);
}

void blame_tie(struct blame *b, const struct tied *t)
{
	blame_edit(b, t->edit);
	blame_edit(b, t->with);
	if (t->group)
		b->group = t->group;
}

struct blame blame_of(int64_t one, int64_t two)
{
	struct blame b = { 0 };

	blame_edit(&b, one);
	if (two != one)
		blame_edit(&b, two);
	return b;
}

void blame_trail(struct blame *blame, const struct tied *tied, size_t n, unsigned machines,
		 unsigned a, unsigned b)
{
	unsigned head = 0, tail = 0;
	unsigned *queue = xcalloc(machines, sizeof(*queue));
	size_t *by = xcalloc(machines, sizeof(*by)); /* 1 + the tie that led here */
	unsigned *from = xcalloc(machines, sizeof(*from));

	queue[tail++] = a;
	by[a] = SIZE_MAX;
	while (head < tail && !by[b]) {
		unsigned m = queue[head++];

		for (size_t i = 0; i < n; i++) {
			const struct tied *t = &tied[i];
			unsigned to = t->a == m ? t->b : t->a;

			if ((t->a != m && t->b != m) || by[to])
				continue;
			by[to] = i + 1;
			from[to] = m;
			queue[tail++] = to;
		}
	}
	for (unsigned m = b; m != a && by[m]; m = from[m])
		blame_tie(blame, &tied[by[m] - 1]);
	free(queue);
	free(by);
	free(from);
}

int blame_say(struct blame *blame, struct err *e, const char *fmt, ...)
{
	char *list = buf_take(&blame->edits), *group, why[256];
	int rc;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	group = blame->group ? xasprintf("%sthe kept group \"%s\"", *list ? " and " : "",
					 blame->group)
			     : xstrdup("");
	rc = err_set(e, -EINVAL,
		     "%s%s%s: %s (\"skein groups edits\" lists the edits, \"skein groups undo "
		     "NUMBER\" takes one back)",
		     !*list		 ? ""
		     : strchr(list, ',') ? "edits "
					 : "edit ",
		     list, group, why);
	free(list);
	free(group);
	return rc;
}
