/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/server.h"

#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/addr.h"
#include "common/cert.h"
#include "common/file.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/tls.h"
#include "common/token.h"
#include "common/version.h"

enum {
	TOKEN_FILE = 4096,
	ANSWER = 1 << 20, /* of an answer in memory */
	CONNECT_S = 10,
	STALL_S = 60, /* without a byte; the collector may have to copy first */
	KEY = 32,
	PORT = 7780,
	LEFT_S = 3600,
};

/* What one request needs. */
struct request {
	const struct server *s;
	CURL *curl;
	struct curl_slist *fields, *connect;
	bool tls, pinned;
	char host[256];
	uint16_t port;
	char token[TOKEN_FILE];
	struct token parsed;
	char etag[64];	/* that came */
	struct buf out; /* the answer, where FILE is NULL */
	FILE *file;
	char said[CURL_ERROR_SIZE];
};

/* Where to, and with what */

static int read_token(struct request *r, struct err *e)
{
	struct buf b = { 0 };
	int rc;

	if (!r->s->token_file)
		return 0;
	rc = file_read(r->s->token_file, TOKEN_FILE - 1, &b, e);
	if (!rc) {
		const char *text = buf_cstr(&b);

		snprintf(r->token, sizeof(r->token), "%.*s", (int)strcspn(text, "\r\n \t"),
			 text);
		if (token_api_parse(r->token, &r->parsed) < 0)
			rc = err_set(e, -EINVAL,
				     "%s: no token of the API (skein-collector api-token "
				     "create makes one)",
				     r->s->token_file);
	}
	buf_fini(&b);
	return rc;
}

/* The token goes to nobody in the clear. */
static int read_url(struct request *r, struct err *e)
{
	const char *url = r->s->url, *rest = NULL;
	char place[300];

	if (strncasecmp(url, "https://", 8) == 0)
		rest = url + 8;
	else if (strncasecmp(url, "http://", 7) == 0)
		rest = url + 7;
	r->tls = rest == url + 8;
	if (!rest || rest[strcspn(rest, "/?#@")] > '/' || strlen(rest) >= 256)
		return err_set(e, -EINVAL, "--server: %s is no http://HOST:PORT or https://",
			       url);
	snprintf(place, sizeof(place), "%.*s", (int)strcspn(rest, "/"), rest);
	if (addr_split_hostport(place, r->host, sizeof(r->host), &r->port) < 0) {
		snprintf(place, sizeof(place), "%.*s:%d", (int)strcspn(rest, "/"), rest, PORT);
		if (addr_split_hostport(place, r->host, sizeof(r->host), &r->port) < 0)
			return err_set(e, -EINVAL, "--server: %s has no HOST:PORT", url);
	}
	if (!r->tls && !addr_names_loopback(r->host))
		return err_set(e, -EINVAL, "--server: %s is not on this machine: use https://",
			       url);
	return 0;
}

static CURLcode pin(CURL *curl, void *ctx, void *arg)
{
	const struct request *r = arg;

	(void)curl;
	return tls_pin(ctx, r->parsed.pin) == 0 ? CURLE_OK : CURLE_SSL_CERTPROBLEM;
}

static size_t take_field(char *p, size_t size, size_t n, void *ctx)
{
	struct request *r = ctx;
	const char *end;

	n *= size;
	if (n > 7 && strncasecmp(p, "ETag: \"", 7) == 0 && (end = memchr(p + 7, '"', n - 7)) &&
	    (size_t)(end - p - 7) < sizeof(r->etag))
		snprintf(r->etag, sizeof(r->etag), "%.*s", (int)(end - p - 7), p + 7);
	return n;
}

static size_t take_body(char *p, size_t size, size_t n, void *ctx)
{
	struct request *r = ctx;
	long status = 0;

	n *= size;
	curl_easy_getinfo(r->curl, CURLINFO_RESPONSE_CODE, &status);
	if (r->file && status == 200)
		return fwrite(p, 1, n, r->file);
	if (r->out.n + n > ANSWER)
		return 0;
	buf_put(&r->out, p, n);
	return n;
}

static void add_field(struct request *r, const char *name, const char *value)
{
	char *line = xasprintf("%s: %s", name, value);

	r->fields = curl_slist_append(r->fields, line);
	free(line);
}

/*
 * The collector's own certificate has one name wherever it is, so that is what is asked for,
 * at the address that was given.
 */
