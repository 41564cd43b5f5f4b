/* auth.h - the two hashes of Codis' administration. */
#ifndef CODIS_SIM_AUTH_H
#define CODIS_SIM_AUTH_H

#define XAUTH_SIZE 33
#define TOKEN_SIZE 33

/* sha256("Codis-XAuth-[a]-[b]...")[:16] in hex, of n parts. */
void auth_xauth(char out[XAUTH_SIZE], int n, const char *const *parts);
/* md5("Codis-Token@[sorted MACs]-{a}-{b}...") in hex: so a pod that comes back elsewhere is somebody else. */
void auth_token(char out[TOKEN_SIZE], int n, const char *const *parts);

#endif
