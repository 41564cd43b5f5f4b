/* unread.h - what of an AdmissionReview nobody here reads or changes, so that it is not parsed. */
#ifndef CODIS_WEBHOOK_UNREAD_H
#define CODIS_WEBHOOK_UNREAD_H

#include "common/base/json_skim.h"

/* The members that a review of a pod, of a StatefulSet or of a Scale is read without. */
extern const struct json_cut unread[];
/* Likewise to change a pod that is no codis-dashboard, of whose containers less is read. */
extern const struct json_cut unread_of_pod[];

#endif
