/*
 * A module that makes somebody else of the user, as mapping modules do: renaming NAME. Built and
 * used by the end-to-end suites.
 */
#include <security/pam_modules.h>

static int rename_user(pam_handle_t *handle, int count, const char **words)
{
    return count == 1 ? pam_set_item(handle, PAM_USER, words[0]) : PAM_SERVICE_ERR;
}

int pam_sm_authenticate(pam_handle_t *handle, int flags, int count, const char **words)
{
    (void)flags;
    return rename_user(handle, count, words);
}

int pam_sm_setcred(pam_handle_t *handle, int flags, int count, const char **words)
{
    (void)handle, (void)flags, (void)count, (void)words;
    return PAM_SUCCESS;
}

int pam_sm_acct_mgmt(pam_handle_t *handle, int flags, int count, const char **words)
{
    (void)flags;
    return rename_user(handle, count, words);
}
