/* portforward.h - a connection to a port of a pod, through the API server: its subresource portforward over a
 * WebSocket, as API servers and kubelets serve it to clients of v4.channel.k8s.io. The first byte of a message is its
 * channel: 0 is the data, 1 the error of that port; the first message of each is the port's number (two bytes, little
 * endian). It takes get, and from Kubernetes 1.35 on create, of pods/portforward. */
#ifndef CODIS_KUBE_PORTFORWARD_H
#define CODIS_KUBE_PORTFORWARD_H

#include <stddef.h>
#include <stdint.h>

struct error;
struct kube_config;
struct portforward;
struct websockets;

struct portforward_spec {
	const char *namespace, *pod;
	uint16_t port;
	/* As it comes, in any pieces; valid during the call. It may call portforward_close. */
	void (*on_data)(void *ctx, const char *data, size_t len);
	/* Refused, or ended: by the pod, which closed the connection or where nobody listens, or by what is between;
	 * once, and the last. */
	void (*on_end)(void *ctx, const struct error *err);
	void *ctx;
};

/* The connections are those to the API server of this configuration (its token, or its certificates, which they have
 * already). NULL and *err when it could not even start. */
struct portforward *portforward_open(struct websockets *s, const struct kube_config *cfg,
				     const struct portforward_spec *spec, struct error *err);
/* 0, or -1 and *err: as of websocket_send. It waits until there is a connection. */
int portforward_send(struct portforward *p, const void *data, size_t len, struct error *err);
/* Without calling back. NULL-safe. */
void portforward_close(struct portforward *p);

#endif
