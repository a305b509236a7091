/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/mincut.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

#define LITTLE 1e-9 /* sums of floats that are equal differ by less, relative to them */

/* Vertices that were merged point at what they became a part of. */
struct merge {
	double *w;
	unsigned n;
	bool *gone, *added;
	unsigned *into;
	double *reach; /* what ties a vertex to those added */
};

static unsigned most_tied(const struct merge *m)
{
	unsigned best = m->n;

	for (unsigned v = 0; v < m->n; v++)
		if (!m->gone[v] && !m->added[v] &&
		    (best == m->n || m->reach[v] > m->reach[best]))
			best = v;
	return best;
}

/* Adds one vertex after the other, the most tied first; the last two are *S and *T. */
static void phase(struct merge *m, unsigned left, unsigned *s, unsigned *t)
{
	memset(m->added, 0, m->n * sizeof(*m->added));
	memset(m->reach, 0, m->n * sizeof(*m->reach));
	*s = *t = m->n;
	for (unsigned i = 0; i < left; i++) {
		unsigned v = most_tied(m);

		m->added[v] = true;
		*s = *t;
		*t = v;
		for (unsigned u = 0; u < m->n; u++)
			m->reach[u] += m->added[u] ? 0 : m->w[(size_t)v * m->n + u];
	}
}

static void join(struct merge *m, unsigned s, unsigned t)
{
	size_t n = m->n;

	for (unsigned u = 0; u < m->n; u++) {
		m->w[s * n + u] += m->w[t * n + u];
		m->w[u * n + s] = m->w[s * n + u];
	}
	m->w[s * n + s] = 0;
	m->gone[t] = true;
	m->into[t] = s;
}

static unsigned root(const struct merge *m, unsigned v)
{
	while (m->gone[v])
		v = m->into[v];
	return v;
}

/* Marks all that T stands for, or the rest if that is less; returns how many are marked. */
static unsigned mark(const struct merge *m, unsigned t, bool *side)
{
	unsigned in = 0;

	for (unsigned v = 0; v < m->n; v++) {
		side[v] = root(m, v) == t;
		in += side[v];
	}
	if (2 * in <= m->n)
		return in;
	for (unsigned v = 0; v < m->n; v++)
		side[v] = !side[v];
	return m->n - in;
}

double mincut_anywhere(double *w, unsigned n, bool *side)
{
	struct merge m = { w,
			   n,
			   xcalloc(n, sizeof(*m.gone)),
			   xcalloc(n, sizeof(*m.added)),
			   xcalloc(n, sizeof(*m.into)),
			   xcalloc(n, sizeof(*m.reach)) };
	bool *now = xcalloc(n, sizeof(*now));
	double best = -1;
	unsigned size = 0;

	for (unsigned left = n; left > 1; left--) {
		unsigned s, t, in;
		double cut;

		phase(&m, left, &s, &t);
		cut = m.reach[t];
		in = mark(&m, t, now);
		if (best < 0 || cut < best * (1 - LITTLE) ||
		    (cut <= best * (1 + LITTLE) && in > size)) {
			best = cut;
			size = in;
			memcpy(side, now, n * sizeof(*side));
		}
		join(&m, s, t);
	}
	free(m.gone);
	free(m.added);
	free(m.into);
	free(m.reach);
	free(now);
	return best < 0 ? 0 : best;
}

/* The shortest way with room left; FROM leads back.  True if there is one. */
static bool search(const double *room, unsigned n, unsigned s, unsigned t, unsigned *from,
		   unsigned *queue)
{
	unsigned head = 0, tail = 0;

	for (unsigned v = 0; v < n; v++)
		from[v] = n;
	from[s] = s;
	queue[tail++] = s;
	while (head < tail) {
		unsigned v = queue[head++];

		for (unsigned u = 0; u < n; u++) {
			if (from[u] < n || room[(size_t)v * n + u] <= LITTLE)
				continue;
			from[u] = v;
			queue[tail++] = u;
		}
	}
	return from[t] < n;
}

double mincut_between(double *w, unsigned n, unsigned s, unsigned t, bool *side)
{
	unsigned *from = xcalloc(n, sizeof(*from)), *queue = xcalloc(n, sizeof(*queue));
	double flow = 0;

	while (search(w, n, s, t, from, queue)) {
		double room = -1;

		for (unsigned v = t; v != s; v = from[v])
			if (room < 0 || w[(size_t)from[v] * n + v] < room)
				room = w[(size_t)from[v] * n + v];
		for (unsigned v = t; v != s; v = from[v]) {
			w[(size_t)from[v] * n + v] -= room;
			w[(size_t)v * n + from[v]] += room;
		}
		flow += room;
	}
	for (unsigned v = 0; v < n; v++)
		side[v] = from[v] < n;
	free(from);
	free(queue);
	return flow;
}
