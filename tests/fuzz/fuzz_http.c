/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of strangers, in what is ours to read: whatever is taken is one head with a Host,
 * its strings lie in it, path, query and body come apart without a step outside, and a head is
 * the same in whatever pieces it comes.
 */
#include <stdlib.h>
#include <string.h>

#include "collector/api_body.h"
#include "collector/http_guard.h"
#include "collector/http_path.h"
#include "common/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

static void take_apart(struct http_head *h)
{
	const char *part[HTTP_PARTS_MAX], *name, *value;
	char *path = xstrdup(h->path), *query = xstrdup(h->query), *at = query;
	struct http_guard g = { .names = "a,b", .host = "c" };
	int n = http_parts(path, part);

	for (int i = 0; i < n; i++)
		check(*part[i] && strcmp(part[i], "..") != 0);
	while (http_parameter(&at, &name, &value) > 0)
		check(strlen(name) + strlen(value) <= strlen(h->query));
	check(http_guard(&g, h) != 0 || *h->host);
	http_guard_open(&g, h);
	free(path);
	free(query);
}

/* The length of the head, 0 if it has no end. */
static size_t watch(const char *p, size_t n)
{
	struct http_watch whole = { 0 }, bytes = { 0 };
	size_t length = 0;

	http_watch(&whole, p, n);
	for (size_t i = 0; i < n; i++) {
		http_watch(&bytes, p + i, 1);
		if (bytes.whole && !length)
			length = i + 1;
	}
	check(whole.lines == bytes.lines && whole.odd == bytes.odd);
	check(whole.whole == bytes.whole && whole.whole == (length > 0));
	return length;
}

/* As evhttp takes lines apart; it is only roughly so strict. */
static int read_head(char *p, struct http_head *h)
{
	static const char names[] = "GHPD";
	char *line = strsep(&p, "\n"), *name, *method = line;
	int status;

	strsep(&line, " ");
	status = http_head_target(h, (enum http_method)strcspn(names, (char[]){ *method, 0 }),
				  line ? line : method);
	while (!status && (line = strsep(&p, "\n"))) {
		name = strsep(&line, ":");
		line = line ? line : name;
		line[strcspn(line, "\r")] = 0;
		if (*name)
			status = http_head_field(h, name, line + strspn(line, " "));
	}
	return status ? status : http_head_end(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xmalloc(size + 1);
	struct http_head h;
	struct json_in in;
	struct body b;
	size_t n;

	memcpy(text, data, size);
	text[size] = 0;
	n = watch(text, size);
	in = json_from(text + n, size - n);
	body_read(&b, &in, NULL, NULL);
	body_free(&b);
	if (read_head(text, &h) == 0) {
		check(*h.host && *h.path == '/' && h.fields <= HTTP_FIELDS_MAX);
		take_apart(&h);
	}
	free(text);
	return 0;
}
