/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mirror/capfile.h"

#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "sensor/mirror/pcapng.h"

/* Fewer reads than stdio's own 8 KiB; 256 KiB push the table out of the cache. */
enum { STDIO_BUFFER = 64 << 10, MAGIC = 4 };

/* The bytes of a file: its first four are looked at before a reader is chosen. */
struct source {
	int fd;
	unsigned head_n, head_at;
	uint8_t head[MAGIC];
	uint64_t read, size;
	int error; /* errno of the read that failed */
	bool ended;
};

struct capfile {
	struct source src;
	char *name;
	bool over;
	uint32_t link;
	pcap_t *pcap; /* or */
	struct pcapng *ng;
	char buffer[STDIO_BUFFER]; /* given: setvbuf takes no size without one */
};

static ssize_t source_fill(struct source *s, void *p, size_t cap)
{
	ssize_t n;

	do
		n = read(s->fd, p, cap);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		s->error = errno;
	else if (n == 0)
		s->ended = true;
	else
		s->read += (size_t)n;
	return n;
}

static ssize_t source_read(void *ctx, char *p, size_t cap)
{
	struct source *s = ctx;
	size_t n = s->head_n - s->head_at;

	if (n == 0)
		return source_fill(s, p, cap);
	if (n > cap)
		n = cap;
	memcpy(p, s->head + s->head_at, n);
	s->head_at += n;
	return (ssize_t)n;
}

/* Only so that ftello() can tell, on a pipe too. */
static int source_tell(void *ctx, off64_t *at, int whence)
{
	const struct source *s = ctx;

	if (whence != SEEK_CUR || *at != 0)
		return -1;
	*at = (off64_t)(s->read - (s->head_n - s->head_at));
	return 0;
}

static int source_open(struct source *s, const char *path)
{
	struct stat st;

	s->fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	if (s->fd < 0 || fstat(s->fd, &st) < 0)
		return -errno;
	if (S_ISREG(st.st_mode))
		s->size = (uint64_t)st.st_size;
	while (s->head_n < MAGIC) {
		ssize_t n = source_fill(s, s->head + s->head_n, MAGIC - s->head_n);

		if (n < 0)
			return -s->error;
		if (n == 0)
			break;
		s->head_n += (unsigned)n;
	}
	return 0;
}

/* Of a compressed file: the program that unpacks it. */
static const char *unpacker(const uint8_t head[MAGIC])
{
	static const struct {
		const char *magic;
		unsigned n;
		const char *program;
	} kind[] = {
		{ "\x1f\x8b", 2, "zcat" },	     { "\x28\xb5\x2f\xfd", 4, "zstdcat" },
		{ "\xfd\x37zX", 4, "xzcat" },	     { "BZh", 3, "bzcat" },
		{ "\x04\x22\x4d\x18", 4, "lz4cat" },
	};

	for (unsigned i = 0; i < sizeof(kind) / sizeof(kind[0]); i++)
		if (!memcmp(head, kind[i].magic, kind[i].n))
			return kind[i].program;
	return NULL;
}

/* The magic numbers of pcap that libpcap knows, in either byte order. */
static bool is_pcap(const uint8_t head[MAGIC])
{
	static const uint32_t magic[] = {
		0xa1b2c3d4, /* microseconds */
		0xa1b23c4d, /* nanoseconds */
		0xa1b2cd34, /* Kuznetzov's */
		0xa12b3c4d, /* Navtel's */
	};
	uint32_t m;

	memcpy(&m, head, sizeof(m));
	for (unsigned i = 0; i < sizeof(magic) / sizeof(magic[0]); i++)
		if (m == magic[i] || m == __builtin_bswap32(magic[i]))
			return true;
	return false;
}

static int not_a_capture(const struct capfile *f, struct err *e)
{
	const char *program = f->src.head_n == MAGIC ? unpacker(f->src.head) : NULL;

	if (program)
		return err_set(e, -EBADMSG,
			       "%s: compressed; try: %s %s | skein-sensor --read -", f->name,
			       program, f->name);
	if (f->src.head_n == 0)
		return err_set(e, -EBADMSG, "%s: empty, not a capture file (pcap or pcapng)",
			       f->name);
	return err_set(e, -EBADMSG, "%s: not a capture file (pcap or pcapng)", f->name);
}

