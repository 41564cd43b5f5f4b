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

/* Both halves of a product, as in wyhash: every bit of either goes into many. */
static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_word(const char *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

#define HASH_A UINT64_C(0xa0761d6478bd642f)
#define HASH_B UINT64_C(0xe7037ed1a0b428db)

/* Takes bytes in, sixteen at a time; the last may be taken twice in part. */
static inline uint64_t hash_bytes(uint64_t hash, const void *data, size_t len)
{
	const char *at = data, *end = at + len;

	hash ^= len * HASH_B;
	for (; end - at > 16; at += 16)
		hash = hash_mix(hash_word(at) ^ HASH_A, hash_word(at + 8) ^ hash);
	if (len >= 16)
		return hash_mix(hash_word(end - 16) ^ HASH_B, hash_word(end - 8) ^ hash);
	if (len >= 8)
		return hash_mix(hash_word(at) ^ HASH_B, hash_word(end - 8) ^ hash);
	for (; at < end; at++)
		hash = (hash ^ (unsigned char)*at) * UINT64_C(1099511628211);
	return hash_mix(hash ^ HASH_A, HASH_B);
}

#endif
