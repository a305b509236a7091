/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRC32C, the Castagnoli polynomial (RFC 3720 appendix B.4): by the processor's instruction
 * where it has one (SSE4.2), else by tables.  Both give the same.
 */
#ifndef COMMON_CRC32C_H
#define COMMON_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Goes on from CRC, 0 at first. */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);
/* The same by tables, whatever the processor has. */
uint32_t crc32c_by_table(uint32_t crc, const void *p, size_t n);

#endif
