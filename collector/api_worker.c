/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collector/api.h"
#include "collector/confine.h"
#include "collector/http_priv.h"
#include "common/cert.h"
#include "common/file.h"
#include "common/log.h"

enum {
	NICE = 10, /* ingest goes first */
	LEFT_S = 3600,
};

static bool say(int fd, uint32_t id, struct api_call *c)
{
	struct tell t = {
		.id = id,
		.status = c->status,
		.type = c->type,
		.etag = c->etag,
		.allow = c->allow ? c->allow : "",
		.retry_s = c->retry_s,
		.length = c->flown + c->out.n,
	};
	struct buf b = { 0 };
	bool sent;

	if (c->file >= 0)
		lseek(c->file, 0, SEEK_SET);
	else
		t.body = c->out.n ? c->out.p : (const uint8_t *)"";
	tell_write(&t, &b);
	sent = child_send(fd, b.p, b.n, c->file, 0) == 0;
	buf_fini(&b);
	return sent;
}

static void name_boot(struct api *api)
{
	uint8_t random[4];

	cert_random(random, sizeof(random));
	snprintf(api->boot, sizeof(api->boot), "%02x%02x%02x%02x", random[0], random[1],
		 random[2], random[3]);
}

/* The front has gone: 0.  A fault: not 0, and the keeper starts another. */
static int serve(int fd, struct api *api)
{
	static uint8_t packet[ASK_PACKET];
	struct api_call call;
	struct ask ask;
	bool told = true;
	ssize_t n;

	while (told) {
		struct pollfd p = { fd, POLLIN, 0 };

		if (api->copy_ms && poll(&p, 1, API_COPY_MS) == 0)
			api_forget_copy(api);
		n = recv(fd, packet, sizeof(packet), 0);
		if (n == 0)
			break;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || !ask_read(packet, (size_t)n, &ask))
			return 1;
		api_answer(api, &ask, &call);
		told = say(fd, ask.id, &call);
		api_end(&call);
	}
	return 0;
}

int http_worker(int fd, void *ctx)
{
	const struct http_setup *setup = ctx;
	struct api api = { .dir = setup->dir, .stats = setup->stats, .worker = setup->worker };
	const struct confine_files files = { .data = setup->dir };
	struct err e = { 0 };
	int rc;

	prctl(PR_SET_NAME, "skein-answers", 0, 0, 0);
	child_keep(&fd, 1);
	setpriority(PRIO_PROCESS, 0, NICE);
	name_boot(&api);
	file_sweep(setup->dir, "snapshot-", LEFT_S); /* of one that was ended meanwhile */
	api.database = file_path(setup->dir, "skein.db");
	if (confine(CONFINE_ANSWER, &files, &e) < 0) {
		log_err("http: %s", e.msg);
		return 1;
	}
	rc = serve(fd, &api);
	api_forget_copy(&api);
	api_close(&api);
	return rc;
}
