/* libnss_floor.so.2: a module that answers a constant. What a lookup through it costs is glibc's own
 * cost, below which no module can get.
 *
 * Names and numbers that nobody has are told by what the benchmark's accounts look like: no name of
 * theirs begins with z, and no number of theirs reaches MISSING_FROM. */

#include <errno.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/types.h>

#define ENTRIES 1000000
#define GROUPS 20
#define MISSING_FROM 500000000

static int position;

static enum nss_status none(int *errnop)
{
    *errnop = ENOENT;
    return NSS_STATUS_NOTFOUND;
}

static enum nss_status user(struct passwd *result)
{
    static char name[] = "floor", password[] = "x", gecos[] = "Nobody in particular,,,",
                home[] = "/home/floor", shell[] = "/bin/bash";
    *result = (struct passwd){ name, password, 1000, 100, gecos, home, shell };
    return NSS_STATUS_SUCCESS;
}

static enum nss_status group(struct group *result)
{
    static char name[] = "floor", password[] = "x";
    static char *members[] = { NULL };
    *result = (struct group){ name, password, 100, members };
    return NSS_STATUS_SUCCESS;
}

enum nss_status _nss_floor_getpwnam_r(const char *name, struct passwd *result, char *buffer,
                                      size_t length, int *errnop)
{
    (void)buffer, (void)length;
    return name[0] == 'z' ? none(errnop) : user(result);
}

enum nss_status _nss_floor_getpwuid_r(uid_t uid, struct passwd *result, char *buffer, size_t length,
                                      int *errnop)
{
    (void)buffer, (void)length;
    return uid >= MISSING_FROM ? none(errnop) : user(result);
}

enum nss_status _nss_floor_setpwent(int stay_open)
{
    (void)stay_open;
    position = 0;
    return NSS_STATUS_SUCCESS;
}

enum nss_status _nss_floor_getpwent_r(struct passwd *result, char *buffer, size_t length, int *errnop)
{
    (void)buffer, (void)length;
    return position++ < ENTRIES ? user(result) : none(errnop);
}

enum nss_status _nss_floor_endpwent(void)
{
    return NSS_STATUS_SUCCESS;
}

enum nss_status _nss_floor_getgrnam_r(const char *name, struct group *result, char *buffer,
                                      size_t length, int *errnop)
{
    (void)buffer, (void)length;
    return name[0] == 'z' ? none(errnop) : group(result);
}

enum nss_status _nss_floor_getgrgid_r(gid_t gid, struct group *result, char *buffer, size_t length,
                                      int *errnop)
{
    (void)buffer, (void)length;
    return gid >= MISSING_FROM ? none(errnop) : group(result);
}

enum nss_status _nss_floor_initgroups_dyn(const char *name, gid_t skip, long *start, long *size,
                                          gid_t **groups, long limit, int *errnop)
{
    (void)name, (void)skip;
    if (*size - *start < GROUPS) {
        gid_t *larger = realloc(*groups, (*start + GROUPS) * sizeof **groups);
        if (larger == NULL) {
            *errnop = ENOMEM;
            return NSS_STATUS_TRYAGAIN;
        }
        *groups = larger;
        *size = *start + GROUPS;
    }
    for (gid_t gid = 0; gid < GROUPS && (limit <= 0 || *start < limit); gid++)
        (*groups)[(*start)++] = 1000 + gid;
    return NSS_STATUS_SUCCESS;
}
