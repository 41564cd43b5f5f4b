/* hash.h - a hash of texts, for names and shuffling; not against an adversary. */
#ifndef CODIS_BASE_HASH_H
#define CODIS_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HASH_INIT UINT64_C(14695981039346656037)

/* FNV-1a: takes one text more into the hash, which begins with HASH_INIT. */
static inline uint64_t hash_text(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return hash;
}

/* Takes bytes in, eight at a time; the last eight may be taken twice in part. */
static inline uint64_t hash_bytes(uint64_t hash, const void *data, size_t len)
{
	const char *at = data, *end = at + len;
	uint64_t word;

	for (; end - at >= (ptrdiff_t)sizeof(word); at += sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		hash = (hash ^ word) * UINT64_C(1099511628211);
		hash ^= hash >> 32;
	}
	if (at < end && len >= sizeof(word)) {
		memcpy(&word, end - sizeof(word), sizeof(word));
		hash = (hash ^ word) * UINT64_C(1099511628211);
		return hash ^ (hash >> 32);
	}
	for (; at < end; at++)
		hash = (hash ^ (unsigned char)*at) * UINT64_C(1099511628211);
	return hash;
}

#endif
