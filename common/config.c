/* SPDX-License-Identifier: Apache-2.0 */
#include "common/config.h"

#include <dirent.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/mem.h"

struct reading {
	struct config *config;
	FILE *in;
	const char *path;
	int line;
	struct err *err;
	int rc;
};

static int refuse(struct reading *r, const char *why)
{
	if (!r->rc)
		r->rc = err_set(r->err, -EINVAL, "%s:%d: %s", r->path, r->line, why);
	return 0; /* to inih: an error */
}

/* inih asks line by line; a line longer than its buffer would come as two. */
static char *next_line(char *text, int size, void *ctx)
{
	struct reading *r = ctx;

	if (r->rc || !fgets(text, size, r->in))
		return NULL;
	r->line++;
	if (strchr(text, '\n') || feof(r->in))
		return text;
	refuse(r, "the line is too long; 190 characters are what it may have");
	return NULL;
}

static int on_line(void *ctx, const char *section, const char *key, const char *value)
{
	struct reading *r = ctx;
	struct config_line *l;

	if (*section)
		return refuse(r, "the line is in a section; remove the line with the [ ]");
	if (r->config->n == CONFIG_LINES_MAX)
		return refuse(r, "too many lines; remove what stands there twice");
	l = &r->config->line[r->config->n++];
	*l = (struct config_line){ .file = xstrdup(r->path),
				   .line = r->line,
				   .key = xstrdup(key),
				   .value = xstrdup(value) };
	return 1;
}

static int read_one(struct config *config, const char *path, struct err *e)
{
	struct reading r = { .config = config, .path = path, .err = e };
	int bad;

	r.in = fopen(path, "re");
	if (!r.in)
		return err_sys(e, -errno, "%s", path);
	bad = ini_parse_stream(next_line, &r, on_line, &r);
	if (!r.rc && ferror(r.in))
		r.rc = err_sys(e, -EIO, "%s", path);
	if (!r.rc && bad) {
		r.line = bad;
		refuse(&r, "this is not \"key = value\"; put # before what is a comment");
	}
	fclose(r.in);
	return r.rc;
}

static int is_conf(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 5 && d->d_name[0] != '.' && strcmp(d->d_name + n - 5, ".conf") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name); /* in no locale */
}

static int read_folder(struct config *config, const char *dir, struct err *e)
{
	struct dirent **names;
	int n = scandir(dir, &names, is_conf, by_name), rc = 0;

	if (n < 0)
		return errno == ENOENT ? 0 : err_sys(e, -errno, "%s", dir);
	for (int i = 0; i < n; i++) {
		char *path = file_path(dir, names[i]->d_name);

		if (!rc)
			rc = read_one(config, path, e);
		free(path);
		free(names[i]);
	}
	free(names);
	return rc;
}

int config_read(struct config *config, const char *path, struct err *e)
{
	size_t n = strlen(path);
	char *dir;
	int rc;

	config->n = 0;
	rc = read_one(config, path, e);
	if (rc)
		return rc;
	if (n > 5 && strcmp(path + n - 5, ".conf") == 0)
		n -= 5;
	dir = xasprintf("%.*s.d", (int)n, path);
	rc = read_folder(config, dir, e);
	free(dir);
	return rc;
}

void config_free(struct config *config)
{
	for (unsigned i = 0; i < config->n; i++) {
		free(config->line[i].file);
		free(config->line[i].key);
		free(config->line[i].value);
	}
	config->n = 0;
}
