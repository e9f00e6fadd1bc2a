// SPDX-License-Identifier: LGPL-2.1-only
/* aclipc: what an ELF file says of itself.  The file may be hostile. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

#define MAX_PHDRS	512
#define MAX_DYNAMIC	4096

static bool elf_pread(int fd, void *buf, size_t len, uint64_t offset)
{
	return offset <= INT64_MAX &&
	       pread(fd, buf, len, (off_t)offset) == (ssize_t)len;
}

/* A string of the file, cut to the size of buf. */
static void elf_string(int fd, uint64_t offset, char *buf, size_t len)
{
	ssize_t n = offset <= INT64_MAX ?
		pread(fd, buf, len - 1, (off_t)offset) : -1;

	buf[n < 0 ? 0 : n] = 0;
}

/* The file offset of an address, 0 if there is none. */
static uint64_t elf_offset(const ElfW(Phdr) *phdrs, unsigned int nr,
			   uint64_t addr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (phdrs[i].p_type == PT_LOAD && addr >= phdrs[i].p_vaddr &&
		    addr - phdrs[i].p_vaddr < phdrs[i].p_filesz)
			return addr - phdrs[i].p_vaddr + phdrs[i].p_offset;
	return 0;
}

static void elf_dynamic_strings(int fd, const ElfW(Dyn) *dyn, unsigned int nr,
				uint64_t strings, struct elf_info *info)
{
	char name[256];
	unsigned int i;

	for (i = 0; i < nr && dyn[i].d_tag != DT_NULL; i++) {
		if (dyn[i].d_tag == DT_SONAME)
			elf_string(fd, strings + dyn[i].d_un.d_val,
				   info->soname, sizeof(info->soname));
		if (dyn[i].d_tag != DT_NEEDED ||
		    info->nr_needed == ELF_MAX_NEEDED)
			continue;
		elf_string(fd, strings + dyn[i].d_un.d_val, name,
			   sizeof(name));
		info->needed[info->nr_needed++] = text_format("%s", name);
	}
}

static void elf_dynamic(int fd, const ElfW(Phdr) *phdrs, unsigned int nr,
			const ElfW(Phdr) *dynamic, struct elf_info *info)
{
	unsigned int i, nr_dyn = dynamic->p_filesz / sizeof(ElfW(Dyn));
	uint64_t strings = 0;
	ElfW(Dyn) *dyn;

	if (!nr_dyn || nr_dyn > MAX_DYNAMIC)
		return;
	dyn = text_grow(NULL, nr_dyn, sizeof(*dyn));
	if (elf_pread(fd, dyn, nr_dyn * sizeof(*dyn), dynamic->p_offset)) {
		for (i = 0; i < nr_dyn && dyn[i].d_tag != DT_NULL; i++)
			if (dyn[i].d_tag == DT_STRTAB)
				strings = elf_offset(phdrs, nr,
						     dyn[i].d_un.d_ptr);
		if (strings)
			elf_dynamic_strings(fd, dyn, nr_dyn, strings, info);
	}
	free(dyn);
}

static int elf_read_native(int fd, struct elf_info *info)
{
	ElfW(Phdr) *phdrs;
	ElfW(Ehdr) eh;
	unsigned int i;
	int ret = -ENOEXEC;

	if (!elf_pread(fd, &eh, sizeof(eh), 0) || eh.e_phnum > MAX_PHDRS ||
	    eh.e_phentsize != sizeof(*phdrs))
		return -ENOEXEC;
	phdrs = text_grow(NULL, eh.e_phnum, sizeof(*phdrs));
	if (!elf_pread(fd, phdrs, eh.e_phnum * sizeof(*phdrs), eh.e_phoff))
		goto out;
	for (i = 0; i < eh.e_phnum; i++) {
		if (phdrs[i].p_type == PT_INTERP)
			elf_string(fd, phdrs[i].p_offset, info->interp,
				   sizeof(info->interp));
		if (phdrs[i].p_type == PT_DYNAMIC)
			elf_dynamic(fd, phdrs, eh.e_phnum, &phdrs[i], info);
	}
	ret = 0;
out:
	free(phdrs);
	return ret;
}

/* -ENOEXEC: not an ELF file. */
int elf_read(int fd, struct elf_info *info)
{
	ElfW(Half) machine;
	unsigned char ident[EI_NIDENT];

	memset(info, 0, sizeof(*info));
	if (!elf_pread(fd, ident, sizeof(ident), 0) ||
	    memcmp(ident, ELFMAG, SELFMAG) ||
	    !elf_pread(fd, &machine, sizeof(machine), 18))
		return -ENOEXEC;
	info->class = ident[EI_CLASS];
	info->machine = machine;
	/* of another class nothing more needs to be known */
	if (info->class != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32))
		return 0;
	return elf_read_native(fd, info);
}

int elf_read_path(const char *path, struct elf_info *info)
{
	int fd, ret;

	memset(info, 0, sizeof(*info));
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	ret = elf_read(fd, info);
	close(fd);
	return ret;
}

void elf_free(struct elf_info *info)
{
	while (info->nr_needed)
		free(info->needed[--info->nr_needed]);
}
