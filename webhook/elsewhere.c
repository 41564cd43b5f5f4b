#include "webhook/elsewhere.h"

#include "common/base/error.h"
#include "webhook/mutation.h"

static int tell(const struct codis_pod *pod, const struct said_text *said, const char *what, const char *remedy,
		struct error *err)
{
	const char *name = codis_component_name(pod->component);

	if (said->said != SAID_ELSEWHERE)
		return 0;
	if (!pod->container[0])
		return error_set(err, ERR_INVALID,
				 "name the container of %s so, or label the pods by what they run: none is known to be "
				 "it, and %s is read from it",
				 name, what);
	if (said->where == WHERE_UNKNOWN)
		return error_set(err, ERR_INVALID, "%s cannot be read (%s): %s", what, said->why, remedy);
	return error_set(err, ERR_INVALID, "%s, which codis-webhook does not read: %s", said->why, remedy);
}

int elsewhere_server_replica(const struct codis_pod *pod, struct error *err)
{
	return tell(pod, &pod->server_replica_said, "SERVER_REPLICA", "write its value, since groups follow from it",
		    err);
}

int elsewhere_product(const struct codis_pod *pod, struct error *err)
{
	return tell(pod, &pod->product, "the product", "write its value, or label the pods " CODIS_LABEL_PRODUCT, err);
}

/* Warnings are cut at 120 bytes: what to do comes first. */
void elsewhere_warn_product(struct mutation *m)
{
	const struct said_text *said = &m->known.product;

	if (said->said == SAID_ELSEWHERE)
		admission_warn(m->verdict, "label it " CODIS_LABEL_PRODUCT ", or write the value: %s", said->why);
}

void elsewhere_warn_password(struct mutation *m)
{
	const struct said_text *said = &m->known.password;

	if (said->said != SAID_ELSEWHERE || said->maybe)
		return;
	if (said->where == WHERE_SECRET)
		admission_warn(m->verdict,
			       "apply manifests/codis/password-role.yaml: codis-controller has to read the password "
			       "from Secret %s",
			       said->object);
	else
		admission_warn(m->verdict, "put the password into a Secret, for codis-controller to read: %s",
			       said->why);
}
