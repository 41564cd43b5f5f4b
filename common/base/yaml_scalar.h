/* yaml_scalar.h - what a plain scalar of YAML says, as Kubernetes reads it: sigs.k8s.io/yaml (goyaml.v2/resolve.go),
 * which is YAML 1.1 without numbers of base 60. Times stay texts, as which JSON has them. Pure. */
#ifndef CODIS_BASE_YAML_SCALAR_H
#define CODIS_BASE_YAML_SCALAR_H

enum yaml_says {
	YAML_SAYS_TEXT,
	YAML_SAYS_NULL,
	YAML_SAYS_TRUE,
	YAML_SAYS_FALSE,
	YAML_SAYS_NUMBER,
	YAML_SAYS_ENDLESS, /* .inf, .nan: JSON has no such number */
	YAML_SAYS_MERGE,   /* << */
};

/* *number is set where it is one. */
enum yaml_says yaml_scalar(const char *text, double *number);

#endif
