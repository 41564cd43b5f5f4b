/* hash.h - a hash of texts, for names and shuffling; not against an adversary. */
#ifndef CODIS_BASE_HASH_H
#define CODIS_BASE_HASH_H

#include <stdint.h>

#define HASH_INIT UINT64_C(14695981039346656037)

/* FNV-1a: takes one text more into the hash, which begins with HASH_INIT. */
static inline uint64_t hash_text(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return hash;
}

#endif
