/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/scribe.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/file.h"

enum { TEXT_MAX = 1 << 30, PIECE = 1 << 16 };

/* What the child says before the text. */
struct verdict {
	int32_t rc;
	char words[512];
};

static volatile sig_atomic_t child;

static void forward(int signo)
{
	if (child > 0)
		kill(child, signo);
}

static void run_child(int fd, scribe_fn *make, void *ctx)
{
	struct verdict v = { 0 };
	struct buf text = { 0 };
	struct err e = { 0 };

	v.rc = make(ctx, &text, &e);
	snprintf(v.words, sizeof(v.words), "%s", e.msg);
	if (file_write(fd, &v, sizeof(v)) == 0)
		file_write(fd, text.p, text.n);
	_exit(0);
}

/* All that the child writes, bounded. */
static int hear(int fd, struct buf *all, struct err *e)
{
	static char piece[PIECE];
	ssize_t n;

	while ((n = read(fd, piece, sizeof(piece))) != 0) {
		if (n < 0 && errno != EINTR)
			return err_sys(e, -errno, "the reading process");
		if (n > 0)
			buf_put(all, piece, (size_t)n);
		if (all->n > TEXT_MAX)
			return err_set(e, -EFBIG, "the file would be larger than 1 GiB");
	}
	return all->n < sizeof(struct verdict)
		       ? err_set(e, -EPIPE, "the reading process ended without a word")
		       : 0;
}

static int save(const char *path, const uint8_t *p, size_t n, struct err *e)
{
	if (strcmp(path, "-") != 0)
		return file_replace(path, 0600, p, n, e);
	if (fwrite(p, 1, n, stdout) != n || fflush(stdout))
		return err_sys(e, -errno, "standard output");
	return 0;
}

static int conclude(const char *path, const struct buf *all, struct err *e)
{
	struct verdict v;
	int rc = 0;

	memcpy(&v, all->p, sizeof(v));
	v.words[sizeof(v.words) - 1] = 0;
	if (!v.rc || v.rc == -EAGAIN || v.rc == -EBADMSG)
		rc = save(path, all->p + sizeof(v), all->n - sizeof(v), e);
	if (!rc && v.rc)
		rc = err_set(e, v.rc, "%s", v.words);
	return rc;
}

int scribe_write(const char *path, scribe_fn *make, void *ctx, struct err *e)
{
	struct sigaction pass = { .sa_handler = forward };
	struct buf all = { 0 };
	int p[2], rc;

	if (pipe(p))
		return err_sys(e, -errno, "pipe");
	fflush(NULL);
	child = fork();
	if (child < 0)
		return err_sys(e, -errno, "fork");
	if (child == 0) {
		close(p[0]);
		run_child(p[1], make, ctx);
	}
	close(p[1]);
	sigaction(SIGTERM, &pass, NULL);
	sigaction(SIGINT, &pass, NULL);
	rc = hear(p[0], &all, e);
	close(p[0]);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	if (!rc)
		rc = conclude(path, &all, e);
	buf_fini(&all);
	return rc;
}
