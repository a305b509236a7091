/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Part of every fuzzer: with SKEIN_WALK in the environment it does not search, but gives the
 * decoder each beginning of each seed that is named, and each seed with one byte wrong.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { LIMIT_S = 10, SEED_MAX = 64 << 10 };

static unsigned long runs;

/* A copy of just that size, so that a read outside shows. */
static void run(const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	if (!copy)
		abort();
	if (n)
		memcpy(copy, p, n);
	alarm(LIMIT_S);
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
	runs++;
}

static void walk(uint8_t *p, size_t n)
{
	for (size_t i = 0; i <= n; i++)
		run(p, i);
	for (size_t i = 0; i < n; i++) {
		uint8_t was = p[i];

		for (int bit = 0; bit < 8; bit++) {
			p[i] = (uint8_t)(was ^ 1 << bit);
			run(p, n);
		}
		p[i] = 0;
		run(p, n);
		p[i] = 0xff;
		run(p, n);
		p[i] = was;
	}
}

static void walk_file(const char *dir, const char *name)
{
	static uint8_t seed[SEED_MAX];
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "rb");
	if (!f) {
		perror(path);
		exit(1);
	}
	walk(seed, fread(seed, 1, sizeof(seed), f));
	fclose(f);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *dir = getenv("SKEIN_WALK");
	DIR *d = dir ? opendir(dir) : NULL;
	struct dirent *entry;

	(void)argc, (void)argv;
	if (!dir)
		return 0;
	while (d && (entry = readdir(d)))
		if (entry->d_name[0] != '.')
			walk_file(dir, entry->d_name);
	printf("%lu inputs\n", runs);
	exit(d && runs ? 0 : 1);
}
