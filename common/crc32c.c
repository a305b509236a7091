/* SPDX-License-Identifier: Apache-2.0 */
#include "common/crc32c.h"

#include <pthread.h>
#include <string.h>

static uint32_t table[4][256];
static pthread_once_t made = PTHREAD_ONCE_INIT;

/* table[k][b] is what byte B does to the sum when K more bytes follow it. */
static void make_tables(void)
{
	for (unsigned b = 0; b < 256; b++) {
		uint32_t v = b;

		for (int bit = 0; bit < 8; bit++)
			v = v >> 1 ^ (v & 1 ? 0x82f63b78 : 0); /* the polynomial, reflected */
		table[0][b] = v;
	}
	for (int k = 1; k < 4; k++)
		for (unsigned b = 0; b < 256; b++)
			table[k][b] = table[k - 1][b] >> 8 ^ table[0][table[k - 1][b] & 255];
}

uint32_t crc32c_by_table(uint32_t crc, const void *p, size_t n)
{
	const uint8_t *b = p;

	pthread_once(&made, make_tables);
	crc = ~crc;
	for (; n >= 4; n -= 4, b += 4)
		crc = table[3][(crc ^ b[0]) & 255] ^ table[2][(crc >> 8 ^ b[1]) & 255] ^
		      table[1][(crc >> 16 ^ b[2]) & 255] ^ table[0][crc >> 24 ^ b[3]];
	for (; n; n--, b++)
		crc = crc >> 8 ^ table[0][(crc ^ *b) & 255];
	return ~crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc,
								 const uint8_t *p, size_t n)
{
	uint64_t sum = (uint32_t)~crc;

	for (; n >= 8; n -= 8, p += 8) {
		uint64_t v;

		memcpy(&v, p, sizeof(v));
		sum = __builtin_ia32_crc32di(sum, v);
	}
	for (; n; n--, p++)
		sum = __builtin_ia32_crc32qi((uint32_t)sum, *p);
	return ~(uint32_t)sum;
}

uint32_t crc32c(uint32_t crc, const void *p, size_t n)
{
	return __builtin_cpu_supports("sse4.2") ? by_instruction(crc, p, n)
						: crc32c_by_table(crc, p, n);
}
#else
uint32_t crc32c(uint32_t crc, const void *p, size_t n)
{
	return crc32c_by_table(crc, p, n);
}
#endif
