#include "controller/web_files.h"

/* The Makefile names both as what this object is made of. */
#define FILE_AS(name, path)                                                                                            \
	__asm__(".section .rodata\n.global " #name "\n" #name ":\n.incbin \"" path "\"\n.byte 0\n.previous\n")

FILE_AS(web_css, "controller/web/page.css");
FILE_AS(web_js, "controller/web/page.js");
