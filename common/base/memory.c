#include "common/base/memory.h"

#include <link.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What the loader has written into pages that are not to be written to would be lost. */
static bool has_text_relocations(const struct dl_phdr_info *object)
{
	const ElfW(Dyn) *d = NULL;

	for (int i = 0; i < object->dlpi_phnum; i++)
		if (object->dlpi_phdr[i].p_type == PT_DYNAMIC)
			d = (const ElfW(Dyn) *)(object->dlpi_addr + object->dlpi_phdr[i].p_vaddr);
	for (; d && d->d_tag != DT_NULL; d++)
		if (d->d_tag == DT_TEXTREL || (d->d_tag == DT_FLAGS && (d->d_un.d_val & DF_TEXTREL)))
			return true;
	return false;
}

static int drop(struct dl_phdr_info *object, size_t size, void *ctx)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), begin, end;

	(void)size;
	(void)ctx;
	if (has_text_relocations(object))
		return 0;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &object->dlpi_phdr[i];

		if (p->p_type != PT_LOAD || (p->p_flags & PF_W))
			continue;
		begin = (object->dlpi_addr + p->p_vaddr) / page * page;
		end = (object->dlpi_addr + p->p_vaddr + p->p_memsz + page - 1) / page * page;
		(void)madvise((void *)begin, end - begin, MADV_DONTNEED); /* the kernel's own may not let go */
	}
	return 0;
}

void memory_give_back(void)
{
	(void)malloc_trim(0);
	(void)dl_iterate_phdr(drop, NULL);
}

void *memory_grow_lines(void *old, size_t had, size_t want)
{
	char *grown = aligned_alloc(MEMORY_LINE, (want + MEMORY_LINE - 1) / MEMORY_LINE * MEMORY_LINE);

	if (!grown)
		return NULL;
	if (had)
		memcpy(grown, old, had);
	memset(grown + had, 0, want - had);
	free(old);
	return grown;
}
