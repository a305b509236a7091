/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/card.h"
#include "cli/commands.h"
#include "store/lines.h"
#include "cli/list.h"
#include "cli/say.h"

static const struct options_row rows[] = {
	{ "machine", 'm', "M", options_string, offsetof(struct options, filter.machine),
	  "only the machine M (name, id or address)" },
	{ 0 },
};

static const struct options_command command = {
	.name = "machines",
	.args = "[MACHINE]",
	.about = "List the machines that are known.",
	.groups = OPTIONS_DB | OPTIONS_SERVER | OPTIONS_TABLE,
	.rows = rows,
	.filter_words = true,
	.examples = "skein machines --db estate.db\n"
		    "skein machines web01 --json\n"
		    "skein machines --csv > machines.csv\n",
};

static const struct table_column columns[] = {
	{ "NAME", "name", TABLE_TEXT },
	{ NULL, "id", TABLE_TEXT },
	{ "ADDRESSES", "ips", TABLE_TEXT },
	{ "OS", "os", TABLE_TEXT },
	{ NULL, "kernel", TABLE_TEXT },
	{ NULL, "arch", TABLE_TEXT },
	{ "CORES", "cores", TABLE_COUNT },
	{ "CPU", "cpu_p95", TABLE_TEXT },
	{ "MEMORY", "memory_bytes", TABLE_MEMORY },
	{ "USED", "memory_p95_bytes", TABLE_MEMORY },
	{ "SEEN", "capture_rate", TABLE_TEXT },
	{ "SENSOR", "sensor", TABLE_TEXT },
	{ "SITE", "site", TABLE_TEXT },
	{ NULL, "first", TABLE_TIME },
	{ "LAST SEEN", "last", TABLE_TIME },
};

static const struct list_kind kind = {
	.command = &command,
	.columns = columns,
	.columns_n = sizeof(columns) / sizeof(columns[0]),
	.one = "machine",
	.many = "machines",
	.from = "\"skein import\" or a sensor brings them",
};

static void put_addresses(struct table *t, const struct machine_row *m)
{
	struct buf all = { 0 };

	for (unsigned i = 0; i < m->ips_n; i++) {
		if (i)
			buf_str(&all, " ");
		buf_str(&all, m->ips[i]);
		if (*m->realm)
			buf_printf(&all, "@%s", m->realm);
	}
	table_text(t, buf_cstr(&all));
	buf_fini(&all);
}

/* Degraded by what cannot be had on this host is no hole in what is watched. */
static bool is_whole(const struct machine_row *m)
{
	const uint32_t harmless = DEGRADED_NO_UDP | DEGRADED_NO_NAT;

	return !m->lost && !m->overflow && !(m->degraded & ~harmless) &&
	       m->opens_seen >= m->opens_kernel - m->opens_kernel / 1000;
}

static void put_known(struct table *t, uint64_t v)
{
	if (v)
		table_number(t, v);
	else
		table_unknown(t);
}

/* The share of the opens that the kernel counted, never rounded up to all of them. */
static void put_seen(struct table *t, const struct machine_row *m)
{
	uint64_t seen = m->opens_seen < m->opens_kernel ? m->opens_seen : m->opens_kernel;
	uint64_t hundredths = m->opens_kernel ? seen * 10000 / m->opens_kernel : 0;
	char text[48];

	if (!m->opens_kernel) {
		table_unknown(t);
		return;
	}
	snprintf(text, sizeof(text), "%" PRIu64 ".%02" PRIu64 " %%%s", hundredths / 100,
		 hundredths % 100, is_whole(m) ? "" : " !");
	table_text(t, text);
}

/* What 95 of 100 stretches of at most ten minutes kept below. */
struct busy {
	bool known;
	uint64_t cpu, memory;
};

static int add_usage(const struct usage_row *row, void *ctx)
{
	struct busy *b = ctx;

	if (row->metric == USAGE_CPU) {
		b->known = true;
		b->cpu = row->p95;
	} else if (row->metric == USAGE_MEMORY) {
		b->memory = row->p95;
	}
	return 0;
}

static void put_cpu(struct table *t, const struct busy *b)
{
	char text[48];

	if (!b->known) {
		table_unknown(t);
		return;
	}
	snprintf(text, sizeof(text), "%" PRIu64 ".%" PRIu64 " %%", b->cpu / 10, b->cpu % 10);
	table_text(t, text);
}

static void fill(struct table *t, const struct machine_row *m, const struct busy *b)
{
	table_text(t, *m->name ? m->name : m->id);
	table_text(t, m->id);
	put_addresses(t, m);
	table_text(t, m->os);
	table_text(t, m->kernel);
	table_text(t, m->arch);
	put_known(t, m->cores);
	put_cpu(t, b);
	put_known(t, m->memory_bytes);
	put_known(t, b->memory);
	put_seen(t, m);
	table_text(t, m->sensor ? "yes" : "no");
	table_text(t, m->site);
	table_time(t, m->first);
	table_time(t, m->last);
}

static unsigned partial; /* machines whose watch was not whole */

static struct buf cards; /* of machines that were asked for by name, for below the table */

static int add_card(struct list *l, const struct machine_row *m)
{
	struct buf all = { 0 };
	int rc = lines_machine_whole(&all, m, l->store, NULL);

	buf_str(&cards, "\n");
	card_write(&cards, buf_cstr(&all), all.n);
	buf_fini(&all);
	return rc;
}

static int row(const struct machine_row *m, void *ctx)
{
	struct list *l = ctx;
	int rc = 0;

	if (!list_wants(l))
		return 0;
	if (m->sensor && !is_whole(m))
		partial++;
	if (list_table(l)) {
		struct busy busy = { 0 };

		if (m->sensor)
			rc = query_usage(l->store, m->id, add_usage, &busy, NULL);
		if (rc)
			return rc;
		fill(list_table(l), m, &busy);
		return list_on_terminal(l) && l->o.filter.machine ? add_card(l, m)
								  : list_go_on(l);
	}
	if (l->o.filter.machine && l->o.format == FORMAT_JSON)
		rc = lines_machine_whole(list_object(l), m, l->store, NULL);
	else
		lines_machine(list_object(l), m);
	list_emit(l);
	return rc ? rc : list_go_on(l);
}

int cmd_machines(int argc, char **argv)
{
	struct err e = { 0 };
	struct list l;
	int rc;

	if (!list_begin(&l, &kind, argc, argv))
		return l.o.status;
	rc = query_machines(l.store, &l.o.filter, row, &l, &e);
	rc = list_end(&l, rc, &e);
	if (cards.n)
		fwrite(cards.p, 1, cards.n, stdout);
	buf_fini(&cards);
	if (partial)
		say("%u watched in part only (SEEN !, --json says why): what is missing there is "
		    "not \"no traffic\"",
		    partial);
	return rc;
}
