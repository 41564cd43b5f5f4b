/* wished.h - codis.io/switchover, as it is heard of, noted as begun and answered: on the StatefulSet, over nothing but
 * the wish that was read (JSON Patch with its test). switchover.h judges. */
#ifndef CODIS_CONTROLLER_WISHED_H
#define CODIS_CONTROLLER_WISHED_H

struct cluster;
struct error;
struct op;

/* After the picture was made: what is wished is shown in it. */
void wished_note(struct cluster *c);
/* After it was decided: where this controller leads, what is to be written of it now. */
void wished_answer(struct cluster *c);
/* The switch that is wished begins; has ended, err NULL: as it was wished. */
void wished_begin(struct cluster *c);
void wished_end(struct op *op, const struct error *err);

#endif
