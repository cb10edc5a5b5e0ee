/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Records given back are told to the address sanitizer, where the build has it: a thread that still
 * goes by one is caught in the act, although the memory is the arena's and stays mapped. In other
 * builds nothing happens.
 */
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CST_POISON 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define CST_POISON 1
#endif

#ifdef CST_POISON
#include <sanitizer/asan_interface.h>
#define cst_poison(p, bytes)   ASAN_POISON_MEMORY_REGION(p, bytes)
#define cst_unpoison(p, bytes) ASAN_UNPOISON_MEMORY_REGION(p, bytes)
#else
#define cst_poison(p, bytes)   ((void)(p), (void)(bytes))
#define cst_unpoison(p, bytes) ((void)(p), (void)(bytes))
#endif
