#include "cli/install.h"

/* The Makefile names it as what this object is made of. */
__asm__(".section .rodata\n.global install_yaml\ninstall_yaml:\n.incbin \"manifests/install.yaml\"\n.byte "
	"0\n.previous\n");
