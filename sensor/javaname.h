/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What runs behind java, from its arguments.  Pure.
 *
 * The main class as it was given, the class of "-m module/class" (or the module alone), or the
 * last part of the path of a jar or source file; java(1).  What stands in @argument files is
 * not read.
 */
#ifndef SENSOR_JAVANAME_H
#define SENSOR_JAVANAME_H

#include <stdbool.h>
#include <stddef.h>

/* The last part of an executable's path. */
bool javaname_is_java(const char *exe);
/*
 * ARGS[0..N): each argument with a NUL after it.  False, and OUT is "", where nothing runs, or
 * what does is cut off.
 */
bool javaname(const char *args, size_t n, char *out, size_t cap);

#endif
