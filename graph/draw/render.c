/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/draw/render.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <graphviz/gvc.h>

#include "common/exits.h"
#include "common/file.h"
#include "graph/draw/caption.h"
#include "graph/draw/svg.h"

static const struct {
	const char *name, *renderer;
} formats[] = {
	{ "dot", NULL },
	{ "svg", "svg:svg:core" },
	{ "png", "png:cairo" },
	{ "pdf", "pdf:cairo" },
};

static int find_format(const char *name)
{
	for (int i = 0; i < (int)(sizeof(formats) / sizeof(formats[0])); i++)
		if (!strcasecmp(formats[i].name, name))
			return i;
	return -1;
}

bool render_format_known(const char *format)
{
	return find_format(format) >= 0;
}

const char *render_format_of(const char *path)
{
	const char *dot = strrchr(path, '.');
	int i = dot ? find_format(dot + 1) : -1;

	return i < 0 ? NULL : formats[i].name;
}

/* The child */

static void lower(int what, rlim_t value)
{
	struct rlimit l;

	if (getrlimit(what, &l) < 0)
		return;
	if (l.rlim_max > value)
		l.rlim_max = value;
	if (l.rlim_cur > l.rlim_max)
		l.rlim_cur = l.rlim_max;
	setrlimit(what, &l);
}

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
enum { LIMIT_MEMORY = 0 }; /* its shadow alone is larger */
#else
enum { LIMIT_MEMORY = 1 };
#endif

static void confine(void)
{
	unsetenv("SERVER_NAME");
	unsetenv("GV_FILE_PATH");
	unsetenv("GVBINDIR");
	unsetenv("LTDL_LIBRARY_PATH");
	close_range(3, UINT_MAX, 0);
	lower(RLIMIT_CPU, RENDER_CPU_S);
	lower(RLIMIT_CORE, 0);
	if (LIMIT_MEMORY)
		lower(RLIMIT_AS, (rlim_t)2 << 30);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static int complain(const char *words)
{
	dprintf(2, "%s\n", words);
	return EXITS_NONE;
}

static int read_all(int fd, struct buf *b, size_t max)
{
	char chunk[65536];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (b->n + (size_t)n > max)
			return -EFBIG;
		buf_put(b, chunk, (size_t)n);
	}
	return 0;
}

