/* SPDX-License-Identifier: Apache-2.0 */
/* Macros of libraries in a form that cppcheck understands; read by it alone (make lint). */
#define HASH_ITER(hh, head, el, tmp)                                                          \
	for ((el) = (head), (tmp) = (el) ? (el)->hh.next : 0; (el);                           \
	     (el) = (tmp), (tmp) = (el) ? (el)->hh.next : 0)
#define LIBBPF_OPTS(type, name, ...) struct type name = { __VA_ARGS__ }
#define TAILQ_FOREACH(el, head, link)                                                         \
	for ((el) = (head)->tqh_first; (el); (el) = (el)->link.tqe_next)
#define STAILQ_FOREACH(el, head, link)                                                        \
	for ((el) = (head)->stqh_first; (el); (el) = (el)->link.stqe_next)