static void set_place(struct request *r, const char *path)
{
	bool v6 = strchr(r->host, ':') != NULL;
	const char *name = r->pinned ? CERT_COLLECTOR_NAME : r->host;
	char *url = xasprintf("%s://%s%s%s:%u%s", r->tls ? "https" : "http",
			      v6 && !r->pinned ? "[" : "", name, v6 && !r->pinned ? "]" : "",
			      r->port, path);
	char *to = xasprintf("::%s%s%s:%u", v6 ? "[" : "", r->host, v6 ? "]" : "", r->port);

	curl_easy_setopt(r->curl, CURLOPT_URL, url);
	if (r->pinned) {
		r->connect = curl_slist_append(NULL, to);
		curl_easy_setopt(r->curl, CURLOPT_CONNECT_TO, r->connect);
		curl_easy_setopt(r->curl, CURLOPT_SSL_CTX_FUNCTION, pin);
		curl_easy_setopt(r->curl, CURLOPT_SSL_CTX_DATA, r);
	} else if (r->s->ca && strcmp(r->s->ca, "system") != 0) {
		curl_easy_setopt(r->curl, CURLOPT_CAINFO, r->s->ca);
	}
	free(url);
	free(to);
}

static int prepare(struct request *r, const char *path, struct err *e)
{
	int rc = read_url(r, e);

	if (!rc)
		rc = read_token(r, e);
	if (rc)
		return rc;
	r->pinned = r->tls && !r->s->ca && *r->token;
	r->curl = curl_easy_init();
	if (!r->curl)
		return err_set(e, -ENOMEM, "libcurl cannot be used");
	set_place(r, path);
	if (*r->token) {
		char *bearer = xasprintf("Bearer %s", r->token);

		add_field(r, "Authorization", bearer);
		free(bearer);
	}
	if (!r->tls) /* not even to the proxy that the environment names */
		curl_easy_setopt(r->curl, CURLOPT_PROXY, "");
	curl_easy_setopt(r->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(r->curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(r->curl, CURLOPT_USERAGENT, "skein/" SKEIN_VERSION);
	curl_easy_setopt(r->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(r->curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
	curl_easy_setopt(r->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(r->curl, CURLOPT_LOW_SPEED_TIME, (long)STALL_S);
	curl_easy_setopt(r->curl, CURLOPT_ERRORBUFFER, r->said);
	curl_easy_setopt(r->curl, CURLOPT_HEADERFUNCTION, take_field);
	curl_easy_setopt(r->curl, CURLOPT_HEADERDATA, r);
	curl_easy_setopt(r->curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(r->curl, CURLOPT_WRITEDATA, r);
	return 0;
}

static void finish(struct request *r)
{
	curl_slist_free_all(r->fields);
	curl_slist_free_all(r->connect);
	if (r->curl)
		curl_easy_cleanup(r->curl);
	buf_fini(&r->out);
}

/* The words of {"error":{"message":"..."}}, or none. */
static void words_of(struct request *r, struct buf *words)
{
	const char *at = strstr(buf_cstr(&r->out), "\"message\":");
	struct json_in in;

	if (!at)
		return;
	in = json_from(at + 10, r->out.n - (size_t)(at + 10 - (const char *)r->out.p));
	if (!json_read_string(&in, words))
		buf_reset(words);
}

static int refused(struct request *r, long status, struct err *e)
{
	static const struct {
		long status;
		int code;
	} known[] = { { 400, -EINVAL }, { 401, -EACCES }, { 403, -EACCES },
		      { 404, -ENOENT }, { 409, -EEXIST }, { 503, -EAGAIN } };
	struct buf words = { 0 };
	int code = -EPROTO;

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i].status == status)
			code = known[i].code;
	words_of(r, &words);
	err_set(e, code, "%s: %s%s", r->s->url, words.n ? buf_cstr(&words) : "",
		words.n ? "" : "it does not answer as a Skein collector does");
	if (status == 401 && !r->s->token_file)
		err_set(e, code, "%s wants a token: --token-file FILE", r->s->url);
	buf_fini(&words);
	return code;
}

/* The status, or negative errno with words. */
static long perform(struct request *r, struct err *e)
{
	long status = 0;
	CURLcode rc;

	curl_easy_setopt(r->curl, CURLOPT_HTTPHEADER, r->fields);
	rc = curl_easy_perform(r->curl);
	if (rc == CURLE_PEER_FAILED_VERIFICATION || rc == CURLE_SSL_CONNECT_ERROR)
		return err_set(e, -EHOSTUNREACH, "%s: %s%s", r->s->url,
			       *r->said ? r->said : curl_easy_strerror(rc),
			       r->pinned ? "; the token is of another collector, or it has a "
					   "certificate of its own (--ca FILE or --ca system)"
					 : "; --ca FILE names whom to trust");
	if (rc != CURLE_OK)
		return err_set(e, -EHOSTUNREACH, "%s cannot be reached: %s", r->s->url,
			       *r->said ? r->said : curl_easy_strerror(rc));
	curl_easy_getinfo(r->curl, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/* The copy that is kept */

static int cache_dir(char *out, size_t cap, struct err *e)
{
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

	if (base && *base == '/')
		snprintf(out, cap, "%s/skein", base);
	else if (home && *home == '/')
		snprintf(out, cap, "%s/.cache/skein", home);
	else
		return err_set(e, -ENOENT,
			       "neither $HOME nor $XDG_CACHE_HOME says where a "
			       "copy can be kept");
	return file_mkdir(out, 0700, e);
}

/* One collector's copies begin with this. */
static void key_of(const char *url, char out[KEY + 2])
{
	uint8_t hash[32];

	cert_sha256(url, strlen(url), hash);
	for (int i = 0; i < KEY / 2; i++)
		sprintf(out + (size_t)i * 2, "%02x", hash[i]);
	strcat(out, "-");
}

/* Its ETag into ETAG, "" for none; others are removed if KEEP names one. */
static void look(const char *dir, const char *key, const char *keep, char etag[64])
{
	size_t n = strlen(key);
	DIR *d = opendir(dir);
	struct dirent *entry;

	etag[0] = 0;
	while (d && (entry = readdir(d))) {
		const char *name = entry->d_name, *dot = strrchr(name, '.');

		if (strncmp(name, key, n) != 0)
			continue;
		if (keep && strncmp(name, keep, strlen(keep)) != 0)
			unlinkat(dirfd(d), name, 0);
		else if (dot && strcmp(dot, ".db") == 0 && (size_t)(dot - name) - n < 64)
			snprintf(etag, 64, "%.*s", (int)((size_t)(dot - name) - n), name + n);
	}
	if (d)
		closedir(d);
}

static bool plain(const char *etag)
{
	return *etag && strspn(etag, "0123456789abcdef-") == strlen(etag);
}

static int put_in_place(struct request *r, const char *dir, const char *key, const char *fresh,
			char *path, size_t cap, struct err *e)
{
	char keep[128], etag[64];

	if (!plain(r->etag))
		snprintf(r->etag, sizeof(r->etag), "0");
	snprintf(keep, sizeof(keep), "%s%s.db", key, r->etag);
	snprintf(path, cap, "%s/%s", dir, keep);
	if (rename(fresh, path) < 0)
		return err_sys(e, -errno, "%s", path);
	look(dir, key, keep, etag);
	return 0;
}

static FILE *open_fresh(char *path, struct err *e)
{
	int fd = mkostemp(path, O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "wb");

	if (!f)
		err_sys(e, -errno, "%s", path);
	if (!f && fd >= 0)
		close(fd);
	return f;
}

static int fetch(struct request *r, const char *dir, const char *key, char *path, size_t cap,
		 struct err *e)
{
	char *fresh = xasprintf("%s/new.XXXXXX", dir);
	long status;
	int rc;

	r->file = open_fresh(fresh, e);
	status = r->file ? perform(r, e) : e->code;
	rc = status < 0 ? (int)status : 0;
	if (r->file && fclose(r->file) != 0 && !rc)
		rc = err_sys(e, -errno, "%s", fresh);
	if (!rc && status == 200)
		rc = put_in_place(r, dir, key, fresh, path, cap, e);
	else if (!rc && status != 304)
		rc = refused(r, status, e);
	unlink(fresh);
	free(fresh);
	return rc;
}

int server_snapshot(const struct server *s, char *path, size_t cap, struct err *e)
{
	struct request r = { .s = s };
	char dir[3500], key[KEY + 2], etag[64], field[80];
	int rc = prepare(&r, "/api/v1/snapshot", e);

	if (!rc)
		rc = cache_dir(dir, sizeof(dir), e);
	if (!rc) {
		file_sweep(dir, "new.", LEFT_S); /* of those that were interrupted */
		key_of(s->url, key);
		look(dir, key, NULL, etag);
		if (plain(etag)) {
			snprintf(field, sizeof(field), "\"%s\"", etag);
			add_field(&r, "If-None-Match", field);
		}
		snprintf(path, cap, "%s/%s%s.db", dir, key, etag);
		rc = fetch(&r, dir, key, path, cap, e);
	}
	finish(&r);
	return rc;
}

int server_post(const struct server *s, const char *path, const struct buf *body,
		struct err *e)
{
	struct request r = { .s = s };
	long status;
	int rc = prepare(&r, path, e);

	if (!rc) {
		add_field(&r, "Content-Type", "application/json");
		add_field(&r, "Expect", "");
		curl_easy_setopt(r.curl, CURLOPT_POST, 1L);
		curl_easy_setopt(r.curl, CURLOPT_POSTFIELDS, body->p);
		curl_easy_setopt(r.curl, CURLOPT_POSTFIELDSIZE, (long)body->n);
		curl_easy_setopt(r.curl, CURLOPT_LOW_SPEED_TIME, 600L); /* a large estate */
		status = perform(&r, e);
		rc = status < 0 ? (int)status : 0;
		if (!rc && status != 200 && status != 201)
			rc = refused(&r, status, e);
	}
	finish(&r);
	return rc;
}
