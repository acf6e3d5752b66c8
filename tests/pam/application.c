/*
 * A PAM application that does what it is told: application CONFDIR SERVICE USER <script
 *
 * The script, one word and its arguments a line:
 *   item rhost|user|tty TEXT      pam_set_item
 *   environment NAME=VALUE        pam_putenv
 *   answer TEXT                   the next prompt's answer
 *   hex BYTES                     the same, in hexadecimal
 *   long COUNT                    the same: so many times the letter x
 *   null | abort | fail           the next prompt gets no text, PAM_ABORT, PAM_CONV_ERR
 *   deaf                          texts are refused with PAM_CONV_ERR from now on
 *   run COMMAND                   system(3)
 *   authenticate | acct_mgmt | chauthtok | open_session | close_session | setcred [FLAG…]
 *
 * What it prints: `asked off|on TEXT`, `told info|error TEXT`, `delayed` when a refusal asks for a
 * delay (which is not waited for), and `FUNCTION CODE` for each call. Built and run by the
 * end-to-end suites.
 */
#define _GNU_SOURCE
#include <security/pam_appl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_ANSWERS 64

static struct { int code; char *text; } answers[MAX_ANSWERS];
static int given, used, deaf;

static const char *const CODES[] = {
    "SUCCESS", "OPEN_ERR", "SYMBOL_ERR", "SERVICE_ERR", "SYSTEM_ERR", "BUF_ERR", "PERM_DENIED",
    "AUTH_ERR", "CRED_INSUFFICIENT", "AUTHINFO_UNAVAIL", "USER_UNKNOWN", "MAXTRIES",
    "NEW_AUTHTOK_REQD", "ACCT_EXPIRED", "SESSION_ERR", "CRED_UNAVAIL", "CRED_EXPIRED", "CRED_ERR",
    "NO_MODULE_DATA", "CONV_ERR", "AUTHTOK_ERR", "AUTHTOK_RECOVERY_ERR", "AUTHTOK_LOCK_BUSY",
    "AUTHTOK_DISABLE_AGING", "TRY_AGAIN", "IGNORE", "ABORT", "AUTHTOK_EXPIRED", "MODULE_UNKNOWN",
    "BAD_ITEM", "CONV_AGAIN", "INCOMPLETE",
};

static const struct { const char *name; int flag; } FLAGS[] = {
    { "silent", PAM_SILENT }, { "nonull", PAM_DISALLOW_NULL_AUTHTOK },
    { "expired", PAM_CHANGE_EXPIRED_AUTHTOK }, { "establish", PAM_ESTABLISH_CRED },
    { "delete", PAM_DELETE_CRED }, { "reinitialize", PAM_REINITIALIZE_CRED },
};

static const struct { const char *name; int (*function)(pam_handle_t *, int); } CALLS[] = {
    { "authenticate", pam_authenticate }, { "acct_mgmt", pam_acct_mgmt },
    { "chauthtok", pam_chauthtok }, { "open_session", pam_open_session },
    { "close_session", pam_close_session }, { "setcred", pam_setcred },
};

