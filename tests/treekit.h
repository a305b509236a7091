/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Machines made up for tests: tests/inventory/NAME.tree, unpacked below a folder of its own.
 *
 *	# comment
 *	/a/file: one line			a line feed is put behind it
 *	/a/file:				the lines that follow, each after a tab
 *	/a/file! bytes				without a line feed
 *	/a/link -> to/where
 *	/a/folder/
 *	@space /mount SIZE USED			@address NAME IP	@processor TEXT
 *
 * \0, \xNN and \\ mean what they do in C.
 */
#ifndef TESTS_TREEKIT_H
#define TESTS_TREEKIT_H

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/file.h"
#include "sensor/inventory.h"

enum { TREE_FILES = 256, TREE_SPACES = 16, TREE_ADDRESSES = 16 };

struct tree_file {
	char path[SYS_PATH];
	char *data;
	size_t n;
};
struct tree {
	char root[64];
	struct tree_file file[TREE_FILES];
	unsigned files;
	struct {
		char point[MOUNT_PATH];
		uint64_t size, used;
	} space[TREE_SPACES];
	unsigned spaces;
	struct inventory_address address[TREE_ADDRESSES];
	unsigned addresses;
	char processor[32];
};

static inline void tree_put(const struct tree_file *f, const void *data, size_t n)
{
	FILE *out = fopen(f->path, "w");

	ck_assert_msg(out != NULL, "%s: %s", f->path, strerror(errno));
	ck_assert_uint_eq(fwrite(data, 1, n, out), n);
	ck_assert_int_eq(fclose(out), 0);
}

static inline void tree_unescape(struct buf *b, const char *s)
{
	for (; *s; s++) {
		unsigned v;

		if (s[0] != '\\') {
			buf_u8(b, (uint8_t)*s);
		} else if (s[1] == 'x' && sscanf(s + 2, "%2x", &v) == 1) {
			buf_u8(b, (uint8_t)v);
			s += 3;
		} else if (s[1] == '0' && (s[2] < '0' || s[2] > '9')) {
			buf_u8(b, 0);
			s++;
		} else {
			buf_u8(b, (uint8_t)*s);
		}
	}
}

/* Makes the folder that PATH lies in. */
static inline void tree_parent(const char *path)
{
	char *copy = strdup(path);
	struct err e;

	*strrchr(copy, '/') = 0;
	ck_assert_int_eq(file_mkdir(copy, 0755, &e), 0);
	free(copy);
}

static inline struct tree_file *tree_new_file(struct tree *t, const char *name, size_t n)
{
	struct tree_file *f = &t->file[t->files++];

	ck_assert_uint_lt(t->files, TREE_FILES);
	strcpy(f->path, t->root); /* the rest is zero */
	memcpy(f->path + strlen(t->root), name, n < SYS_PATH - 80 ? n : SYS_PATH - 80);
	tree_parent(f->path);
	return f;
}

static inline void tree_directive(struct tree *t, char *line)
{
	char name[64], ip[64];

	if (sscanf(line, "@space %255s %lu %lu", t->space[t->spaces].point,
		   &t->space[t->spaces].size, &t->space[t->spaces].used) == 3) {
		t->spaces++;
	} else if (sscanf(line, "@address %63s %63s", name, ip) == 2) {
		snprintf(t->address[t->addresses].name, SYS_NAME, "%s", name);
		ck_assert_int_eq(addr_parse(ip, &t->address[t->addresses++].a), 0);
	} else {
		ck_assert_int_eq(strncmp(line, "@processor ", 11), 0);
		sys_copy(t->processor, sizeof(t->processor), line + 11);
	}
	ck_assert_uint_lt(t->spaces, TREE_SPACES);
	ck_assert_uint_lt(t->addresses, TREE_ADDRESSES);
}

/* A name may have a colon (8:2) or a bang, but neither before a blank or the line's end. */
static inline size_t tree_name_end(const char *line)
{
	size_t i = 1;

	while (line[i] && line[i] != ' ' &&
	       !((line[i] == ':' || line[i] == '!') && (!line[i + 1] || line[i + 1] == ' ')))
		i++;
	return i;
}

static inline void tree_entry(struct tree *t, const char *line, struct buf *text)
{
	size_t n = tree_name_end(line);
	char path[SYS_PATH * 2];

	snprintf(path, sizeof(path), "%s%.*s", t->root, (int)n, line);
	if (strncmp(line + n, " -> ", 4) == 0) {
		tree_parent(path);
		ck_assert_int_eq(symlink(line + n + 4, path), 0);
		return;
	}
	if (!line[n] && line[n - 1] == '/') {
		tree_parent(path);
		return;
	}
	ck_assert_msg(line[n] != 0, "no entry: %s", line);
	tree_new_file(t, line, n);
	if (line[n + 1]) {
		tree_unescape(text, line + n + 2);
		if (line[n] == ':')
			buf_u8(text, '\n');
	}
}

static inline void tree_done(struct tree *t, struct buf *text)
{
	struct tree_file *f = t->files ? &t->file[t->files - 1] : NULL;

	if (f && !f->data) {
		f->n = text->n;
		f->data = malloc(text->n + 1);
		if (text->n)
			memcpy(f->data, text->p, text->n);
		tree_put(f, f->data, f->n);
	}
	buf_reset(text);
}

/* From the root of the sources, where tests are run. */
static inline struct tree *tree_open(const char *name)
{
	struct tree *t = calloc(1, sizeof(*t));
	struct buf text = { 0 };
	char path[256], line[4096];
	FILE *in;

	strcpy(t->root, "/tmp/skein-tree-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(t->root));
	snprintf(path, sizeof(path), "tests/inventory/%s.tree", name);
	in = fopen(path, "r");
	ck_assert_msg(in != NULL, "%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\n")] = 0;
		if (line[0] == '\t' || !line[0]) {
			tree_unescape(&text, line + (line[0] == '\t'));
			buf_u8(&text, '\n');
			continue;
		}
		tree_done(t, &text);
		if (line[0] == '@')
			tree_directive(t, line);
		else if (line[0] == '/')
			tree_entry(t, line, &text);
	}
	tree_done(t, &text);
	fclose(in);
	buf_fini(&text);
	return t;
}

static inline void tree_close(struct tree *t)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", t->root);
	ck_assert_int_eq(system(command), 0);
	for (unsigned i = 0; i < t->files; i++)
		free(t->file[i].data);
	free(t);
}

static inline int tree_space(void *ctx, const char *root, const char *point, uint64_t *size,
			     uint64_t *used)
{
	const struct tree *t = ctx;

	(void)root;
	for (unsigned i = 0; i < t->spaces; i++)
		if (strcmp(t->space[i].point, point) == 0) {
			*size = t->space[i].size;
			*used = t->space[i].used;
			return 0;
		}
	return ENOENT;
}

static inline struct inventory *tree_inventory(struct tree *t)
{
	struct inventory_rim rim = { .root = t->root,
				     .processor = t->processor,
				     .address = t->address,
				     .addresses = t->addresses,
				     .space = tree_space,
				     .ctx = t };

	return inventory_read(&rim);
}

#endif
