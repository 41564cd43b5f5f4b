/* web_files.h - what the page is made of beside its data: controller/web/, in the program. */
#ifndef CODIS_CONTROLLER_WEB_FILES_H
#define CODIS_CONTROLLER_WEB_FILES_H

extern const char web_css[], web_js[]; /* texts */

#endif
