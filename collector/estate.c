/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/estate.h"

#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/home.h"
#include "common/exits.h"
#include "common/file.h"
#include "common/utf8.h"
#include "common/version.h"

static int must_have_run(const char *dir, const char *path, struct err *e)
{
	if (access(path, F_OK) == 0 || errno == EACCES)
		return 0;
	return err_set(e, -errno,
		       "%s: no collector has run here; start skein-collector --data %s first",
		       dir, dir);
}

struct store *estate_open(const char *dir, enum store_mode mode, struct err *e)
{
	char *path = file_path(dir, "skein.db");
	struct store *s = NULL;

	if (must_have_run(dir, path, e) == 0 && home_become_owner(dir, e) == 0)
		s = store_open(path, mode, e);
	free(path);
	return s;
}

const char *estate_author(void)
{
	static char words[256];
	const struct passwd *pw = getpwuid(getuid());
	const char *sudo = getenv("SUDO_USER");

	if (*words)
		return words;
	if (pw)
		snprintf(words, sizeof(words), "%s", pw->pw_name);
	else
		snprintf(words, sizeof(words), "user %u", (unsigned)getuid());
	if (sudo && getuid() == 0)
		snprintf(words + strlen(words), sizeof(words) - strlen(words), " (sudo: %s)",
			 sudo);
	return words;
}

void estate_say(const char *fmt, ...)
{
	char words[2048];
	struct buf line = { 0 };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	buf_str(&line, "skein-collector: ");
	utf8_show(&line, words, strlen(words));
	buf_str(&line, "\n");
	fflush(stdout);
	fwrite(line.p, 1, line.n, stderr);
	buf_fini(&line);
}

void estate_rows_begin(struct estate_rows *r, const struct table_column *columns, unsigned n,
		       bool json)
{
	struct table_look look = { .style = TABLE_TABS, .header = true };
	const char *plain = getenv("NO_COLOR");

	memset(r, 0, sizeof(*r));
	if (json)
		return;
	if (isatty(STDOUT_FILENO)) {
		look.style = TABLE_TERMINAL;
		look.width = table_terminal_width();
		look.color = !plain || !*plain;
	}
	r->table = table_new(stdout, &look, columns, n);
}

void estate_row(struct estate_rows *r, const char *type)
{
	r->n++;
	if (r->table)
		return;
	buf_reset(&r->line);
	buf_str(&r->line, r->n > 1 ? ",\n" : "[\n");
	r->json = json_to(&r->line);
	json_open(&r->json, '{');
	json_member_string(&r->json, "type", type);
	json_member_uint(&r->json, "version", JSON_VERSION);
}

int estate_row_end(struct estate_rows *r)
{
	if (!r->table) {
		json_close(&r->json, '}');
		fwrite(r->line.p, 1, r->line.n, stdout);
	}
	return ferror(stdout) ? -EIO : 0;
}

int estate_rows_end(struct estate_rows *r, const char *what, int rc, const struct err *e)
{
	int status = r->n ? EXITS_OK : EXITS_NONE;

	if (r->table)
		table_finish(r->table);
	else if (rc >= 0)
		fputs(r->n ? "\n]\n" : "[]\n", stdout);
	buf_fini(&r->line);
	if (rc < 0 && !ferror(stdout))
		estate_say("%s", e->msg);
	else if (rc >= 0 && !r->n)
		estate_say("no %s", what);
	if (rc < 0 || fflush(stdout) != 0)
		status = EXITS_UNREACHED;
	return status;
}
