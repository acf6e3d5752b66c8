//! `pam_roster.so`: lets the accounts that Roster keeps log in.
//!
//! The module decides nothing. It looks into the account index whether the user is ours
//! (`PAM_USER_UNKNOWN` if not: no prompt, no call to the daemon), then does what the daemon says:
//! shows texts, asks questions, and turns the verdict into a PAM code. It runs inside sshd, sudo,
//! su, login and cron, so it keeps nothing open, starts nothing and waits for nothing without an
//! end.
//!
//! Arguments: `use_first_pass`, `try_first_pass`, `use_authtok` as in `pam_unix(8)`. There is no
//! `nullok`: a Roster account without a password has no password login. `unknown` makes it another
//! module, for the end of an `auth` stack: whoever comes there under a name that no source of
//! accounts knows is put through what a user of ours with a wrong password is put through.
//!
//! | file | subject |
//! | --- | --- |
//! | `ffi` | the only unsafe code: the C entry points and what pam-bindings lacks |
//! | `hooks` | one function per PAM function |
//! | `request` | what PAM knows about this login |
//! | `drive` | following the daemon through a conversation |
//! | `person` | whoever sits at the other end of the application |
//! | `outcome` | verdicts as PAM codes |
//! | `ours` | is the user one of ours? |

mod arguments;
mod drive;
mod ffi;
mod hooks;
mod ours;
mod outcome;
mod person;
mod request;
