/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/list.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/say.h"
#include "common/exits.h"
#include "common/number.h"

enum { TERMINAL_ROWS = 500 }; /* a terminal gets no more unless it is asked for */

static void choose_look(struct list *l)
{
	struct table_look look = { .header = !l->o.no_header, .style = TABLE_TABS };

	l->limit = l->o.all ? 0 : l->o.limit;
	if (l->o.format == FORMAT_JSON || l->o.format == FORMAT_JSON_LINES)
		return;
	if (l->o.format == FORMAT_CSV) {
		look.style = TABLE_CSV;
	} else if (isatty(STDOUT_FILENO)) {
		look.style = TABLE_TERMINAL;
		look.width = table_terminal_width();
		look.color = options_color(&l->o, stdout);
		if (!l->limit && !l->o.all)
			l->limit = TERMINAL_ROWS;
	}
	l->table = table_new(stdout, &look, l->kind->columns, l->kind->columns_n);
}

static void begin_output(struct list *l)
{
	if (!isatty(STDOUT_FILENO))
		setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	choose_look(l);
}

bool list_begin(struct list *l, const struct list_kind *kind, int argc, char **argv)
{
	struct err e = { 0 };

	*l = (struct list){ .kind = kind };
	if (!options_parse(kind->command, argc, argv, &l->o, &l->o))
		return false;
	l->store = store_open(l->o.db, STORE_READ, &e);
	if (!l->store) {
		say("%s", e.msg);
		l->o.status = EXITS_UNREACHED;
		return false;
	}
	begin_output(l);
	return true;
}

void list_start(struct list *l, const struct list_kind *kind, const struct options *o,
		struct store *s)
{
	*l = (struct list){ .kind = kind, .o = *o, .store = s };
	begin_output(l);
}

bool list_on_terminal(const struct list *l)
{
	return l->o.format == FORMAT_TEXT && isatty(STDOUT_FILENO);
}

bool list_wants(struct list *l)
{
	l->rows++;
	if (l->limit && l->rows > l->limit)
		return false;
	l->printed++;
	return true;
}

struct table *list_table(struct list *l)
{
	return l->table;
}

struct buf *list_object(struct list *l)
{
	buf_reset(&l->line);
	if (l->o.format == FORMAT_JSON)
		buf_str(&l->line, l->printed > 1 ? ",\n" : "[\n");
	return &l->line;
}

void list_emit(struct list *l)
{
	if (l->o.format == FORMAT_JSON_LINES)
		buf_str(&l->line, "\n");
	fwrite(l->line.p, 1, l->line.n, stdout);
}

int list_go_on(struct list *l)
{
	(void)l;
	return ferror(stdout) ? -EIO : 0;
}

static void footer(const struct list *l)
{
	char shown[NUMBER_TEXT], all[NUMBER_TEXT];
	const char *what = l->rows == 1 ? l->kind->one : l->kind->many;

	if (!l->table || say_quiet || !isatty(STDERR_FILENO))
		return;
	if (l->summed && l->printed == l->rows)
		return;
	fflush(stdout);
	number_text(l->printed, shown);
	number_text(l->rows, all);
	if (l->printed < l->rows)
		fprintf(stderr, "%s of %s %s; --all shows all\n", shown, all, what);
	else
		fprintf(stderr, "%s %s\n", all, what);
}

static void nothing(const struct list *l)
{
	if (l->o.filtered)
		say_note("no %s in %s match; without a filter there may be some",
			 l->kind->many, l->o.db);
	else
		say_note("no %s in %s yet; %s", l->kind->many, l->o.db, l->kind->from);
}

/* What did not arrive must not look like what never was. */
static void gaps(struct list *l)
{
	struct health h;
	char n[NUMBER_TEXT];

	if (query_health(l->store, &h, NULL))
		return;
	if (h.lost)
		say_note("%s records were lost before they were counted",
			 number_text(h.lost, n));
	if (h.overflow)
		say_note("%s connections did not fit a sensor's tables",
			 number_text(h.overflow, n));
	if (h.quarantined || h.rejected)
		say_note("%s records were not taken: quarantined or senseless",
			 number_text(h.quarantined + h.rejected, n));
}

int list_end(struct list *l, int rc, struct err *e)
{
	int status = l->rows ? EXITS_OK : EXITS_NONE;

	table_finish(l->table);
	if (l->o.format == FORMAT_JSON && rc == 0)
		fputs(l->printed ? "\n]\n" : "[]\n", stdout);
	if (rc < 0 && !ferror(stdout)) {
		say("%s", e->msg);
		status = EXITS_UNREACHED;
	} else if (rc == 0 && l->rows) {
		footer(l);
		gaps(l);
	} else if (rc == 0) {
		nothing(l);
		gaps(l);
	}
	store_close(l->store);
	buf_fini(&l->line);
	return status;
}
