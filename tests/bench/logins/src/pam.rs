//! A PAM application: whole stacks, as `login` and sshd run them, without the delay that they put
//! behind a wrong password.

// Calling C is what this file is for; the project's rule about unsafe code is for what ships.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::time::{Duration, Instant};

use crate::door::Seen;

const PAM_SUCCESS: c_int = 0;
const PAM_BUF_ERR: c_int = 5;
const PAM_CONV_ERR: c_int = 19;
const PAM_RHOST: c_int = 4;
const PAM_FAIL_DELAY: c_int = 10;
const PAM_PROMPT_ECHO_OFF: c_int = 1;
const PAM_PROMPT_ECHO_ON: c_int = 2;

#[repr(C)]
struct Message {
    style: c_int,
    text: *const c_char,
}

#[repr(C)]
struct Response {
    text: *mut c_char,
    code: c_int,
}

type Converse = extern "C" fn(c_int, *mut *const Message, *mut *mut Response, *mut c_void) -> c_int;

#[repr(C)]
struct Conversation {
    converse: Converse,
    data: *mut c_void,
}

#[link(name = "pam")]
unsafe extern "C" {
    fn pam_start(
        service: *const c_char,
        user: *const c_char,
        conversation: *const Conversation,
        handle: *mut *mut c_void,
    ) -> c_int;
    fn pam_set_item(handle: *mut c_void, item: c_int, value: *const c_void) -> c_int;
    fn pam_authenticate(handle: *mut c_void, flags: c_int) -> c_int;
    fn pam_end(handle: *mut c_void, status: c_int) -> c_int;
}

/// What the conversation knows and remembers.
struct Applicant {
    password: CString,
    prompts: Vec<String>,
}

/// No delay after a failure.
extern "C" fn at_once(_: c_int, _: c_uint, _: *mut c_void) {}

extern "C" fn converse(
    count: c_int,
    messages: *mut *const Message,
    responses: *mut *mut Response,
    data: *mut c_void,
) -> c_int {
    let Ok(count) = usize::try_from(count) else { return PAM_CONV_ERR };
    // SAFETY: `data` is the applicant of `log_in`, which outlives the handle; PAM calls from the
    // thread that holds it.
    let applicant = unsafe { &mut *data.cast::<Applicant>() };
    // SAFETY: an array of `count` zeroed responses, which PAM frees (pam_conv(3)).
    let answers: *mut Response =
        unsafe { libc::calloc(count, std::mem::size_of::<Response>()) }.cast();
    if answers.is_null() {
        return PAM_BUF_ERR;
    }
    for n in 0..count {
        // SAFETY: Linux-PAM gives an array of `count` pointers to messages with terminated texts.
        let (style, text) = unsafe {
            let message = &**messages.add(n);
            (message.style, CStr::from_ptr(message.text))
        };
        let answer = match style {
            PAM_PROMPT_ECHO_OFF => applicant.password.as_c_str(),
            PAM_PROMPT_ECHO_ON => c"000000",
            _ => continue,
        };
        applicant.prompts.push(text.to_string_lossy().into_owned());
        // SAFETY: `answers` has `count` elements; PAM frees the copy.
        unsafe { (*answers.add(n)).text = libc::strdup(answer.as_ptr()) };
    }
    // SAFETY: where PAM wants the array.
    unsafe { *responses = answers };
    PAM_SUCCESS
}

/// Tries a password with the stack of `service`.
pub fn log_in(service: &str, user: &str, password: &str, remote: &str) -> (Seen, Duration) {
    let texts = [service, user, remote].map(|text| CString::new(text).expect("no NUL"));
    let [service, user, remote] = texts;
    let mut applicant =
        Applicant { password: CString::new(password).expect("no NUL"), prompts: Vec::new() };
    let data = (&raw mut applicant).cast();
    let conversation = Conversation { converse, data };
    let delay: extern "C" fn(c_int, c_uint, *mut c_void) = at_once;
    let started = Instant::now();
    let mut handle = std::ptr::null_mut();
    // SAFETY: terminated texts, a conversation and an applicant that outlive the handle, which is
    // ended before they go.
    let code = unsafe {
        let code = pam_start(service.as_ptr(), user.as_ptr(), &conversation, &mut handle);
        assert_eq!(code, PAM_SUCCESS, "pam_start");
        pam_set_item(handle, PAM_RHOST, remote.as_ptr().cast());
        pam_set_item(handle, PAM_FAIL_DELAY, delay as *const c_void);
        let code = pam_authenticate(handle, 0);
        pam_end(handle, code);
        code
    };
    let time = started.elapsed();
    (Seen { prompts: applicant.prompts, code: code.to_string() }, time)
}
