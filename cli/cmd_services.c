/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "store/lines.h"
#include "cli/list.h"

static const struct options_command command = {
	.name = "services",
	.args = "[MACHINE|:PORT]",
	.about = "List what listens for connections, as sensors on the machines saw it.",
	.groups = OPTIONS_DB | OPTIONS_FILTER | OPTIONS_TABLE,
	.filter_words = true,
	.examples = "skein services --db estate.db\n"
		    "skein services db01\n"
		    "skein services :5432 --json\n",
};

static const struct table_column columns[] = {
	{ "MACHINE", "machine_name", TABLE_TEXT },
	{ NULL, "machine", TABLE_TEXT },
	{ "PROCESS", "process", TABLE_TEXT },
	{ "ADDRESS", "ip", TABLE_TEXT },
	{ "PORT", "port", TABLE_COUNT },
	{ NULL, "protocol", TABLE_TEXT },
	{ "UNIT", "unit", TABLE_TEXT },
	{ NULL, "exe", TABLE_TEXT },
	{ NULL, "user", TABLE_TEXT },
	{ NULL, "container", TABLE_TEXT },
	{ NULL, "app", TABLE_TEXT },
	{ NULL, "first", TABLE_TIME },
	{ "LAST SEEN", "last", TABLE_TIME },
	{ "NOW", "current", TABLE_TEXT },
};

static const struct list_kind kind = {
	.command = &command,
	.columns = columns,
	.columns_n = sizeof(columns) / sizeof(columns[0]),
	.one = "service",
	.many = "services",
	.from = "sensors on the machines bring them",
};

static void fill(struct table *t, const struct listener_row *s)
{
	table_text(t, *s->machine_name ? s->machine_name : s->machine);
	table_text(t, s->machine);
	table_text(t, s->process.name);
	table_text(t, s->ip);
	table_port(t, s->port, s->proto == PROTO_UDP);
	table_text(t, s->proto == PROTO_UDP ? "udp" : "tcp");
	table_text(t, s->process.unit);
	table_text(t, s->process.exe);
	table_text(t, s->process.user);
	table_text(t, s->process.container);
	table_text(t, s->process.app);
	table_time(t, s->first);
	table_time(t, s->last);
	table_text(t, s->current ? "yes" : "no");
}

static int row(const struct listener_row *s, void *ctx)
{
	struct list *l = ctx;

	if (!list_wants(l))
		return 0;
	if (list_table(l)) {
		fill(list_table(l), s);
	} else {
		lines_listener(list_object(l), s);
		list_emit(l);
	}
	return list_go_on(l);
}

int cmd_services(int argc, char **argv)
{
	struct err e = { 0 };
	struct list l;
	int rc;

	if (!list_begin(&l, &kind, argc, argv))
		return l.o.status;
	rc = query_listeners(l.store, &l.o.filter, row, &l, &e);
	return list_end(&l, rc, &e);
}