static int open_pcap(struct capfile *f, struct err *e)
{
	cookie_io_functions_t io = { .read = source_read, .seek = source_tell };
	char words[PCAP_ERRBUF_SIZE] = "";
	FILE *in = fopencookie(&f->src, "r", io);

	if (!in)
		return err_sys(e, -ENOMEM, "%s", f->name);
	setvbuf(in, f->buffer, _IOFBF, sizeof(f->buffer));
	__fsetlocking(in, FSETLOCKING_BYCALLER);
	f->pcap = pcap_fopen_offline_with_tstamp_precision(in, PCAP_TSTAMP_PRECISION_NANO,
							   words);
	if (!f->pcap) {
		fclose(in);
		if (f->src.error)
			return err_sys(e, -f->src.error, "%s: read", f->name);
		if (f->src.ended)
			return err_set(e, -EBADMSG, "%s: cut at byte %llu inside its header",
				       f->name, (unsigned long long)f->src.read);
		return err_set(e, -EBADMSG, "%s: not a capture file that can be read: %s",
			       f->name, words);
	}
	f->link = pcapng_link((uint32_t)pcap_datalink(f->pcap));
	return 0;
}

static ssize_t ng_fill(void *ctx, void *p, size_t cap)
{
	return source_read(ctx, p, cap);
}

/* Puts the file's name before what the pcapng reader said, or says why it got no bytes. */
static int ng_stopped(const struct capfile *f, int rc, struct err *e)
{
	if (f->src.error)
		return err_sys(e, -f->src.error, "%s: read at byte %llu", f->name,
			       (unsigned long long)f->src.read);
	err_wrap(e, "%s", f->name);
	return rc;
}

static int open_pcapng(struct capfile *f, struct err *e)
{
	int rc;

	f->ng = pcapng_new(ng_fill, &f->src);
	rc = pcapng_begin(f->ng, e);
	return rc < 0 ? ng_stopped(f, rc, e) : 0;
}

static int open_any(struct capfile *f, const char *path, struct err *e)
{
	int rc = source_open(&f->src, path);

	if (rc < 0)
		return err_sys(e, rc, "%s", f->name);
	if (f->src.head_n == MAGIC && !memcmp(f->src.head, PCAPNG_MAGIC, MAGIC))
		return open_pcapng(f, e);
	if (f->src.head_n < MAGIC || !is_pcap(f->src.head))
		return not_a_capture(f, e);
	return open_pcap(f, e);
}

struct capfile *capfile_open(const char *path, struct err *e)
{
	struct capfile *f = xcalloc(1, sizeof(*f));

	f->name = xstrdup(strcmp(path, "-") == 0 ? "standard input" : path);
	if (open_any(f, path, e) < 0) {
		capfile_close(f);
		return NULL;
	}
	return f;
}

/* What stopped libpcap; its words where we have none of our own. */
static int stopped(const struct capfile *f, struct err *e)
{
	unsigned long long at = (unsigned long long)ftello(pcap_file(f->pcap));

	if (f->src.error)
		return err_sys(e, -f->src.error, "%s: read at byte %llu", f->name,
			       (unsigned long long)f->src.read);
	if (f->src.ended)
		return err_set(e, -EBADMSG, "%s: cut at byte %llu inside a record", f->name,
			       (unsigned long long)f->src.read);
	return err_set(e, -EBADMSG, "%s: damaged before byte %llu: %s", f->name, at,
		       pcap_geterr(f->pcap));
}

int capfile_next(struct capfile *f, struct frame_in *frame, struct err *e)
{
	struct pcap_pkthdr *h;
	const u_char *p;
	int rc;

	if (f->ng) {
		rc = pcapng_next(f->ng, frame, e);
		return rc < 0 ? ng_stopped(f, rc, e) : rc;
	}
	if (f->over)
		return 0;
	rc = pcap_next_ex(f->pcap, &h, &p);
	if (__builtin_expect(rc != 1, 0)) {
		f->over = true;
		return rc == PCAP_ERROR_BREAK ? 0 : stopped(f, e);
	}
	frame->time_ns =
		(uint32_t)h->ts.tv_sec * UINT64_C(1000000000) + (uint64_t)h->ts.tv_usec;
	frame->link = f->link;
	frame->cap = h->caplen;
	frame->len = h->len < h->caplen ? h->caplen : h->len;
	frame->p = p;
	return 1;
}

void capfile_progress(const struct capfile *f, uint64_t *done, uint64_t *all)
{
	*done = f->src.read;
	*all = f->src.size;
}

void capfile_close(struct capfile *f)
{
	if (!f)
		return;
	if (f->pcap)
		pcap_close(f->pcap);
	pcapng_free(f->ng);
	if (f->src.fd >= 0)
		close(f->src.fd);
	free(f->name);
	free(f);
}