static const struct { const char *name; int item; } ITEMS[] = {
    { "rhost", PAM_RHOST }, { "user", PAM_USER }, { "tty", PAM_TTY },
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void print(const char *what, const char *text)
{
    printf("%s ", what);
    for (; *text; text++)
        printf(*text == '\n' ? "\\n" : "%c", *text);
    putchar('\n');
}

static int converse(int count, const struct pam_message **messages, struct pam_response **responses,
                    void *nothing)
{
    (void)nothing;
    struct pam_response *answered = calloc((size_t)count, sizeof *answered);
    if (answered == NULL)
        return PAM_BUF_ERR;
    for (int n = 0; n < count; n++) {
        int code = PAM_SUCCESS;
        switch (messages[n]->msg_style) {
        case PAM_TEXT_INFO:
            print("told info", messages[n]->msg);
            code = deaf ? PAM_CONV_ERR : PAM_SUCCESS;
            break;
        case PAM_ERROR_MSG:
            print("told error", messages[n]->msg);
            code = deaf ? PAM_CONV_ERR : PAM_SUCCESS;
            break;
        default:
            print(messages[n]->msg_style == PAM_PROMPT_ECHO_ON ? "asked on" : "asked off",
                  messages[n]->msg);
            if (used == given) {
                code = PAM_CONV_ERR;
                break;
            }
            code = answers[used].code;
            answered[n].resp = answers[used].text;
            used++;
        }
        if (code != PAM_SUCCESS) {
            free(answered);
            return code;
        }
    }
    *responses = answered;
    return PAM_SUCCESS;
}

static void delay(int status, unsigned microseconds, void *nothing)
{
    (void)nothing;
    if (status != PAM_SUCCESS && microseconds > 0)
        puts("delayed");
}

static void answer(int code, char *text)
{
    if (given == MAX_ANSWERS)
        exit(3);
    answers[given].code = code;
    answers[given++].text = text;
}

static char *from_hex(const char *hex)
{
    char *text = calloc(strlen(hex) / 2 + 1, 1);
    unsigned byte;
    for (size_t n = 0; text != NULL && sscanf(hex + 2 * n, "%2x", &byte) == 1; n++)
        text[n] = (char)byte;
    return text;
}

static void call(pam_handle_t *handle, char *words)
{
    int flags = 0, code = -1;
    char *name = strsep(&words, " ");
    for (char *word; (word = strsep(&words, " ")) != NULL;)
        for (size_t n = 0; n < COUNT(FLAGS); n++)
            if (strcmp(word, FLAGS[n].name) == 0)
                flags |= FLAGS[n].flag;
    for (size_t n = 0; n < COUNT(CALLS); n++)
        if (strcmp(name, CALLS[n].name) == 0)
            code = CALLS[n].function(handle, flags);
    if (code < 0 || (size_t)code >= COUNT(CODES))
        exit(4);
    printf("%s %s\n", name, CODES[code]);
    fflush(stdout);
}

int main(int count, char **words)
{
    const struct pam_conv conversation = { converse, NULL };
    pam_handle_t *handle = NULL;
    char *line = NULL;
    size_t size = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (count != 4)
        return 2;
    if (pam_start_confdir(words[2], words[3], &conversation, words[1], &handle) != PAM_SUCCESS)
        return 2;
    pam_set_item(handle, PAM_FAIL_DELAY, (const void *)(uintptr_t)delay);
    while (getline(&line, &size, stdin) > 0) {
        line[strcspn(line, "\n")] = 0;
        char *rest = strchr(line, ' ');
        const char *text = rest == NULL ? "" : rest + 1;
        size_t word = rest == NULL ? strlen(line) : (size_t)(rest - line);
#define IS(name) (word == strlen(name) && strncmp(line, name, word) == 0)
        if (IS("answer")) {
            answer(PAM_SUCCESS, strdup(text));
        } else if (IS("hex")) {
            answer(PAM_SUCCESS, from_hex(text));
        } else if (IS("long")) {
            size_t length = (size_t)atol(text);
            char *filled = calloc(length + 1, 1);
            if (filled == NULL)
                return 3;
            answer(PAM_SUCCESS, memset(filled, 'x', length));
        } else if (IS("null")) {
            answer(PAM_SUCCESS, NULL);
        } else if (IS("abort")) {
            answer(PAM_ABORT, NULL);
        } else if (IS("fail")) {
            answer(PAM_CONV_ERR, NULL);
        } else if (IS("deaf")) {
            deaf = 1;
        } else if (IS("run")) {
            if (system(text) != 0)
                return 5;
        } else if (IS("environment")) {
            pam_putenv(handle, text);
        } else if (IS("item")) {
            for (size_t n = 0; n < COUNT(ITEMS); n++) {
                size_t length = strlen(ITEMS[n].name);
                if (strncmp(text, ITEMS[n].name, length) == 0 && text[length] == ' ')
                    pam_set_item(handle, ITEMS[n].item, text + length + 1);
            }
        } else {
            call(handle, line);
        }
    }
    pam_end(handle, PAM_SUCCESS);
    return 0;
}
