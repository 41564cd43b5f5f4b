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

/* Takes bytes in, eight at a time: for long ones. */
static inline uint64_t hash_bytes(uint64_t hash, const void *data, size_t len)
{
	const char *at = data;
	uint64_t word;

	for (; len >= sizeof(word); at += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		hash = (hash ^ word) * UINT64_C(1099511628211);
		hash ^= hash >> 32;
	}
	for (; len; len--)
		hash = (hash ^ (unsigned char)*at++) * UINT64_C(1099511628211);
	return hash;
}

#endif