static int write_all(int fd, const void *p, size_t n)
{
	const char *at = p;

	while (n) {
		ssize_t done = write(fd, at, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		at += done;
		n -= (size_t)done;
	}
	return 0;
}

static char graphviz_words[200]; /* its last error, first line */

static int keep_error(char *text)
{
	size_t n = strcspn(text, "\n");

	while (n && *text == ' ') {
		text++;
		n--;
	}
	if (n && strcmp(text, "Error: "))
		snprintf(graphviz_words, sizeof(graphviz_words), "%.*s", (int)n, text);
	return 0;
}

static char *plain(const char *s)
{
	return (char *)(uintptr_t)s;
}

/* Replaces the caption's mark by a line that says what this picture lacks. */
static void note_simple(Agraph_t *g)
{
	static const char note[] =
		"<tr><td align=\"left\"><font point-size=\"9\" color=\"#B34A00\">The layered layout "
		"failed: drawn in a simpler way, arrows end at boxes, not at ports</font></td></tr>";
	char *label = agget(g, plain("label")),
	     *mark = label ? strstr(label, CAPTION_NOTE) : NULL;
	struct buf b = { 0 };
	char *html;

	if (!mark)
		return;
	buf_put(&b, label, (size_t)(mark - label));
	buf_str(&b, note);
	buf_str(&b, mark + strlen(CAPTION_NOTE));
	html = agstrdup_html(g, plain(buf_cstr(&b)));
	agset(g, plain("label"), html);
	agstrfree(g, html);
	buf_fini(&b);
}

/* Straight lines between boxes: ends at rows would cross the very text that they point at. */
static void make_simple(Agraph_t *g)
{
	static const char *const drop[] = { "label", "headlabel", "headport", "tailport" };

	agsafeset(g, plain("overlap"), plain("prism"), plain(""));
	agsafeset(g, plain("splines"), plain("line"), plain(""));
	agsafeset(g, plain("outputorder"), plain("edgesfirst"), plain(""));
	for (Agnode_t *n = agfstnode(g); n; n = agnxtnode(g, n))
		for (Agedge_t *e = agfstout(g, n); e; e = agnxtout(g, e))
			for (size_t i = 0; i < sizeof(drop) / sizeof(drop[0]); i++)
				if (agget(e, plain(drop[i])))
					agset(e, plain(drop[i]), plain(""));
	note_simple(g);
}

/* Skein's pictures name no files; a graph from elsewhere shall not make us read any. */
static void forget_files(Agraph_t *g)
{
	static const char *const names[] = { "image", "shapefile", "imagepath", "fontpath" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (agget(g, plain(names[i])))
			agset(g, plain(names[i]), plain(""));
		for (Agnode_t *n = agfstnode(g); n; n = agnxtnode(g, n))
			if (agget(n, plain(names[i])))
				agset(n, plain(names[i]), plain(""));
	}
}

static int put_picture(const char *format, char *data, unsigned n)
{
	struct buf b = { 0 };
	int rc;

	if (!strcasecmp(format, "svg"))
		svg_finish(&b, data, n);
	rc = b.n ? write_all(1, b.p, b.n) : write_all(1, data, n);
	buf_fini(&b);
	return rc < 0 ? complain("cannot write the picture") : EXITS_OK;
}

/* How much of its size is left when it is printed on A3, at most all. */
static double printed(GVC_t *gvc, Agraph_t *g)
{
	char *text = NULL;
	unsigned n = 0;
	double w = 0, h = 0, flat, tall;

	if (!gvRenderData(gvc, g, "plain", &text, &n) && text)
		sscanf(text, "graph %*s %lf %lf", &w, &h);
	gvFreeRenderData(text);
	if (w <= 0 || h <= 0)
		return 0;
	flat = fmin(fmin(16 / w, 11.2 / h), 1);
	tall = fmin(fmin(11.2 / w, 16 / h), 1) * .9; /* screens are wide */
	return fmax(flat, tall);
}

/* Leaves the better of both directions laid out. */
static int lay_out_fitting(GVC_t *gvc, Agraph_t *g)
{
	double across, down;

	if (gvLayout(gvc, g, "dot"))
		return -1;
	across = printed(gvc, g);
	if (across >= 1)
		return 0;
	gvFreeLayout(gvc, g);
	agsafeset(g, plain("rankdir"), plain("TB"), plain("LR"));
	if (gvLayout(gvc, g, "dot"))
		return -1;
	down = printed(gvc, g);
	if (down > across)
		return 0;
	gvFreeLayout(gvc, g);
	agsafeset(g, plain("rankdir"), plain("LR"), plain("LR"));
	return gvLayout(gvc, g, "dot");
}

static int lay_out_any(GVC_t *gvc, Agraph_t *g, bool simple)
{
	const char *fit = agget(g, plain(RENDER_FIT));

	if (simple)
		return gvLayout(gvc, g, "sfdp");
	return fit && *fit ? lay_out_fitting(gvc, g) : gvLayout(gvc, g, "dot");
}

static int lay_out(GVC_t *gvc, Agraph_t *g, const char *format, bool simple)
{
	char *data = NULL;
	unsigned n = 0;
	int status;

	if (simple)
		make_simple(g);
	if (lay_out_any(gvc, g, simple))
		return complain(*graphviz_words ? graphviz_words : "the layout failed");
	if (gvRenderData(gvc, g, formats[find_format(format)].renderer, &data, &n) || !data ||
	    !n)
		status = complain(
			"Graphviz cannot write this format: is its cairo plugin installed?");
	else
		status = put_picture(format, data, n);
	gvFreeRenderData(data);
	gvFreeLayout(gvc, g);
	return status;
}

static int render_graph(const char *text, const char *format, bool simple)
{
	GVC_t *gvc = gvContext();
	Agraph_t *g;
	int status;

	agseterr(AGERR);
	agseterrf(keep_error);
	g = strcasestr(text, "<img") ? NULL : agmemread(text);
	if (!g) {
		gvFreeContext(gvc);
		return complain(*graphviz_words ? graphviz_words : "the text is no graph");
	}
	forget_files(g);
	status = lay_out(gvc, g, format, simple);
	agclose(g);
	gvFreeContext(gvc);
	return status;
}

/* _exit, since Graphviz keeps memory that a leak checker would have words about. */
void render_child(const char *format, bool simple)
{
	struct buf text = { 0 };
	int status;

	if (!render_format_known(format))
		_exit(EXITS_USAGE);
	confine();
	if (read_all(0, &text, RENDER_INPUT_MAX) < 0)
		status = complain("cannot read the graph");
	else if (!strcasecmp(format, "dot"))
		status = write_all(1, text.p, text.n) ? EXITS_NONE : EXITS_OK;
	else
		status = render_graph(buf_cstr(&text), format, simple);
	_exit(status);
}

/* The parent */

struct child {
	pid_t pid;
	int data,
		words; /* our ends: of its standard input and output, of its standard error */
	struct buf said;
	int status;
};

/* The child needs little of our environment, and nothing that steers Graphviz. */
static void choose_environment(char **env, size_t max)
{
	static const char *const keep[] = { "HOME=",
					    "XDG_CACHE_HOME=",
					    "FONTCONFIG_",
					    "SOURCE_DATE_EPOCH=",
					    "LD_LIBRARY_PATH=",
					    "ASAN_OPTIONS=",
					    "LSAN_OPTIONS=",
					    "UBSAN_OPTIONS=" };
	size_t n = 0;

	for (char **e = environ; *e && n + 1 < max; e++)
		for (size_t i = 0; i < sizeof(keep) / sizeof(keep[0]); i++)
			if (!strncmp(*e, keep[i], strlen(keep[i])) && n + 1 < max)
				env[n++] = *e;
	env[n] = NULL;
}

static int spawn(struct child *c, int data, int words, const char *format, bool simple)
{
	char *argv[] = { plain("skein"),
			 plain("render"),
			 plain("--format"),
			 plain(format),
			 simple ? plain("--simple") : NULL,
			 NULL };
	char *env[16];
	posix_spawn_file_actions_t actions;
	int rc;

	choose_environment(env, sizeof(env) / sizeof(env[0]));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, data, 0);
	posix_spawn_file_actions_adddup2(&actions, data, 1);
	posix_spawn_file_actions_adddup2(&actions, words, 2);
	rc = posix_spawn(&c->pid, "/proc/self/exe", &actions, NULL, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	return -rc;
}

static int start(struct child *c, const char *format, bool simple, struct err *e)
{
	int data[2], words[2], rc;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, data) < 0)
		return err_sys(e, -errno, "drawing");
	if (pipe2(words, O_CLOEXEC) < 0) {
		rc = -errno;
		close(data[0]);
		close(data[1]);
		return err_sys(e, rc, "drawing");
	}
	rc = spawn(c, data[1], words[1], format, simple);
	close(data[1]);
	close(words[1]);
	c->data = data[0];
	c->words = words[0];
	fcntl(c->data, F_SETFL, O_NONBLOCK);
	fcntl(c->words, F_SETFL, O_NONBLOCK);
	if (!rc)
		return 0;
	close(c->data);
	close(c->words);
	return err_sys(e, rc, "drawing: cannot start this program again");
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* False at its end.  Stops beyond MAX bytes. */
static bool drain(int fd, struct buf *b, size_t max)
{
	char chunk[65536];
	ssize_t n = 1;

	while (b->n <= max && (n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_put(b, chunk, (size_t)n);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* A child that is gone does not want the rest; that is no signal to us. */
static size_t feed(int fd, const char *p, size_t n)
{
	ssize_t done = send(fd, p, n, MSG_NOSIGNAL);

	if (done < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : n;
	return (size_t)done;
}

enum { RENDER_WORDS_MAX = 1 << 16 };

/* -ETIME when the child is still at it after the limit, -EFBIG when it writes without end. */
static int pump(struct child *c, const char *dot, size_t n, struct buf *out)
{
	int64_t end = now_ms() + RENDER_WALL_S * 1000;
	bool data = true, words = true;

	if (!n)
		shutdown(c->data, SHUT_WR);
	while (data || words) {
		struct pollfd fds[] = { { data ? c->data : -1, n ? POLLIN | POLLOUT : POLLIN,
					  0 },
					{ words ? c->words : -1, POLLIN, 0 } };
		int64_t left = end - now_ms();

		if (left <= 0)
			return -ETIME;
		if (poll(fds, 2, (int)left) < 0 && errno != EINTR)
			return -errno;
		if (n && fds[0].revents & (POLLOUT | POLLERR | POLLHUP)) {
			size_t done = feed(c->data, dot, n);

			dot += done;
			n -= done;
			if (!n)
				shutdown(c->data, SHUT_WR);
		}
		if (fds[0].revents & (POLLIN | POLLHUP | POLLERR))
			data = drain(c->data, out, RENDER_OUTPUT_MAX);
		if (fds[1].revents & (POLLIN | POLLHUP | POLLERR))
			words = drain(c->words, &c->said, RENDER_WORDS_MAX);
		if (out->n > RENDER_OUTPUT_MAX || c->said.n > RENDER_WORDS_MAX)
			return -EFBIG;
	}
	return 0;
}

static void finish(struct child *c, bool kill_it)
{
	close(c->data);
	close(c->words);
	if (kill_it)
		kill(c->pid, SIGKILL);
	while (waitpid(c->pid, &c->status, 0) < 0 && errno == EINTR)
		;
}

static int judge(struct child *c, int rc, struct err *e)
{
	char *line = NULL;
	int signal = WIFSIGNALED(c->status) ? WTERMSIG(c->status) : 0;

	if (rc == -ETIME)
		return err_set(e, -ETIME, "drawing took more than %d seconds", RENDER_WALL_S);
	if (rc < 0)
		return err_sys(e, rc, "drawing");
	if (signal == SIGXCPU || signal == SIGKILL)
		return err_set(e, -ETIME,
			       "drawing took more than %d seconds of processor time",
			       RENDER_CPU_S);
	if (signal)
		return err_set(e, -ECHILD, "the layout crashed (signal %d, %s)", signal,
			       strsignal(signal));
	if (!WEXITSTATUS(c->status))
		return 0;
	line = strndup((const char *)buf_cstr(&c->said), strcspn(buf_cstr(&c->said), "\n"));
	err_set(e, WEXITSTATUS(c->status) == 70 ? -ECHILD : -EINVAL, "drawing: %s",
		line && *line ? line : "the layout ended without a word");
	free(line);
	return WEXITSTATUS(c->status) == 70 ? -ECHILD : -EINVAL;
}

static int run(const char *dot, size_t n, const char *format, bool simple, struct buf *out,
	       struct err *e)
{
	struct child c = { 0 };
	size_t before = out->n;
	int rc = start(&c, format, simple, e);

	if (rc < 0)
		return rc;
	rc = pump(&c, dot, n, out);
	finish(&c, rc < 0);
	rc = judge(&c, rc, e);
	if (!rc && out->n == before)
		rc = err_set(e, -EIO, "drawing: the layout gave no picture");
	if (rc < 0)
		out->n = before;
	buf_fini(&c.said);
	return rc;
}

int render_bytes(const char *dot, size_t n, const char *format, struct buf *out, struct err *e)
{
	struct err second = { 0 };
	int rc;

	if (!render_format_known(format))
		return err_set(e, -EINVAL, "unknown format %s (dot, svg, png, pdf)", format);
	if (n > RENDER_INPUT_MAX)
		return err_set(e, -EFBIG, "the graph is too large to draw");
	if (!strcasecmp(format, "dot")) {
		buf_put(out, dot, n);
		return 0;
	}
	rc = run(dot, n, format, false, out, e);
	if (rc != -ETIME && rc != -ECHILD)
		return rc;
	return run(dot, n, format, true, out, &second) ? rc : 0;
}

/* What is not a plain file (a pipe, /dev/stdout) cannot be replaced, only written to. */
static bool replaceable(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 || S_ISREG(st.st_mode);
}

static int write_straight(const char *path, const struct buf *b, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return err_sys(e, -errno, "%s", path);
	rc = write_all(fd, b->p, b->n);
	close(fd);
	return rc ? err_sys(e, rc, "%s", path) : 0;
}

static mode_t usual_mode(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0666 & ~mask;
}

static int write_out(const char *path, const struct buf *b, struct err *e)
{
	int rc;

	if (!strcmp(path, "-")) {
		rc = write_all(1, b->p, b->n);
		return rc ? err_sys(e, rc, "standard output") : 0;
	}
	if (!replaceable(path))
		return write_straight(path, b, e);
	return file_replace(path, usual_mode(), b->p, b->n, e);
}

int render_file(const char *dot, size_t n, const char *format, const char *path, struct err *e)
{
	struct buf out = { 0 };
	int rc = render_bytes(dot, n, format, &out, e);

	if (!rc)
		rc = write_out(path, &out, e);
	buf_fini(&out);
	return rc;
}
